package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/quoratedb/quorate/linearizability"
)

// guaranteeFlags choose the checks beyond linearizability and their bounds.
type guaranteeFlags struct {
	Checks    []string       `default:"linearizable" help:"What to judge, comma-separated: linearizable, sessions, sessions-per-key, lost-writes, staleness, convergence." placeholder:"CHECKS"`
	FinalFrom *int64         `help:"For lost-writes and convergence: the time of the history after which reads are final; without it, for each key, when its last acknowledged write had returned." placeholder:"NS"`
	MaxStale  *time.Duration `help:"For staleness: how old a read may be; 0 if neither bound is given." placeholder:"D"`
	MaxBehind *int           `help:"For staleness: how many versions behind a read may be; 0 if neither bound is given." placeholder:"N"`
}

const checkLinearizable = "linearizable"

// guaranteeChecks run the other checks and print their verdicts. They return
// whether the guarantee was kept.
var guaranteeChecks = map[string]func(io.Writer, *linearizability.Observations, *guaranteeFlags) bool{
	"sessions": func(w io.Writer, o *linearizability.Observations, _ *guaranteeFlags) bool {
		return reportGuarantee(w, "sessions", "reads", "", o.Sessions(linearizability.SessionOptions{}))
	},
	"sessions-per-key": func(w io.Writer, o *linearizability.Observations, _ *guaranteeFlags) bool {
		return reportGuarantee(w, "sessions-per-key", "reads", "", o.Sessions(linearizability.SessionOptions{PerKey: true}))
	},
	"lost-writes": func(w io.Writer, o *linearizability.Observations, f *guaranteeFlags) bool {
		return reportGuarantee(w, "lost-writes", "keys", "", o.LostWrites(f.finalFrom()))
	},
	"convergence": func(w io.Writer, o *linearizability.Observations, f *guaranteeFlags) bool {
		return reportGuarantee(w, "convergence", "keys", "", o.Convergence(f.finalFrom()))
	},
	"staleness": func(w io.Writer, o *linearizability.Observations, f *guaranteeFlags) bool {
		worst, r := o.Staleness(f.bound())
		measured := fmt.Sprintf("; %d stale, at worst by %v and by %d versions", worst.Stale, time.Duration(worst.Ns), worst.Versions)
		return reportGuarantee(w, "staleness", "reads", measured, r)
	},
}

func (f *guaranteeFlags) finalFrom() int64 {
	if f.FinalFrom == nil {
		return linearizability.AfterLastWrite
	}
	return *f.FinalFrom
}

// bound is the staleness allowed: an unnamed bound is none if the other is named.
func (f *guaranteeFlags) bound() linearizability.StalenessBound {
	if f.MaxStale == nil && f.MaxBehind == nil {
		return linearizability.StalenessBound{}
	}
	b := linearizability.StalenessBound{Ns: -1, Versions: -1}
	if f.MaxStale != nil {
		b.Ns = int64(*f.MaxStale)
	}
	if f.MaxBehind != nil {
		b.Versions = *f.MaxBehind
	}
	return b
}

func (f *guaranteeFlags) validate() error {
	for _, name := range f.Checks {
		if name != checkLinearizable && guaranteeChecks[name] == nil {
			return fmt.Errorf("--checks: unknown check %q: use %s", name, strings.Join(checkNames(), ", "))
		}
	}
	if f.MaxStale != nil && *f.MaxStale < 0 {
		return fmt.Errorf("--max-stale: %v is negative: use 0 or more, or leave it out for no bound", *f.MaxStale)
	}
	if f.MaxBehind != nil && *f.MaxBehind < 0 {
		return fmt.Errorf("--max-behind: %d is negative: use 0 or more, or leave it out for no bound", *f.MaxBehind)
	}
	return nil
}

// judge runs the chosen checks other than linearizability and reports whether
// all were kept.
func (f *guaranteeFlags) judge(w io.Writer, h linearizability.History, m linearizability.Model) bool {
	var o linearizability.Observations
	loaded, kept := false, true
	for _, name := range f.Checks {
		if name == checkLinearizable {
			continue
		}
		if !loaded {
			o.Load(h, m)
			loaded = true
		}
		kept = guaranteeChecks[name](w, &o, f) && kept
	}
	return kept
}

// reportGuarantee prints a verdict and its evidence.
func reportGuarantee(w io.Writer, name, what, measured string, r linearizability.Report) bool {
	verdict := "kept"
	switch {
	case r.Breaches == 1:
		verdict = "broken once"
	case !r.Kept():
		verdict = fmt.Sprintf("broken %d times", r.Breaches)
	case r.Judged == 0:
		verdict = "not judged"
	}
	fmt.Fprintf(w, "%s: %s (%s: %d judged, %d not%s)\n", name, verdict, what, r.Judged, r.Unjudged, measured)
	_ = r.Explain(w) // a closed standard output is the reader's choice
	return r.Kept()
}

func checkNames() []string {
	names := []string{checkLinearizable}
	for name := range guaranteeChecks {
		names = append(names, name)
	}
	slices.Sort(names[1:])
	return names
}
