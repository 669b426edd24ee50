package linearizability

import (
	"fmt"
	"io"
	"strings"
)

// Guarantee is a promise to clients that is weaker than linearizability, and
// is kept by every linearizable store.
type Guarantee uint8

// The guarantees. The first four are those of Terry, Demers, Petersen,
// Spreitzer, Theimer and Welch, "Session Guarantees for Weakly Consistent
// Replicated Data", PDIS 1994.
const (
	// ReadYourWrites: what a client reads is not older than what it wrote before.
	ReadYourWrites Guarantee = iota + 1
	// MonotonicReads: what a client reads is not older than what it read before.
	MonotonicReads
	// MonotonicWrites: who has seen a client's write also sees what that client
	// wrote before it, on other keys too.
	MonotonicWrites
	// WritesFollowReads: who has seen a client's write also sees what that
	// client had read before it.
	WritesFollowReads
	// Provenance: every value that was read was asked to be written, before the
	// read ended, by an operation that did not fail.
	Provenance
	// BoundedStaleness: reads are at most so old, in time and in versions.
	BoundedStaleness
	// NoLostWrites: the final reads show every acknowledged write, or one that
	// did not precede it.
	NoLostWrites
	// Convergence: the final reads of a key agree.
	Convergence
	guarantees // count, keep last
)

var guaranteeNames = [guarantees]string{
	ReadYourWrites: "read your writes", MonotonicReads: "monotonic reads", MonotonicWrites: "monotonic writes",
	WritesFollowReads: "writes follow reads", Provenance: "provenance", BoundedStaleness: "bounded staleness",
	NoLostWrites: "no lost writes", Convergence: "convergence",
}

func (g Guarantee) String() string {
	if g > 0 && g < guarantees {
		return guaranteeNames[g]
	}
	return fmt.Sprintf("guarantee(%d)", uint8(g))
}

// Finding is one breach of a guarantee.
type Finding struct {
	Guarantee Guarantee
	Key       string
	Why       string  // one sentence
	Ops       History // the operations that contradict the guarantee, in the order of the argument
}

// String tells a finding in one line.
func (f *Finding) String() string {
	ops := make([]string, len(f.Ops))
	for i := range f.Ops {
		ops[i] = strings.TrimSpace(line(&f.Ops[i]))
	}
	return fmt.Sprintf("%v, key %s: %s: %s", f.Guarantee, show(f.Key), f.Why, strings.Join(ops, "; "))
}

// maxFindings bounds what a Report lists.
const maxFindings = 8

// Report is what a check of guarantees says. It never accuses a linearizable
// history; what it can't be sure of it leaves unjudged, and counts.
type Report struct {
	Findings []Finding // the first few breaches
	Breaches int       // how many there are in all
	Judged   int       // what was judged: reads, or keys where the check is about keys
	Unjudged int       // what was not: see the check
}

// Kept reports whether no breach was found.
func (r *Report) Kept() bool { return r.Breaches == 0 }

// Explain prints the findings, one operation to a line.
func (r *Report) Explain(w io.Writer) error {
	var b strings.Builder
	for i := range r.Findings {
		f := &r.Findings[i]
		fmt.Fprintf(&b, "%v, key %s: %s\n", f.Guarantee, show(f.Key), f.Why)
		for j := range f.Ops {
			b.WriteString(line(&f.Ops[j]))
		}
	}
	if more := r.Breaches - len(r.Findings); more > 0 {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// found notes a breach; the operations are indices into the history, -1 for
// the state of a key that nobody had touched.
func (r *Report) found(h History, g Guarantee, key, why string, ops ...int32) {
	r.Breaches++
	if len(r.Findings) >= maxFindings {
		return
	}
	f := Finding{Guarantee: g, Key: key, Why: why}
	for i, src := range ops {
		if src >= 0 && !contains(ops[:i], src) {
			f.Ops = append(f.Ops, h[src])
		}
	}
	r.Findings = append(r.Findings, f)
}

func contains(list []int32, x int32) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}

// CheckSessions judges the four session guarantees and provenance; see
// [Observations.Sessions].
func CheckSessions(h History, m Model, o SessionOptions) Report {
	var obs Observations
	obs.Load(h, m)
	return obs.Sessions(o)
}

// CheckStaleness measures how old reads are, and holds them against a bound; see
// [Observations.Staleness].
func CheckStaleness(h History, m Model, b StalenessBound) (Staleness, Report) {
	var obs Observations
	obs.Load(h, m)
	return obs.Staleness(b)
}

// CheckLostWrites looks for acknowledged writes that are gone in the end; see
// [Observations.LostWrites].
func CheckLostWrites(h History, m Model, finalFromNs int64) Report {
	var obs Observations
	obs.Load(h, m)
	return obs.LostWrites(finalFromNs)
}

// CheckConvergence holds the final reads of every key against each other; see
// [Observations.Convergence].
func CheckConvergence(h History, m Model, finalFromNs int64) Report {
	var obs Observations
	obs.Load(h, m)
	return obs.Convergence(finalFromNs)
}
