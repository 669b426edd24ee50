package linearizability

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mix says what a random history is made of.
type mix struct {
	name    string
	model   Model
	kinds   []Kind
	conds   bool    // conditional sets and deletes
	unique  bool    // written values are all different
	deltas  []int64 // of Incr
	unknown float64 // share of operations whose answer is lost
	lie     float64 // chance that an answer is false
	clients int
	ops     int
	saw     bool // writes reveal what was there before, now and then
	piped   bool // messages of up to four operations; a lie may also be that one overtakes another
}

// pending is an operation that a client waits for.
type pending struct {
	op   Op
	done bool
}

// draw runs a real register with clients that overlap, so that the history is
// linearizable, and then falsifies a few answers. (Each operation executes at
// a random instant of its interval; unknown ones execute at any later time or
// never.)
func (x mix) draw(r *rand.Rand) History {
	var v values
	v.reset()
	state := v.initial(x.model)
	var h History
	open := make([][]*pending, x.clients)
	var lost []*pending
	now, next, messages := int64(0), 0, int32(0)
	execute := func(p *pending) {
		p.done = true
		state = x.answer(r, &v, state, &p.op)
	}
	for len(h) < x.ops {
		now += r.Int64N(2)
		c := r.IntN(x.clients)
		if len(open[c]) == 0 {
			n := 1
			if x.piped {
				n, messages = 1+r.IntN(4), messages+1
			}
			for place := range n {
				next++
				op := x.request(r, next, int32(c), now)
				if x.piped {
					op.Pipe, op.Place = messages, int32(place)
				}
				open[c] = append(open[c], &pending{op: op})
			}
			continue
		}
		p := x.turn(r, open[c], func(p *pending) bool { return p.done })
		switch {
		case len(lost) > 0 && r.IntN(6) == 0:
			if q := lost[r.IntN(len(lost))]; !q.done {
				execute(q)
			}
		case p != nil && r.Float64() < x.unknown:
			lost = append(lost, p)
			h = append(h, p.op) // no answer yet
			open[c] = slices.DeleteFunc(open[c], func(q *pending) bool { return q == p })
		case p != nil:
			execute(p)
		default:
			for _, p := range open[c] {
				p.op.Return = now
				if r.Float64() < x.lie {
					x.falsify(r, &p.op)
				}
				h = append(h, p.op)
			}
			open[c] = nil
		}
	}
	for _, list := range open {
		for _, p := range list {
			p.op.Result = Result{}
			h = append(h, p.op)
		}
	}
	return h
}

// turn picks the operation of a message that executes next: the first that is
// not done, or any of those if it is a lie; nil if all are.
func (x mix) turn(r *rand.Rand, message []*pending, done func(*pending) bool) *pending {
	left := slices.DeleteFunc(slices.Clone(message), done)
	switch {
	case len(left) == 0:
		return nil
	case x.piped && r.Float64() < x.lie:
		return left[r.IntN(len(left))]
	}
	return left[0]
}

func (x mix) request(r *rand.Rand, n int, client int32, now int64) Op {
	op := Op{Key: "k", Client: client, Call: now, Kind: x.kinds[r.IntN(len(x.kinds))]}
	value := strconv.Itoa(r.IntN(3))
	if x.unique {
		value = strconv.Itoa(100 + n)
	}
	switch op.Kind {
	case Set, Append:
		op.Value = value
	case CAS:
		op.Value, op.Expected = value, strconv.Itoa(r.IntN(3))
		if x.unique { // about one in three will match
			op.Expected = strconv.Itoa(100 + n - r.IntN(4))
		}
	case Incr:
		op.Delta = x.deltas[r.IntN(len(x.deltas))]
	}
	if x.conds && (op.Kind == Set || op.Kind == Delete) {
		op.Cond = Cond(r.IntN(3))
	}
	return op
}

// answer executes op and fills in what the client is told.
func (x mix) answer(r *rand.Rand, v *values, s value, op *Op) value {
	a := v.compile(x.model, op, 0)
	holds, next := v.effect(s, &a)
	op.Outcome, op.Applied = OK, holds
	if op.Kind == Incr {
		if x.saw && r.IntN(2) == 0 && holds {
			op.Saw, op.Num = SawValue, v.ints[next]
		}
		return next
	}
	if op.Kind == Get {
		op.Saw = SawValue
	}
	if x.saw {
		if op.Kind != Get {
			op.Saw = Saw(r.IntN(3))
		} else if r.IntN(8) == 0 {
			op.Saw = SawFound
		}
	}
	if op.Saw != SawNothing {
		op.Found = s != absent
	}
	if op.Saw == SawValue {
		op.Out = v.text[s]
	}
	return next
}

