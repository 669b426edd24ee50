package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/linearizability/causalhist"
)

// Anomaly is something that a weak setting permits and clients may not expect.
type Anomaly string

// The anomalies, the gravest first.
const (
	LostWrites    Anomaly = "lost-write"         // an acknowledged write is gone in the end, though nothing that followed it replaced it
	LostUpdates   Anomaly = "lost-update"        // a write made of what was read was replaced by one that had not seen it
	StaleReads    Anomaly = "stale-read"         // a read misses a write that was acknowledged before it began
	BackwardReads Anomaly = "non-monotonic-read" // a read knows less than an earlier one of the same client
	NotLinear     Anomaly = "not-linearizable"   // no order of the operations explains all answers
)

// AnomalyKinds lists them.
func AnomalyKinds() []Anomaly {
	return []Anomaly{LostWrites, LostUpdates, StaleReads, BackwardReads, NotLinear}
}

// The other values of oracles.anomalies.
const (
	noAnomalies  = "none"
	allAnomalies = "all"
)

func anomalyChoices() []string {
	list := []string{noAnomalies, allAnomalies}
	for _, a := range AnomalyKinds() {
		list = append(list, string(a))
	}
	return list
}

// Anomalies is what a run showed, of keys of any mode.
type Anomalies struct {
	// Counts: its reads are those that began before the faults ended.
	causalhist.Counts
	// Linearizable judges all keys together: illegal if one is.
	Linearizable linearizability.Answer
	Examples     map[Anomaly]string // one of each anomaly that there was
}

// anomalyBounds are those of the search for an order of the operations, per
// key. There is none on time: so that they are the same on every machine.
var anomalyBounds = linearizability.Options{MaxSteps: 300_000, NoStretch: true} // immutable

// Anomalies counts them. It forgives nothing: neither what the sync policy may
// lose nor what the bucket never promised.
func (r *Result) Anomalies() *Anomalies {
	a := &Anomalies{Linearizable: linearizability.Linearizable, Examples: map[Anomaly]string{}}
	var strict []Key
	for _, k := range r.Plan.Config.Keys {
		if k.strict(&r.Plan.Config) {
			strict = append(strict, k)
		}
	}
	r.strictAnomalies(a, strict)
	for i := range r.Eventual {
		r.eventualAnomalies(a, &r.Eventual[i])
	}
	return a
}

func (a *Anomalies) example(kind Anomaly, format string, args ...any) {
	if a.Examples[kind] == "" {
		a.Examples[kind] = fmt.Sprintf(format, args...)
	}
}

func (a *Anomalies) verdict(v linearizability.Verdict) {
	switch v.Answer {
	case linearizability.Illegal:
		a.Linearizable = v.Answer
		a.example(NotLinear, "key %q: no order of its operations explains every answer", v.Key)
	case linearizability.Undecided:
		if a.Linearizable == linearizability.Linearizable {
			a.Linearizable = v.Answer
		}
	}
}

// strictAnomalies looks at the keys of strong and abd buckets. Lower bounds, as
// the linearizability package knows no stamps: but 0 where that is what is true.
func (r *Result) strictAnomalies(a *Anomalies, keys []Key) {
	if len(keys) == 0 {
		return
	}
	var h, early linearizability.History // early: without the reads of the healed cluster
	for i := range r.History {
		op := &r.History[i]
		if !slices.ContainsFunc(keys, func(k Key) bool { return k.Name == op.Key }) {
			continue
		}
		h = append(h, *op)
		if op.Kind != linearizability.Get || op.Call < r.HealNs {
			early = append(early, *op)
		}
		switch {
		case op.Outcome != linearizability.OK:
		case op.Kind == linearizability.Get && op.Call < r.HealNs:
			a.Reads++
		case op.Kind != linearizability.Get && op.Applied:
			a.Writes++
		}
	}
	a.verdict(verdictWithin(anomalyBounds, h, keys))
	var o linearizability.Observations
	o.Load(settle(h, keys), linearizability.KV)
	lost := o.LostWrites(linearizability.AfterLastWrite)
	o.Load(settle(early, keys), linearizability.KV)
	stale, old := o.Staleness(linearizability.StalenessBound{})
	sessions := o.Sessions(linearizability.SessionOptions{PerKey: true})
	a.Stale, a.NonMonotonic, a.Lost = stale.Stale, sessions.Breaches, lost.Breaches
	a.breach(StaleReads, &old)
	a.breach(BackwardReads, &sessions)
	a.breach(LostWrites, &lost)
}

