package coordinate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
)

// others returns the nodes that do not hold a key.
func (w *world) others(bucket, key string) (out []kv.NodeID) {
	home := w.prefs(bucket, key)
	for _, n := range w.nodes {
		if !slices.Contains(home, n.id) {
			out = append(out, n.id)
		}
	}
	return out
}

// A write of one replica, and a sloppy one, stay possible with all nodes dead but one.
func TestOneNodeIsEnough(t *testing.T) {
	w := newWorld(t, 5, 1).up()
	for _, n := range w.nodes[1:] {
		w.crash(n)
	}
	for i := range 40 {
		key := fmt.Sprint("k", i)
		home := slices.Contains(w.prefs("one", key), 1)
		res := w.one(1, "one", set(key, "v"))
		if home {
			require.Equal(t, kv.OK, res.Status)
			require.Equal(t, "v", string(w.one(1, "one", get(key)).Data))
		} else {
			require.Equal(t, kv.Unavailable, res.Status, "strict: nobody there may count")
		}
		require.Equal(t, kv.OK, w.one(1, "sloppy-siblings", set(key, "v")).Status)
		require.Equal(t, "v", string(w.one(1, "sloppy-siblings", get(key)).Data))
		require.Equal(t, kv.Unavailable, w.one(1, "lww", set(key, "v")).Status, "a quorum is not there")
		require.Equal(t, kv.Unavailable, w.one(1, "sloppy", set(key, "v")).Status, "nor are two stand-ins")
	}
}

// What replicas missed reaches them from hints, in strict and in sloppy buckets.
func TestHintsArriveAtTheReplica(t *testing.T) {
	for _, bucket := range []string{"one", "lww", "sloppy", "abd"} {
		w := newWorld(t, 5, 1).up()
		const key = "k"
		home := w.prefs(bucket, key)
		dead := w.nodes[home[0]-1]
		w.crash(dead)
		at := int(home[1])
		require.Equal(t, kv.OK, w.one(at, bucket, set(key, "v")).Status)
		w.run(1000 * ms)
		require.Equal(t, "v", string(w.one(at, bucket, get(key)).Data))
		require.NotZero(t, w.nodes[at-1].coord.Stats().Hints)
		w.boot(dead)
		o := w.holds(dead.id, bucket, key)
		require.True(t, o.IsZero())
		w.run(10_000 * ms)
		o = w.holds(dead.id, bucket, key)
		require.Equal(t, "v", string(o.Register.Data), bucket)
	}
}

// A replica that is silent without being believed dead gets a hint too, and one
// that refuses because its map is behind.
func TestSilentReplicasGetHints(t *testing.T) {
	w := newWorld(t, 3, 1).up()
	w.cut[3] = true
	require.Equal(t, kv.OK, w.one(1, "lww", set("k", "v")).Status)
	w.run(1000 * ms)
	require.NotZero(t, w.nodes[0].coord.Stats().Hints)
	delete(w.cut, 3)
	w.run(10_000 * ms)
	o := w.holds(3, "lww", "k")
	require.Equal(t, "v", string(o.Register.Data))
}

func TestReadRepair(t *testing.T) {
	stale := func(bucket string) *world {
		w := newWorld(t, 3, 1).up()
		require.Equal(t, kv.OK, w.one(1, bucket, tuned(set("k", "old"), kv.Tuning{W: kv.Ask{Level: kv.All}})).Status)
		w.run(100 * ms)
		w.cut[3] = true
		require.Equal(t, kv.OK, w.one(1, bucket, tuned(set("k", "new"), kv.Tuning{W: kv.Ask{Level: kv.One}})).Status)
		w.run(50 * ms) // not long enough for a hint
		delete(w.cut, 3)
		o := w.holds(3, bucket, "k")
		require.Equal(t, "old", string(o.Register.Data))
		return w
	}
	all := kv.Tuning{R: kv.Ask{Level: kv.All}}
	for bucket, mended := range map[string]bool{"lww": true, "blocking": true, "off": false} {
		w := stale(bucket)
		before := w.holds(1, bucket, "k")
		require.Equal(t, "new", string(w.one(2, bucket, tuned(get("k"), all)).Data))
		if bucket == "blocking" {
			o := w.holds(3, bucket, "k")
			require.Equal(t, "new", string(o.Register.Data), "before the answer")
		}
		w.run(20 * ms)
		o := w.holds(3, bucket, "k")
		require.Equal(t, mended, string(o.Register.Data) == "new", bucket)
		if mended {
			require.Equal(t, before.Register, o.Register, "repair is no new write")
		}
	}
}

