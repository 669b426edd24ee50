package causalhist

import (
	"fmt"
	"math/bits"

	"github.com/quoratedb/quorate/actors/kv"
)

// Judge returns what is wrong with the history of one key, at most one finding
// of each check.
func Judge(h []Op, rules Rules) []Finding {
	j := &judge{view: newView(h), rules: rules, found: map[string]bool{}}
	switch rules.Policy {
	case kv.Counters:
		j.sums()
	case kv.LWW:
		j.origins()
		j.stamps()
		j.winner()
	default:
		j.origins()
		j.siblings()
	}
	if rules.Policy != kv.Counters && !rules.Lossy {
		j.sessions()
	}
	return j.list
}

type judge struct {
	*view
	rules Rules
	list  []Finding
	found map[string]bool
}

func (j *judge) find(check string, ops []int, format string, args ...any) {
	if !j.found[check] {
		j.found[check] = true
		j.list = append(j.list, Finding{Check: check, Detail: fmt.Sprintf(format, args...), Ops: ops})
	}
}

// origins looks for values that nobody can have written.
func (j *judge) origins() {
	for i := range j.h {
		op := &j.h[i]
		if op.Outcome != OK {
			continue
		}
		for _, s := range op.Saw {
			w, ok := j.writes[s]
			if !ok || !j.h[w].did() || j.h[w].Call > op.Return {
				j.find(MadeUp, []int{i}, "client %d was shown %q, which nobody had written", op.Client, s)
			} else if end := j.h[w].Expires; end != 0 && end < op.Call && !op.Final {
				j.find(Expired, []int{w, i}, "client %d was shown %q %d µs after its life had ended by every clock", op.Client, s, (op.Call-end)/1000)
			}
		}
	}
}

// gone reports whether the value of a Set may have expired at a time.
func (j *judge) gone(write int, at int64) bool {
	end := j.h[write].MayExpire
	return end != 0 && end <= at
}

// siblings: in the end each acknowledged value is there, unless a write took its
// place whose writer had seen it; and none is there whose place was taken by an
// acknowledged write.
func (j *judge) siblings() {
	for f := range j.h {
		if !j.h[f].Final || j.h[f].Outcome != OK {
			continue
		}
		for w := range j.h {
			op := &j.h[w]
			if op.Kind == Set && op.acked() && op.Return < j.h[f].Call && !j.rules.Lossy && !j.gone(w, j.h[f].Return) && !j.covers(f, op.Value) {
				j.find(LostWrite, []int{w, f}, "the acknowledged %q is gone in the end, and no write that had seen it took its place", op.Value)
			}
			if !op.acked() || op.Context == 0 || j.rules.Lossy || op.Return >= j.h[f].Call {
				continue
			}
			for _, value := range j.h[op.Context-1].Saw {
				if has(j.h[f].Saw, value) {
					j.find(Resurrected, []int{w, f}, "%q is there in the end, although an acknowledged write had seen it and took its place", value)
				}
			}
		}
	}
}

func has(list []string, s string) bool {
	for i := range list {
		if list[i] == s {
			return true
		}
	}
	return false
}

// stamps: a write that follows causally from another has a higher stamp. It
// follows if it carried a context that showed the other, or if its coordinator
// made the other before, or in the same boot had shown it to a client before,
// unless it then had to take that one's stamp for one from the future.
func (j *judge) stamps() {
	if j.rules.Lossy { // nodes may have forgotten how far their clocks were
		return
	}
	used := map[Stamp]int{}
	for i := range j.h {
		b := &j.h[i]
		if b.Kind == Get {
			j.keepsStamp(i)
		}
		if !b.did() || b.Stamp == (Stamp{}) {
			continue
		}
		if a, twice := used[b.Stamp]; twice {
			j.find(StampOrder, []int{a, i}, "two writes have the stamp %v", b.Stamp)
		}
		used[b.Stamp] = i
		if b.Context > 0 {
			for _, value := range j.h[b.Context-1].Saw {
				j.ascends(value, i, "carried the context of")
			}
		}
		for k := range j.h {
			a := &j.h[k]
			switch {
			case a.Outcome != OK || a.Return >= b.Call || a.Node != b.Node:
			case a.Kind != Get:
				if a.Stamp != (Stamp{}) && a.Stamp.Compare(b.Stamp) >= 0 {
					j.find(StampOrder, []int{k, i}, "node %d stamped a write %v, and a later one %v", a.Node, a.Stamp, b.Stamp)
				}
			case a.Boot == b.Boot:
				for _, value := range a.Saw {
					if w, ok := j.writes[value]; !ok || a.LimitMs == 0 || j.h[w].Stamp.Ms <= a.LimitMs {
						j.ascends(value, i, "went through a coordinator that had shown")
					}
				}
			}
		}
	}
}

