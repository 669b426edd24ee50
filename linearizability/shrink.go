package linearizability

import (
	"slices"
	"strconv"
)

// Start says what the key held when a stretch of its history began.
type Start struct {
	Value string
	Found bool // false: the key was absent
	By    Op   // the operation that proves it; nothing else was in progress
}

// The budget of shrinking, in steps of the search: a small stretch is worth
// waiting for, but not for long.
const (
	trialSteps  = 50_000
	shrinkSteps = 3_000_000
)

// shrinker looks for a small part of an illegal history of one key that is
// illegal by itself. Not every illegal part counts: without the write of a
// value its reads are illegal in any history. Each cut made here is sound,
// which means that if the whole were linearizable, the part would be too:
//
//   - the future of some instant: what was open then may or may not take effect;
//   - the past of an operation with which nothing else overlaps, and which
//     tells the state it leaves: that state is where the stretch starts.
//     (Earlier operations of unknown outcome stay.);
//   - operations that change nothing, as answered: reads, refused writes;
//   - where every look at the key names one value: writes of a value nobody saw,
//     and from a register with unique writes a value's write and all its reads.
type shrinker struct {
	c     *Checker
	m     Model
	ops   History
	start *Start
	left  int // steps
}

// stretch shrinks the history of the key that judge has just found Illegal.
func (c *Checker) stretch(h History, m Model, idx []int32) (History, *Start) {
	s := shrinker{c: c, m: m, left: shrinkSteps}
	if c.byZones {
		idx = c.zones.witness // whole clusters were left out, which is sound too
	}
	for _, i := range idx {
		if op := &h[i]; op.Outcome == OK || op.Outcome == Unknown && op.Kind != Get {
			s.ops = append(s.ops, *op)
		}
	}
	if c.bySearch {
		s.cutFuture()
		s.cutPast()
	}
	s.remove((*Op).changesNothing)
	s.remove(s.unseen())
	return inOrder(s.ops), s.start
}

func inOrder(h History) History {
	slices.SortStableFunc(h, func(a, b Op) int {
		switch {
		case a.Call < b.Call:
			return -1
		case a.Call > b.Call:
			return 1
		}
		return 0
	})
	return h
}

// illegal reports whether ops, from start on, are surely not linearizable.
func (s *shrinker) illegal(ops History, start *Start) bool {
	if s.left <= 0 {
		return false
	}
	c := s.c
	all := make([]int32, len(ops))
	for i := range ops {
		all[i] = int32(i)
	}
	c.keyed.load(s.m, ops, all)
	if start != nil {
		c.keyed.initial = absent
		if start.Found {
			c.keyed.initial = c.keyed.values.of(start.Value)
			c.keyed.wanted = append(c.keyed.wanted, false) // it may be new
		}
	}
	answer, ok := c.search.run(&c.keyed, min(trialSteps, s.left), budget{}.deadline)
	s.left -= c.search.steps + len(ops)
	return ok && answer == Illegal
}

// cutFuture drops what follows the first answer that nothing explains.
func (s *shrinker) cutFuture() {
	end := s.c.keyed.known[s.c.search.deepest].ret
	var kept History
	for _, op := range s.ops {
		switch {
		case op.Call > end:
			continue
		case op.Outcome == OK && op.Return > end:
			if op.Kind == Get {
				continue
			}
			op.Result = Result{} // Return stays: it was answered, but later
		}
		kept = append(kept, op)
	}
	if s.illegal(kept, nil) {
		s.ops = kept
	}
}

// cutPast looks for the latest operation that may begin the stretch.
func (s *shrinker) cutPast() {
	if !s.illegal(s.ops, nil) {
		return
	}
	type pin struct {
		start Start
		end   int64
	}
	var pins []pin
	known := s.c.keyed.known
	for i := range known {
		alone := s.c.search.pendFrom[i+1]-s.c.search.pendFrom[i] == 1 && (i == 0 || known[i-1].ret < known[i].call)
		op := s.ops[known[i].src]
		if start, ok := op.leaves(); ok && alone {
			pins = append(pins, pin{start, op.Return})
		}
	}
	for _, p := range slices.Backward(pins) {
		kept := slices.DeleteFunc(slices.Clone(s.ops), func(op Op) bool { return op.Outcome == OK && op.Return <= p.end })
		if s.illegal(kept, &p.start) {
			s.ops, s.start = kept, &p.start
			return
		}
	}
}

// leaves is the state after op, if its answer tells.
func (op *Op) leaves() (Start, bool) {
	st := Start{By: *op}
	wrote := op.Applied || op.Cond == Always
	switch {
	case op.Kind == Set && wrote, op.Kind == CAS && op.Applied:
		st.Value, st.Found = op.Value, true
	case op.Kind == Delete && wrote:
	case op.Kind == Incr && op.Applied && op.Saw == SawValue:
		st.Value, st.Found = strconv.FormatInt(op.Num, 10), true
	case op.changesNothing() && op.Saw == SawValue && op.Kind != Incr:
		st.Value, st.Found = op.Out, op.Found
	default:
		return st, false
	}
	return st, true
}

// changesNothing reports whether op, as answered, left the key as it was.
func (op *Op) changesNothing() bool {
	conditional := op.Kind == CAS || op.Kind == Incr || op.Cond != Always
	return op.Outcome == OK && (op.Kind == Get || conditional && !op.Applied)
}

// unseen gives a test for writes of values that nobody saw or expected, if
// leaving those out is sound.
func (s *shrinker) unseen() func(*Op) bool {
	all := make([]int32, len(s.ops))
	for i := range s.ops {
		all[i] = int32(i)
	}
	s.c.keyed.load(s.m, s.ops, all)
	if s.c.keyed.looksInexactly() {
		return func(*Op) bool { return false }
	}
	wanted := map[string]bool{}
	for i := range s.ops {
		op := &s.ops[i]
		if op.Outcome == OK && op.Saw == SawValue && op.Found {
			wanted[op.Out] = true
		}
		if op.Kind == CAS {
			wanted[op.Expected] = true
		}
	}
	return func(op *Op) bool {
		return op.Kind == Set && (op.Outcome == Unknown || op.Saw == SawNothing) && !wanted[op.Value]
	}
}

// remove takes away what it can of the operations that may says, in chunks
// first, one by one last.
func (s *shrinker) remove(may func(*Op) bool) {
	for chunk := max(len(s.ops)/2, 1); ; chunk /= 2 {
		for end := len(s.ops); end > 0; {
			var kept History
			n := 0
			at := end
			for at > 0 && n < chunk {
				at--
				if may(&s.ops[at]) {
					n++
				} else {
					kept = append(kept, s.ops[at])
				}
			}
			if n > 0 {
				slices.Reverse(kept)
				rest := slices.Concat(s.ops[:at], kept, s.ops[end:])
				if s.illegal(rest, s.start) {
					s.ops = rest
				}
			}
			end = at
		}
		if chunk <= 1 || s.left <= 0 {
			return
		}
	}
}

// answeredLater reports whether an operation of a stretch was answered, but
// only after the stretch. Everywhere else an unknown outcome has no Return.
func (op *Op) answeredLater() bool {
	return op.Outcome == Unknown && op.Return != 0
}
