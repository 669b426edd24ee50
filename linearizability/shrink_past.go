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
//   - any answer, where something is always in progress. A search of the past
//     that tries everything finds all the states the key can be in; what is in
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
	for back := 1; back < len(known); back *= 2 {
		level := len(known) - back
		t := known[level-1].ret
		if known[level].ret == t {
			continue // at one instant, time does not tell before from after
		}
		held := s.heldAt(t)
		if len(held) == 0 || len(held) > maxHeld {
			continue
		}
		var kept History
		for _, op := range s.ops {
			if op, in := op.after(t); in {
				kept = append(kept, op)
			}
		}
		if !yield(part{kept, &Start{Held: held}}) {
			return
		}
	}
}

// after is what counts of op in a stretch that begins after t.
func (op Op) after(t int64) (Op, bool) {
	switch {
	case op.Outcome == Unknown || op.Call > t:
		return op, true
	case op.Return <= t || op.Kind == Get:
		return op, false
	}
	return op.edge(), true
}

// upTo is what was known of op at t.
func (op Op) upTo(t int64) (Op, bool) {
	switch {
	case op.Call > t || op.Outcome == OK && op.Return > t && op.Kind == Get:
		return op, false
	case op.Outcome == OK && op.Return > t:
		return op.edge(), true
	}
	return op, true
}

// heldAt is what the key can have held at t by what was known at t: up to one
// more than maxHeld, or nothing if that can't be found out. A later answer must
// not narrow it down, or it could be the one that is wrong and the stretch would
// not show it.
func (s *shrinker) heldAt(t int64) []Held {
	var past History
	for _, op := range s.ops {
		if op, in := op.upTo(t); in {
			past = append(past, op)
		}
	}
	var held []Held
	c := s.c
	c.search.ends = func(state value) bool {
		on := Held{c.keyed.values.text[state], state != absent}
		if !slices.Contains(held, on) {
			held = append(held, on)
		}
		return len(held) > maxHeld
	}
	all := s.illegal(past, nil)
	c.search.ends = nil
	if !all && len(held) <= maxHeld {
		return nil // the search stopped early and has not seen every order
	}
	return held
}
