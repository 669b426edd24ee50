package sim

import (
	"slices"

	"github.com/quoratedb/quorate/actors/kv"
)

// Shrink looks for the smallest plan of which a run violates the same kind of
// check, as long as goOn says yes, and returns it. First it makes the cluster
// and its clientele smaller, which makes every later try cheap; then it deletes
// faults and operations (Zeller and Hildebrandt, "Simplifying and Isolating
// Failure-Inducing Input", 2002: delta debugging on both lists); and last it makes
// what is left plainer: latencies, dice, times. See shrink_plain.go.
func Shrink(failed *Result, opts Options, goOn func() bool) *Plan {
	s := shrinker{best: failed.Plan, opts: opts, goOn: goOn, check: failed.Violations[0].Check}
	s.opts.Record = false
	s.hurry(failed)
	if s.check == Liveness {
		if p := s.impatiently(failed); p != nil {
			return p
		}
	}
	s.shrink(failed)
	return s.best
}

// impatiently shrinks with a liveness phase that ends early: every run that still
// fails lasts to the end of that phase, and most runs of a reduction are such; in
// a storm of messages each takes seconds. The result counts only if it fails in
// all of the time, too.
func (s *shrinker) impatiently(failed *Result) *Plan {
	c := failed.Plan.Config
	s.change(func(c *Config) { c.LivenessNs = (failed.VirtualNs - min(c.SafetyNs, failed.VirtualNs)) / 8 })
	if s.best != failed.Plan {
		s.shrink(failed)
	}
	p := s.copied()
	p.Config.LivenessNs = c.LivenessNs
	s.best = failed.Plan
	r, err := Run(p, s.opts) // once, though the time may be up
	if err == nil && s.convicts(r) {
		return p
	}
	return nil
}

// shrink goes through all steps.
func (s *shrinker) shrink(failed *Result) {
	s.truncate(failed.Violations[0].AtNs)
	s.bare()
	s.calm()
	s.lists()
	s.simplify()
	s.lists() // which may shift less than before
	s.reroll()
}

// bare leaves everything out: some bugs need no more than the final phase.
func (s *shrinker) bare() {
	p := s.copied()
	p.Ops, p.Faults, p.MapOps = nil, nil, nil
	s.try(p)
}

// reroll takes up a reduction that ended early. What is left out shifts all that
// comes later against the dice of the network and the disks, so in a long plan
// nearly every deletion loses a failure that hangs on the moment; with the same
// lists and other dice it may be there again.
func (s *shrinker) reroll() {
	if s.size() <= enough || s.best.Config.Exact {
		return
	}
	s.rerolls = maxRerolls
	s.lists()
	s.rerolls = 0
	s.simplify()
	s.lists()
}

// enough operations and faults are few: a person can follow them.
const enough = 12

// maxRerolls is how many other dice each plan is tried with.
const maxRerolls = 6

// lists makes the lists shorter until nothing more can be left out.
func (s *shrinker) lists() {
	for again := true; again && s.goOn(); {
		size := s.size()
		if len(s.best.MapOps) > len(s.best.Ops) { // what is most costs every later try most
			s.mapOps()
		}
		s.clientele()
		s.faults()
		s.ops()
		s.mapOps()
		again = s.size() < size
	}
}

func (s *shrinker) size() int { return len(s.best.Ops) + len(s.best.Faults) + len(s.best.MapOps) }

type shrinker struct {
	best   *Plan
	opts   Options
	goOn   func() bool
	check  string
	events uint64 // of the best plan's run
	// rerolls is how many other seeds each plan is tried with, see reroll.
	rerolls int
}

// try keeps a smaller plan if it fails in the same way.
func (s *shrinker) try(p *Plan) bool {
	for range 1 + s.rerolls {
		if !s.goOn() {
			return false
		}
		if r, err := Run(p, s.opts); err == nil && s.convicts(r) && !s.wilder(r) {
			s.best = p
			s.hurry(r)
			return true
		}
		other := *p
		other.Seed++
		p = &other
	}
	return false
}

// hurry spares later tries what says nothing about a broken invariant: the
// history, and all that comes long after the moment at which it was seen broken.
func (s *shrinker) hurry(failed *Result) {
	s.events = failed.Events
	if s.check != Invariant && s.check != Panic {
		return
	}
	for i := range failed.Violations {
		if v := &failed.Violations[i]; v.Check == s.check {
			s.opts.NoCheck, s.opts.untilNs = true, v.AtNs+v.AtNs/4+100e6
			return
		}
	}
}

// wilder reports whether a run that never comes to rest does more than the best
// one: with plainer settings a storm may be a worse one, and take ever longer.
func (s *shrinker) wilder(r *Result) bool { return s.check == Liveness && r.Events > s.events }

// convicts reports whether a run fails in the same way.
func (s *shrinker) convicts(r *Result) bool {
	return slices.ContainsFunc(r.Violations, func(v Violation) bool { return v.Check == s.check })
}