func TestSiblingsAndContexts(t *testing.T) {
	w := newWorld(t, 4, 1).up()
	want := kv.Tuning{WantContext: true}
	require.Equal(t, kv.OK, w.one(1, "siblings", set("k", "a")).Status)
	require.Equal(t, kv.OK, w.one(2, "siblings", set("k", "b")).Status)
	got := w.one(3, "siblings", get("k"))
	require.Len(t, got.Causal.Values, 2)
	require.Equal(t, "b", string(got.Data), "the highest stamp comes first")
	require.Equal(t, "b", string(got.Causal.Values[0].Data))
	require.Equal(t, "a", string(got.Causal.Values[1].Data))
	res := w.one(4, "siblings", tuned(set("k", "ab"), kv.Tuning{Context: got.Causal.Context, WantContext: true}))
	require.Equal(t, kv.OK, res.Status)
	read := w.one(1, "siblings", tuned(get("k"), want))
	require.Equal(t, "ab", string(read.Data))
	require.Len(t, read.Causal.Values, 1)
	require.Equal(t, kv.OK, w.one(2, "siblings", tuned(set("k", "abc"), kv.Tuning{Context: res.Causal.Context})).Status)
	require.Nil(t, w.one(1, "siblings", get("k")).Causal, "one value, nothing asked for")
	read = w.one(1, "siblings", tuned(get("k"), want))
	require.Equal(t, kv.OK, w.one(2, "siblings", tuned(del("k"), kv.Tuning{Context: read.Causal.Context})).Status)
	gone := w.one(1, "siblings", tuned(get("k"), want))
	require.Equal(t, kv.NotFound, gone.Status)
	require.NotEmpty(t, gone.Causal.Context)

	bad := w.one(1, "siblings", tuned(set("other", "x"), kv.Tuning{Context: gone.Causal.Context}))
	require.Equal(t, kv.BadRequest, bad.Status)
	require.Contains(t, string(bad.Data), "belongs to another key")
}

// An object travels and is stored whole: clients that give no context must not make
// one that no record and no message holds, which would stop the nodes.
func TestConcurrentValuesOfAKeyAreBounded(t *testing.T) {
	w := newWorld(t, 3, 1).up()
	value := strings.Repeat("v", 3<<20)
	for range 2 {
		require.Equal(t, kv.OK, w.one(1, "siblings", set("k", value)).Status)
	}
	for range 2 {
		res := w.one(1, "siblings", set("k", value))
		require.Equal(t, kv.BadRequest, res.Status)
		require.Contains(t, string(res.Data), "2 concurrent values of this key")
	}
	require.Equal(t, kv.OK, w.one(1, "siblings", set("k", "small")).Status, "there is room for that")
	require.Equal(t, kv.OK, w.one(1, "siblings", kv.Op{Kind: kv.OpDelete, Key: []byte("k")}).Status, "deleting is always possible")

	read := get("k")
	read.Tuning = &kv.Tuning{WantContext: true}
	res := w.one(1, "siblings", read)
	require.Len(t, res.Causal.Values, 3)
	merged := set("k", value)
	merged.Tuning = &kv.Tuning{Context: res.Causal.Context}
	require.Equal(t, kv.OK, w.one(1, "siblings", merged).Status)
	require.Equal(t, kv.OK, w.one(1, "siblings", set("k", value)).Status, "and there is room again")
}