// keepsStamp checks that a read tells the stamp that the write of its value was given.
func (j *judge) keepsStamp(read int) {
	r := &j.h[read]
	if r.Outcome != OK || r.Stamp == (Stamp{}) || len(r.Saw) == 0 {
		return
	}
	if w, ok := j.writes[r.Saw[0]]; ok && j.h[w].Stamp != (Stamp{}) && j.h[w].Stamp != r.Stamp {
		j.find(StampOrder, []int{w, read}, "client %d was shown %q with the stamp %v, and it was written with %v", r.Client, r.Saw[0], r.Stamp, j.h[w].Stamp)
	}
}

// ascends checks that write i has a higher stamp than that of a value.
func (j *judge) ascends(value string, i int, why string) {
	w, ok := j.writes[value]
	if !ok || j.h[w].Stamp == (Stamp{}) || j.h[w].Stamp.Compare(j.h[i].Stamp) < 0 {
		return
	}
	j.find(StampOrder, []int{w, i}, "a write stamped %v %s %q, which has %v", j.h[i].Stamp, why, value, j.h[w].Stamp)
}

// winner: in the end the key has the value of a write than which no acknowledged
// one has a higher stamp.
func (j *judge) winner() {
	for f := range j.h {
		if !j.h[f].Final || j.h[f].Outcome != OK || j.rules.Lossy {
			continue
		}
		for w := range j.h {
			if op := &j.h[w]; op.acked() && op.Return < j.h[f].Call && j.misses(f, w) {
				j.find(LostWrite, []int{w, f}, "the acknowledged write of %q, stamped %v, is gone in the end: the key has %q", op.Value, op.Stamp, j.h[f].Saw)
			}
		}
	}
}

// sums: no answer holds an increment that had not begun, and in the end all
// that were acknowledged are in.
func (j *judge) sums() {
	for i := range j.h {
		op := &j.h[i]
		if op.Outcome != OK || op.Kind != Get && op.Kind != Incr {
			continue
		}
		var may, must int64
		var units, owed int64
		for k := range j.h {
			inc := &j.h[k]
			if inc.Kind != Incr || !inc.did() || inc.Call > op.Return {
				continue
			}
			acked := inc.Outcome == OK && inc.Return < op.Call && op.Final && !j.rules.Lossy || k == i
			if inc.Delta == j.rules.Unit {
				units++
				if acked {
					owed++
				}
				continue
			}
			may |= inc.Delta
			if acked {
				must |= inc.Delta
			}
		}
		j.sum(i, op.Sum, may, must, units, owed)
	}
}

func (j *judge) sum(i int, sum, may, must, units, owed int64) {
	n := int64(0) // increments by a unit in the sum
	big := sum
	if u := j.rules.Unit; u > 0 {
		low := int64(1)<<bits.TrailingZeros64(uint64(may|1<<62)) - 1
		n = sum & low / u
		big = sum &^ low
	}
	switch {
	case big&^may != 0 || n > units || sum < 0:
		j.find(WrongSum, []int{i}, "an answer holds %d: more than the increments made until then (%b and %d by %d)", sum, may, units, j.rules.Unit)
	case must&^big != 0 || n < owed:
		j.find(WrongSum, []int{i}, "an answer holds %d, and not all acknowledged increments (%b and %d by %d)", sum, must, owed, j.rules.Unit)
	}
}