// copied returns a copy of the best plan, the lists included.
func (s *shrinker) copied() *Plan {
	p := *s.best
	p.Config.Keys = slices.Clone(p.Config.Keys)
	p.Ops, p.Faults, p.MapOps = slices.Clone(p.Ops), slices.Clone(p.Faults), slices.Clone(p.MapOps)
	return &p
}

// truncate leaves out what begins after the violation was seen.
func (s *shrinker) truncate(atNs int64) {
	p := s.copied()
	p.Ops = slices.DeleteFunc(p.Ops, func(op ClientOp) bool { return op.AtNs > atNs })
	p.Faults = slices.DeleteFunc(p.Faults, func(f Fault) bool { return f.AtNs > atNs })
	p.MapOps = slices.DeleteFunc(p.MapOps, func(op MapOp) bool { return op.AtNs > atNs })
	if len(p.Ops)+len(p.Faults)+len(p.MapOps) < s.size() {
		s.try(p)
	}
}

// clientele leaves out keys and clients, with their operations.
func (s *shrinker) clientele() {
	for k := len(s.best.Config.Keys) - 1; k >= 0 && len(s.best.Config.Keys) > 1; k-- {
		p := s.copied()
		p.Config.Keys = slices.Delete(p.Config.Keys, k, k+1)
		p.Ops = slices.DeleteFunc(p.Ops, func(op ClientOp) bool { return op.Key == k })
		for i := range p.Ops {
			if p.Ops[i].Key > k {
				p.Ops[i].Key--
			}
		}
		s.try(p)
	}
	for c := s.best.Config.Clients - 1; c >= 0 && s.best.Config.Clients > 1; c-- {
		p := s.copied()
		p.Config.Clients--
		p.Ops = slices.DeleteFunc(p.Ops, func(op ClientOp) bool { return op.Client == c })
		for i := range p.Ops {
			if p.Ops[i].Client > c {
				p.Ops[i].Client--
			}
		}
		s.try(p)
	}
	s.nodes()
}

// nodes makes the cluster as small as its replica sets. That moves the keys
// to other nodes, so it often does not work.
func (s *shrinker) nodes() {
	c := &s.best.Config
	if c.Nodes <= c.N {
		return
	}
	p := s.copied()
	p.Config.Nodes = c.N
	to := func(n kv.NodeID) kv.NodeID { return (n-1)%kv.NodeID(c.N) + 1 }
	if p.Config.Core.Node > 0 {
		p.Config.Core = Core{Node: to(p.Config.Core.Node)}
	}
	for i := range p.Ops {
		p.Ops[i].Node = to(p.Ops[i].Node)
	}
	for i := range p.MapOps {
		p.MapOps[i].Node = to(p.MapOps[i].Node)
	}
	for i := range p.Faults {
		f := &p.Faults[i]
		f.Nodes, f.To = slices.Clone(f.Nodes), slices.Clone(f.To)
		for _, list := range [][]kv.NodeID{f.Nodes, f.To} {
			for k := range list {
				list[k] = to(list[k])
			}
		}
	}
	s.try(p)
}

func (s *shrinker) faults() {
	ddmin(len(s.best.Faults), func(keep []int) bool {
		p := *s.best
		p.Faults = pick(s.best.Faults, keep)
		return s.try(&p)
	})
}

func (s *shrinker) ops() {
	ddmin(len(s.best.Ops), func(keep []int) bool {
		p := *s.best
		p.Ops = pick(s.best.Ops, keep)
		return s.try(&p)
	})
}

// mapOps leaves out buckets that come and go with all that is done to them, then
// single operations.
func (s *shrinker) mapOps() {
	for _, bucket := range buckets(s.best.MapOps) {
		p := s.copied()
		p.MapOps = slices.DeleteFunc(p.MapOps, func(op MapOp) bool { return op.Bucket == bucket })
		s.try(p)
	}
	ddmin(len(s.best.MapOps), func(keep []int) bool {
		p := *s.best
		p.MapOps = pick(s.best.MapOps, keep)
		return s.try(&p)
	})
}

// buckets are the names of those that operations are about, in their order.
func buckets(ops []MapOp) (names []string) {
	for i := range ops {
		if !slices.Contains(names, ops[i].Bucket) {
			names = append(names, ops[i].Bucket)
		}
	}
	return names
}

func pick[T any](items []T, keep []int) []T {
	out := make([]T, len(keep))
	for i, k := range keep {
		out[i] = items[k]
	}
	return out
}

// ddmin deletes ever smaller chunks of n items while test, given the indexes
// to keep, says that the failure is still there. After a success the indexes
// count from 0 again, in the shorter list.
func ddmin(n int, test func(keep []int) bool) {
	if n > 0 && test(nil) {
		return
	}
	for chunk := (n + 1) / 2; chunk > 0; chunk /= 2 {
		for from := 0; from < n; {
			keep := make([]int, 0, n)
			for i := range n {
				if i < from || i >= from+chunk {
					keep = append(keep, i)
				}
			}
			if len(keep) < n && test(keep) {
				n = len(keep)
				continue
			}
			from += chunk
		}
	}
}
