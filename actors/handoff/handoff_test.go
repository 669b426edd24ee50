package handoff

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// replica returns a replica of the key's partition, and a node that is none.
func (w *world) replica(key string) (replica, other kv.NodeID) {
	p := partitionOf(w.layout, key)
	return w.layout.Preference(p)[0], w.layout.Fallbacks(p)[0]
}

// Whatever is lost, doubled or crashes: what was answered for arrives, and only
// where it belongs; the books agree and the bounds hold after every step.
func TestNoHintIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := Config{TargetBytes: rapid.SampledFrom([]int64{100, 1 << 10, 1 << 20}).Draw(rt, "bound"), PutItems: 4, PutBytes: 600}
		cfg.TotalBytes = rapid.SampledFrom([]int64{1 << 10, 4 << 10, 1 << 20}).Draw(rt, "total")
		w := newWorld(t, rapid.Uint64().Draw(rt, "seed"), 5, cfg)
		w.lost, w.twice = rapid.IntRange(0, 30).Draw(rt, "lost"), rapid.IntRange(0, 20).Draw(rt, "twice")
		for range rapid.IntRange(10, 150).Draw(rt, "steps") {
			n := w.nodes[w.rand.IntN(5)]
			switch w.rand.IntN(8) {
			case 0:
				if n.up {
					n.crash()
				}
			case 1, 2:
				if !n.up {
					n.boot()
				}
			case 3:
				n.silent = !n.silent
			case 4:
				n.refuse = msg.PutReason(w.rand.IntN(5)) // 0: not
				w.run(w.rand.Int64N(3000 * ms))
			default:
				for range 1 + w.rand.IntN(4) {
					key := fmt.Sprint("k", w.rand.IntN(20))
					list := w.layout.Preference(partitionOf(w.layout, key))
					if target := list[w.rand.IntN(len(list))]; target != n.id {
						w.give(n.id, target, key)
					}
				}
			}
			w.run(w.rand.Int64N(300 * ms))
		}
		for _, n := range w.nodes {
			n.silent, n.refuse = false, 0
			if !n.up {
				n.boot()
			}
		}
		w.lost, w.twice = 0, 0
		w.run(30_000 * ms)
		require.Zero(t, w.hints())
		w.checkKept()
	})
}

// At the full rate of the network a replay ends within 10 s of the return.
func TestReplayEndsTenSecondsAfterTheReturn(t *testing.T) {
	w := newWorld(t, 1, 5, Config{})
	target, at := w.replica("k0")
	w.nodes[target-1].crash()
	for i := range 3000 {
		if key := fmt.Sprint("k", i); w.layout.IndexOf(partitionOf(w.layout, key), target) >= 0 {
			w.give(at, target, key)
		}
	}
	w.run(60_000 * ms)
	kept := w.hints()
	require.Greater(t, kept, 500)
	w.nodes[target-1].boot()
	w.run(2_000 * ms)
	require.Zero(t, w.hints())
	w.checkKept()
	require.LessOrEqual(t, w.puts, kept/DefaultPutItems+60/2, "a few probes, then full deliveries")
}

// A detector that never says alive again does not keep hints from a node that answers.
func TestHintsReachANodeThatIsWronglyBelievedDead(t *testing.T) {
	w := newWorld(t, 2, 5, Config{})
	target, at := w.replica("k0")
	n := w.nodes[at-1]
	n.with(func(c *actors.Context) { n.h.Receive(c, &msg.PeerStatus{Node: target, Inc: 1}) })
	for range 300 {
		w.give(at, target, "k0")
	}
	w.run(20_000 * ms)
	require.Zero(t, w.hints())
	w.checkKept()
}

// A node that never answers is asked ever less often.
func TestBackoff(t *testing.T) {
	w := newWorld(t, 3, 5, Config{})
	target, at := w.replica("k0")
	w.nodes[target-1].silent = true
	w.give(at, target, "k0")
	w.run(60_000 * ms)
	s := w.nodes[at-1].h.Stats()
	require.LessOrEqual(t, s.Puts, uint64(7))
	require.GreaterOrEqual(t, s.Puts, uint64(5))
	require.Equal(t, 1, s.Hints)
}

