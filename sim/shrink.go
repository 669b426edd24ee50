package sim

// Shrink deletes faults and operations from a failing plan, as long as a run of
// what is left violates the same kind of check and goOn says yes, and returns
// the smallest plan found (Zeller and Hildebrandt, "Simplifying and Isolating
// Failure-Inducing Input", 2002: delta debugging on both lists).
func Shrink(failed *Result, opts Options, goOn func() bool) *Plan {
	s := shrinker{best: failed.Plan, opts: opts, goOn: goOn, check: failed.Violations[0].Check}
	s.opts.Record = false
	for again := true; again && goOn(); {
		size := len(s.best.Ops) + len(s.best.Faults)
		s.faults()
		s.ops()
		again = len(s.best.Ops)+len(s.best.Faults) < size
	}
	s.simplify()
	return s.best
}

type shrinker struct {
	best  *Plan
	opts  Options
	goOn  func() bool
	check string
}

// try keeps a smaller plan if it fails in the same way.
func (s *shrinker) try(p *Plan) bool {
	if !s.goOn() {
		return false
	}
	r, err := Run(p, s.opts)
	if err != nil || r.Verdict != VerdictViolation {
		return false
	}
	for _, v := range r.Violations {
		if v.Check == s.check {
			s.best = p
			return true
		}
	}
	return false
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

// simplify makes what is left plainer, one change at a time.
func (s *shrinker) simplify() {
	for _, change := range []func(*Config){
		func(c *Config) { c.Network.Codec = false },
		func(c *Config) { c.Network.Loss = 0 },
		func(c *Config) { c.Network.Dup = 0 },
		func(c *Config) { c.Disk.CheckpointNs = 0 },
		func(c *Config) { c.DriftPPM = 0 },
		func(c *Config) { c.SkewMs = 0 },
		func(c *Config) { c.GatherNs = 0 },
		func(c *Config) { c.Lanes = 1 },
	} {
		p := *s.best
		change(&p.Config)
		s.try(&p)
	}
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
