package main

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	lin "github.com/quoratedb/quorate/linearizability"
)

// family is a set of keys that get the same kinds of operations. Histories of
// one key stay short, and written values unique, so that a checker always comes
// to a verdict: see package linearizability.
type family struct {
	name string
	keys int
	draw func(d *draw) lin.Op
}

var families = []family{
	{"register", 140, drawRegister},
	{"cas", 40, drawCAS},
	{"counter", 20, drawCounter},
	{"kv", 40, drawKV},
}

const (
	// usesPerKey is after how many operations a key is left behind for a fresh one.
	usesPerKey = 400
	// hotKeys are the first keys of a family, where clients meet: a scenario's
	// hotPercent of all operations go there.
	hotKeys = 3
)

// keyspace hands out keys to all clients.
type keyspace struct {
	uses     [][]atomic.Int64
	scenario *tortureScenario
}

func newKeyspace(scenario *tortureScenario) *keyspace {
	s := &keyspace{scenario: scenario, uses: make([][]atomic.Int64, len(families))}
	for i, f := range families {
		s.uses[i] = make([]atomic.Int64, f.keys)
	}
	return s
}

// key picks a key of a family.
func (s *keyspace) key(family int, r *rand.Rand) string {
	n := r.IntN(families[family].keys)
	if r.IntN(100) < s.scenario.hotPercent {
		n = r.IntN(hotKeys)
	}
	return keyName(family, n, s.uses[family][n].Add(1))
}

// busy names a key that clients meet at right now.
func (s *keyspace) busy(r *rand.Rand) string {
	family, n := s.scenario.mix[r.IntN(len(s.scenario.mix))], r.IntN(hotKeys)
	return keyName(family, n, s.uses[family][n].Load())
}

func keyName(family, n int, uses int64) string {
	return fmt.Sprintf("%s/%d/%d", families[family].name, n, uses/usesPerKey)
}

// draw is what one client draws its operations from.
type draw struct {
	r      *rand.Rand
	space  *keyspace
	client int32
	writes int               // so far, which makes values unique
	seen   map[string]string // the value last seen of a key, to compare with
}

func newDraw(seed uint64, client int32, space *keyspace) *draw {
	return &draw{r: rand.New(rand.NewPCG(seed, uint64(client)+1)), space: space, client: client, seen: map[string]string{}}
}

// next draws an operation.
func (d *draw) next() lin.Op {
	f, op := d.space.scenario.draw(d)
	op.Key, op.Client = d.space.key(f, d.r), d.client
	if op.Kind == lin.CAS {
		op.Expected = d.seen[op.Key]
		if op.Expected == "" || d.r.IntN(10) == 0 {
			op.Expected = "never written"
		}
	}
	return op
}

// batch draws what a client sends at once.
func (d *draw) batch() []lin.Op {
	const most = 8
	ops := []lin.Op{d.next()}
	if p := d.space.scenario.pipelined; p > 0 && d.r.IntN(100) < p {
		for range 1 + d.r.IntN(most-1) {
			ops = append(ops, d.next())
		}
	}
	return ops
}

// learn remembers what the answer tells of the value.
func (d *draw) learn(op *lin.Op, res lin.Result) {
	switch {
	case op.Kind == lin.Get && res.Found:
		d.seen[op.Key] = res.Out
	case (op.Kind == lin.Set || op.Kind == lin.CAS) && res.Applied:
		d.seen[op.Key] = op.Value
	}
}

func (d *draw) value() string {
	d.writes++
	return fmt.Sprintf("c%d-%d", d.client, d.writes)
}

func drawRegister(d *draw) lin.Op {
	if d.r.IntN(2) == 0 {
		return lin.Op{Kind: lin.Get}
	}
	return lin.Op{Kind: lin.Set, Value: d.value()}
}

func drawCAS(d *draw) lin.Op {
	switch d.r.IntN(8) {
	case 0, 1, 2:
		return lin.Op{Kind: lin.Get}
	case 3:
		return lin.Op{Kind: lin.Set, Value: d.value()}
	}
	return lin.Op{Kind: lin.CAS, Value: d.value()}
}

func drawCounter(d *draw) lin.Op {
	if d.r.IntN(4) == 0 {
		return lin.Op{Kind: lin.Get}
	}
	return lin.Op{Kind: lin.Incr, Delta: int64(1 + d.r.IntN(3))}
}

func drawKV(d *draw) lin.Op {
	switch d.r.IntN(8) {
	case 0, 1, 2:
		return lin.Op{Kind: lin.Get}
	case 3, 4:
		return lin.Op{Kind: lin.Delete}
	case 5:
		return lin.Op{Kind: lin.Set, Cond: lin.IfAbsent, Value: d.value()}
	case 6:
		return lin.Op{Kind: lin.Set, Cond: lin.IfExists, Value: d.value()}
	}
	return lin.Op{Kind: lin.Set, Value: d.value()}
}