// A node that takes long to answer gets its hints all the same, and once it is known
// how long, each only once.
func TestHintsReachANodeThatTakesLongToAnswer(t *testing.T) {
	w := newWorld(t, 14, 5, Config{})
	w.farNs = 10_000 * ms // each way: twenty times the time that is waited at first
	target, at := w.replica("k0")
	w.give(at, target, "k0")
	w.run(120_000 * ms)
	require.Zero(t, w.hints())
	w.checkKept()
	puts := w.nodes[at-1].h.Stats().Puts
	require.LessOrEqual(t, puts, uint64(6))
	w.give(at, target, "k0")
	w.run(60_000 * ms)
	require.Zero(t, w.hints())
	require.Equal(t, puts+1, w.nodes[at-1].h.Stats().Puts)
}

// A hint that changes while it is on its way stays until the change is delivered too.
func TestAHintThatChangedInFlightStays(t *testing.T) {
	w := newWorld(t, 4, 5, Config{})
	target, at := w.replica("k0")
	n := w.nodes[at-1]
	w.give(at, target, "k0")
	for n.h.Stats().Puts == 0 {
		require.True(t, w.step(w.nowNs+1000*ms))
	}
	m := w.give(at, target, "k0")
	m.Items[0].Object, _ = m.Items[0].Object.Add(causal.NewID(77, 1), 1)
	n.with(func(c *actors.Context) { c.Sender = actors.Address{Kind: actors.Client}; n.h.Receive(c, m) })
	w.run(10_000 * ms)
	require.Zero(t, w.hints())
	require.GreaterOrEqual(t, n.h.Stats().Puts, uint64(2))
	w.checkKept()
}

func TestOverflowIsToldAndCounted(t *testing.T) {
	w := newWorld(t, 5, 5, Config{TotalBytes: 4 * (hintBytes + 100)})
	target, at := w.replica("k0")
	w.nodes[target-1].crash()
	n := w.nodes[at-1]
	m := &msg.Hint{ID: 9, SentMs: w.wallMs(), Epoch: 1, Target: target}
	for i := range 200 {
		key := fmt.Sprint("k", i)
		if p := partitionOf(w.layout, key); w.layout.IndexOf(p, target) >= 0 {
			m.Items = append(m.Items, &msg.PutItem{Partition: p, Key: []byte(key), Object: w.object(key)})
		}
	}
	w.given[m.ID] = m
	n.with(func(c *actors.Context) {
		c.Sender = actors.Address{Kind: actors.Client}
		n.h.Receive(c, m)
		reply := c.Envelopes[0].Message.(*msg.Hinted)
		require.True(t, c.Envelopes[0].Durable)
		require.Len(t, reply.Refused, len(m.Items)-n.h.Stats().Hints)
		for _, r := range reply.Refused {
			require.Equal(t, msg.ByFull, r.Reason)
		}
		require.Equal(t, uint64(len(reply.Refused)), n.h.Stats().Refused)
		require.Equal(t, n.h.Stats().Refused, n.h.find(target).refused)
	})
	w.nodes[target-1].boot()
	w.run(5_000 * ms)
	w.checkKept()
	require.Zero(t, w.hints())
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, 6, 5, Config{})
	target, at := w.replica("k0")
	n, p := w.nodes[at-1], partitionOf(w.layout, "k0")
	w.run(100_000 * ms)
	good := msg.Hint{SentMs: w.wallMs(), Epoch: 1, Target: target}
	item := msg.PutItem{Partition: p, Key: []byte("k0"), Object: w.object("k0")}
	for name, k := range map[string]struct {
		change func(*msg.Hint, *msg.PutItem)
		want   msg.PutReason
	}{
		"none":              {func(*msg.Hint, *msg.PutItem) {}, 0},
		"old":               {func(m *msg.Hint, _ *msg.PutItem) { m.SentMs -= DefaultMessageTTLMs + 1 }, msg.ByAge},
		"before the bucket": {func(m *msg.Hint, _ *msg.PutItem) { m.Epoch = 0 }, msg.ByMap},
		"no bucket":         {func(_ *msg.Hint, it *msg.PutItem) { it.Partition = 4000 }, msg.ByMap},
		"for the keeper":    {func(m *msg.Hint, _ *msg.PutItem) { m.Target = at }, msg.ByPlace},
		"for no replica":    {func(m *msg.Hint, _ *msg.PutItem) { m.Target = w.layout.Fallbacks(p)[1] }, msg.ByPlace},
		"stamp in the future": {func(_ *msg.Hint, it *msg.PutItem) {
			it.Object = causal.Object{Register: causal.Value{Kind: kv.Value, Stamp: causal.Stamp{Ms: w.wallMs() + 501, Node: 1}}}
		}, msg.ByDrift},
	} {
		m, it := good, item
		k.change(&m, &it)
		m.Items = []*msg.PutItem{&it}
		n.with(func(c *actors.Context) {
			n.h.Receive(c, &m)
			refused := c.Envelopes[0].Message.(*msg.Hinted).Refused
			if k.want == 0 {
				require.Empty(t, refused, name)
				return
			}
			require.Equal(t, []msg.PutRefusal{{Index: 0, Reason: k.want}}, refused, name)
		})
	}
}

