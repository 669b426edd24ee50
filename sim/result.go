package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/quoratedb/quorate/linearizability"
)

// The checks that can convict a run.
const (
	Linearizability = "linearizability"
	Session         = "session"
	LostWrite       = "lost-write"
	Causality       = "causality"
	Invariant       = "invariant"
	Convergence     = "convergence"
	Liveness        = "liveness"
	Panic           = "panic"
)

// The verdicts.
const (
	VerdictOK        = "ok"
	VerdictViolation = "violation"
	VerdictUndecided = "undecided"
	VerdictVacuous   = "vacuous"
)

// Violation is one thing that must not happen.
type Violation struct {
	Check  string `json:"check"`
	AtNs   int64  `json:"at_ns"`
	Detail string `json:"detail"`
	// Ops are the operations that it is about, as far as the check names any:
	// indexes into Result.History. Changes are such indexes into Result.Changes.
	Ops     []int `json:"-"`
	Changes []int `json:"-"`
}

// Options say how to run a plan. They change neither the events nor the hash.
type Options struct {
	Invariants string // Every (the default) or AtEnd
	Record     bool   // keep the trace, for a bundle
	NoCheck    bool   // leave the history unjudged: for measurements of the engine alone
	// Where names the code that is panicking, if set. It is called while the
	// panic of an actor is recovered from.
	Where func() string
	// untilNs ends the run there; 0: when all is done. What it shows up to then is
	// what the whole run shows.
	untilNs int64
}

// When invariants are checked.
const (
	Every = "every"
	AtEnd = "end"
)

// Result is the outcome of a run.
type Result struct {
	Plan       *Plan
	Verdict    string
	Violations []Violation
	Events     uint64
	VirtualNs  int64
	HealNs     int64 // when the faults ended and the clients had done what was planned
	OpsOK      int
	OpsFailed  int
	OpsUnknown int
	Faults     int // that took place
	TraceHash  uint64
	Coverage   Coverage
	History    linearizability.History
	Changes    []MapChange      // of the cluster map
	Siblings   map[int][]string // by index into History: the values of an answer that had several
	Eventual   []KeyHistory     // of the keys of eventual buckets; they are in History as well
	MayBeLost  []Key            // keys whose acknowledged writes the sync policy may lose, as power failed
	Judgement  linearizability.Verdict
	maps       linearizability.Verdict // of buckets that come and go
	mapKeys    []Key                   // what of those is judged
	idleMaps   bool                    // buckets were made and none ever worked
	Trace      []TraceEntry            // with Options.Record
	Recording  *Recording              // with Options.Record
}

// maxSteps bounds the search of the checker per key: the same on every machine.
const maxSteps = 3_000_000

// checkTimeout is a safety net far above what maxSteps take.
const checkTimeout = 10 * time.Second

// Run executes a plan and judges it. The error means that the plan can't be run.
func Run(plan *Plan, opts Options) (*Result, error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	w, err := newWorld(plan, opts)
	if err != nil {
		return nil, err
	}
	w.run()
	w.trace.end(w)
	for _, n := range w.nodes {
		w.cover[TornWrite] += uint32(n.disk.tornSectors)
		w.cover[ColdRot] += n.disk.coldRots
		w.cover[Misdirected] += n.disk.strays
	}
	r := &Result{
		Plan: plan, Violations: w.verdict, Events: w.events, VirtualNs: w.nowNs, HealNs: w.healNs,
		OpsOK: w.outcomes.ok, OpsFailed: w.outcomes.failed, OpsUnknown: w.outcomes.unknown,
		Faults: w.started, TraceHash: w.trace.sum, Coverage: w.cover, MayBeLost: w.lossyKeys(), History: w.history.History(), Trace: w.trace.entries,
		Recording: w.trace.rec.recording(), Eventual: w.eventualHistories(), Changes: w.maps.changes, Siblings: w.eventual.several,
		idleMaps: w.maps.idle(),
	}
	r.maps.Answer = linearizability.Linearizable
	if !opts.NoCheck {
		if len(plan.MapOps) > 0 {
			r.maps, r.mapKeys = w.maps.judge(), w.maps.keys
		}
		r.judge()
	}
	return r, nil
}

// judge checks the history and names the verdict.
func (r *Result) judge() {
	r.Judgement = linearizability.Verdict{Answer: linearizability.Linearizable}
	if !slices.Contains(r.Plan.Config.Unjudged, Linearizability) {
		r.Judgement = verdictOf(r.History, r.strictKeys())
		r.checkOrigins()
	}
	if r.Judgement.Answer == linearizability.Linearizable {
		r.Judgement = r.maps
	}
	switch r.Judgement.Answer {
	case linearizability.Illegal:
		r.Violations = append(r.Violations, Violation{Check: Linearizability, AtNs: r.VirtualNs,
			Detail: fmt.Sprintf("key %q: no order of its operations explains every answer", r.Judgement.Key)})
	case linearizability.Undecided:
		r.Verdict = VerdictUndecided
	}
	r.checkGuarantees()
	r.judgeEventual()
	r.judgeAnomalies()
	switch {
	case len(r.Violations) > 0:
		r.Verdict = VerdictViolation
	case r.Verdict == VerdictUndecided:
	case r.OpsOK == 0, r.idleMaps, len(r.Plan.Faults) > 0 && r.Faults == 0:
		r.Verdict = VerdictVacuous
	default:
		r.Verdict = VerdictOK
	}
}

// maxViolations bounds what one run reports.
const maxViolations = 8

// violate records a violation. The run goes on.
func (w *World) violate(check, format string, args ...any) {
	if slices.Contains(w.cfg.Unjudged, check) {
		return
	}
	if len(w.verdict) < maxViolations {
		w.verdict = append(w.verdict, Violation{Check: check, AtNs: w.nowNs, Detail: fmt.Sprintf(format, args...)})
		w.trace.note(w, 0, "VIOLATION: "+format, args...)
	}
	if check == Invariant {
		w.phase = finished // what follows a broken invariant tells nothing new
	}
}

// catch turns a panic of an actor into a violation: in production it would stop
// the node, and stop it again after every restart.
func (w *World) catch() {
	p := recover()
	if p == nil {
		return
	}
	detail := fmt.Sprint(p) // determinism: actors panic with texts, the runtime with errors
	if w.opts.Where != nil {
		detail += " (" + w.opts.Where() + ")"
	}
	w.verdict = append(w.verdict, Violation{Check: Panic, AtNs: w.nowNs, Detail: detail})
}
