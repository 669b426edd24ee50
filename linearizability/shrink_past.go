package linearizability

import (
	"slices"
	"strconv"
)

// cutPast drops the past of the latest instant from which the stretch is still
// illegal. Two kinds of instants will do:
//
//   - the end of an operation with which nothing overlaps and whose answer
//     tells the state it leaves. This reads best.
//   - any answer, where something is always in progress. The search, which has
//     tried everything, knows all the states the key can be in; what is in
//     progress may already have had its effect, so it need not have one.
//
// Earlier operations of unknown outcome stay: they may still happen.
func (s *shrinker) cutPast() {
	if !s.illegal(s.ops, nil) {
		return
	}
	known := slices.Clone(s.c.keyed.known)
	best := part{s.ops, nil}
	s.atPins(known, func(p part) bool {
		if !s.illegal(p.ops, p.start) {
			return true
		}
		best = p
		return false
	})
	if len(best.ops) > 20 {
		s.atAnswers(known, func(p part) bool {
			if !s.illegal(p.ops, p.start) {
				return true
			}
			if len(p.ops) < len(best.ops)/2 {
				best = p
			}
			return false
		})
	}
	s.ops, s.start = best.ops, best.start
}

// part is a stretch and where it starts.
type part struct {
	ops   History
	start *Start
}

// atPins yields the parts that begin at an operation alone, latest first.
func (s *shrinker) atPins(known []action, yield func(part) bool) {
	for i := len(known) - 1; i >= 0; i-- {
		a := &known[i]
		op := s.ops[a.src]
		alone := (i == 0 || known[i-1].ret < a.call) && s.callsAfter(known[i+1:], a.ret)
		held, ok := op.leaves()
		if !ok || !alone {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(s.ops), func(op Op) bool { return op.Outcome == OK && op.Return <= a.ret })
		if !yield(part{kept, &Start{Held: []Held{held}, By: &op}}) {
			return
		}
	}
}

func (s *shrinker) callsAfter(known []action, t int64) bool {
	for i := range known {
		if known[i].call <= t {
			return false
		}
	}
	return true
}

// leaves is the state after op, if its answer tells.
func (op *Op) leaves() (Held, bool) {
	wrote := op.Applied || op.Cond == Always
	switch {
	case op.Kind == Set && wrote, op.Kind == CAS && op.Applied:
		return Held{op.Value, true}, true
	case op.Kind == Delete && wrote:
		return Held{}, true
	case op.Kind == Incr && op.Applied && op.Saw == SawValue:
		return Held{strconv.FormatInt(op.Num, 10), true}, true
	case op.changesNothing() && op.Saw == SawValue && op.Kind != Incr:
		return Held{op.Out, op.Found}, true
	}
	return Held{}, false
}

// maxHeld bounds the states a stretch may begin from: more explain nothing.
const maxHeld = 6

// atAnswers yields the parts that begin at the last answer but one, two, four
// and so on.
func (s *shrinker) atAnswers(known []action, yield func(part) bool) {
	states := s.statesByLevel(known)
	for back := 1; back < len(known); back *= 2 {
		level := len(known) - back
		held, t := states[level], known[level-1].ret
		if len(held) == 0 || len(held) > maxHeld || known[level].ret == t {
			continue // at one instant, time does not tell before from after
		}
		var kept History
		for _, op := range s.ops {
			switch {
			case op.Outcome == OK && (op.Return <= t || op.Call <= t && op.Kind == Get):
				continue
			case op.Outcome == OK && op.Call <= t:
				op = op.edge()
			}
			kept = append(kept, op)
		}
		if !yield(part{kept, &Start{Held: held}}) {
			return
		}
	}
}

// statesByLevel runs the search once more and notes in which states it came to
// each answer, up to one more than maxHeld.
func (s *shrinker) statesByLevel(known []action) [][]Held {
	states := make([][]value, len(known)+1)
	c := s.c
	c.search.watch = func(at *config) {
		if on := &states[at.level]; len(*on) <= maxHeld && !slices.Contains(*on, at.state) {
			*on = append(*on, at.state)
		}
	}
	illegal := s.illegal(s.ops, nil)
	c.search.watch = nil
	held := make([][]Held, len(states))
	for level := range states {
		for _, state := range states[level] {
			if illegal { // otherwise the search stopped early and has not seen all
				held[level] = append(held[level], Held{c.keyed.values.text[state], state != absent})
			}
		}
	}
	return held
}
