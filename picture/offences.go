package picture

import (
	"slices"

	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/sim"
)

// offences marks what the checks object to, and returns the judgement with its stretch.
func (b *builder) offences() linearizability.Verdict {
	v := b.r.Judgement
	if v.Answer == linearizability.Illegal && len(v.Stretch) == 0 {
		v = b.stretched(v)
	}
	b.page.Offence = []offence{}
	if v.From != nil && v.From.By != nil {
		b.offends(b.callOf(v.From.By), "left the key as it was before the stretch: ", true)
	}
	for i := range v.Stretch {
		b.offends(b.callOf(&v.Stretch[i]), "", false)
	}
	for i := range b.r.Violations {
		b.violation(&b.r.Violations[i])
	}
	slices.SortStableFunc(b.page.Offence, func(x, y offence) int { return int(x.At - y.At) })
	return v
}

// violation marks what a check names: operations, else the instant at which it
// saw that something is wrong.
func (b *builder) violation(v *sim.Violation) {
	for _, op := range v.Ops {
		b.offends(slices.IndexFunc(b.rec.Calls, func(c sim.Call) bool { return c.Op == op }), "", false)
	}
	for _, change := range v.Changes {
		b.offends(slices.IndexFunc(b.rec.Calls, func(c sim.Call) bool { return c.Op < 0 && c.Change == change }), "", false)
	}
	switch named := len(v.Ops)+len(v.Changes) > 0; {
	case v.Check == sim.Linearizability:
		return
	case named && v.Check != sim.Invariant && v.Check != sim.LostWrite: // the loss is seen in the end
		return
	}
	b.page.Offence = append(b.page.Offence, offence{Op: -1, At: micros(v.AtNs), Key: -1, Text: v.Check + ": " + v.Detail})
}

// offends marks an operation, once.
func (b *builder) offends(call int, why string, prep bool) {
	if call < 0 {
		return
	}
	for i := range b.page.Offence {
		if o := &b.page.Offence[i]; o.Op == call {
			o.Prep = o.Prep && prep
			return
		}
	}
	t := &b.page.Ops
	b.page.Offence = append(b.page.Offence, offence{Op: call, At: micros(b.rec.Calls[call].AtNs), Key: t.Key[call], Text: why + t.Text[call], Prep: prep})
}

// stretchSteps bounds the search for the offending stretch.
const stretchSteps = 3_000_000

// stretched judges the offending key once more, to learn which of its
// operations contradict each other. Where that can't be decided, all of them are suspects.
func (b *builder) stretched(v linearizability.Verdict) linearizability.Verdict {
	var h linearizability.History
	for i := range b.r.History {
		if b.r.History[i].Key == v.Key {
			h = append(h, b.r.History[i])
		}
	}
	again := linearizability.Check(h, linearizability.KV, linearizability.Options{MaxSteps: stretchSteps})
	if again.Answer != linearizability.Illegal {
		v.Stretch = h
		return v
	}
	return again
}

// callOf finds an operation of a stretch, whose answer may have been cut off.
func (b *builder) callOf(op *linearizability.Op) int {
	for i, c := range b.rec.Calls {
		if c.Op < 0 {
			continue
		}
		h := &b.r.History[c.Op]
		if h.Call == op.Call && h.Client == op.Client && h.Key == op.Key {
			return i
		}
	}
	return -1
}