func TestOldHintsAreNeitherDeliveredNorShown(t *testing.T) {
	w := newWorld(t, 7, 5, Config{HintTTLMs: 100_000})
	target, at := w.replica("k0")
	n, p := w.nodes[at-1], partitionOf(w.layout, "k0")
	w.nodes[target-1].crash()
	w.give(at, target, "k0")
	w.run(99_000 * ms)
	_, ok := n.h.Lookup(p, []byte("k0"), w.wallMs())
	require.True(t, ok)
	w.run(4_000 * ms)
	_, ok = n.h.Lookup(p, []byte("k0"), w.wallMs())
	require.False(t, ok)
	w.run(60_000 * ms)
	require.Zero(t, w.hints())
	require.Equal(t, uint64(1), n.h.Stats().Expired)
	require.Equal(t, uint64(1), n.h.Deleted())
	w.nodes[target-1].boot()
	w.run(5_000 * ms)
	require.Zero(t, w.puts)
	// Nor after a restart, which reads the record of the hint again.
	n.crash()
	n.boot()
	require.Zero(t, w.hints())
}

// A node that stood still is told of anything else first, and its handoff is flushed with that.
func TestHintsThatGrewOldWhileTheNodeStoodStillStay(t *testing.T) {
	w := newWorld(t, 7, 5, Config{HintTTLMs: 100_000})
	target, at := w.replica("k0")
	n := w.nodes[at-1]
	w.nodes[target-1].crash()
	w.give(at, target, "k0")
	w.run(2_000 * ms)
	require.Equal(t, 1, w.hints())
	w.puts = 0
	w.nowNs += 200_000 * ms
	n.with(func(c *actors.Context) { n.h.Flush(c) })
	require.Zero(t, w.puts)
	require.Zero(t, w.hints())
}

// A part that stays keeps its age; a state that knows all of it does not.
func TestAMergedHintIsAsOldAsItsOldestPart(t *testing.T) {
	w := newWorld(t, 8, 5, Config{})
	target, at := w.replica("k0")
	n, p := w.nodes[at-1], partitionOf(w.layout, "k0")
	w.nodes[target-1].crash()
	count := func(id uint16) causal.Object {
		o, err := (&causal.Object{}).Add(causal.NewID(kv.NodeID(id), 1), 1)
		require.NoError(t, err)
		return o
	}
	keep := func(o causal.Object) {
		m := &msg.Hint{SentMs: w.wallMs(), Epoch: 1, Target: target, Items: []*msg.PutItem{{Partition: p, Key: []byte("k0"), Object: o}}}
		n.with(func(c *actors.Context) { n.h.Receive(c, m); n.h.Flush(c) })
	}
	born := w.wallMs()
	keep(count(1))
	w.run(1000 * ms)
	keep(count(2))
	require.Equal(t, born, n.h.find(target).head.bornMs)
	a, b, x := count(1), count(2), count(3)
	all := a.Merge(&b)
	all = all.Merge(&x)
	keep(all)
	require.Equal(t, born+1000, n.h.find(target).head.bornMs)
}

