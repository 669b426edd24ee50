package repair_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/repair"
)

var small = causal.Shape{Buckets: 64, Fanout: 4}

// Whatever replicas hold, whatever is lost, doubled or crashes meanwhile: after
// three quiet rounds they hold the same, and nothing that was there is missing.
func TestReplicasConverge(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := shape{nodes: 5, partitions: 4, trees: small}
		cfg := repair.Config{PutItems: 5, PutBytes: 400}
		w := newWorld(t, rapid.Uint64().Draw(rt, "seed"), s, cfg)
		w.lost, w.twice = rapid.IntRange(0, 20).Draw(rt, "lost"), rapid.IntRange(0, 10).Draw(rt, "twice")
		var all []causal.Object
		var keys []string
		for range rapid.IntRange(1, 120).Draw(rt, "writes") {
			key := fmt.Sprint("k", w.rand.IntN(40))
			list := w.layout.Preference(w.partition(key))
			o, at := w.any(key), list[w.rand.IntN(len(list))]
			if w.nodes[at-1].up {
				w.put(key, o, at)
				w.nodes[at-1].sync()
				all, keys = append(all, o), append(keys, key)
			}
			if n := w.nodes[w.rand.IntN(5)]; w.rand.IntN(10) == 0 {
				if n.up {
					n.crash()
				} else {
					n.boot(s.trees)
				}
			}
			w.run(w.rand.Int64N(2000 * ms))
		}
		for _, n := range w.nodes {
			if !n.up {
				n.boot(s.trees)
			}
		}
		w.lost, w.twice = 0, 0
		w.run(45_000 * ms)
		require.Empty(t, w.different())
		for i, o := range all {
			got, _ := w.nodes[w.layout.Preference(w.partition(keys[i]))[0]-1].store.Lookup(w.partition(keys[i]), []byte(keys[i]))
			require.Zero(t, got.Compare(&o)&causal.Before, "%q has lost what was stored", keys[i])
		}
		w.run(12_000 * ms)
		for _, n := range w.nodes {
			st := n.repair.Stats()
			require.Equal(t, st.All, st.Done)
			require.NotZero(t, st.LastFullMs)
			require.Zero(t, st.Queued)
		}
	})
}

// sum of bytes on the wire but for hints' own messages.
func (w *world) moved() (n int) {
	for _, b := range w.wire {
		n += b
	}
	return n
}

type away struct {
	name             string
	keys, partitions int
	size             int
	overwritten      bool // else the keys are new
	node             kv.NodeID
	hints            bool
}

// lacking lets one node miss writes of all keys, and returns the bytes missed.
func lacking(t testing.TB, k away) (w *world, lacked int) {
	s := shape{nodes: 3, partitions: k.partitions}
	w = newWorld(t, 1, s, repair.Config{RateBytes: 1 << 30})
	for _, n := range w.nodes {
		n.up = false
	}
	put := func(i int, at ...kv.NodeID) (key string, o causal.Object) {
		key, o = fmt.Sprintf("key-%012d", i), w.value(k.size)
		w.put(key, o, at...)
		return key, o
	}
	everyone := []kv.NodeID{1, 2, 3}
	if k.overwritten {
		for i := range k.keys {
			put(i, everyone...)
		}
	}
	w.nowNs += 1000 * ms
	var others []kv.NodeID
	for _, id := range everyone {
		if id != k.node {
			others = append(others, id)
		}
	}
	for i := range k.keys {
		if i%10 == 0 {
			w.nowNs += ms
		}
		key, o := put(i, others...)
		lacked += len(key) + len(o.Append(nil))
	}
	for _, n := range w.nodes {
		n.up, n.syncNs, n.page, n.waiting = true, 0, nil, nil
		n.timers = [2]int64{}
		n.with(actors.Repair, func(c *actors.Context) { n.repair.Start(c) })
	}
	return w, lacked
}

// A node that was away gets what it lacks for at most 1.2 times the bytes.
func TestCatchingUpMovesLittleMoreThanWhatIsLacking(t *testing.T) {
	for _, k := range []away{
		{"new keys, the peer begins", 20_000, 8, 100, false, 3, false},
		{"new keys, the node begins", 20_000, 8, 100, false, 1, false},
		{"overwritten, the peer begins", 20_000, 8, 100, true, 3, false},
		{"overwritten, the node begins", 20_000, 8, 100, true, 1, false},
		{"overwritten, between", 20_000, 8, 200, true, 2, false},
	} {
		t.Run(k.name, func(t *testing.T) {
			w, lacked := lacking(t, k)
			for range 60 {
				w.run(1_000 * ms)
				if w.different() == "" {
					break
				}
			}
			require.Empty(t, w.different())
			t.Logf("lacked %d bytes, moved %d: %.3f; %v", lacked, w.moved(), float64(w.moved())/float64(lacked), w.wire)
			require.LessOrEqual(t, float64(w.moved()), 1.2*float64(lacked))
		})
	}
}

// Where nothing differs only roots are compared.
func TestIdenticalReplicasCompareRootsAlone(t *testing.T) {
	w, _ := lacking(t, away{keys: 5000, partitions: 16, size: 10, overwritten: true, node: 3})
	w.run(60_000 * ms)
	require.Empty(t, w.different())
	w.wire = map[string]int{}
	w.run(100_000 * ms)
	require.Len(t, w.wire, 2)
	require.Less(t, w.wire["compare"]+w.wire["compared"], 3*12*16*20)
}

