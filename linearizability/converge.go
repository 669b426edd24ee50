package linearizability

// Convergence holds the final reads of every key against each other; which these
// are is said at [Observations.LostWrites]. A write of unknown outcome may take
// effect, or reach another replica, at any time: reads that show what such a
// write can have made agree with everything, and keys with increments or appends
// of unknown outcome are not judged. Neither are keys with fewer than two final
// reads. Judged and Unjudged count keys.
func (o *Observations) Convergence(finalFromNs int64) Report {
	var r Report
	for key := range o.keys.names {
		if o.converged(key, o.finalFrom(key, finalFromNs), &r) {
			r.Judged++
		} else {
			r.Unjudged++
		}
	}
	return r
}

// converged reports whether the key could be judged.
func (o *Observations) converged(key int, fromNs int64, r *Report) bool {
	wild := o.class[key*classesOfKey+wildClass]
	for _, w := range o.writes[wild.from:wild.to] {
		if o.h[w.src].Outcome != OK {
			return false
		}
	}
	first, reads, accused := int32(-1), 0, false
	present := int32(key*classesOfKey + presentClass)
	o.final(key, fromNs, func(i int32) {
		if o.looks[i] == present || o.maybeStillWritten(o.looks[i]) {
			return
		}
		reads++
		if first < 0 {
			first = i
		} else if !accused && o.looks[i] != o.looks[first] {
			accused = true
			r.found(o.h, Convergence, o.keys.names[key], "final reads of the key differ", first, i)
		}
	})
	return reads > 1
}

// maybeStillWritten reports whether an operation without an answer may make
// what is in a class, at any time.
func (o *Observations) maybeStillWritten(class int32) bool {
	for _, w := range o.writes[o.class[class].from:o.class[class].to] {
		if w.src >= 0 && o.h[w.src].Outcome != OK {
			return true
		}
	}
	return false
}
