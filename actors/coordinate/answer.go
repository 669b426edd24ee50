package coordinate

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// result is what a client sees of an object. The clock takes in the newest of
// its stamps first, so that whatever this client writes next through this node is
// above what it has read; a stamp that the clock refuses is shown all the same.
func (s *Coordinator) result(c *actors.Context, p *part, op *msg.Op, o *causal.Object) kv.Result {
	if p.bucket.Mode == kv.Eventual && p.bucket.Policy == kv.Counters {
		return countResult(op, o)
	}
	wallMs := c.WallMs
	if p.bucket.Mode == kv.Eventual { // a tag is no time
		_ = s.clock.Update(o.Newest(), wallMs)
		wallMs = s.clock.ReadMs(wallMs)
	}
	policy := p.bucket.Policy
	if p.bucket.Mode == kv.ABD {
		policy = kv.LWW
	}
	values := o.Read(s.scratch.values[:0], policy, wallMs)
	res := kv.Result{Status: kv.NotFound}
	if len(values) > 0 {
		if len(values) > 1 {
			slices.SortStableFunc(values, func(a, b causal.Value) int { return cmp.Or(b.Compare(&a), 0) })
		}
		v := &values[0]
		res = kv.Result{Data: v.Data, TimeMs: v.Stamp.Ms, Media: v.Media, Found: true}
		if p.bucket.Mode == kv.ABD {
			res.TimeMs = 0
		}
	}
	if wants := op.Tuning != nil && op.Tuning.WantContext; wants || len(values) > 1 {
		res.Causal = &kv.Causal{Context: tokenOf(p, op.Key, o)}
		for i := range values {
			v := &values[i]
			res.Causal.Values = append(res.Causal.Values, kv.Sibling{Data: v.Data, TimeMs: v.Stamp.Ms, Media: v.Media})
		}
	}
	if op.HeadOnly {
		res.Data = nil
		if res.Causal != nil {
			for i := range res.Causal.Values {
				res.Causal.Values[i].Data = nil
			}
		}
	}
	clear(values)
	s.scratch.values = values[:0]
	return res
}

// countResult is a counter as clients see it: a decimal number.
func countResult(op *msg.Op, o *causal.Object) kv.Result {
	if len(o.Count) == 0 {
		return kv.Result{Status: kv.NotFound}
	}
	n, _ := o.Count.Value()
	res := kv.Result{Int: n, Found: true}
	if !op.HeadOnly {
		res.Data = strconv.AppendInt(nil, n, 10)
	}
	return res
}