func TestTimeToLive(t *testing.T) {
	w := newWorld(t, 3, 1).up()
	require.Equal(t, kv.OK, w.one(1, "ttl", set("k", "v")).Status)
	require.Equal(t, kv.OK, w.one(1, "ttl", tuned(set("short", "v"), kv.Tuning{TTLMs: 300})).Status)
	require.Equal(t, kv.OK, w.one(1, "ttl", tuned(set("ever", "v"), kv.Tuning{TTLMs: -1})).Status)
	w.run(500 * ms)
	require.Equal(t, kv.OK, w.one(2, "ttl", get("k")).Status)
	require.Equal(t, kv.NotFound, w.one(3, "ttl", get("short")).Status)
	w.run(1000 * ms)
	require.Equal(t, kv.NotFound, w.one(2, "ttl", get("k")).Status)
	require.Equal(t, kv.OK, w.one(2, "ttl", get("ever")).Status)
	var dates []int64
	for _, n := range w.nodes {
		o := w.holds(n.id, "ttl", "short")
		dates = append(dates, o.Register.ExpiresMs)
	}
	require.Equal(t, dates[0], dates[1], "the coordinator says when, once")
}

func TestWhatABucketCantDoIsRefusedWithAReason(t *testing.T) {
	w := newWorld(t, 3, 1).up()
	cas := kv.Op{Kind: kv.OpCAS, Key: []byte("k"), Value: []byte("v")}
	nx := set("k", "v")
	nx.Cond = kv.IfAbsent
	old := set("k", "v")
	old.WantOld = true
	for _, c := range []struct {
		bucket string
		op     kv.Op
		says   string
	}{
		{"lww", cas, "mode strong"},
		{"siblings", nx, "mode strong"},
		{"lww", old, "not known"},
		{"lww", incr("k", 1), "policy counters"},
		{"counters", set("k", "v"), "get and incr alone"},
		{"counters", del("k"), "get and incr alone"},
		{"counters", tuned(incr("k", 1), kv.Tuning{TTLMs: 5}), "time to live"},
		{"abd", incr("k", 1), "consensus"},
		{"abd", nx, "consensus"},
		{"abd", old, "not known"},
		{"abd", tuned(get("k"), kv.Tuning{R: kv.Ask{Count: 1}}), "a quorum, always"},
		{"abd", tuned(get("k"), kv.Tuning{WantContext: true}), "no causal context"},
		{"lww", tuned(get("k"), kv.Tuning{R: kv.Ask{Count: 4}}), "allowed are 1 to 3"},
		{"strong", get("k"), "not strong"},
		{"lww", kv.Op{Key: []byte("k")}, "not a valid operation"},
	} {
		res := w.one(1, c.bucket, c.op)
		require.Equal(t, kv.BadRequest, res.Status, "%s %v", c.bucket, c.op)
		require.Contains(t, string(res.Data), c.says)
	}
}

func TestLevels(t *testing.T) {
	w := newWorld(t, 4, 1).up() // odd nodes are in zone 0, even ones in zone 1
	for i := range 30 {
		key := fmt.Sprint("k", i)
		for level := kv.One; level.Valid(); level++ {
			ask := kv.Tuning{W: kv.Ask{Level: level}}
			require.Equal(t, kv.OK, w.one(i%4+1, "lww", tuned(set(key, "v"), ask)).Status, "%v", level)
		}
	}
	const key = "k"
	w.crash(w.nodes[w.prefs("lww", key)[0]-1])
	at := int(w.prefs("lww", key)[1])
	require.Equal(t, kv.Unavailable, w.one(at, "lww", tuned(get(key), kv.Tuning{R: kv.Ask{Level: kv.All}})).Status)
	require.Equal(t, kv.NotFound, w.one(at, "lww", tuned(get(key), kv.Tuning{R: kv.Ask{Level: kv.Quorum}})).Status)
}

