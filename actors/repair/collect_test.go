package repair_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/handoff"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/repair"
)

// quick lets tombstones go within minutes.
func quick() (repair.Config, handoff.Config) {
	r := repair.Config{GraceMs: 200_000, HintTTLMs: 100_000, MessageTTLMs: 60_000, DriftMs: 500, CollectNs: 5e9}
	return r, handoff.Config{HintTTLMs: 100_000, MessageTTLMs: 60_000}
}

func collecting(t *testing.T, seed uint64) (*world, shape) {
	s := shape{nodes: 3, partitions: 2, trees: causal.Shape{Buckets: 8, Fanout: 4}}
	r, h := quick()
	w := newWorld(t, seed, s, r)
	w.hints = h
	for _, n := range w.nodes {
		n.boot(s.trees)
	}
	return w, s
}

func (w *world) keys() (n int) {
	w.layout.Each(func(p kv.Partition) {
		for _, x := range w.nodes {
			n += x.store.Keys(p)
		}
	})
	return n
}

func TestTombstonesAndWhatHasExpiredGoAfterTheGrace(t *testing.T) {
	w, _ := collecting(t, 1)
	for i := range 30 {
		w.put(fmt.Sprint("dead", i), w.tombstone(), 1, 2, 3)
	}
	expires := w.value(5)
	expires.Register.ExpiresMs = w.wallMs() + 1000
	w.put("expires", expires, 1, 2, 3)
	w.put("lives", w.value(5), 1, 2, 3)
	count, err := (&causal.Object{}).Add(causal.NewID(1, 1), 1)
	require.NoError(t, err)
	w.put("counts", count, 1, 2, 3)
	w.run(199_000 * ms)
	require.Equal(t, 33*3, w.keys())
	w.run(200_000 * ms)
	require.Equal(t, 2*3, w.keys())
	require.Empty(t, w.different())
	collected := uint64(0)
	for _, n := range w.nodes {
		collected += n.repair.Stats().Collected
	}
	require.Equal(t, uint64(31), collected)
}

func TestATombstoneStaysWhileAReplicaIsAway(t *testing.T) {
	w, s := collecting(t, 2)
	w.put("k", w.value(5), 3)
	w.nodes[2].sync()
	w.nodes[2].crash()
	w.put("k", w.tombstone(), 1, 2)
	w.run(1_000_000 * ms)
	require.Equal(t, 3, w.keys()) // the two tombstones, and the value on the dead node
	w.nodes[2].boot(s.trees)
	w.run(30_000 * ms) // it was away for longer than the grace
	require.Empty(t, w.different())
	require.Equal(t, 3, w.keys())
	w.run(300_000 * ms)
	require.Zero(t, w.keys())
}

func TestATombstoneStaysWhileAHintWaits(t *testing.T) {
	w, _ := collecting(t, 3)
	w.put("k", w.tombstone(), 1, 2, 3)
	w.drop = func(e actors.Envelope) bool {
		put, ok := e.Message.(*msg.Put)
		return ok && put.Why == msg.ForHint
	}
	hint := func() {
		m := &msg.Hint{SentMs: w.wallMs(), Epoch: 1, Target: 3, Items: []*msg.PutItem{{Partition: w.partition("k"), Key: []byte("k"), Object: w.value(3)}}}
		w.nodes[0].receive(actors.Envelope{Message: m, To: actors.Address{Node: 1, Kind: actors.Handoff}})
	}
	w.run(200_000 * ms)
	hint()
	w.run(100_000 * ms)
	require.Equal(t, 3, w.keys())
	w.run(300_000 * ms) // the hint has gone of age
	require.Zero(t, w.keys())
}

// A clock that is ahead, on whichever node, collects nothing early.
func TestOneClockAloneCollectsNothing(t *testing.T) {
	w, _ := collecting(t, 4)
	w.put("k", w.tombstone(), 1, 2, 3)
	w.drop = func(e actors.Envelope) bool { return false }
	w.run(20_000 * ms)
	early := w.nodes[0]
	early.aheadMs = 500_000
	w.run(190_000 * ms)
	require.Equal(t, 3, w.keys())
	require.NotZero(t, w.nodes[0].repair.Stats().KeptDead+w.nodes[1].repair.Stats().KeptDead+w.nodes[2].repair.Stats().KeptDead)
}

