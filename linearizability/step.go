package linearizability

import "math"

// action is an Op with its strings interned: what the checkers work on.
type action struct {
	call, ret int64 // ret is math.MaxInt64 if the outcome is unknown
	delta     int64
	num       int64
	src       int32 // index into the history
	pipe      int32
	place     int32
	val       value // Set, CAS, Append: the value to write
	exp       value // CAS
	out       value // SawValue: the value seen, or absent
	kind      Kind
	cond      Cond
	saw       Saw
	found     bool
	applied   bool
	unknown   bool
}

// compile interns op. A counter starts at 0, so there an absent read saw 0.
func (v *values) compile(m Model, op *Op, src int) action {
	a := action{
		call: op.Call, ret: op.end(), delta: op.Delta, num: op.Num, src: int32(src),
		kind: op.Kind, cond: op.Cond, saw: op.Saw, found: op.Found, applied: op.Applied,
		unknown: op.Outcome == Unknown, pipe: op.Pipe, place: op.Place,
	}
	switch op.Kind {
	case Set, Append:
		a.val = v.of(op.Value)
	case CAS:
		a.val, a.exp = v.of(op.Value), v.of(op.Expected)
	}
	if a.kind != Incr && a.saw == SawValue && a.found {
		a.out = v.of(op.Out)
	}
	if a.unknown {
		a.saw = SawNothing
	}
	if m == Counter && a.kind == Get && a.saw != SawNothing && !a.found {
		a.saw, a.found, a.out = SawValue, true, v.ofInt(0)
	}
	return a
}

// initial is the state of a key nobody has touched.
func (v *values) initial(m Model) value {
	if m == Counter {
		return v.ofInt(0)
	}
	return absent
}

// step executes a on the state s. It reports false if the answer that a got is
// impossible there; an action of unknown outcome fits everywhere.
func (v *values) step(s value, a *action) (value, bool) {
	holds, next := v.effect(s, a)
	if a.unknown {
		return next, true
	}
	if a.applied != holds && a.conditional() {
		return s, false
	}
	if a.kind == Incr {
		return next, a.saw != SawValue || !holds || v.ints[next] == a.num
	}
	switch a.saw {
	case SawFound:
		return next, a.found == (s != absent)
	case SawValue:
		return next, a.out == s && a.found == (s != absent)
	}
	return next, true
}

// effect is what a does to s, whatever its answer: whether its condition
// holds, and the state after it.
func (v *values) effect(s value, a *action) (bool, value) {
	switch a.kind {
	case Set:
		if a.cond == IfAbsent && s != absent || a.cond == IfExists && s == absent {
			return false, s
		}
		return true, a.val
	case Delete:
		if a.cond == IfAbsent && s != absent || a.cond == IfExists && s == absent {
			return false, s
		}
		return true, absent
	case CAS:
		if s != a.exp {
			return false, s
		}
		return true, a.val
	case Incr:
		if s != absent && !v.isInt[s] {
			return false, s
		}
		sum, ok := addInt64(v.ints[s], a.delta) // ints[absent] is 0
		if !ok {
			return false, s
		}
		return true, v.ofInt(sum)
	case Append:
		return true, v.join(s, a.val)
	}
	return true, s // Get
}

// conditional reports whether a may be refused by the state.
func (a *action) conditional() bool {
	return a.kind == CAS || a.kind == Incr || a.cond != Always
}

// blind reports whether a overwrites the state without looking at it.
func (a *action) blind() bool {
	return (a.kind == Set || a.kind == Delete) && a.cond == Always && a.saw == SawNothing
}

// readOnly reports whether a, as answered, leaves the state as it was.
func (a *action) readOnly() bool {
	return a.kind == Get || !a.unknown && a.conditional() && !a.applied
}

func addInt64(a, b int64) (int64, bool) {
	if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
		return 0, false
	}
	return a + b, true
}
