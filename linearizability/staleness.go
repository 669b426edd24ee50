package linearizability

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// StalenessBound is how old a read may be. The zero value allows no staleness.
type StalenessBound struct {
	// Ns bounds the time between the moment when a newer write was certainly
	// done and the call of the read; negative for no bound.
	Ns int64
	// Versions bounds the number of newer writes that were certainly done
	// before the call of the read; negative for no bound.
	Versions int
}

// Staleness is what was measured: lower bounds, whatever order the store has
// put concurrent writes in. The fields are 0 where every read was fresh.
type Staleness struct {
	Stale    int   // reads that were certainly stale
	Ns       int64 // the oldest, in time
	Versions int   // the oldest, in versions behind
}

// Staleness measures how stale reads are, and holds each against a bound. A read
// is one version behind for each write which in every order of the writes that
// agrees with time lies between what was read and the call of the read: of the
// k-atomicity of Aiyer, Alvisi and Bazzi ("On the Availability of Non-Strict
// Quorum Systems", DISC 2005) and the Δ-atomicity of Golab, Li and Shah
// ("Analyzing Consistency Properties for Fun and Profit", PODC 2011) these are the
// lower bounds that single reads give. (What is likely in such a store is
// computed by Bailis et al., "Probabilistically Bounded Staleness for Practical
// Partial Quorums", VLDB 2012.) Judged and Unjudged count as in
// [Observations.Sessions].
func (o *Observations) Staleness(b StalenessBound) (Staleness, Report) {
	var worst Staleness
	var r Report
	for _, i := range o.byRet {
		if o.looks[i] == noClass {
			continue
		}
		from := o.originOf(i)
		if from.nowhere() || from.latest == never && len(from.wild) > 0 {
			r.Unjudged++
			continue
		}
		r.Judged++
		ageNs, behind, first := o.age(i, from.latest)
		if behind == 0 {
			continue
		}
		worst.Stale++
		worst.Ns, worst.Versions = max(worst.Ns, ageNs), max(worst.Versions, behind)
		late, far := b.Ns >= 0 && ageNs > b.Ns, b.Versions >= 0 && behind > b.Versions
		if late || far {
			why := fmt.Sprintf("what was read had been replaced %v before, and was %d versions behind", time.Duration(ageNs), behind)
			r.found(o.h, BoundedStaleness, o.keys.names[o.keys.keyOf[i]], why, from.newest(), first, i)
		}
	}
	return worst, r
}

// age compares a read with the writes that are newer than what it saw, settled
// at latestNs, and done before its call: for how long the first of them had been
// done, how many there are, and which was the first.
func (o *Observations) age(i int32, latestNs int64) (ageNs int64, behind int, first int32) {
	call, s := o.h[i].Call, o.ofKey[o.keys.keyOf[i]]
	at, _ := slices.BinarySearchFunc(o.all[s.from:s.to], latestNs, func(w written, t int64) int {
		if w.call <= t {
			return -1
		}
		return cmp.Compare(w.call, t)
	})
	from := s.from + int32(at)
	if from == s.to || o.least[from] >= call {
		return 0, 0, -1
	}
	ageNs = call - o.least[from]
	for ; from < s.to && o.all[from].call < call; from++ {
		if w := &o.all[from]; w.settled < call {
			behind++
			if w.settled == call-ageNs {
				first = w.src
			}
		}
	}
	return ageNs, behind, first
}
