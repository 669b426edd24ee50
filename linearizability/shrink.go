package linearizability

import (
	"slices"
	"time"
)

// Start says what the key held when a stretch of its history began.
type Start struct {
	// Held lists what the key can have held: every order of execution that
	// explains the operations before the stretch leaves one of these.
	Held []Held
	// By is the operation that left it, if one did with which nothing overlapped.
	By *Op
}

// Held is a value of a key, or its absence.
type Held struct {
	Value string
	Found bool
}

// The budget of shrinking, in steps of the search beyond what the verdict
// took: a small stretch is worth waiting for, but not for long.
const (
	trialSteps  = 50_000
	shrinkSteps = 2_000_000
)

// shrinker looks for a small part of an illegal history of one key that is
// illegal by itself. Not every illegal part counts: without the write of a
// value its reads are illegal in any history. Each cut made here is sound,
// which means that if the whole were linearizable, the part would be too:
//
//   - the future of some instant: what was open then may or may not take effect;
//   - the past, see shrink_past.go;
//   - operations that change nothing, as answered: reads, refused writes;
//   - where every look at the key names one value: writes of a value nobody saw,
//     and from a register with unique writes a value's write and all its reads.
type shrinker struct {
	c     *Checker
	m     Model
	ops   History
	start *Start
	trial int // steps that one check may take
	left  int // steps that are left for all
}

// stretch shrinks the history of the key that judge has just found Illegal.
func (c *Checker) stretch(h History, m Model, idx []int32) (History, *Start) {
	s := shrinker{c: c, m: m, trial: trialSteps, left: shrinkSteps}
	if c.byZones {
		idx = c.zones.witness // whole clusters were left out, which is sound too
	}
	for _, i := range idx {
		if op := &h[i]; op.Outcome == OK || op.Outcome == Unknown && op.Kind != Get {
			s.ops = append(s.ops, *op)
		}
	}
	if c.bySearch {
		s.trial, s.left = s.trial+2*c.search.steps, s.left+10*c.search.steps
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

// illegal reports whether ops are surely not linearizable, whatever the key
// held at start.
func (s *shrinker) illegal(ops History, start *Start) bool {
	if start == nil {
		return s.illegalFrom(ops, nil)
	}
	for i := range start.Held {
		if !s.illegalFrom(ops, &start.Held[i]) {
			return false
		}
	}
	return true
}

// illegalFrom is illegal for one state; nil is that of an untouched key.
func (s *shrinker) illegalFrom(ops History, held *Held) bool {
	if s.left <= 0 {
		return false
	}
	c := s.c
	c.keyed.load(s.m, ops, everyIndex(ops))
	if held != nil {
		c.keyed.initial = c.keyed.values.heldBy(held)
	}
	answer, ok := c.search.run(&c.keyed, min(s.trial, s.left), time.Time{})
	s.left -= c.search.steps + len(ops)
	return ok && answer == Illegal
}

func (v *values) heldBy(held *Held) value {
	if held.Found {
		return v.of(held.Value)
	}
	return absent
}

func everyIndex(h History) []int32 {
	all := make([]int32, len(h))
	for i := range h {
		all[i] = int32(i)
	}
	return all
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
			op = op.edge()
		}
		kept = append(kept, op)
	}
	if s.illegal(kept, nil) {
		s.ops = kept
	}
}

// changesNothing reports whether op, as answered, left the key as it was.
func (op *Op) changesNothing() bool {
	conditional := op.Kind == CAS || op.Kind == Incr || op.Cond != Always
	return op.Outcome == OK && (op.Kind == Get || conditional && !op.Applied)
}

// unseen gives a test for writes of values that nobody saw or expected, if
// leaving those out is sound.
func (s *shrinker) unseen() func(*Op) bool {
	s.c.keyed.load(s.m, s.ops, everyIndex(s.ops))
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

// edge is op as it counts when the stretch ends, or begins, while it is in
// progress: it may have an effect in the stretch, or none. Return tells that
// it was answered; other unknown outcomes have none.
func (op Op) edge() Op {
	op.Result = Result{}
	return op
}

func (op *Op) atEdge() bool { return op.Outcome == Unknown && op.Return != 0 }
