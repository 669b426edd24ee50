package ring

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// equalNodes draws k distinct node ids of weight 1.
func equalNodes(t *rapid.T, k int) []Node {
	var nodes []Node
	for _, id := range rapid.SliceOfNDistinct(rapid.Uint16Range(1, 60000), k, k, rapid.ID).Draw(t, "ids") {
		nodes = append(nodes, Node{ID: kv.NodeID(id), Weight: 1})
	}
	return nodes
}

func mustNew(t require.TestingT, cfg Config) *Ring {
	r, err := New(cfg)
	require.NoError(t, err)
	return r
}

// count returns how many partitions each node holds and owns.
func count(r *Ring) (held, owned map[kv.NodeID]int) {
	held, owned = map[kv.NodeID]int{}, map[kv.NodeID]int{}
	for p := range kv.Partition(r.Partitions()) {
		prefs := r.Preference(p)
		owned[prefs[0]]++
		for _, n := range prefs {
			held[n]++
		}
	}
	return held, owned
}

func busiest(loads map[kv.NodeID]int, nodes int) float64 {
	sum, most := 0, 0
	for _, load := range loads {
		sum, most = sum+load, max(most, load)
	}
	return float64(most) * float64(nodes) / float64(sum)
}

func TestTheBusiestNodeIsNearTheMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(3, 12).Draw(t, "nodes")
		n := rapid.IntRange(1, 5).Draw(t, "n")
		r := mustNew(t, Config{Nodes: equalNodes(t, k), N: n, VNodes: rapid.IntRange(100, 256).Draw(t, "vnodes")})
		held, owned := count(r)
		require.LessOrEqual(t, busiest(held, k), 1.2)
		require.LessOrEqual(t, busiest(owned, k), 1.2)
	})
}

func TestKeysSpreadLikePartitions(t *testing.T) {
	const nodes, keys = 10, 200_000
	r := mustNew(t, Config{Nodes: heavyOf(nodes, 1), N: 3})
	held, owned := map[kv.NodeID]int{}, map[kv.NodeID]int{}
	for i := range keys {
		prefs := r.Preference(r.PartitionOf(DefaultBucket, fmt.Appendf(nil, "user:%d", i)))
		owned[prefs[0]]++
		for _, n := range prefs {
			held[n]++
		}
	}
	require.LessOrEqual(t, busiest(held, nodes), 1.25)
	require.LessOrEqual(t, busiest(owned, nodes), 1.25)
	t.Logf("busiest of %d nodes: %.3f of the mean in replicas of keys, %.3f in owned keys",
		nodes, busiest(held, nodes), busiest(owned, nodes))
}

func TestThreeNodesOwnAThirdEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, owned := count(mustNew(t, Config{Nodes: equalNodes(t, 3), N: 3}))
		for n, k := range owned {
			require.InDelta(t, 256.0/3, k, 1.5, "node %d of %v", n, owned)
		}
	})
}

func TestWeightsGetProportionalShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := equalNodes(t, 8)
		total := 0
		for i := range nodes {
			nodes[i].Weight = rapid.IntRange(1, 3).Draw(t, "weight")
			total += nodes[i].Weight
		}
		held, owned := count(mustNew(t, Config{Nodes: nodes, N: 2, Partitions: 1024}))
		for _, n := range nodes {
			fair := float64(n.Weight) / float64(total) * 1024
			require.InEpsilon(t, 2*fair, held[n.ID], 0.35, "replicas of node %d, weight %d of %d", n.ID, n.Weight, total)
			require.InEpsilon(t, fair, owned[n.ID], 0.1, "ownerships of node %d, weight %d of %d", n.ID, n.Weight, total)
		}
	})
}

// movement is what changes from a to b, in replicas and in default owners, as
// multiples of ideal: what a joiner or leaver itself must gain or lose.
func movement(a, b *Ring, joined kv.NodeID) (replicas, owners, betweenOld float64) {
	moved, handed, between := 0, 0, 0
	for p := range kv.Partition(a.Partitions()) {
		for _, n := range b.Preference(p) {
			if a.IndexOf(p, n) < 0 {
				moved++
				if n != joined {
					between++
				}
			}
		}
		if a.Preference(p)[0] != b.Preference(p)[0] {
			handed++
		}
	}
	ideal := float64(b.Partitions()) / float64(len(b.Nodes()))
	width := float64(b.Replicas())
	return float64(moved) / ideal / width, float64(handed) / ideal, float64(between) / ideal / width
}

func TestJoiningMovesLittleMoreThanItsShare(t *testing.T) {
	worst := map[string]float64{}
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(3, 12).Draw(t, "nodes")
		nodes := equalNodes(t, k+1)
		small := mustNew(t, Config{Nodes: nodes[:k], N: 3})
		large := mustNew(t, Config{Nodes: nodes, N: 3})
		replicas, owners, between := movement(small, large, nodes[k].ID)
		require.LessOrEqual(t, replicas, 1.5, "replicas moved")
		require.LessOrEqual(t, between, 0.4, "replicas moved between old nodes")
		require.LessOrEqual(t, owners, 3.0, "default owners changed")
		worst["replicas"] = max(worst["replicas"], replicas)
		worst["between old nodes"] = max(worst["between old nodes"], between)
		worst["owners"] = max(worst["owners"], owners)
		// Leaving is the way back: the partitions of the leaver move, and hardly any other.
		ideal := float64(3*large.Partitions()) / float64(k+1)
		back, _, _ := movement(large, small, 0)
		back *= 3 * float64(small.Partitions()) / float64(k) // in replicas
		require.LessOrEqual(t, back, 1.5*ideal, "replicas moved by leaving")
	})
	t.Logf("worst multiples of the ideal: %v", worst)
}

func heavyOf(n, weight int) (nodes []Node) {
	for i := range n {
		nodes = append(nodes, Node{ID: kv.NodeID(i + 1), Weight: weight})
	}
	return nodes
}

// TestBucketsSpreadIndependently: the partitions of the same keys in two
// buckets agree no more often than chance.
func TestBucketsSpreadIndependently(t *testing.T) {
	r := mustNew(t, Config{Nodes: heavyOf(3, 1), N: 3})
	same := 0
	for i := range 25_600 {
		key := binary.BigEndian.AppendUint32(nil, uint32(i))
		if r.PartitionOf(1, key) == r.PartitionOf(2, key) {
			same++
		}
	}
	require.InDelta(t, 100, same, 60)
}

// TestADeadNodesPartitionsSpreadOverTheOthers: the second of each preference
// list takes over, and no survivor ends up with most of the dead node's load.
func TestADeadNodesPartitionsSpreadOverTheOthers(t *testing.T) {
	worst := 0.0
	rapid.Check(t, func(t *rapid.T) {
		nodes := equalNodes(t, rapid.IntRange(3, 10).Draw(t, "nodes"))
		r := mustNew(t, Config{Nodes: nodes, N: 3})
		owned := map[kv.NodeID]int{}
		for p := range kv.Partition(r.Partitions()) {
			prefs := r.Preference(p)
			if prefs[0] == nodes[0].ID {
				prefs = prefs[1:]
			}
			owned[prefs[0]]++
		}
		load := busiest(owned, len(nodes)-1)
		require.LessOrEqual(t, load, 1.6)
		worst = max(worst, load)
	})
	t.Logf("busiest survivor: %.2f of the mean", worst)
}
