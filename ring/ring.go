// Package ring places keys on nodes: keys fall into partitions by hash, and
// each partition has a preference list of distinct nodes, spread over zones
// first. It is immutable, uses integer arithmetic only, and is a pure function
// of its Config, so every node computes the same ring.
//
// Placement is consistent hashing with virtual nodes (Karger et al., STOC 1997)
// and bounded loads (Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with
// Bounded Loads", SODA 2018): each partition walks the ring clockwise from its
// own token and takes the first nodes that still have room. Without the bound
// a few hundred partitions on random tokens leave some node with 1.3 to 1.5
// times the mean load.
package ring

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/zeebo/xxh3"
)

// The defaults and limits of a Config.
const (
	DefaultPartitions = 256
	DefaultVNodes     = 128
	MaxPartitions     = 1 << 14
	MaxVNodes         = 4096
	MaxNodes          = 1024
	MaxWeight         = 100
	MaxTokens         = 1 << 22 // of all nodes: weight x virtual nodes each
	MaxN              = 7       // the largest replica set that package quorum counts
)

// DefaultBucket is the number of the bucket that always exists.
const DefaultBucket uint32 = 0

// Node is a member as the ring sees it.
type Node struct {
	ID kv.NodeID
	// Weight is the node's share relative to the others', 0 to MaxWeight. A
	// node of weight 0 holds nothing.
	Weight int
	// Zone is what fails together (a rack, a data centre). Nodes that name no
	// zone share the zone "".
	Zone string
}

// Config determines a ring. The order of Nodes does not matter.
type Config struct {
	Nodes      []Node
	Partitions int // a power of two; 0 means DefaultPartitions
	VNodes     int // tokens per unit of weight; 0 means DefaultVNodes
	N          int // replicas per partition, 1 to MaxN; fewer where fewer nodes hold data
}

// Ring is an immutable placement. It is safe for concurrent use.
type Ring struct {
	prefs   []kv.NodeID // partitions x width
	width   int
	n       int
	shift   uint
	members []Node // by ID
}

// New computes the ring of cfg. The error says which setting is wrong and what
// is allowed.
func New(cfg Config) (*Ring, error) {
	if cfg.Partitions == 0 {
		cfg.Partitions = DefaultPartitions
	}
	if cfg.VNodes == 0 {
		cfg.VNodes = DefaultVNodes
	}
	cfg.Nodes = slices.Clone(cfg.Nodes)
	// order: two nodes of one id are refused below
	slices.SortFunc(cfg.Nodes, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	if err := cfg.check(); err != nil {
		return nil, err
	}
	holders := slices.DeleteFunc(slices.Clone(cfg.Nodes), func(n Node) bool { return n.Weight == 0 })
	r := &Ring{
		n:       cfg.N,
		width:   min(cfg.N, len(holders)),
		shift:   uint(64 - bits.TrailingZeros(uint(cfg.Partitions))),
		members: cfg.Nodes,
	}
	r.prefs = place(holders, cfg.Partitions, cfg.VNodes, r.width)
	return r, nil
}

// check expects cfg.Nodes sorted by ID.
func (cfg *Config) check() error {
	switch {
	case cfg.Partitions < 1 || cfg.Partitions > MaxPartitions || bits.OnesCount(uint(cfg.Partitions)) != 1:
		return fmt.Errorf("ring: %d partitions, allowed is a power of two from 1 to %d", cfg.Partitions, MaxPartitions)
	case cfg.VNodes < 1 || cfg.VNodes > MaxVNodes:
		return fmt.Errorf("ring: %d virtual nodes, allowed are 1 to %d", cfg.VNodes, MaxVNodes)
	case cfg.N < 1 || cfg.N > MaxN:
		return fmt.Errorf("ring: N is %d, allowed are 1 to %d", cfg.N, MaxN)
	case len(cfg.Nodes) > MaxNodes:
		return fmt.Errorf("ring: %d nodes, allowed are at most %d", len(cfg.Nodes), MaxNodes)
	}
	total := 0
	for i, n := range cfg.Nodes {
		switch {
		case n.ID == 0:
			return fmt.Errorf("ring: node id 0, allowed are 1 to 65535")
		case i > 0 && n.ID == cfg.Nodes[i-1].ID:
			return fmt.Errorf("ring: node id %d appears twice, ids must be distinct", n.ID)
		case n.Weight < 0 || n.Weight > MaxWeight:
			return fmt.Errorf("ring: node %d has weight %d, allowed are 0 to %d", n.ID, n.Weight, MaxWeight)
		}
		total += n.Weight
	}
	if tokens := total * cfg.VNodes; tokens > MaxTokens {
		return fmt.Errorf("ring: weights and virtual nodes make %d tokens, allowed are %d", tokens, MaxTokens)
	}
	if total == 0 {
		return fmt.Errorf("ring: no node has a weight above 0, at least one must hold data")
	}
	return nil
}

// PartitionOf returns the partition of a key: the top bits of its xxh3 hash,
// seeded by the bucket so that buckets spread their keys independently.
func (r *Ring) PartitionOf(bucket uint32, key []byte) kv.Partition {
	return kv.Partition(xxh3.HashSeed(key, uint64(bucket)) >> r.shift)
}

// Preference returns the nodes that hold partition p, the default owner first:
// min(N, nodes with weight) distinct nodes. The caller must not change it.
func (r *Ring) Preference(p kv.Partition) []kv.NodeID {
	i := int(p) * r.width
	return r.prefs[i : i+r.width : i+r.width]
}

// IndexOf returns the position of a node in the preference list of p, or -1.
func (r *Ring) IndexOf(p kv.Partition, node kv.NodeID) int {
	return slices.Index(r.Preference(p), node)
}

// Partitions is the number of partitions.
func (r *Ring) Partitions() int { return len(r.prefs) / r.width }

// N is the configured number of replicas.
func (r *Ring) N() int { return r.n }

// Replicas is the length of every preference list: N, or as many nodes as have
// weight if these are fewer.
func (r *Ring) Replicas() int { return r.width }

// Nodes returns the members by ascending ID. The caller must not change it.
func (r *Ring) Nodes() []Node { return r.members }
