package doortest

import (
	"context"
	"slices"

	"github.com/quoratedb/quorate/actors/kv"
)

// Bucket implements door.Host.
func (h *Host) Bucket(name string) *kv.Bucket {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.buckets.Named(name)
}

// Buckets implements door.Host.
func (h *Host) Buckets() ([]kv.Bucket, kv.Epoch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.buckets.Buckets), h.buckets.Epoch
}

// ChangeBuckets implements door.Host. All buckets behave like strong ones.
func (h *Host) ChangeBuckets(_ context.Context, c *kv.Change) (kv.Epoch, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rules := kv.Rules{Members: 3, N: 3, Slots: 255, MinGraceMs: 1000, GraceMs: 2000}
	next, err := h.buckets.Apply(c, &rules, kv.ChangeID{Node: 1, Inc: 7, Seq: uint64(h.buckets.Epoch)}, func(kv.Retired) bool { return true })
	if err != nil {
		return h.buckets.Epoch, err
	}
	h.buckets = next
	return next.Epoch, nil
}