// An older write that left a stale replica just before that confirmed the
// tombstone arrives after everybody has confirmed: it must find it still there.
func TestAnOldWriteInFlightFindsTheTombstone(t *testing.T) {
	w, s := collecting(t, 5)
	old := w.value(5)
	w.put("k", old, 3)
	w.nodes[2].sync()
	w.nodes[2].crash()
	w.run(1000 * ms)
	w.put("k", w.tombstone(), 1, 2)
	w.run(300_000 * ms)
	w.nodes[2].boot(s.trees)
	late := &msg.Put{SentMs: w.wallMs(), Epoch: 1, Why: msg.ForRead, Items: []*msg.PutItem{{Partition: w.partition("k"), Key: []byte("k"), Object: old}}}
	w.post(actors.Envelope{Message: late, To: actors.Address{Node: 1, Kind: actors.Store}}, w.nowNs+59_000*ms)
	w.run(400_000 * ms)
	require.Zero(t, w.keys())
}

func TestAGraceThatIsTooShortIsAnError(t *testing.T) {
	cfg := repair.Config{}
	_, err := cfg.GraceOf(&kv.Bucket{Name: "b", GraceMs: 3 * 3600 * 1000})
	require.ErrorContains(t, err, "must be more than 10860500 ms")
	grace, err := cfg.GraceOf(&kv.Bucket{Name: "b"})
	require.NoError(t, err)
	require.Equal(t, int64(repair.DefaultGraceMs), grace)
}

// Whatever comes and goes: what was deleted, and everywhere forgotten, never comes back.
func TestNothingComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w, s := collecting(t, rapid.Uint64().Draw(rt, "seed"))
		w.lost, w.twice = rapid.IntRange(0, 15).Draw(rt, "lost"), 10
		deleted := map[string]bool{}
		for i := range rapid.IntRange(5, 40).Draw(rt, "steps") {
			key := fmt.Sprint("k", i)
			var at []kv.NodeID
			for _, n := range w.nodes {
				if n.up && w.rand.IntN(3) > 0 {
					at = append(at, n.id)
				}
			}
			if len(at) == 0 {
				continue
			}
			w.put(key, w.value(10), at...)
			if target := w.nodes[w.rand.IntN(3)]; target.id != at[0] && w.rand.IntN(3) == 0 {
				m := &msg.Hint{SentMs: w.wallMs(), Epoch: 1, Target: target.id, Items: []*msg.PutItem{{Partition: w.partition(key), Key: []byte(key), Object: w.value(10)}}}
				w.nodes[at[0]-1].receive(actors.Envelope{Message: m, To: actors.Address{Node: at[0], Kind: actors.Handoff}})
			}
			w.run(w.rand.Int64N(20_000 * ms))
			var up []kv.NodeID
			for _, n := range w.nodes {
				if n.up {
					up = append(up, n.id)
				}
			}
			if len(up) > 0 {
				w.put(key, w.tombstone(), up[w.rand.IntN(len(up))])
				w.nodes[up[0]-1].sync()
				deleted[key] = true
			}
			if n := w.nodes[w.rand.IntN(3)]; n.up && w.rand.IntN(4) == 0 {
				n.sync()
				n.crash()
			} else if !n.up {
				n.boot(s.trees)
			}
		}
		for _, n := range w.nodes {
			if !n.up {
				n.boot(s.trees)
			}
		}
		w.run(600_000 * ms)
		w.lost, w.twice = 0, 0
		w.run(400_000 * ms)
		require.Empty(t, w.different())
		for key := range deleted {
			for _, n := range w.nodes {
				o, _ := n.store.Lookup(w.partition(key), []byte(key))
				require.Empty(t, o.Read(nil, kv.LWW, w.wallMs()), "%s is back on n%d", key, n.id)
			}
		}
	})
}
