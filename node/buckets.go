package node

import (
	"context"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/node/door"
)

// Bucket implements door.Host.
func (n *Node) Bucket(name string) *kv.Bucket { return n.layout.Load().Named(name) }

// Buckets implements door.Host.
func (n *Node) Buckets() ([]kv.Bucket, kv.Epoch) {
	l := n.layout.Load()
	var all []kv.Bucket
	for _, b := range l.Buckets() {
		if b != nil {
			all = append(all, *b)
		}
	}
	return all, l.Epoch()
}

// ChangeBuckets implements door.Host.
func (n *Node) ChangeBuckets(_ context.Context, _ *kv.Change) (kv.Epoch, error) {
	return 0, door.ErrMapUnavailable
}