// A forward that the network delivers twice counts once.
func TestForwardsAreActedOnOnce(t *testing.T) {
	w := newWorld(t, 5, 1)
	w.dup = 1
	w.up()
	at := int(w.others("counters", "k")[0])
	for range 20 {
		require.Equal(t, kv.OK, w.one(at, "counters", incr("k", 1)).Status)
	}
	w.run(100 * ms)
	require.Equal(t, "20", string(w.one(at, "counters", get("k")).Data))
	require.NotZero(t, w.nodes[at-1].coord.Stats().Forwards)
}

// A node whose clock has gone back below what it gave out lets others write.
func TestSkewedNodesPassWritesOn(t *testing.T) {
	w := newWorld(t, 3, 1).up()
	require.Equal(t, kv.OK, w.one(1, "lww", set("k", "a")).Status)
	w.nodes[0].skewMs = -60_000
	require.Equal(t, kv.OK, w.one(1, "lww", set("k", "b")).Status)
	require.Equal(t, "b", string(w.one(2, "lww", get("k")).Data))
	require.NotZero(t, w.nodes[0].coord.Stats().Skewed)

	// One that is far ahead is refused by all others, and says so.
	w.nodes[0].skewMs = 60_000
	require.Equal(t, kv.Unknown, w.one(1, "lww", set("k", "c")).Status)
	require.NotZero(t, w.nodes[0].coord.Stats().Drift)
	require.Equal(t, kv.OK, w.one(1, "lww", set("k", "d")).Status, "others write in its place")
}

// A bucket may change while operations run: R, W and policy from the next
// operation on, and one that is dropped is refused.
func TestBucketsChangeLive(t *testing.T) {
	w := newWorld(t, 3, 1).up()
	change := func(epoch kv.Epoch, f func(b *kv.Bucket)) {
		all := buckets()
		f(&all[3])
		if all[3].N == 0 {
			all = slices.Delete(all, 3, 4)
		}
		var err error
		w.layout, err = w.layout.With(epoch, all)
		require.NoError(t, err)
		for _, n := range w.nodes {
			w.clock(n)
			n.ctx.Self = w.address(n, actors.Store)
			n.store.SetLayout(&n.ctx, w.layout)
			n.ctx.Self = w.address(n, actors.Coordinator)
			n.coord.SetLayout(&n.ctx, w.layout)
			w.take(n)
		}
	}
	require.Equal(t, kv.OK, w.one(1, "siblings", set("k", "a")).Status)
	require.Equal(t, kv.OK, w.one(2, "siblings", set("k", "b")).Status)
	change(2, func(b *kv.Bucket) { b.Policy = kv.LWW })
	require.Equal(t, "b", string(w.one(3, "siblings", get("k")).Data))
	require.Equal(t, kv.OK, w.one(3, "siblings", set("k", "c")).Status)
	w.run(100 * ms)
	change(3, func(*kv.Bucket) {})
	got := w.one(1, "siblings", get("k"))
	require.Equal(t, "c", string(got.Data))
	require.Nil(t, got.Causal, "the write under lww has dropped what was below it")

	dropped := w.layout
	id := w.ask(1, "siblings", get("k"))
	change(4, func(b *kv.Bucket) { b.N = 0 })
	w.run(10_000 * ms)
	require.NotNil(t, w.got[id], "what is under way ends")
	w.layout = dropped
	require.Equal(t, kv.BadRequest, w.one(1, "siblings", get("k")).Status)
	o := w.holds(1, "siblings", "k")
	require.True(t, o.IsZero())
}

