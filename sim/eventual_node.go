package sim

import (
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/system"
)

// eventualConfig sets what the actors of buckets that are not strong are told.
// Their times follow from those that the plan has for strong buckets.
func (n *node) eventualConfig(cfg *system.Config) {
	c := n.w.cfg
	co := &cfg.Coordinate
	co.RequestTimeoutNs, co.ResendNs, co.MaxPending = c.RequestTimeoutNs, c.ResendNs, c.MaxPending
	co.HintAfterNs = max(min(2*c.ResendNs, c.RequestTimeoutNs/2), 1)
	if c.Disk.Sync == "interval" {
		co.Clock.SyncMs = c.Disk.IntervalNs/1e6 + 1
	}
	hand := &cfg.Handoff
	hand.BackoffNs, hand.MaxBackoffNs, hand.ProbeNs = c.BackoffNs, 16*c.BackoffNs, 8*c.SuspectNs
	hand.AnswerNs, hand.HintTTLMs = 4*c.ResendNs, c.hintLifeMs()
	rep := &cfg.Repair
	rep.IntervalNs, rep.SettleNs, rep.AnswerNs = 2*c.LevelNs, c.LevelNs, 4*c.ResendNs
	rep.OperationMs = c.RequestTimeoutNs/1e6 + 1
	if c.HintTTLMs > 0 {
		hand.MessageTTLMs = c.HintTTLMs
		cfg.Store.MessageTTLMs = c.HintTTLMs
		rep.GraceMs = c.GraceMs()
		rep.CollectNs = rep.GraceMs * 1e6 / 4
	}
	if c.HintBytes > 0 {
		hand.TargetBytes, hand.TotalBytes = c.HintBytes, 2*c.HintBytes
	}
}

// hintLifeMs is the life of hints: by default longer than every run, though not than
// every jump of a clock.
func (c *Config) hintLifeMs() int64 {
	if c.HintTTLMs == 0 {
		return 3 * 3600 * 1000
	}
	return c.HintTTLMs
}

// GraceMs is how old a tombstone must be to be collected: it outlasts hints,
// messages, operations and the difference of clocks, and not by much.
func (c *Config) GraceMs() int64 {
	return 2*c.HintTTLMs + c.RequestTimeoutNs/1e6 + 2*causal.DefaultCapMs
}

// storeView is what the oracles see of a node's store.
type storeView interface {
	Lookup(p kv.Partition, key []byte) (causal.Object, causal.Hash)
	Root(p kv.Partition) causal.Hash
	Keys(p kv.Partition) int
}

// hintView is what they see of its handoff.
type hintView interface {
	Lookup(p kv.Partition, key []byte, wallMs int64) (causal.Object, bool)
	Each(p kv.Partition, key []byte, f func(target kv.NodeID, object *causal.Object, bornMs int64))
}

// store is the one that holds a partition of a bucket that is not strong.
func (n *node) store(p kv.Partition) storeView { return n.laneOf(p).Store }

// hints is the handoff beside it.
func (n *node) hints(p kv.Partition) hintView { return n.laneOf(p).Handoff }

// hintCount is how many hints a node keeps for others that may come for them.
func (n *node) hintCount() int {
	sum := 0
	for _, l := range n.sys.Lanes {
		for _, t := range l.Handoff.Stats().Targets {
			if !n.w.nodes[t.Node-1].refused() {
				sum += t.Hints
			}
		}
	}
	return sum
}
