package ring

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"
)

// drawConfig draws clusters of every awkward shape: weight 0, few nodes, zones
// of one node.
func drawConfig(t *rapid.T) Config {
	ids := rapid.SliceOfNDistinct(rapid.Uint16Range(1, 2000), 1, 12, rapid.ID).Draw(t, "ids")
	zones := rapid.IntRange(1, 5).Draw(t, "zones")
	cfg := Config{
		Partitions: 1 << rapid.IntRange(0, 7).Draw(t, "log2 partitions"),
		VNodes:     rapid.IntRange(1, 64).Draw(t, "vnodes"),
		N:          rapid.IntRange(1, MaxN).Draw(t, "n"),
	}
	for i, id := range ids {
		weight := rapid.IntRange(0, 4).Draw(t, "weight")
		if i == 0 {
			weight = max(weight, 1)
		}
		cfg.Nodes = append(cfg.Nodes, Node{
			ID: kv.NodeID(id), Weight: weight, Zone: fmt.Sprintf("z%d", rapid.IntRange(1, zones).Draw(t, "zone")),
		})
	}
	return cfg
}

func TestPreferenceListsAreDistinctNodesSpreadOverZones(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		r, err := New(cfg)
		require.NoError(t, err)
		zoneOf, zoneSize := map[kv.NodeID]string{}, map[string]int{}
		for _, n := range cfg.Nodes {
			if n.Weight > 0 {
				zoneOf[n.ID] = n.Zone
				zoneSize[n.Zone]++
			}
		}
		require.Equal(t, cfg.Partitions, r.Partitions())
		require.Equal(t, min(cfg.N, len(zoneOf)), r.Replicas())
		for p := range kv.Partition(r.Partitions()) {
			prefs := r.Preference(p)
			require.Len(t, prefs, r.Replicas())
			inZone := map[string]int{}
			for i, n := range prefs {
				require.Contains(t, zoneOf, n, "a node without weight holds data")
				require.Equal(t, i, r.IndexOf(p, n), "listed twice")
				inZone[zoneOf[n]]++
			}
			// As even as can be: no zone has two more than another that still has nodes to give.
			for a, size := range zoneSize {
				for _, held := range inZone {
					require.False(t, held > inZone[a]+1 && inZone[a] < size, "partition %d: %v of %v", p, inZone, zoneSize)
				}
			}
		}
		require.Equal(t, -1, r.IndexOf(0, 65535))
	})
}

func TestRingIsAPureFunctionOfTheSetOfNodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := drawConfig(t)
		a, err := New(cfg)
		require.NoError(t, err)
		shuffled := cfg
		shuffled.Nodes = rapid.Permutation(cfg.Nodes).Draw(t, "order")
		before := slices.Clone(shuffled.Nodes)
		b, err := New(shuffled)
		require.NoError(t, err)
		require.Equal(t, a, b)
		require.Equal(t, before, shuffled.Nodes, "the config was changed")
	})
}

// slowWalk is the obvious twin of walkFrom: the nodes by clockwise distance of
// their nearest token.
func slowWalk(tokens []token, nodes int, start uint64) []int {
	nearest := make([]uint64, nodes)
	for i := range nearest {
		nearest[i] = ^uint64(0)
	}
	order := make([]int, nodes)
	for i := range order {
		order[i] = i
	}
	for _, tok := range tokens {
		nearest[tok.node] = min(nearest[tok.node], tok.at-start)
	}
	slices.SortFunc(order, func(a, b int) int {
		if nearest[a] < nearest[b] {
			return -1
		}
		return 1
	})
	return order
}

func TestWalkAgreesWithItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := make([]Node, rapid.IntRange(1, 10).Draw(t, "nodes"))
		for i := range nodes {
			nodes[i] = Node{ID: kv.NodeID(i + 1), Weight: rapid.IntRange(1, 3).Draw(t, "weight")}
		}
		pl := newPlacer(nodes, 16, rapid.IntRange(1, 8).Draw(t, "vnodes"), 1)
		start := rapid.Uint64().Draw(t, "start")
		pl.walkFrom(start)
		require.Equal(t, slowWalk(pl.tokens, len(nodes), start), pl.walk)
	})
}

func TestPartitionOfIsTheTopBitsOfTheHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		partitions := 1 << rapid.IntRange(0, 14).Draw(t, "log2 partitions")
		r, err := New(Config{Nodes: []Node{{ID: 1, Weight: 1}}, Partitions: partitions, VNodes: 1, N: 1})
		require.NoError(t, err)
		key, bucket := rapid.SliceOf(rapid.Byte()).Draw(t, "key"), rapid.Uint32().Draw(t, "bucket")
		h, got := xxh3.HashSeed(key, uint64(bucket)), 0
		for bit := 63; 1<<(63-bit) < partitions; bit-- {
			got = 2*got + int(h>>bit&1)
		}
		require.Equal(t, kv.Partition(got), r.PartitionOf(bucket, key))
	})
}

func TestSplitStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		portions := make([]portion, rapid.IntRange(1, 8).Draw(t, "portions"))
		low, high := 0, 0
		for i := range portions {
			l := rapid.IntRange(0, 50).Draw(t, "low")
			portions[i] = portion{weight: rapid.IntRange(1, 400).Draw(t, "weight"), low: l, high: l + rapid.IntRange(0, 50).Draw(t, "range")}
			low, high = low+l, high+portions[i].high
		}
		total := rapid.IntRange(low, high).Draw(t, "total")
		sum := 0
		for i, part := range split(total, portions) {
			require.GreaterOrEqual(t, part, portions[i].low)
			require.LessOrEqual(t, part, portions[i].high)
			sum += part
		}
		require.GreaterOrEqual(t, sum, total)
		require.Less(t, sum, total+len(portions))
	})
}

func TestBadConfigsAreRefused(t *testing.T) {
	one := []Node{{ID: 1, Weight: 1}}
	for want, cfg := range map[string]Config{
		"ring: 3 partitions, allowed is a power of two from 1 to 16384":            {Nodes: one, N: 1, Partitions: 3},
		"ring: 32768 partitions, allowed is a power of two from 1 to 16384":        {Nodes: one, N: 1, Partitions: 32768},
		"ring: -1 virtual nodes, allowed are 1 to 4096":                            {Nodes: one, N: 1, VNodes: -1},
		"ring: N is 0, allowed are 1 to 7":                                         {Nodes: one},
		"ring: N is 8, allowed are 1 to 7":                                         {Nodes: one, N: 8},
		"ring: node id 0, allowed are 1 to 65535":                                  {Nodes: []Node{{Weight: 1}}, N: 1},
		"ring: node id 1 appears twice, ids must be distinct":                      {Nodes: append(one, one...), N: 1},
		"ring: node 1 has weight 101, allowed are 0 to 100":                        {Nodes: []Node{{ID: 1, Weight: 101}}, N: 1},
		"ring: node 1 has weight -1, allowed are 0 to 100":                         {Nodes: []Node{{ID: 1, Weight: -1}}, N: 1},
		"ring: no node has a weight above 0, at least one must hold data":          {Nodes: []Node{{ID: 1}}, N: 1},
		"ring: weights and virtual nodes make 4505600 tokens, allowed are 4194304": {Nodes: heavyOf(11, MaxWeight), N: 1, VNodes: 4096},
		"ring: 1025 nodes, allowed are at most 1024":                               {Nodes: make([]Node, 1025), N: 1},
	} {
		_, err := New(cfg)
		require.EqualError(t, err, want)
	}
}

// TestPlacementNeverChanges guards stored data: nodes find their partitions
// again only while the same config gives the same ring in every release.
func TestPlacementNeverChanges(t *testing.T) {
	nodes := []Node{{1, 1, "a"}, {2, 1, "a"}, {3, 2, "b"}, {4, 1, "c"}, {5, 0, "c"}, {6, 1, "c"}}
	r, err := New(Config{Nodes: nodes, N: 3})
	require.NoError(t, err)
	var all bytes.Buffer
	for p := range kv.Partition(r.Partitions()) {
		fmt.Fprint(&all, r.Preference(p))
	}
	require.Equal(t, "9cbd1c850d8e7d79", fmt.Sprintf("%016x", xxh3.Hash(all.Bytes())))
	require.Equal(t, kv.Partition(231), r.PartitionOf(DefaultBucket, []byte("user:123")))
	require.NotEqual(t, r.PartitionOf(1, []byte("user:123")), r.PartitionOf(DefaultBucket, []byte("user:123")))
}

func BenchmarkPartitionOf(b *testing.B) {
	r, _ := New(Config{Nodes: heavyOf(3, MaxWeight), VNodes: 1, N: 3})
	key := []byte("0123456789abcdef")
	b.ReportAllocs()
	for b.Loop() {
		r.PartitionOf(DefaultBucket, key)
	}
}

func BenchmarkNewThreeNodes(b *testing.B) {
	for b.Loop() {
		_, _ = New(Config{Nodes: []Node{{ID: 1, Weight: 1}, {ID: 2, Weight: 1}, {ID: 3, Weight: 1}}, N: 3})
	}
}