// One key of many costs its bucket, not the partition.
func TestOneKeyMovesAlone(t *testing.T) {
	w, _ := lacking(t, away{keys: 20_000, partitions: 4, size: 100, overwritten: true, node: 3})
	w.run(60_000 * ms)
	require.Empty(t, w.different())
	w.wire = map[string]int{}
	w.put("key-000000000077", w.value(100), 1)
	w.run(40_000 * ms)
	require.Empty(t, w.different())
	objects := w.wire["put"] + w.wire["given"]
	require.Less(t, objects, 400)
	require.Less(t, w.moved()-w.wire["compare"], 6000)
}

// The throttle holds what is moved down, to the byte of one message.
func TestThrottle(t *testing.T) {
	w, _ := lacking(t, away{keys: 20_000, partitions: 8, size: 100, node: 3})
	for _, n := range w.nodes {
		n.up = false
	}
	w.cfg.RateBytes = 50 << 10
	fresh := newWorld(t, 2, shape{nodes: 3, partitions: 8}, w.cfg)
	for i := range 20_000 {
		fresh.put(fmt.Sprintf("key-%012d", i), fresh.value(100), 1)
	}
	fresh.wire = map[string]int{}
	fresh.run(60_000 * ms)
	moved := fresh.wire["put"] + fresh.wire["given"]
	require.Less(t, moved, 2*60*(50<<10)*6/5)
	require.Greater(t, moved, 60*(50<<10)/3)
}

// An unanswered question is asked four times, then the session ends; the next
// round begins again.
func TestASessionWithoutAnswersEnds(t *testing.T) {
	w := newWorld(t, 3, shape{nodes: 3, partitions: 1, trees: small}, repair.Config{})
	w.put("k", w.value(5), 1)
	w.drop = func(e actors.Envelope) bool { _, ok := e.Message.(*msg.TreeTold); return ok }
	w.run(60_000 * ms)
	st := w.nodes[0].repair.Stats()
	require.NotZero(t, st.Unanswered)
	require.NotZero(t, st.Abandoned)
	require.NotEmpty(t, w.different())
	w.drop = nil
	w.run(40_000 * ms)
	require.Empty(t, w.different())
}

// A peer that came back is left to the hints that are kept for it.
func TestHintsGoFirst(t *testing.T) {
	s := shape{nodes: 3, partitions: 1, trees: small}
	w := newWorld(t, 4, s, repair.Config{})
	w.run(30_000 * ms)
	w.nodes[2].crash()
	m := &msg.Hint{SentMs: w.wallMs(), Epoch: 1, Target: 3}
	for i := range 50 {
		key, o := fmt.Sprint("k", i), w.value(20)
		w.put(key, o, 1, 2)
		m.Items = append(m.Items, &msg.PutItem{Partition: w.partition(key), Key: []byte(key), Object: o})
	}
	w.nodes[0].receive(actors.Envelope{Message: m, To: actors.Address{Node: 1, Kind: actors.Handoff}})
	w.run(20_000 * ms)
	w.wire = map[string]int{}
	w.nodes[2].boot(s.trees)
	w.run(30_000 * ms)
	require.Empty(t, w.different())
	require.Zero(t, w.wire["list-buckets"])
	require.Zero(t, w.nodes[0].repair.Stats().SentKeys)
}

// A bucket that is too large for a message is listed instead.
func TestHugeObjects(t *testing.T) {
	w := newWorld(t, 5, shape{nodes: 3, partitions: 1, trees: causal.Shape{Buckets: 1, Fanout: 2}}, repair.Config{RateBytes: 1 << 30})
	for i := range 6 {
		w.put(fmt.Sprint("k", i), w.value(400_000), 3)
	}
	w.run(40_000 * ms)
	require.Empty(t, w.different())
}

func TestForeignMessagesPanic(t *testing.T) {
	w := newWorld(t, 6, shape{nodes: 3, partitions: 1, trees: small}, repair.Config{})
	require.Panics(t, func() { w.nodes[0].repair.Receive(&actors.Context{}, &msg.Put{}) })
}

// A node misses writes that two others coordinate: about half fit the bound of
// hints, the trees find the rest, and little moves twice.
func TestHintsAndTreesTogether(t *testing.T) {
	const keys = 20_000
	s := shape{nodes: 3, partitions: 8}
	w := newWorld(t, 7, s, repair.Config{RateBytes: 1 << 30})
	w.hints.TargetBytes = keys / 4 * 128
	w.nodes[2].crash()
	for _, n := range w.nodes[:2] {
		n.boot(s.trees)
	}
	lacked := 0
	for i := range keys {
		at := kv.NodeID(1 + i%2)
		key, o := fmt.Sprintf("key-%012d", i), w.value(100)
		w.put(key, o, 1, 2)
		lacked += len(key) + len(o.Append(nil))
		m := &msg.Hint{SentMs: w.wallMs(), Epoch: 1, Target: 3, Items: []*msg.PutItem{{Partition: w.partition(key), Key: []byte(key), Object: o}}}
		w.nodes[at-1].receive(actors.Envelope{Message: m, To: actors.Address{Node: at, Kind: actors.Handoff}})
	}
	w.run(100 * ms)
	hints := w.nodes[0].handoff.Stats().Hints + w.nodes[1].handoff.Stats().Hints
	require.InDelta(t, keys/2, hints, keys/10)
	w.wire = map[string]int{}
	w.nodes[2].boot(s.trees)
	w.run(9_000 * ms)
	require.Zero(t, w.nodes[0].handoff.Stats().Hints+w.nodes[1].handoff.Stats().Hints)
	w.run(40_000 * ms)
	require.Empty(t, w.different())
	t.Logf("lacked %d bytes, moved %d: %.3f; %v", lacked, w.moved(), float64(w.moved())/float64(lacked), w.wire)
	require.LessOrEqual(t, float64(w.moved()), 1.2*float64(lacked))
}
