package sim

import (
	"encoding/binary"
	"slices"
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
		if sees(&h[i], op) {
			end = min(end, h[i].Return)
		}
	}
	switch {
	case end == forever:
		op.Outcome = linearizability.Failed
	case end >= op.Call: // else it was seen before it began: leave it to the checker
		op.Outcome, op.Applied, op.Return = linearizability.OK, true, end
		op.Pipe = 0 // it may have come after what followed it in its message
	}
}

// mergeSettled merges those of settled that were not known in h.
func mergeSettled(h, settled linearizability.History) linearizability.History {
	var decided []int
	for i := range h {
		if h[i].Outcome == linearizability.Unknown && settled[i].Outcome == linearizability.OK {
			decided = append(decided, i)
		}
	}
	if len(decided) > 1 {
		settled = slices.Clone(settled)
		merge(settled, decided)
	}
	return settled
}

// merge makes one increment of those that settle has decided and that are seen
// by exactly the same operations, which tell nothing of the order among them:
// it may take effect where the last of them may. Otherwise the checker would try
// every order. h is changed in place; sums can't overflow, as every increment of
// a key has a bit of its own.
func merge(h linearizability.History, settled []int) {
	merged := map[string]int{} // by key and who saw it: the one that stays
	for _, i := range settled {
		op := &h[i]
		by := []byte(op.Key + "\x00")
		for k := range h {
			if sees(&h[k], op) {
				by = binary.AppendUvarint(by, uint64(k))
			}
		}
		first, ok := merged[string(by)]
		if !ok {
			merged[string(by)] = i
			continue
		}
		h[first].Delta += op.Delta
		h[first].Call = max(h[first].Call, op.Call)
		op.Outcome = linearizability.Failed
	}
}

// sees reports whether an operation saw the effect of an increment of a planned amount.
func sees(op, incr *linearizability.Op) bool {
	if op.Key != incr.Key { // most of them: spare the parsing
		return false
	}
	value, saw := sumSeen(op)
	return saw && value&incr.Delta != 0
}

// sumSeen is the value of a counter that an operation saw, if it saw one.
func sumSeen(op *linearizability.Op) (int64, bool) {
	if op.Outcome != linearizability.OK || op.Saw != linearizability.SawValue {
		return 0, false
	}
	if op.Kind == linearizability.Incr {
		return op.Num, true
	}
	if !op.Found {
		return 0, true // absent counts as 0
	}
	value, _ := strconv.ParseInt(op.Out, 10, 64)
	return value, true
}

// verdictOf judges a history key by key. Of each key it first judges the part
// without those operations of unknown outcome whose effect nobody can have seen
// by value: if that is linearizable, so is the whole, with these at its end.
// Otherwise, as the presence of a key may show them too, all of it is judged.
func verdictOf(h linearizability.History, keys []Key) linearizability.Verdict {
	return verdictWithin(linearizability.Options{MaxSteps: maxSteps, Timeout: checkTimeout, NoStretch: true}, h, keys)
}

// verdictWithin is verdictOf with bounds of the caller's own for the search.
func verdictWithin(o linearizability.Options, h linearizability.History, keys []Key) linearizability.Verdict {
	h = mergeSettled(h, settle(h, keys))
	var c linearizability.Checker
	worst := linearizability.Verdict{Answer: linearizability.Linearizable}
	for _, key := range keys {
		whole, seen := historyOf(h, key.Name)
		v := c.Check(seen, linearizability.KV, o)
		if v.Answer != linearizability.Linearizable && len(seen) < len(whole) {
			v = c.Check(whole, linearizability.KV, o)
		}
		if v.Answer == linearizability.Illegal {
			return v
		}
		if v.Answer == linearizability.Undecided {
			worst = v
		}
	}
	return worst
}

// historyOf returns the operations of a key, and those of them whose outcome is
// known or whose value somebody saw.
func historyOf(h linearizability.History, key string) (whole, seen linearizability.History) {
	values := map[string]bool{}
	for i := range h {
		if op := &h[i]; op.Key == key && op.Outcome == linearizability.OK {
			whole = append(whole, *op)
			if op.Saw == linearizability.SawValue && op.Found {
				values[op.Out] = true
			}
			if op.Kind == linearizability.CAS && op.Applied {
				values[op.Expected] = true
			}
		} else if op.Key == key && op.Outcome == linearizability.Unknown {
			whole = append(whole, *op)
		}
	}
	for _, op := range whole {
		if op.Outcome == linearizability.OK || op.Value != "" && values[op.Value] || op.Kind == linearizability.Incr {
			seen = append(seen, op)
		}
	}
	return whole, seen
}
