package sim

import (
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
)

// storeView is what the oracles see of a node's store.
type storeView interface {
	Lookup(p kv.Partition, key []byte) (causal.Object, causal.Hash)
	Root(p kv.Partition) causal.Hash
	Keys(p kv.Partition) int
}

// store is the one that holds a partition of a bucket that is not strong.
func (n *node) store(kv.Partition) storeView { return nil }
