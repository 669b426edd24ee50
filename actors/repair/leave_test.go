package repair_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
)

// resize gives bucket a another N, by a map that the nodes hear of one by one.
func (w *world) resize(s shape, n uint8) {
	b := *w.layout.Named("a")
	if b.N != n {
		b.Had = b.Had.With(int(b.N))
	}
	b.N = n
	w.layout = layoutOf(w.t, s, w.layout.Epoch()+1, b)
	for _, x := range w.nodes {
		if x.up {
			x.hearMap()
		}
	}
}

func (n *node) hearMap() {
	l := n.w.layout
	n.with(actors.Store, func(c *actors.Context) { n.store.SetLayout(c, l) })
	n.with(actors.Handoff, func(c *actors.Context) { n.handoff.SetLayout(c, l); n.handoff.Flush(c) })
	n.with(actors.Repair, func(c *actors.Context) { n.repair.SetLayout(c, l); n.repair.Flush(c) })
}

// strays counts keys at nodes that are no replicas of their partition.
func (w *world) strays() (keys int) {
	w.layout.Each(func(p kv.Partition) {
		for _, n := range w.nodes {
			if w.layout.IndexOf(p, n.id) < 0 {
				keys += n.store.Keys(p)
			}
		}
	})
	return keys
}

// What only a former replica holds reaches the replicas; then its copy goes, and
// stays away over a restart.
func TestAFormerReplicaDeliversWhatItAloneHolds(t *testing.T) {
	w, s := collecting(t, 7)
	for i := range 300 {
		w.put(fmt.Sprint("alone", i), w.value(20), kv.NodeID(1+i%3))
		w.put(fmt.Sprint("common", i), w.value(20), 1, 2, 3)
		key := fmt.Sprint("newer", i)
		w.put(key, w.value(20), 1, 2, 3)
		w.nowNs += ms
		w.put(key, w.value(20), kv.NodeID(1+i%3))
	}
	w.resize(s, 2)
	require.NotZero(t, w.strays())
	w.run(30_000 * ms)
	require.Zero(t, w.strays())
	require.Empty(t, w.different())
	require.Equal(t, 2*900, w.keys())
	for _, n := range w.nodes {
		require.Zero(t, n.repair.Stats().Leaving)
		n.sync()
		n.crash()
		n.boot(s.trees)
	}
	require.Equal(t, 2*900, w.keys())
}

// A copy of which the replicas hold everything costs a comparison, not its size.
func TestAnEqualCopyGoesForAFewBytes(t *testing.T) {
	w, s := collecting(t, 8)
	for i := range 1000 {
		w.put(fmt.Sprint("k", i), w.value(100), 1, 2, 3)
	}
	w.resize(s, 1)
	w.run(500 * ms)
	require.Zero(t, w.strays())
	require.Less(t, w.wire["compare"]+w.wire["fetch"]+w.wire["put"], 2000)
}

// With a replica away the copy stays, and so do tombstones, over crashes of the
// former replica.
func TestACopyStaysUntilEveryReplicaHasIt(t *testing.T) {
	w, s := collecting(t, 9)
	p := w.partition("k")
	list := w.layout.Preference(p)
	former, away, lives := w.nodes[list[2]-1], w.nodes[list[1]-1], w.nodes[list[0]-1]
	w.put("k", w.value(5), former.id)
	w.put("dead", w.tombstone(), 1, 2, 3)
	former.sync()
	away.crash()
	w.resize(s, 2)
	w.run(100_000 * ms)
	got, _ := lives.store.Lookup(p, []byte("k"))
	require.False(t, got.IsZero(), "the replica that lives has it")
	require.NotZero(t, former.store.Keys(p))
	former.crash()
	w.run(400_000 * ms)
	away.boot(s.trees)
	w.run(400_000 * ms)
	require.NotZero(t, lives.store.Keys(w.partition("dead")), "the former replica has been asked about it")
	former.boot(s.trees)
	w.run(600_000 * ms)
	require.Zero(t, w.strays())
	require.Equal(t, 2, w.keys()) // k, twice
}

// A node that is away while N shrinks, the key is deleted, the grace passes, and
// N grows again does not bring the key back.
func TestAStaleCopyDoesNotComeBackWhenNGrows(t *testing.T) {
	for _, back := range []string{"before", "after"} {
		t.Run(back+" it grows", func(t *testing.T) {
			w, s := collecting(t, 10)
			p := w.partition("k")
			former := w.nodes[w.layout.Preference(p)[2]-1]
			w.put("k", w.value(5), 1, 2, 3)
			former.sync()
			w.run(ms)
			former.crash()
			w.resize(s, 2)
			w.put("k", w.tombstone(), w.layout.Preference(p)...)
			w.run(1_000_000 * ms) // several times the grace
			if back == "before" {
				former.boot(s.trees)
				w.run(20_000 * ms)
				require.Zero(t, former.store.Keys(p))
			}
			w.resize(s, 3)
			if !former.up {
				former.boot(s.trees)
			}
			w.run(100_000 * ms)
			for _, n := range w.nodes {
				o, _ := n.store.Lookup(p, []byte("k"))
				require.Empty(t, o.Read(nil, kv.LWW, w.wallMs()), "it is back on n%d", n.id)
			}
			w.run(600_000 * ms)
			require.Zero(t, w.keys())
		})
	}
}

// A replica that N has added is filled by anti-entropy.
func TestAnAddedReplicaIsFilled(t *testing.T) {
	w, s := collecting(t, 11)
	w.resize(s, 1)
	for i := range 500 {
		key := fmt.Sprint("k", i)
		w.put(key, w.value(20), w.layout.Preference(w.partition(key))...)
	}
	w.resize(s, 3)
	w.run(30_000 * ms)
	require.Equal(t, 3*500, w.keys())
	require.Empty(t, w.different())
}

// Whatever N is when, whoever crashes, and whatever gets lost: what was stored
// durably at a replica of its time ends up at all replicas, and nowhere else.
func TestNothingIsLostWhileNChanges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w, s := collecting(t, rapid.Uint64().Draw(rt, "seed"))
		w.lost, w.twice = rapid.IntRange(0, 15).Draw(rt, "lost"), 10
		want := map[string]causal.Object{}
		for i := range rapid.IntRange(5, 30).Draw(rt, "steps") {
			key := fmt.Sprint("k", i%12)
			list := w.layout.Preference(w.partition(key))
			if at := w.nodes[list[w.rand.IntN(len(list))]-1]; at.up {
				o := w.any(key)
				w.put(key, o, at.id)
				at.sync()
				known := want[key]
				want[key] = known.Merge(&o)
			}
			switch w.rand.IntN(5) {
			case 0:
				w.resize(s, uint8(1+w.rand.IntN(3)))
			case 1:
				n := w.nodes[w.rand.IntN(3)]
				if n.up {
					n.crash()
				} else {
					n.boot(s.trees)
				}
			}
			w.run(w.rand.Int64N(5000 * ms))
		}
		for _, n := range w.nodes {
			if !n.up {
				n.boot(s.trees)
			}
		}
		w.run(60_000 * ms)
		w.lost, w.twice = 0, 0
		w.run(60_000 * ms)
		require.Empty(t, w.different())
		require.Zero(t, w.strays())
		for key, o := range want {
			p := w.partition(key)
			held, _ := w.nodes[w.layout.Preference(p)[0]-1].store.Lookup(p, []byte(key))
			require.Zero(t, held.Compare(&o)&causal.Before, "%s lacks something that was stored", key)
		}
	})
}
