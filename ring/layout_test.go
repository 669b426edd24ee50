package ring

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawLayout makes a layout of random members and buckets, and returns both.
func drawLayout(t *rapid.T) (*Layout, []kv.Bucket) {
	nodes := equalNodes(t, rapid.IntRange(1, 9).Draw(t, "nodes"))
	for i := range nodes {
		nodes[i].Zone = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "zone")
	}
	cfg := Config{Nodes: nodes, Partitions: 1 << rapid.IntRange(0, 5).Draw(t, "log2 partitions"), VNodes: 8}
	var buckets []kv.Bucket
	for _, slot := range rapid.SliceOfNDistinct(rapid.Uint16Range(0, 30), 1, 6, rapid.ID).Draw(t, "slots") {
		buckets = append(buckets, kv.Bucket{Name: fmt.Sprintf("b%d", slot), Slot: slot, Created: kv.Epoch(slot),
			Mode: kv.Mode(rapid.IntRange(1, 3).Draw(t, "mode")), N: uint8(rapid.IntRange(1, 7).Draw(t, "n"))})
	}
	l, err := NewLayout(cfg, 40, buckets)
	require.NoError(t, err)
	return l, buckets
}

// TestALayoutIsItsRings: each partition has the one bucket of its slot, and is
// placed by the ring of that bucket's N; nothing else exists but the system's.
func TestALayoutIsItsRings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, buckets := drawLayout(t)
		var want []kv.Partition
		for _, b := range buckets {
			r, err := New(Config{Nodes: l.Nodes(), Partitions: l.PerBucket(), VNodes: 8, N: int(b.N)})
			require.NoError(t, err)
			require.Equal(t, b, *l.Named(b.Name))
			for i := range l.PerBucket() {
				p := kv.Partition(int(b.Slot)*l.PerBucket() + i)
				want = append(want, p)
				require.Equal(t, b, *l.Bucket(p))
				require.Equal(t, b.Mode, l.Mode(p))
				require.Equal(t, b.Created, l.Born(p))
				require.Equal(t, r.Preference(kv.Partition(i)), l.Preference(p))
				require.Len(t, l.Zones(nil, p), len(l.Preference(p)))
			}
			key := rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "key")
			require.Equal(t, &b, l.Bucket(l.PartitionOf(&b, key)), "a key is in its bucket")
		}
		slices.Sort(want)
		var got []kv.Partition
		l.Each(func(p kv.Partition) { got = append(got, p) })
		require.Equal(t, append(want, SystemPartition), got)
		free := kv.Partition(31 * l.PerBucket())
		require.Nil(t, l.Bucket(free))
		require.Zero(t, l.Mode(free))
		require.Empty(t, l.Preference(free))
		require.False(t, l.Means(free, 99))
	})
}

// TestTheDefaultBucketIsPlacedAsEver: a layout moves nothing that a ring had placed.
func TestTheDefaultBucketIsPlacedAsEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Nodes: equalNodes(t, rapid.IntRange(1, 7).Draw(t, "nodes")), Partitions: 16, VNodes: 8, N: rapid.IntRange(1, 7).Draw(t, "n")}
		r := mustNew(t, cfg)
		l, err := First(cfg)
		require.NoError(t, err)
		key := rapid.SliceOf(rapid.Byte()).Draw(t, "key")
		p := l.PartitionOf(nil, key)
		require.Equal(t, r.PartitionOf(DefaultBucket, key), p)
		require.Equal(t, p, l.PartitionOf(l.Named(kv.DefaultBucket), key))
		require.Equal(t, r.Preference(p), l.Preference(p))
		require.Equal(t, kv.Strong, l.Mode(p))
		require.Zero(t, l.Born(p))
	})
}

// TestFallbacksAreAllOthersAndSpread: every member is either at home or a
// fallback; and of many partitions no fallback comes first much more often than others.
func TestFallbacksAreAllOthersAndSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, buckets := drawLayout(t)
		p := kv.Partition(int(buckets[0].Slot) * l.PerBucket())
		all := append(slices.Clone(l.Preference(p)), l.Fallbacks(p)...)
		slices.Sort(all)
		var members []kv.NodeID
		for _, n := range l.Nodes() {
			members = append(members, n.ID)
		}
		require.Equal(t, members, all)
	})
	l, err := First(Config{Nodes: heavyOf(8, 1), Partitions: 1024, N: 3})
	require.NoError(t, err)
	first := map[kv.NodeID]int{}
	for p := range kv.Partition(1024) {
		first[l.Fallbacks(p)[0]]++
	}
	require.LessOrEqual(t, busiest(first, 8), 1.3)
}

