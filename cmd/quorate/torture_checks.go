package main

import (
	"fmt"
	"io"
	"time"

	lin "github.com/quoratedb/quorate/linearizability"
)

// The verdicts of one check.
const (
	checkKept      = "kept"
	checkBroken    = "broken"
	checkUndecided = "undecided"
	checkNotJudged = "not judged" // nothing that it could say anything about
)

// checkOutcome is what one check says of the run's history. The checks are those
// of `quorate check`, by the same names: see docs/checks.md. A strong store keeps
// all of them without any allowance.
type checkOutcome struct {
	Check    string   `json:"check"`
	Verdict  string   `json:"verdict"`
	Unit     string   `json:"unit"` // of what is judged: operations, reads or keys
	Judged   int      `json:"judged"`
	Unjudged int      `json:"unjudged"`
	Breaches int      `json:"breaches"`
	Findings []string `json:"findings,omitempty"` // the first few, one line each

	// Of staleness only: the reads that were certainly stale, and the worst.
	Stale         int   `json:"stale_reads,omitempty"`
	WorstNs       int64 `json:"worst_ns,omitempty"`
	WorstVersions int   `json:"worst_versions,omitempty"`
}

// runChecks judges a history whose final reads were called after finalFromNs:
// when every fault had healed and every node served again. The verdict is that
// of the check for linearizability, with its evidence.
func runChecks(history lin.History, finalFromNs int64) ([]checkOutcome, lin.Verdict) {
	stretch := lin.Check(history, lin.KV, lin.Options{Timeout: judgeBound})
	first := checkOutcome{Check: checkLinearizable, Verdict: checkKept, Unit: "operations", Judged: len(history)}
	switch stretch.Answer {
	case lin.Illegal:
		first.Verdict, first.Breaches = checkBroken, 1
		first.Findings = []string{fmt.Sprintf("not linearizable: key %q", stretch.Key)}
	case lin.Undecided:
		first.Verdict = checkUndecided
	}
	var o lin.Observations
	o.Load(history, lin.KV)
	worst, staleness := o.Staleness(lin.StalenessBound{})
	stale := outcomeOf("staleness", "reads", staleness)
	stale.Stale, stale.WorstNs, stale.WorstVersions = worst.Stale, worst.Ns, worst.Versions
	return []checkOutcome{
		first,
		outcomeOf("sessions", "reads", o.Sessions(lin.SessionOptions{})),
		stale,
		outcomeOf("lost-writes", "keys", o.LostWrites(finalFromNs)),
		outcomeOf("convergence", "keys", o.Convergence(finalFromNs)),
	}, stretch
}

func outcomeOf(name, unit string, r lin.Report) checkOutcome {
	c := checkOutcome{Check: name, Verdict: checkKept, Unit: unit, Judged: r.Judged, Unjudged: r.Unjudged, Breaches: r.Breaches}
	switch {
	case !r.Kept():
		c.Verdict = checkBroken
	case r.Judged == 0:
		c.Verdict = checkNotJudged
	}
	for i := range r.Findings {
		c.Findings = append(c.Findings, r.Findings[i].String())
	}
	return c
}

// printChecks prints a line for each check.
func printChecks(w io.Writer, checks []checkOutcome) {
	label := "checks"
	for i := range checks {
		c := &checks[i]
		verdict, measured := c.Verdict, ""
		switch {
		case c.Breaches == 1:
			verdict = c.Verdict + " once"
		case c.Breaches > 1:
			verdict = fmt.Sprintf("%s %d times", c.Verdict, c.Breaches)
		}
		if c.Check == "staleness" {
			measured = fmt.Sprintf("; %d stale, at worst by %v and by %d versions", c.Stale, round(time.Duration(c.WorstNs)), c.WorstVersions)
		}
		fmt.Fprintf(w, "%-13s %s: %s (%s: %d judged, %d not%s)\n", label, c.Check, verdict, c.Unit, c.Judged, c.Unjudged, measured)
		label = ""
	}
}

// changes reports whether op may have changed its key.
func changes(op *lin.Op) bool {
	return op.Kind != lin.Get && op.Outcome != lin.Failed && (op.Outcome == lin.Unknown || op.Applied)
}
