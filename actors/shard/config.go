package shard

import (
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/ring"
)

// Config is what a shard is told at its start. Durations are nanoseconds.
type Config struct {
	Layout *ring.Layout
	Node   kv.NodeID
	Inc    kv.Incarnation
	Epoch  kv.Epoch
	Lane   uint32
	Lanes  int

	// RequestTimeoutNs is how long an operation may take before it is answered
	// with Unavailable (nothing left) or Unknown (it may still take effect).
	RequestTimeoutNs int64
	// ResendNs is the wait before an unanswered protocol message is repeated.
	ResendNs int64
	// BackoffNs bounds the jittered wait between two attempts to take a
	// partition over.
	BackoffNs int64
	// LevelNs is the pause between two background rounds that bring replicas
	// level and collect tombstones.
	LevelNs int64
	// MaxPending bounds the operations that wait in this shard; above it new
	// ones are answered with Busy.
	MaxPending int
	// KeepTouching switches off the shortcut that takes a partition whose
	// digests agree at a majority as touched in every key, so that simulations
	// exercise the first touch of single keys.
	KeepTouching bool
}

// Defaults fills in what is zero.
func (c Config) Defaults() Config {
	def := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	def(&c.RequestTimeoutNs, 2e9)
	def(&c.ResendNs, 100e6)
	def(&c.BackoffNs, 40e6)
	def(&c.LevelNs, 5e9)
	if c.MaxPending == 0 {
		c.MaxPending = 1 << 16
	}
	return c
}
