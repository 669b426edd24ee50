package sim

import (
	"fmt"
	"strconv"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability/causalhist"
)

// This file is what a run against real processes takes from the simulator: the
// buckets of a scenario and what clients do to them, and how to read a stamp out of
// an answer. There nobody sees what nodes stamp writes with as they make them.

// OutsideBucket is a bucket for a cluster of real processes.
type OutsideBucket struct {
	BucketCfg
	// Habits are operations that seeds let clients do to its keys. What they do, ask
	// for and carry along counts (Do, R, W, Context), not the key, nor when.
	Habits []ClientOp
	// EdgePercent of its keys are named by EdgeName.
	EdgePercent int
}

// Outside draws buckets that are not strong, and their operations, as the
// scenario's seeds from the given one on have them. N is cut down to the nodes that
// there are, and stays below them where it was.
func (s *Scenario) Outside(seed uint64, nodes, number int) []OutsideBucket {
	const patience = 20 // seeds for each bucket; few scenarios have buckets with every seed
	var list []OutsideBucket
	for i := range uint64(number * patience) {
		plan := Draw(seed+i, s)
		for _, b := range plan.Config.Buckets {
			out := OutsideBucket{BucketCfg: b, EdgePercent: plan.Config.edgePercent(b.Name)}
			for _, op := range plan.Ops {
				if plan.Config.Keys[op.Key].Bucket == b.Name {
					out.Habits = append(out.Habits, op)
				}
			}
			if len(out.Habits) == 0 {
				continue
			}
			out.shrink(plan.Config.Nodes, nodes)
			out.Name = fmt.Sprintf("b%d", len(list))
			if list = append(list, out); len(list) == number {
				return list
			}
		}
	}
	return list
}

// edgePercent is how many of a bucket's keys are named by EdgeName.
func (c *Config) edgePercent(bucket string) int {
	all, edge := 0, 0
	for i, k := range c.Keys {
		if k.Bucket != bucket {
			continue
		}
		all++
		if k.Name != keyName(i) {
			edge++
		}
	}
	return 100 * edge / max(all, 1)
}

// shrink fits a bucket of a cluster of some size into one of another.
func (b *OutsideBucket) shrink(from, to int) {
	most := to
	if b.N < from {
		most = max(to-1, 1)
	}
	b.N = min(b.N, most)
	b.R, b.W = b.within(b.R), b.within(b.W)
	for i := range b.Habits {
		b.Habits[i].R, b.Habits[i].W = b.within(b.Habits[i].R), b.within(b.Habits[i].W)
	}
}

// within is an R or W that N replicas can give.
func (b *OutsideBucket) within(ask string) string {
	if count, err := strconv.Atoi(ask); err == nil {
		return strconv.Itoa(min(count, b.N))
	}
	return ask
}

// Quorum is how many replicas an operation waits for that asks for that much of a
// bucket, in a cluster of one zone; empty: as the bucket says. 0: where others may
// stand in for them.
func Quorum(b *kv.Bucket, read bool, own string) int {
	ask := b.W
	if read {
		ask = b.R
	}
	if own != "" {
		ask = askOf(own)
	}
	switch {
	case b.Sloppy:
		return 0
	case ask.Level == kv.ByCount:
		return int(ask.Count)
	case ask.Level == kv.One:
		return 1
	case ask.Level == kv.All:
		return int(b.N)
	}
	return int(b.N)/2 + 1
}

// StampIn is the stamp in a context that came with an answer about a key of a bucket
// of policy lww: that of the write that was answered, or of what was read. Zero:
// there is none. The error says that no node may have given that context out.
func StampIn(context string, b *kv.Bucket, key string) (causalhist.Stamp, error) {
	seen, err := causal.ParseToken(context, causal.TokenBucket(b), []byte(key))
	if err != nil || seen.Register.IsZero() {
		return causalhist.Stamp{}, err
	}
	return stampFor(seen.Register), nil
}

// StampLimitMs is the highest time of a stamp that a node whose clock shows wallMs takes.
func StampLimitMs(wallMs int64) int64 { return wallMs + causal.DefaultCapMs }

// IncrementOf is what the k-th increment of a key adds, counted from 0, so that a sum
// names those in it; false: there are no more.
func IncrementOf(k int) (delta int64, ok bool) { return firstDelta << k, k < maxIncrements }