// TestAMapOfAnotherEpoch: With changes the buckets alone, and a slot that is
// used again is not what an older map meant by it.
func TestAMapOfAnotherEpoch(t *testing.T) {
	first, err := First(Config{Nodes: heavyOf(7, 1), Partitions: 4, N: 3})
	require.NoError(t, err)
	b := kv.Bucket{Name: "x", Slot: 1, Created: 2, Mode: kv.Eventual, N: 5}
	second, err := first.With(2, []kv.Bucket{*first.Named("default"), b})
	require.NoError(t, err)
	require.Equal(t, kv.FirstEpoch, first.Epoch())
	require.Nil(t, first.Named("x"), "a layout never changes")
	b.Created, b.Name = 9, "y"
	third, err := second.With(9, []kv.Bucket{*first.Named("default"), b})
	require.NoError(t, err)
	require.True(t, second.Means(4, 2))
	require.False(t, third.Means(4, 8))
	require.True(t, third.Means(4, 9))
	require.True(t, third.Means(0, 1))
	require.Len(t, third.Preference(SystemPartition), MaxVoters)
}

func TestLayoutsThatAreRefused(t *testing.T) {
	cfg := Config{Nodes: heavyOf(1, 1), Partitions: 1 << 14}
	b := kv.Bucket{Name: "x", Slot: 1, N: 1, Mode: kv.Strong}
	same := b
	same.Name = "y"
	far, wide := b, b
	far.Slot, wide.N = 3, 8
	for want, buckets := range map[string][]kv.Bucket{
		`ring: bucket "x" has slot 3, with 16384 partitions per bucket there are 3`: {far},
		`ring: bucket "x" has N 8, allowed are 1 to 7`:                              {wide},
		`ring: two buckets are named "x"`:                                           {b, b},
		`ring: buckets "x" and "y" have slot 1 both`:                                {b, same},
	} {
		_, err := NewLayout(cfg, 1, buckets)
		require.EqualError(t, err, want)
	}
}

// TestTable compares a table with a map, in ascending order.
func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table Table[int]
		want := map[kv.Partition]int{}
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			p := kv.Partition(rapid.SampledFrom([]uint16{0, 1, 2, 7, 300, uint16(SystemPartition)}).Draw(t, "partition"))
			if v := rapid.IntRange(0, 9).Draw(t, "value"); v == 0 {
				delete(want, p)
				table.Set(p, nil)
			} else {
				want[p] = v
				table.Set(p, &v)
			}
		}
		got, last := map[kv.Partition]int{}, -1
		for p, v := range table.All() {
			require.Greater(t, int(p), last)
			got[p], last = *v, int(p)
			require.Equal(t, v, table.At(p))
		}
		require.Equal(t, want, got)
		for p := range table.From(2) {
			require.GreaterOrEqual(t, p, kv.Partition(2))
		}
		require.Nil(t, table.At(9))
	})
}

// TestFormerReplicasAreThoseOfEveryEarlierN: whoever held the partition under
// some N that the bucket has had, and does not now.
func TestFormerReplicasAreThoseOfEveryEarlierN(t *testing.T) {
	first, err := First(Config{Nodes: heavyOf(9, 1), Partitions: 32, N: 3})
	require.NoError(t, err)
	b := kv.Bucket{Name: "x", Slot: 1, Created: 2, Mode: kv.Eventual, N: 5}
	l := make(map[uint8]*Layout)
	for _, n := range []uint8{5, 4, 2} {
		b.N = n
		l[n], err = first.With(kv.Epoch(10-n), []kv.Bucket{b})
		require.NoError(t, err)
		b.Had = b.Had.With(int(n))
	}
	b.Had = kv.Sizes(0).With(5).With(4)
	now, err := first.With(20, []kv.Bucket{b})
	require.NoError(t, err)
	for p := kv.Partition(32); p < 64; p++ {
		require.Empty(t, l[5].Former(p))
		want := map[kv.NodeID]bool{}
		for _, n := range []uint8{5, 4} {
			for _, node := range l[n].Preference(p) {
				want[node] = now.IndexOf(p, node) < 0
			}
		}
		for _, node := range now.Nodes() {
			require.Equal(t, want[node.ID], slices.Contains(now.Former(p), node.ID), "partition %d, node %d", p, node.ID)
		}
	}
	require.Empty(t, now.Former(SystemPartition))
}