func (x mix) falsify(r *rand.Rand, op *Op) {
	switch {
	case op.conditionalForTest() && r.IntN(2) == 0:
		op.Applied = !op.Applied
	case op.Kind == Incr:
		op.Num += r.Int64N(3) - 1
	case op.Saw == SawValue && op.Found && r.IntN(4) > 0:
		if n, isInt := canonicalInt(op.Out); isInt {
			op.Out = strconv.FormatInt(n+r.Int64N(5)-2, 10)
		}
	case op.Saw != SawNothing && op.Kind != Get:
		op.Found, op.Out = !op.Found, ""
	case op.Saw == SawValue:
		op.Found = !op.Found
		if op.Found {
			op.Out = strconv.Itoa(r.IntN(3))
		} else {
			op.Out = ""
		}
	}
}

func (op *Op) conditionalForTest() bool {
	return op.Kind == CAS || op.Cond != Always
}

var mixes = []mix{
	{name: "register", model: Register, kinds: []Kind{Get, Set, Get}, unique: true},
	{name: "register with few values", model: Register, kinds: []Kind{Get, Set}},
	{name: "cas register", model: CASRegister, kinds: []Kind{Get, Set, CAS}},
	{name: "cas register with unique values", model: CASRegister, kinds: []Kind{Get, Set, CAS, CAS}, unique: true},
	{name: "counter", model: Counter, kinds: []Kind{Get, Incr}, deltas: []int64{1}},
	{name: "counter with many deltas", model: Counter, kinds: []Kind{Get, Incr}, deltas: []int64{1, 2, 3, 5}},
	{name: "counter up and down", model: Counter, kinds: []Kind{Get, Incr}, deltas: []int64{1, -1, 4}, saw: true},
	{name: "kv with deletes", model: KV, kinds: []Kind{Get, Set, Delete, Get}, unique: true},
	{name: "kv with deletes that tell", model: KV, kinds: []Kind{Get, Set, Delete, Get}, saw: true},
	{name: "kv conditions", model: KV, kinds: []Kind{Get, Set, Delete}, conds: true, saw: true},
	{name: "kv conditions, unique", model: KV, kinds: []Kind{Get, Set, Delete, Set}, conds: true, saw: true, unique: true},
	{name: "kv appends", model: KV, kinds: []Kind{Get, Append, Append, Get, Set}, unique: true},
	{name: "kv everything", model: KV, kinds: []Kind{Get, Set, Delete, CAS, Incr, Append}, conds: true, saw: true, deltas: []int64{1, 2}},
	{name: "register, piped", model: Register, kinds: []Kind{Get, Set, Get}, unique: true, piped: true},
	{name: "register with few values, piped", model: Register, kinds: []Kind{Get, Set, Set}, piped: true},
	{name: "kv conditions, piped", model: KV, kinds: []Kind{Get, Set, Delete}, conds: true, saw: true, piped: true},
	{name: "kv everything, piped", model: KV, kinds: []Kind{Get, Set, Set, Delete, CAS, Incr, Append}, conds: true, saw: true, piped: true, deltas: []int64{1, 2}},
	{name: "kv everything, unique", model: KV, kinds: []Kind{Get, Set, Delete, CAS, Incr}, conds: true, saw: true, unique: true, deltas: []int64{1}},
}

// TestAgainstPorcupine compares every verdict on random small histories with
// porcupine's, the slow and obvious twin.
func TestAgainstPorcupine(t *testing.T) {
	const rounds = 3000 // of each mix
	var c Checker
	for n, x := range mixes {
		t.Run(x.name, func(t *testing.T) {
			legal, illegal := 0, 0
			for i := range rounds {
				r := rand.New(rand.NewPCG(uint64(n), uint64(i)))
				x.clients, x.ops = 1+r.IntN(5), 1+r.IntN(14)
				x.unknown, x.lie = []float64{0, 0.1, 0.3}[r.IntN(3)], []float64{0, 0.1, 0.3}[r.IntN(3)]
				h := x.draw(r)
				want := viaPorcupine(x.model, h, 0)
				got := c.Check(h, x.model, Options{NoStretch: true})
				if got.Answer != want {
					t.Fatalf("round %d: %v, porcupine says %v\n%s", i, got.Answer, want, dump(h))
				}
				require.False(t, x.lie == 0 && want == Illegal, "this history is linearizable by construction")
				if want == Illegal {
					illegal++
				} else {
					legal++
				}
			}
			t.Logf("%d legal, %d illegal", legal, illegal)
			require.Greater(t, legal, rounds/10)
			require.Greater(t, illegal, rounds/10)
		})
	}
}

func dump(h History) string {
	v := Verdict{Stretch: h}
	var b strings.Builder
	_ = v.Explain(&b)
	return b.String()
}
