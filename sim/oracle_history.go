package sim

import (
	"slices"

	"github.com/quoratedb/quorate/linearizability"
)

// checkGuarantees holds the history against what a linearizable store promises to
// its sessions, and looks for acknowledged writes that are gone in the end. It
// says nothing new of a strong store, whose histories must be linearizable: but
// it says it in three or four operations, and it decides what the search for an
// order of execution may have to leave undecided. That a legal history is never
// accused is itself checked, by every clean seed.
func (r *Result) checkGuarantees() {
	var o linearizability.Observations
	o.Load(settle(r.strictHistory(), r.Plan.Config.Keys), linearizability.KV)
	sessions, lost := o.Sessions(linearizability.SessionOptions{}), o.LostWrites(linearizability.AfterLastWrite)
	r.breach(Session, &sessions)
	r.breach(LostWrite, &lost)
}

// breach turns the first finding of a report into a violation.
func (r *Result) breach(check string, report *linearizability.Report) {
	if report.Kept() || slices.Contains(r.Plan.Config.Unjudged, check) {
		return
	}
	f := &report.Findings[0]
	at := r.VirtualNs
	if n := len(f.Ops); n > 0 {
		at = f.Ops[n-1].Return
	}
	r.Violations = append(r.Violations, Violation{Check: check, AtNs: at, Detail: f.String(), Ops: indexesOf(r.History, f.Ops)})
}
