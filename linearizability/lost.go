package linearizability

import (
	"fmt"
	"math"
	"strconv"
)

// AfterLastWrite, as the beginning of the final reads, means for each key the
// time when its last acknowledged write had returned.
const AfterLastWrite = math.MinInt64

// finalFrom is when the final reads of a key begin: not before finalNs, and not
// before all of its acknowledged writes have returned.
func (o *Observations) finalFrom(key int, finalNs int64) int64 {
	for _, i := range o.keys.of(key) {
		if op := &o.h[i]; op.Outcome == OK && o.makes[i] != noClass {
			finalNs = max(finalNs, op.Return)
		}
	}
	return finalNs
}

// final calls do for the final reads of a key: every operation that tells what
// it saw, and was called after fromNs.
func (o *Observations) final(key int, fromNs int64, do func(i int32)) {
	for _, i := range o.keys.of(key) {
		if o.looks[i] != noClass && o.h[i].Call > fromNs {
			do(i)
		}
	}
}

// LostWrites looks for acknowledged writes that are gone. The final reads of a
// key are those called after finalFromNs (say, when faults had healed; or
// [AfterLastWrite]) and after all its acknowledged writes had returned. A write is
// lost if every one of them shows something that was settled before the write was
// called. Where a key has only been incremented, by positive amounts, the final
// number must be at least the sum of what was acknowledged. Judged counts keys;
// unjudged are those that nobody read in the end, or whose final reads a write of
// unknown outcome or result may explain.
func (o *Observations) LostWrites(finalFromNs int64) Report {
	var r Report
	for key := range o.keys.names {
		from := o.finalFrom(key, finalFromNs)
		counts, judged := o.lostIncrements(key, from, &r)
		if !counts {
			judged = o.lostWritesOf(key, from, &r)
		}
		if judged {
			r.Judged++
		} else {
			r.Unjudged++
		}
	}
	return r
}

// lostWritesOf reports whether the key could be judged.
func (o *Observations) lostWritesOf(key int, fromNs int64, r *Report) bool {
	latest, newest, read := int64(math.MinInt64), int32(-1), int32(-1)
	o.final(key, fromNs, func(i int32) {
		if g := o.originOf(i); !g.nowhere() && (read < 0 || g.latest > latest) {
			latest, newest, read = g.latest, -1, i
			if latest != never {
				newest = g.newest()
			}
		}
	})
	if read < 0 {
		return false
	}
	s, last := o.ofKey[key], int64(math.MinInt64)
	gone := func(w *written) bool { return w.call > latest && w.settled < o.h[read].Call }
	for at := s.from; at < s.to; at++ {
		if w := &o.all[at]; gone(w) {
			last = max(last, w.call)
		}
	}
	for at := s.from; at < s.to; at++ {
		if w := &o.all[at]; gone(w) && w.settled >= last { // what came before the last was overwritten by it
			why := "an acknowledged write is gone: what is read in the end is older"
			if o.h[w.src].Outcome != OK {
				why = "a write that had been read is gone: what is read in the end is older"
			}
			r.found(o.h, NoLostWrites, o.keys.names[key], why, newest, w.src, read)
		}
	}
	return latest != never
}

// lostIncrements judges a key that was only incremented by positive amounts.
// counts is false for other keys, and judged if nobody saw the final number.
func (o *Observations) lostIncrements(key int, fromNs int64, r *Report) (counts, judged bool) {
	sum := int64(0)
	for _, i := range o.keys.of(key) {
		op := &o.h[i]
		if o.makes[i] == noClass {
			continue
		}
		next, ok := addInt64(sum, op.Delta)
		if op.Kind != Incr || op.Delta <= 0 || !ok {
			return false, false
		}
		if op.Outcome == OK {
			sum = next
		}
	}
	if sum == 0 {
		return false, false
	}
	most, read := int64(math.MinInt64), int32(-1)
	o.final(key, fromNs, func(i int32) {
		if n, ok := o.number(i); ok && (read < 0 || n > most) {
			most, read = n, i
		}
	})
	if read >= 0 && most < sum {
		why := fmt.Sprintf("increments of %d in all were acknowledged, and %d is read in the end", sum, most)
		r.found(o.h, NoLostWrites, o.keys.names[key], why, read)
	}
	return true, read >= 0
}

// number is the number that operation i, which changed nothing, saw.
func (o *Observations) number(i int32) (int64, bool) {
	op := &o.h[i]
	switch {
	case op.Saw != SawNothing && !op.Found:
		return 0, true
	case op.Saw != SawValue:
		return 0, false
	}
	n, err := strconv.ParseInt(op.Out, 10, 64)
	return n, err == nil
}