func (a *Anomalies) breach(kind Anomaly, report *linearizability.Report) {
	if !report.Kept() {
		a.example(kind, "%s", report.Findings[0].String())
	}
}

// anomalyOf is the anomaly that a finding is of.
var anomalyOf = map[string]Anomaly{ // immutable
	causalhist.LostWrite: LostWrites, causalhist.LostUpdate: LostUpdates, causalhist.StaleRead: StaleReads, causalhist.MonotonicReads: BackwardReads,
}

func (r *Result) eventualAnomalies(a *Anomalies, k *KeyHistory) {
	ops := slices.Clone(k.Ops)
	for i := range ops {
		if op := &ops[i]; op.Kind == causalhist.Get && !op.Final && op.Call >= r.HealNs {
			op.Outcome = causalhist.Unknown // tells what the healed cluster does, not what the setting permits
		}
	}
	counts, findings := causalhist.Inspect(ops, k.Rules)
	for i := range ops {
		if ops[i].Call >= r.HealNs && ops[i].Kind == causalhist.Set {
			ops[i].Outcome = causalhist.Unknown // the last writes of all clients at once are no work of theirs
		}
	}
	updates, more := causalhist.Inspect(ops, k.Rules)
	counts.Updates, counts.LostUpdates = updates.Updates, updates.LostUpdates
	other := func(f causalhist.Finding) bool { return f.Check != causalhist.LostUpdate }
	findings = append(slices.DeleteFunc(findings, func(f causalhist.Finding) bool { return !other(f) }), slices.DeleteFunc(more, other)...)
	// The state in which all replicas agreed is no client's read.
	for i := range ops {
		if ops[i].Final {
			counts.Reads--
		}
	}
	a.Add(counts)
	for _, f := range findings {
		a.example(anomalyOf[f.Check], "key %q: %s", k.Key.Name, f.Detail)
	}
	h, several := registerHistory(k)
	if several {
		a.Linearizable = linearizability.Illegal
		a.example(NotLinear, "key %q: a read showed several values at once", k.Key.Name)
		return
	}
	a.verdict(verdictWithin(anomalyBounds, h, []Key{k.Key}))
}

// registerHistory is the history of a key as one of a single register or
// counter; several says that an answer had more values than one has.
func registerHistory(k *KeyHistory) (h linearizability.History, several bool) {
	for i := range k.Ops {
		op := &k.Ops[i]
		out := linearizability.Op{Key: k.Key.Name, Value: op.Value, Delta: op.Delta, Call: op.Call, Return: op.Return, Client: int32(op.Client)}
		out.Kind = map[causalhist.Kind]linearizability.Kind{
			causalhist.Get: linearizability.Get, causalhist.Set: linearizability.Set,
			causalhist.Delete: linearizability.Delete, causalhist.Incr: linearizability.Incr,
		}[op.Kind]
		switch op.Outcome {
		case causalhist.Failed:
			out.Outcome = linearizability.Failed
		case causalhist.OK:
			out.Result = linearizability.Result{Outcome: linearizability.OK, Applied: true}
			several = several || len(op.Saw) > 1
			answer(&out, op, k.Rules.Policy)
		default:
			out.Return = 0
		}
		h = append(h, out)
	}
	return h, several
}

// answer fills in what an answer showed.
func answer(out *linearizability.Op, op *causalhist.Op, policy kv.Policy) {
	switch {
	case op.Kind != causalhist.Get: // an increment tells what its coordinator knew, and promises no more
	case policy == kv.Counters:
		out.Saw = linearizability.SawValue
		if op.Sum != 0 {
			out.Found, out.Out = true, fmt.Sprint(op.Sum)
		}
	default:
		out.Saw, out.Found = linearizability.SawValue, len(op.Saw) == 1
		if out.Found {
			out.Out = op.Saw[0]
		}
	}
}

// anomalyPrefix begins the names of the checks that oracles.anomalies adds.
const anomalyPrefix = "anomaly-"

// IsAnomaly reports whether a check convicts what the settings permit.
func IsAnomaly(check string) bool { return strings.HasPrefix(check, anomalyPrefix) }

// judgeAnomalies turns anomalies into violations if the plan asks for it.
func (r *Result) judgeAnomalies() {
	which := r.Plan.Config.Anomalies
	if which == "" {
		return
	}
	a := r.Anomalies()
	for _, kind := range AnomalyKinds() {
		if text := a.Examples[kind]; text != "" && (which == allAnomalies || which == string(kind)) {
			r.Violations = append(r.Violations, Violation{Check: anomalyPrefix + string(kind), AtNs: r.VirtualNs, Detail: text})
		}
	}
}
