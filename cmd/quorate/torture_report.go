package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	lin "github.com/quoratedb/quorate/linearizability"
)

// The verdicts of a run.
const (
	verdictOK        = "ok"
	verdictViolation = "violation"
	verdictUndecided = "undecided"
	verdictVacuous   = "vacuous" // too little happened to mean anything
)

// tortureReport is the outcome of a run, and the JSON object that it prints.
type tortureReport struct {
	Nodes        int              `json:"nodes"`
	Scenario     string           `json:"scenario"`
	Seed         uint64           `json:"seed"`
	Build        string           `json:"build"`
	ForNs        int64            `json:"for_ns"`
	Buckets      []string         `json:"buckets,omitempty"` // those that are not strong
	Ops          int              `json:"ops"`
	OpsOK        int              `json:"ops_ok"`
	OpsUnknown   int              `json:"ops_unknown"`
	OpsFailed    int              `json:"ops_failed"`
	Keys         int              `json:"keys"`
	Faults       map[string]int   `json:"faults"`
	Timeline     []happening      `json:"timeline"`
	SmallDisk    int              `json:"small_disk_node,omitempty"` // whose disk could really be filled
	NoSmallDisk  string           `json:"no_small_disk,omitempty"`   // why nobody's could
	LongestGapNs int64            `json:"longest_gap_ns"`
	GapFromNs    int64            `json:"longest_gap_from_ns"`
	GapsByKind   map[string]int64 `json:"longest_gap_by_fault_ns"` // while a fault of the kind was on
	StallNs      int64            `json:"harness_stall_ns"`        // the longest time that the harness itself did not get to run
	AckedWrites  int              `json:"acked_writes"`
	AckedLost    int              `json:"acked_lost"`
	Checks       []checkOutcome   `json:"checks"`
	Verdict      string           `json:"verdict"`
	Violations   []string         `json:"violations"`
	Kept         string           `json:"kept,omitempty"`
	stretch      lin.Verdict
}

// judge turns what was recorded into a report, and writes the history beside
// the logs.
func (r *tortureRun) judge() *tortureReport {
	rep := &tortureReport{Nodes: r.cmd.Nodes, Scenario: r.cmd.Scenario, Seed: r.cmd.Seed, Build: buildID(), ForNs: r.cmd.For.Nanoseconds(),
		Faults: r.nemesis.done(), Timeline: r.nemesis.timeline, StallNs: r.stallNs, Violations: slices.Concat(r.nemesis.died, r.broken)}
	rep.NoSmallDisk = r.cmd.noSmallDisk
	if r.nemesis.small != nil {
		rep.SmallDisk = r.nemesis.small.node
	}
	r.traffic.count(rep)
	gaps := r.traffic.gaps()
	for _, g := range gaps {
		if g.longestNs > rep.LongestGapNs {
			rep.LongestGapNs, rep.GapFromNs = g.longestNs, g.fromNs
		}
	}
	rep.GapsByKind = gapsByKind(r.nemesis.timeline, gaps)
	var err error
	if rep.Checks, rep.stretch, err = r.traffic.judge(r.dir, r.finalNs); err != nil {
		fmt.Fprintln(os.Stderr, "quorate:", err)
	}
	undecided := false
	for i := range rep.Checks {
		c := &rep.Checks[i]
		rep.Violations = append(rep.Violations, c.Findings...)
		undecided = undecided || c.Verdict == checkUndecided
		if c.Check == "lost-writes" {
			rep.AckedLost += c.Breaches
		}
	}
	const fewest = 100 // operations per node and run that mean anything
	switch {
	case len(rep.Violations) > 0:
		rep.Verdict = verdictViolation
	case undecided:
		rep.Verdict = verdictUndecided
	case rep.OpsOK < fewest*rep.Nodes && r.scenario.think <= bucketThink || rep.OpsOK == 0 || r.harmful && !harmed(rep.Timeline):
		rep.Verdict = verdictVacuous
	default:
		rep.Verdict = verdictOK
	}
	return rep
}

// harmed reports whether the faults did anything: there were some, and those of
// the network, if any, met traffic.
func harmed(timeline []happening) bool {
	network, met := false, false
	for _, h := range timeline {
		network = network || slices.Contains(networkKinds, h.Kind)
		met = met || h.Harmed > 0
	}
	return len(timeline) > 0 && network == met
}

// outcome counts what became of an operation; changed: it may have changed its key.
func (rep *tortureReport) outcome(o lin.Outcome, changed bool) {
	rep.Ops++
	switch o {
	case lin.OK:
		rep.OpsOK++
		if changed {
			rep.AckedWrites++
		}
	case lin.Unknown:
		rep.OpsUnknown++
	default:
		rep.OpsFailed++
	}
}

func writeHistory(path string, h lin.History) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = lin.WriteJSONL(f, h)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (rep *tortureReport) print(w io.Writer, asJSON bool) {
	if asJSON {
		if rep.Violations == nil {
			rep.Violations = []string{}
		}
		if rep.Timeline == nil {
			rep.Timeline = []happening{}
		}
		_ = json.NewEncoder(w).Encode(rep) // a closed standard output is the reader's choice
		return
	}
	var faults []string
	for _, f := range slices.Sorted(maps.Keys(rep.Faults)) {
		faults = append(faults, fmt.Sprintf("%s %d", f, rep.Faults[f]))
	}
	if faults == nil {
		faults = []string{"none"}
	}
	ms := func(ns int64) time.Duration { return round(time.Duration(ns)) }
	fmt.Fprintf(w, "%d nodes, %v, scenario %s, seed %d\n", rep.Nodes, time.Duration(rep.ForNs), rep.Scenario, rep.Seed)
	label := "buckets"
	for _, b := range rep.Buckets {
		fmt.Fprintf(w, "%-13s %s\n", label, b)
		label = ""
	}
	fmt.Fprintf(w, "operations    %d on %d keys: %d ok, %d unknown, %d refused\n", rep.Ops, rep.Keys, rep.OpsOK, rep.OpsUnknown, rep.OpsFailed)
	fmt.Fprintf(w, "faults        %s\n", strings.Join(faults, ", "))
	fmt.Fprintf(w, "longest gap   %v without a success for one client, from %v on\n", ms(rep.LongestGapNs), ms(rep.GapFromNs))
	fmt.Fprintf(w, "own stall     %v at most: how late this machine let the clients themselves run\n", ms(rep.StallNs))
	var gaps []string
	for _, k := range slices.Sorted(maps.Keys(rep.GapsByKind)) {
		gaps = append(gaps, fmt.Sprintf("%s %v", k, ms(rep.GapsByKind[k])))
	}
	if gaps != nil {
		fmt.Fprintf(w, "gaps during   %s\n", strings.Join(gaps, ", "))
	}
	fmt.Fprintf(w, "lost          %d of %d acknowledged writes\n", rep.AckedLost, rep.AckedWrites)
	printChecks(w, rep.Checks)
	fmt.Fprintf(w, "verdict       %s\n", rep.Verdict)
	for _, v := range rep.Violations {
		fmt.Fprintf(w, "  %s\n", v)
	}
	if rep.stretch.Answer == lin.Illegal {
		_ = rep.stretch.Explain(w)
	}
	if rep.Kept != "" {
		fmt.Fprintf(w, "kept          %s: the history, faults.log, one log per node\n", rep.Kept)
	}
}
