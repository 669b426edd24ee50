package picture

import (
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/linearizability"
)

// Of a bucket that is not strong an operation has rounds of its own. No message
// says which: a value names the write that it is of, and so does the part of a
// sum; any other operation takes the first round that fits and is nobody's yet.

// own says which tallies are whose.
func (c *counting) own() {
	b := c.b
	b.page.Ops.Rounds = []int{}
	for i, call := range b.rec.Calls {
		if call.Op < 0 || b.modeOf(call.Partition, call.AtNs) == kv.Strong {
			continue
		}
		op := &b.r.History[call.Op]
		var mine []int
		tuning := b.tuningOf(i)
		if op.Kind == linearizability.Get || b.modeOf(call.Partition, call.AtNs) == kv.ABD {
			if k := c.first(i, roundFetch, func(r *round) bool { return !r.claimed && r.asker == call.Node }); k >= 0 {
				c.rounds[k].claimed, c.rounds[k].ask = true, tuning.R
				mine = append(mine, k)
			}
		}
		if op.Kind == linearizability.Get {
			if k := c.first(i, roundRepair, func(r *round) bool { return r.asker == call.Node }); k >= 0 && len(mine) > 0 {
				mine = append(mine, k)
			}
		} else if k := c.first(i, roundPut, func(r *round) bool { return !r.claimed && makes(r, op) }); k >= 0 {
			c.rounds[k].claimed, c.rounds[k].ask = true, tuning.W
			mine = append(mine, k)
		}
		if len(mine) > 0 {
			b.page.Ops.Rounds = append(append(b.page.Ops.Rounds, i, len(mine)), mine...)
		}
	}
}

// first is the first round of a kind on the key of a call, while that is under
// way, that fits; -1 if there is none.
func (c *counting) first(call int, kind string, fits func(*round) bool) int {
	b := c.b
	key := b.registerOf(call)
	for k, r := range c.rounds {
		if r == nil || r.kind != kind || b.page.Tallies[k].Key != key || r.atNs < b.rec.Calls[call].AtNs {
			continue
		}
		if micros(r.atNs) > b.ends[call] {
			return -1 // they are in the order of time
		}
		if fits(r) {
			return k
		}
	}
	return -1
}

// makes reports whether the object of a round may be what an operation made.
func makes(r *round, op *linearizability.Op) bool {
	o := &r.item.Object
	switch op.Kind {
	case linearizability.Set:
		return holds(o, kv.Value, op.Value)
	case linearizability.Delete:
		return holds(o, kv.Tombstone, "")
	case linearizability.Incr:
		sum, _ := o.Count.Value()
		return len(o.Count) > 0 && sum&op.Delta == op.Delta
	}
	return false
}

func holds(o *causal.Object, kind kv.Kind, data string) bool {
	is := func(v *causal.Value) bool { return v.Kind == kind && string(v.Data) == data }
	for i := range o.Set.Siblings {
		if is(&o.Set.Siblings[i].Value) {
			return true
		}
	}
	return is(&o.Register) || kind == kv.Tombstone && len(o.Set.Vector) > 0 && len(o.Set.Siblings) == 0
}

// tuningOf is what the client asked for beside the operation.
func (b *builder) tuningOf(call int) kv.Tuning {
	c := &b.rec.Calls[call]
	m := b.sent[c.ID]
	if m == nil || c.Place >= len(m.Ops) || m.Ops[c.Place].Tuning == nil {
		return kv.Tuning{}
	}
	return *m.Ops[c.Place].Tuning
}

// asks indexes what clients have sent, by its id.
func (b *builder) asks() {
	b.sent = map[uint64]*msg.Ops{}
	for i := range b.rec.Messages {
		if env := &b.rec.Messages[i].Env; env.From.Kind == actors.Client {
			if m, ok := env.Message.(*msg.Ops); ok {
				b.sent[m.ID] = m
			}
		}
	}
}
