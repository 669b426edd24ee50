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
	whole := s.ops
	s.cutAtPin(known)
	if pinned, start := s.ops, s.start; len(pinned) > 20 {
		s.ops = whole
		if s.cutAtAnswer(known); len(s.ops) > len(pinned)/2 {
			s.ops, s.start = pinned, start
		}
	}
}

func (s *shrinker) cutAtPin(known []action) {
	for i := len(known) - 1; i >= 0; i-- {
		a := &known[i]
		op := s.ops[a.src]
		alone := (i == 0 || known[i-1].ret < a.call) && s.callsAfter(known[i+1:], a.ret)
		held, ok := op.leaves()
		if !ok || !alone {
			continue
		}
		kept := slices.DeleteFunc(slices.Clone(s.ops), func(op Op) bool { return op.Outcome == OK && op.Return <= a.ret })
		if start := (&Start{Held: []Held{held}, By: &op}); s.illegal(kept, start) {
			s.ops, s.start = kept, start
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

// cutAtAnswer tries the last answer but one, two, four and so on.
func (s *shrinker) cutAtAnswer(known []action) {
	states := s.statesByLevel(known)
	for back := 1; back < len(known); back *= 2 {
		level := len(known) - back
		held := states[level]
		if len(held) == 0 || len(held) > maxHeld {
			continue
		}
		t := known[level-1].ret
		var kept History
		for _, op := range s.ops {
			switch {
			case op.Outcome == OK && op.Return <= t, op.Outcome == OK && op.Call <= t && op.Kind == Get:
				continue
			case op.Outcome == OK && op.Call <= t:
				op = op.edge()
			}
			kept = append(kept, op)
		}
		if start := (&Start{Held: held}); s.illegal(kept, start) {
			s.ops, s.start = kept, start
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
