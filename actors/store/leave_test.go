package store_test

import (
	"testing"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
	"github.com/stretchr/testify/require"
)

// sized is layout with another N: with 1 some of the partitions are node 2's.
func sized(t *testing.T, epoch kv.Epoch, n uint8) *ring.Layout {
	cfg := ring.Config{Partitions: partitions, VNodes: 1, Nodes: []ring.Node{{ID: 1, Weight: 1}, {ID: 2, Weight: 1}}}
	l, err := ring.NewLayout(cfg, epoch, []kv.Bucket{
		{Name: "strong", Created: 1, Mode: kv.Strong, N: 2},
		{Name: "b", Slot: 1, Created: 1, Mode: kv.Eventual, Policy: kv.LWW, N: n},
	})
	require.NoError(t, err)
	return l
}

// A copy that has left takes no more writes, goes as one record, and neither a
// restart nor another map brings it back. What comes later stays.
func TestACopyThatHasMovedGoesForGood(t *testing.T) {
	h := newHost(t, sized(t, 1, 2))
	two := sized(t, 2, 1)
	gone, stays := kv.Partition(partitions), kv.Partition(partitions+1)
	if two.IndexOf(gone, 1) >= 0 {
		gone, stays = stays, gone
	}
	require.Equal(t, []kv.NodeID{2}, two.Preference(gone))
	require.Equal(t, []kv.NodeID{1}, two.Preference(stays))
	value := func(ms int64) causal.Object {
		return causal.Object{Register: causal.Value{Kind: kv.Value, Data: []byte("v"), Stamp: causal.Stamp{Ms: ms, Node: 1}}}
	}
	for _, key := range []string{"a", "b", "c"} {
		require.Zero(t, h.put(1, gone, key, value(5)))
		require.Zero(t, h.put(1, stays, key, value(5)))
	}
	leave := func(epoch kv.Epoch, p kv.Partition) {
		require.Nil(t, h.ask(&msg.Leave{Epoch: epoch, Partition: p}))
	}
	leave(1, gone)
	require.Equal(t, 3, h.s.Keys(gone), "it is a replica")
	h.s.SetLayout(&h.c, two)
	h.take()
	require.Equal(t, msg.ByPlace, h.put(2, gone, "d", value(6)))
	leave(1, gone)
	leave(2, stays)
	require.Equal(t, 3, h.s.Keys(gone), "of another map")
	require.Equal(t, 3, h.s.Keys(stays))
	before := len(h.log)
	leave(2, gone)
	require.Zero(t, h.s.Keys(gone))
	require.Zero(t, h.s.Bytes(gone))
	require.Less(t, len(h.log)-before, 32, "one record")

	back := sized(t, 3, 2)
	h.s.SetLayout(&h.c, back)
	h.take()
	require.Zero(t, h.put(3, gone, "e", value(7)))
	again := newHost(t, back)
	again.restore(t, h.log)
	again.s.SetLayout(&again.c, back)
	require.Equal(t, 1, again.s.Keys(gone))
	require.Equal(t, 3, again.s.Keys(stays))
	require.Equal(t, h.s.Root(gone), again.s.Root(gone))
}

// A hint that is older than the grace of its bucket by this node's map might bring
// back what a tombstone had deleted that has gone since.
func TestAHintThatIsOlderThanTheGrace(t *testing.T) {
	cfg := ring.Config{Partitions: 2, VNodes: 4, Nodes: []ring.Node{{ID: 1, Weight: 1}}}
	l, err := ring.NewLayout(cfg, 1, []kv.Bucket{
		{Name: "strong", Created: 1, Mode: kv.Strong, N: 1},
		{Name: "b", Slot: 1, Created: 1, Mode: kv.Eventual, Policy: kv.LWW, N: 1, Sloppy: true, GraceMs: 200_000},
	})
	require.NoError(t, err)
	h := newHost(t, l)
	p := l.PartitionOf(l.Named("b"), []byte("k"))
	for ageMs, refused := range map[int64]bool{0: false, 200_000 - causal.DefaultCapMs: false, 200_001 - causal.DefaultCapMs: true} {
		put := &msg.Put{ID: 1, SentMs: wallMs, BornMs: wallMs - ageMs, Epoch: 1, Why: msg.ForHint, Items: []*msg.PutItem{{Partition: p, Key: []byte("k"), Object: register(wallMs-ageMs, "v")}}}
		reply := h.ask(put).(*msg.Stored)
		if refused {
			require.Equal(t, []msg.PutRefusal{{Reason: msg.ByAge}}, reply.Refused, "%d ms", ageMs)
		} else {
			require.Empty(t, reply.Refused, "%d ms", ageMs)
		}
	}
}