// Clients of W = 1 are paced by the replicas that live, and not by dead ones.
func TestSlowReplicasPaceWrites(t *testing.T) {
	w := newWorld(t, 3, 1).up()
	slow := func() (tookNs int64) {
		from := w.nowNs
		for i := range 20 {
			require.Equal(t, kv.OK, w.one(1, "one", set(fmt.Sprint("k", i), "v")).Status)
		}
		return w.nowNs - from
	}
	require.Less(t, slow(), 100*ms)
	for _, n := range w.nodes {
		n.coord.SetMaxPending(8)
	}
	w.delayNs = 150 * ms
	require.Greater(t, slow(), 300*ms)
	require.NotZero(t, w.nodes[0].coord.Stats().Held)
	w.run(2000 * ms)
	w.crash(w.nodes[1])
	w.crash(w.nodes[2])
	require.Less(t, slow(), 300*ms)
}

// A stand-in that keeps nothing of a key does not answer in place of replicas
// that live: in a sloppy bucket as in a strict one, what all replicas have is
// found when one of them has died.
func TestAnEmptyStandInDoesNotHideAValue(t *testing.T) {
	w := newWorld(t, 5, 1).up()
	all := kv.Tuning{W: kv.Ask{Level: kv.All}}
	const keys = 40
	for i := range keys {
		require.Equal(t, kv.OK, w.one(1, "sloppy-siblings", tuned(set(fmt.Sprint("k", i), "v"), all)).Status)
	}
	w.run(100 * ms)
	w.crash(w.nodes[4])
	find := func(status kv.Status) {
		for i := range keys {
			for at := 1; at <= 4; at++ {
				if w.nodes[at-1].down {
					continue
				}
				require.Equal(t, status, w.one(at, "sloppy-siblings", get(fmt.Sprint("k", i))).Status, "k%d at node %d", i, at)
			}
		}
	}
	find(kv.OK)
	w.delayNs = 20 * ms // stand-ins often answer first
	find(kv.OK)
	// It is the last to know, though: nobody else is left to ask.
	home := w.prefs("sloppy-siblings", "k0")
	for _, id := range home {
		if n := w.nodes[id-1]; !n.down {
			w.crash(n)
		}
	}
	at := w.others("sloppy-siblings", "k0")
	for _, id := range at {
		if !w.nodes[id-1].down {
			require.Equal(t, kv.NotFound, w.one(int(id), "sloppy-siblings", get("k0")).Status)
			require.Equal(t, kv.OK, w.one(int(id), "sloppy-siblings", set("k0", "new")).Status)
			require.Equal(t, "new", string(w.one(int(id), "sloppy-siblings", get("k0")).Data))
		}
	}
}

// A replica that dies while it is asked leaves a read to the stand-ins at once.
func TestAReplicaDiesWhileItIsRead(t *testing.T) {
	w := newWorld(t, 5, 1).up()
	home := w.prefs("sloppy-siblings", "k")
	at := w.others("sloppy-siblings", "k")[0]
	w.crash(w.nodes[home[0]-1])
	w.crash(w.nodes[home[1]-1])
	w.cut[home[2]] = true
	id := w.ask(int(at), "sloppy-siblings", get("k"))
	w.run(20 * ms)
	require.Nil(t, w.got[id], "one that lives may answer")
	w.crash(w.nodes[home[2]-1])
	w.run(20 * ms)
	require.Equal(t, kv.NotFound, w.got[id][0].Status)
}

// A write that follows from one whose stamp is ahead, further than this node's
// mark, waits for another mark, not for another write.
func TestAContextFromAhead(t *testing.T) {
	w := newWorld(t, 5, 1).up()
	w.nodes[0].skewMs = 400
	w.diskNs = 2 * ms
	for i := range 20 {
		key := fmt.Sprint("k", i)
		first := w.one(1, "lww", tuned(set(key, "first"), kv.Tuning{WantContext: true}))
		require.Equal(t, kv.OK, first.Status)
		began := w.nowNs
		next := tuned(set(key, "next"), kv.Tuning{Context: first.Causal.Context})
		require.Equal(t, kv.OK, w.one(i%4+2, "lww", next).Status)
		require.Less(t, w.nowNs-began, 50*ms)
		require.Equal(t, "next", string(w.one(i%5+1, "lww", get(key)).Data))
		w.run(2000 * ms) // until the clocks have caught up
	}
}
