package causalhist

import "github.com/quoratedb/quorate/actors/kv"

// sessions looks for reads that know less than their quorum must.
func (j *judge) sessions() {
	for r := range j.h {
		read := &j.h[r]
		if read.Kind != Get || read.Outcome != OK {
			continue
		}
		for i := range j.h {
			op := &j.h[i]
			if op.Outcome != OK || op.Return >= read.Call || i == r {
				continue
			}
			switch {
			case !j.rules.meet(op, read):
			case op.Kind == Get && j.rules.WriteBack && j.goesBack(i, r):
				j.find(MonotonicReads, []int{i, r}, "a read of quorum %d returned %q, and a later one of quorum %d only %q", op.Quorum, op.Saw, read.Quorum, read.Saw)
			case op.Kind == Get || !j.misses(r, i):
			case op.Client == read.Client:
				j.find(ReadYourWrites, []int{i, r}, "client %d wrote %q to a quorum of %d, and then a read of %d returned %q", op.Client, op.Value, op.Quorum, read.Quorum, read.Saw)
			default:
				j.find(StaleRead, []int{i, r}, "%q was written to a quorum of %d, and then a read of %d returned %q", op.Value, op.Quorum, read.Quorum, read.Saw)
			}
		}
	}
}

// meet reports whether some replica certainly took part in both operations.
func (r *Rules) meet(a, b *Op) bool {
	switch {
	case r.Moving || a.Quorum == 0 || b.Quorum == 0:
		return false
	case a.Zone != 0 && b.Zone != 0 && (a.Zone == b.Zone || a.Zone == EachZone || b.Zone == EachZone):
		return true
	}
	return a.Quorum+b.Quorum > r.N
}

// misses reports whether a read certainly does not know of a write.
func (j *judge) misses(read, write int) bool {
	w, r := &j.h[write], &j.h[read]
	if j.rules.Policy == kv.LWW {
		top, known := j.shown(read)
		return known && w.Stamp != (Stamp{}) && w.Stamp.Compare(top) > 0
	}
	if w.Kind == Set {
		return !j.gone(write, r.Return) && !j.covers(read, w.Value)
	}
	// A delete is missed if what it saw is still there.
	if w.Context > 0 {
		for _, value := range j.h[w.Context-1].Saw {
			if has(r.Saw, value) {
				return true
			}
		}
	}
	return false
}

// shown is the stamp of what an lww read showed, if the answer had it: else of its
// value, or of the latest delete that may have been done before it was answered, or
// value that may have expired. Unknown if it showed no value and some of those are
// without a stamp.
func (j *judge) shown(read int) (Stamp, bool) {
	r := &j.h[read]
	if r.Stamp != (Stamp{}) {
		return r.Stamp, true
	}
	if len(r.Saw) > 0 {
		w, ok := j.writes[r.Saw[0]]
		return j.stampOf(w, ok)
	}
	top := Stamp{}
	for i := range j.h {
		op := &j.h[i]
		if op.Kind != Delete && !j.gone(i, r.Return) || !op.did() || op.Call > r.Return {
			continue
		}
		if op.Stamp == (Stamp{}) {
			return top, false
		}
		if op.Stamp.Compare(top) > 0 {
			top = op.Stamp
		}
	}
	return top, true
}

func (j *judge) stampOf(w int, ok bool) (Stamp, bool) {
	if !ok || j.h[w].Stamp == (Stamp{}) {
		return Stamp{}, false
	}
	return j.h[w].Stamp, true
}

// goesBack reports whether a later read certainly knows less than an earlier one.
func (j *judge) goesBack(earlier, later int) bool {
	if j.rules.Policy == kv.LWW {
		if len(j.h[earlier].Saw) == 0 {
			return false
		}
		w, ok := j.writes[j.h[earlier].Saw[0]]
		before, known := j.stampOf(w, ok)
		top, also := j.shown(later)
		return known && also && before.Compare(top) > 0
	}
	for _, value := range j.h[earlier].Saw {
		if w, ok := j.writes[value]; ok && !j.gone(w, j.h[later].Return) && !j.covers(later, value) {
			return true
		}
	}
	return false
}
