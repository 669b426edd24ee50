package lab

import (
	"fmt"
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/coordinate"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/store"
	"github.com/quoratedb/quorate/ring"
)

// bucket is the one that holds the key.
const bucket = "lab"

// layout is a cluster of a coordinator and N nodes that hold replicas.
func (h *host) layout() (*ring.Layout, error) {
	n := h.s.N
	cfg := ring.Config{Partitions: 1, VNodes: 8, N: n}
	for i := range n + 1 {
		node := ring.Node{ID: coordinatorNode + kv.NodeID(i), Weight: 1}
		if node.ID == coordinatorNode {
			node.Weight = 0 // holds nothing
		}
		cfg.Nodes = append(cfg.Nodes, node)
	}
	ask := func(count int) kv.Ask { return kv.Ask{Count: uint8(count)} }
	buckets := append(slices.Clone(kv.FirstMap(n).Buckets), kv.Bucket{
		Name: bucket, Slot: 1, Created: kv.FirstEpoch, Mode: kv.Eventual, N: uint8(n), Policy: kv.LWW,
		Repair: kv.RepairOff, R: ask(h.s.R), W: ask(h.s.W),
	})
	return ring.NewLayout(cfg, kv.FirstEpoch, buckets)
}

// makeActors makes the coordinator and the stores. Nothing is repeated and no
// hint is given: every message arrives, if late.
func (h *host) makeActors() error {
	l, err := h.layout()
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	h.part = l.PartitionOf(l.Named(bucket), h.key)
	if len(l.Preference(h.part)) != h.s.N || l.IndexOf(h.part, coordinatorNode) >= 0 {
		return fmt.Errorf("lab: replicas %v of a cluster of %d", l.Preference(h.part), h.s.N)
	}
	const never = int64(1) << 60
	newStore := func(node kv.NodeID) *store.Store {
		return store.New(store.Config{Layout: l, Node: node, Lanes: 1})
	}
	c := coordinate.New(coordinate.Config{
		Layout: l, Node: coordinatorNode, Inc: 1, Lanes: 1,
		RequestTimeoutNs: patienceNs, ResendNs: never >> 8, HintAfterNs: never, MaxPending: 1 << 30,
	}, newStore(coordinatorNode), nil) // its own store stays empty
	h.actors = []actors.Actor{c}
	for i := range h.s.N {
		h.actors = append(h.actors, newStore(coordinatorNode+kv.NodeID(i+1)))
	}
	h.prepare(actors.Address{Node: coordinatorNode, Kind: actors.Coordinator}, actors.Address{})
	c.Start(&h.ctx)
	h.carryOut()
	return nil
}