func TestSloppyReadsSeeWhatIsKeptForOthers(t *testing.T) {
	w := newWorld(t, 9, 5, Config{})
	_, at := w.replica("k0")
	p := partitionOf(w.layout, "k0")
	n := w.nodes[at-1]
	var want causal.Object
	for _, target := range w.layout.Preference(p)[:2] {
		w.nodes[target-1].crash()
		m := w.give(at, target, "k0")
		want = want.Merge(&m.Items[0].Object)
	}
	w.run(1000 * ms)
	enc := want.Append(nil)
	items := []msg.FetchItem{
		{Partition: p, Key: []byte("k0")}, {Partition: p, Key: []byte("k0"), Have: causal.Digest([]byte("k0"), enc)},
		{Partition: p, Key: []byte("never")}, {Partition: 4000, Key: []byte("k0")},
	}
	n.with(func(c *actors.Context) {
		n.h.Receive(c, &msg.Fetch{ID: 3, Epoch: 1, Items: items})
		require.True(t, c.Envelopes[0].Durable)
		got := c.Envelopes[0].Message.(*msg.Fetched).Items
		require.Equal(t, causal.Equal, got[0].Object.Compare(&want))
		require.True(t, got[1].Same)
		require.Nil(t, got[2].Object)
		require.Equal(t, msg.ByMap, got[3].Refused)
	})
	require.True(t, n.h.Waits(p, []byte("k0")))
	require.False(t, n.h.Waits(p, []byte("k")))
}

// A checkpoint, taken in pieces while hints come and go, and the log since its
// beginning rebuild exactly what is there.
func TestCheckpointAndLogRebuildTheHints(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rapid.Uint64().Draw(rt, "seed"), 5, Config{})
		_, at := w.replica("k0")
		n := w.nodes[at-1]
		busy := func(steps int) {
			for range steps {
				key := fmt.Sprint("k", w.rand.IntN(12))
				list := w.layout.Preference(partitionOf(w.layout, key))
				if target := list[w.rand.IntN(len(list))]; target != at {
					w.give(at, target, key)
				}
				if x := w.nodes[w.rand.IntN(5)]; x != n {
					x.silent = !x.silent
				}
				w.run(w.rand.Int64N(400 * ms))
			}
		}
		busy(10)
		n.sync()
		logFrom := len(n.disk)
		var checkpoint []byte
		limit := rapid.IntRange(1, 4).Draw(rt, "limit")
		for cursor := (*actors.Cursor)(nil); ; {
			c := &actors.Context{Self: n.addr(actors.Handoff)}
			cursor = n.h.Checkpoint(c, cursor, limit)
			checkpoint = append(checkpoint, c.Records...)
			if cursor == nil {
				break
			}
			busy(2)
		}
		busy(3)
		n.sync()
		want := n.h
		n.disk = append(checkpoint, n.disk[logFrom:]...)
		n.crash()
		w.nowNs++
		n.boot()
		require.Equal(t, want.index.Len(), n.h.index.Len())
		want.index.Scan(func(x *hint) bool {
			y := n.h.get(x.partition, x.key, n.h.find(x.target.node))
			require.NotNil(t, y)
			require.Equal(t, x.digest, y.digest)
			require.Equal(t, x.bornMs, y.bornMs)
			require.Equal(t, x.created, y.created)
			return true
		})
	})
}

func TestHintsGoWithTheirBucket(t *testing.T) {
	w := newWorld(t, 10, 5, Config{})
	target, at := w.replica("k0")
	w.nodes[target-1].crash()
	w.give(at, target, "k0")
	w.run(100 * ms)
	n := w.nodes[at-1]
	require.Equal(t, 1, w.hints())
	// The slot has another bucket: of its hints none may be of the one before.
	w.layout = layout(t, 5, 9, eventual("a", 0, 9, 3))
	n.with(func(c *actors.Context) { n.h.SetLayout(c, w.layout) })
	require.Zero(t, w.hints())
	w.run(100 * ms)
	n.crash()
	n.boot()
	require.Zero(t, w.hints())
}

