package sim

import (
	"strconv"

	"github.com/quoratedb/quorate/linearizability"
)

// settle decides increments of unknown outcome where what clients saw decides
// them, so that the checker need not guess. It changes no verdict.
//
// Every planned increment of a counter adds a power of two of its own, not less
// than firstDelta, and the ones of the liveness phase add 1, fewer times than
// that. So in a linearizable history a value seen is a sum without carries, and
// it holds an increment's bit iff the increment comes before the one who saw it:
//
//   - an increment whose bit nobody saw comes after everything that was seen, if
//     at all: it can be left out;
//   - any other took place before the end of the first operation that saw it.
//
// Conversely, what settle leaves is a history in which both are possible.
func settle(h linearizability.History, keys []Key) linearizability.History {
	var out linearizability.History
	for _, key := range keys {
		if !key.Counter {
			continue
		}
		for i := range h {
			op := &h[i]
			if op.Key != key.Name || op.Kind != linearizability.Incr || op.Outcome != linearizability.Unknown || op.Delta < firstDelta {
				continue
			}
			if out == nil {
				out = append(out, h...)
			}
			settleOne(h, &out[i])
		}
	}
	if out == nil {
		return h
	}
	return out
}

// firstDelta is the least amount of a planned increment.
const firstDelta = 1 << 8

func settleOne(h linearizability.History, op *linearizability.Op) {
	end := int64(forever)
	for i := range h {
		other := &h[i]
		if other.Key != op.Key || other.Outcome != linearizability.OK || other.Saw != linearizability.SawValue {
			continue
		}
		value := other.Num
		if other.Kind != linearizability.Incr {
			value, _ = strconv.ParseInt(other.Out, 10, 64) // absent counts as 0
		}
		if value&op.Delta != 0 {
			end = min(end, other.Return)
		}
	}
	switch {
	case end == forever:
		op.Outcome = linearizability.Failed
	case end >= op.Call: // else it was seen before it began: leave it to the checker
		op.Outcome, op.Applied, op.Return = linearizability.OK, true, end
	}
}
