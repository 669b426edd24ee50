package linearizability

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestStep spells out the semantics of every operation: state before, request,
// answer, and the state after it, or that the answer is impossible.
func TestStep(t *testing.T) {
	const impossible = "impossible"
	const none = "absent"
	ok := func(op Op) Op { op.Outcome, op.Applied = OK, true; return op }
	refused := func(op Op) Op { op.Outcome = OK; return op }
	saw := func(op Op, v string) Op { op.Saw, op.Found, op.Out = SawValue, true, v; return op }
	sawNone := func(op Op) Op { op.Saw = SawValue; return op }
	found := func(op Op, f bool) Op { op.Saw, op.Found = SawFound, f; return op }
	num := func(op Op, n int64) Op { op.Saw, op.Num = SawValue, n; return op }
	get, del, set := Op{Kind: Get}, Op{Kind: Delete}, Op{Kind: Set, Value: "v"}
	nx, xx := Op{Kind: Set, Value: "v", Cond: IfAbsent}, Op{Kind: Set, Value: "v", Cond: IfExists}
	delXX := Op{Kind: Delete, Cond: IfExists}
	cas, incr, app := Op{Kind: CAS, Expected: "a", Value: "b"}, Op{Kind: Incr, Delta: 3}, Op{Kind: Append, Value: "z"}
	top := strconv.FormatInt(math.MaxInt64, 10)

	for i, c := range []struct {
		before string
		op     Op
		after  string
	}{
		{none, ok(sawNone(get)), none}, {"x", ok(sawNone(get)), impossible},
		{"x", ok(saw(get, "x")), "x"}, {"x", ok(saw(get, "y")), impossible}, {none, ok(saw(get, "")), impossible},
		{"", ok(saw(get, "")), ""}, {"", ok(sawNone(get)), impossible},
		{"x", ok(found(get, true)), "x"}, {"x", ok(found(get, false)), impossible}, {none, ok(found(get, true)), impossible},
		{none, ok(set), "v"}, {"x", ok(set), "v"}, {"x", ok(saw(set, "x")), "v"}, {"x", ok(saw(set, "y")), impossible},
		{none, ok(sawNone(set)), "v"}, {"x", ok(found(set, false)), impossible},
		{none, ok(nx), "v"}, {"x", ok(nx), impossible}, {"x", refused(nx), "x"}, {none, refused(nx), impossible}, {"x", nx, "x"}, {none, nx, "v"},
		{none, ok(xx), impossible}, {"x", ok(xx), "v"}, {"x", refused(xx), impossible}, {none, refused(xx), none}, {"x", refused(saw(nx, "x")), "x"}, {"x", refused(saw(nx, "y")), impossible},
		{"x", ok(del), none}, {none, ok(del), none}, {"x", ok(found(del, false)), impossible}, {none, ok(found(del, false)), none},
		{"x", ok(delXX), none}, {none, ok(delXX), impossible}, {none, refused(delXX), none}, {"x", ok(saw(del, "x")), none},
		{"a", ok(cas), "b"}, {"c", ok(cas), impossible}, {"a", refused(cas), impossible}, {"c", refused(cas), "c"},
		{none, refused(cas), none}, {none, ok(cas), impossible}, {"a", cas, "b"}, {"c", cas, "c"}, {none, cas, none},
		{none, refused(Op{Kind: CAS, Expected: "", Value: "b"}), none}, {"", ok(Op{Kind: CAS, Expected: "", Value: "b"}), "b"},
		{none, ok(incr), "3"}, {"4", ok(num(incr, 7)), "7"}, {"4", ok(num(incr, 8)), impossible}, {"-3", ok(num(incr, 0)), "0"},
		{"x", ok(incr), impossible}, {"x", refused(incr), "x"}, {"4", refused(incr), impossible}, {"", refused(incr), ""},
		{"007", refused(incr), "007"}, {"+7", refused(incr), "+7"}, {"-0", refused(incr), "-0"}, {"-", refused(incr), "-"},
		{top, refused(incr), top}, {top, ok(incr), impossible}, {"x", incr, "x"}, {"5", incr, "8"},
		{none, ok(app), "z"}, {"x", ok(app), "xz"}, {"x", app, "xz"},
	} {
		var v values
		v.reset()
		s := absent
		if c.before != none {
			s = v.of(c.before)
		}
		a := v.compile(KV, &c.op, 0)
		next, possible := v.step(s, &a)
		got := none
		switch {
		case !possible:
			got = impossible
		case next != absent:
			got = v.text[next]
		}
		assert.Equal(t, c.after, got, "case %d: %v on %q", i, &c.op, c.before)
	}
}

func TestCounterStartsAtZero(t *testing.T) {
	read := func(call int64, out string, found bool) Op {
		return Op{Kind: Get, Call: call, Return: call, Result: Result{Outcome: OK, Saw: SawValue, Found: found, Out: out}}
	}
	incr := Op{Kind: Incr, Delta: 2, Call: 5, Return: 6, Result: Result{Outcome: OK, Applied: true}}
	for _, c := range []struct {
		h    History
		want Answer
	}{
		{History{read(1, "0", true), read(2, "", false), incr, read(7, "2", true)}, Linearizable},
		{History{read(1, "2", true), incr}, Illegal},
		{History{incr, read(7, "", false)}, Illegal},
	} {
		assert.Equal(t, c.want, Check(c.h, Counter, Options{}).Answer)
	}
}