// A restart may know an older map than its log: such hints wait for the map.
func TestAHintOfABucketThatIsNotYetKnownWaits(t *testing.T) {
	w := newWorld(t, 11, 5, Config{})
	w.layout = layout(t, 5, 9, eventual("a", 0, 9, 3))
	target, at := w.replica("k0")
	n := w.nodes[at-1]
	n.with(func(c *actors.Context) { n.h.SetLayout(c, w.layout) })
	w.nodes[target-1].crash()
	w.give(at, target, "k0")
	w.run(100 * ms)
	now := w.layout
	w.layout = layout(t, 5, 1)
	n.crash()
	n.boot()
	w.nodes[target-1].boot()
	w.run(10_000 * ms)
	require.Equal(t, 1, w.hints())
	require.Zero(t, w.puts)
	w.layout = now
	n.with(func(c *actors.Context) { n.h.SetLayout(c, now); n.h.Flush(c) })
	w.run(10_000 * ms)
	require.Zero(t, w.hints())
	w.checkKept()
}

// When N shrinks, what was kept for a former replica goes to a present one.
func TestAHintMovesWhenItsTargetIsNoReplicaAnyMore(t *testing.T) {
	w := newWorld(t, 12, 5, Config{})
	p := partitionOf(w.layout, "k0")
	smaller := layout(t, 5, 2, eventual("a", 0, 1, 2))
	var leaves kv.NodeID
	for _, r := range w.layout.Preference(p) {
		if smaller.IndexOf(p, r) < 0 {
			leaves = r
		}
	}
	at := w.layout.Fallbacks(p)[0]
	w.nodes[leaves-1].crash()
	m := w.give(at, leaves, "k0")
	w.run(100 * ms)
	require.Len(t, w.kept, 1)
	w.layout = smaller
	for _, n := range w.nodes {
		n.with(func(c *actors.Context) { n.h.SetLayout(c, w.layout); n.h.Flush(c) })
	}
	w.run(5_000 * ms)
	require.Zero(t, w.hints())
	got := w.nodes[w.layout.Preference(p)[0]-1].synced["k0"]
	require.Equal(t, causal.Equal, got.Compare(&m.Items[0].Object))
	require.Equal(t, uint64(1), w.nodes[at-1].h.Stats().Moved)
}

// A hint that moves makes another one older only if it brings something new.
func TestAHintThatMovesBringsItsAgeWithWhatIsNew(t *testing.T) {
	for _, more := range []bool{false, true} {
		w := newWorld(t, 14, 5, Config{})
		p := partitionOf(w.layout, "k0")
		smaller := layout(t, 5, 2, eventual("a", 0, 1, 1))
		stays, at := smaller.Preference(p)[0], w.layout.Fallbacks(p)[0]
		n := w.nodes[at-1]
		count := func(id uint16) causal.Object {
			o, err := (&causal.Object{}).Add(causal.NewID(kv.NodeID(id), 1), 1)
			require.NoError(t, err)
			return o
		}
		keep := func(target kv.NodeID, o causal.Object) {
			m := &msg.Hint{SentMs: w.wallMs(), Epoch: 1, Target: target, Items: []*msg.PutItem{{Partition: p, Key: []byte("k0"), Object: o}}}
			n.with(func(c *actors.Context) { n.h.Receive(c, m); n.h.Flush(c) })
		}
		born, o := w.wallMs(), count(1)
		for _, r := range w.layout.Preference(p) {
			w.nodes[r-1].crash()
		}
		for _, r := range w.layout.Preference(p) {
			if moves := r != stays; moves && more {
				keep(r, count(2))
			} else if moves {
				keep(r, o)
			}
		}
		w.run(1000 * ms)
		keep(stays, o)
		w.layout = smaller
		n.with(func(c *actors.Context) { n.h.SetLayout(c, w.layout); n.h.Flush(c) })
		require.Equal(t, 1, w.hints())
		want := born + 1000
		if more {
			want = born
		}
		require.Equal(t, want, n.h.find(stays).head.bornMs)
	}
}

func TestForeignMessagesPanic(t *testing.T) {
	w := newWorld(t, 13, 3, Config{})
	require.Panics(t, func() { w.nodes[0].h.Receive(&w.nodes[0].c, &msg.Put{}) })
	require.Error(t, w.nodes[0].h.Restore((&msg.ForgetRecord{}).AppendTo(nil)))
}
