package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// line is one bug on the terminal.
func (r *outcome) line() string {
	mark := "ok  "
	if !r.Expected {
		mark = "FAIL"
	}
	said, undecided := "survived", 0
	for i := range r.Trials {
		t := &r.Trials[i]
		undecided += t.Undecided
		if t.Error != "" {
			said = t.Error
			break
		}
		if t.Check != "" && said == "survived" {
			said = fmt.Sprintf("%s, seed %d of %s: %s", t.Check, t.Seed, t.Scenario, t.Detail)
		}
	}
	if undecided > 0 {
		said += fmt.Sprintf(" (%d seeds undecided)", undecided)
	}
	return fmt.Sprintf("%s %-45s median %5d worst %5d seeds %6.1fs  %s", mark, r.Name, r.Median, r.Worst, r.Wall, said)
}

// report writes the files and says whether everything went as expected.
func report(root string, outcomes []outcome, o options) (bool, error) {
	ok := true
	for i := range outcomes {
		ok = ok && outcomes[i].Expected
	}
	if o.json != "" {
		text, err := json.MarshalIndent(outcomes, "", "  ")
		if err != nil {
			return false, err
		}
		if err := os.WriteFile(o.json, append(text, '\n'), 0o644); err != nil {
			return false, err
		}
	}
	if o.only != "" || o.fast || o.out == "" {
		return ok, nil
	}
	name := filepath.Join(root, o.out)
	old, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		return false, err
	}
	return ok, os.WriteFile(name, []byte(table(outcomes, o)+kept(string(old))), 0o644)
}

// handwritten begins what a run leaves as it is at the end of the file.
const handwritten = "## Soak\n"

// kept is the part of the old file that is not ours.
func kept(old string) string {
	if i := strings.Index(old, handwritten); i >= 0 {
		return "\n" + old[i:]
	}
	return ""
}

// table is docs/mutants.md.
func table(outcomes []outcome, o options) string {
	var b strings.Builder
	b.WriteString("# Planted bugs and the checks that convict them\n\n")
	fmt.Fprintf(&b, "Each bug is planted alone and seeds are run until a check convicts it, in %d ranges of seeds that have none in\n", o.ranges)
	b.WriteString("common (docs/simulation.md says how to plant one). Seeds count over all scenarios tried; those of several checks or\n")
	b.WriteString("scenarios name the most frequent one. Wall time is that of all ranges, each on one core of a shared machine.\n")
	fmt.Fprintf(&b, "Written by `make mutants` on %s; no bug gets more than %d seeds of a range.\n\n", time.Now().UTC().Format(time.DateOnly), o.seeds)
	b.WriteString("| bug | convicted by | scenario | seeds, median | worst | wall time |\n|---|---|---|---:|---:|---:|\n")
	for i := range outcomes {
		b.WriteString(outcomes[i].row())
	}
	b.WriteString("\n`none` is the unharmed program. It and the no-ops (901 to 903) must survive. 911 to 913 need several faults in order.\n\n")
	b.WriteString("## Not planted\n\n| number | bug | why not |\n|---|---|---|\n")
	for _, a := range absent {
		number := fmt.Sprint(a.from)
		if a.to > a.from {
			number = fmt.Sprintf("%d to %d", a.from, a.to)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", number, a.what, a.why)
	}
	return b.String()
}

func (r *outcome) row() string {
	check, scenario := r.Check, r.Scenario
	if check == "" {
		check, scenario = "nothing", strings.Join(r.bug.Scenarios, ", ")
	}
	if !r.Expected {
		check = "**" + check + "**"
	}
	return fmt.Sprintf("| %s | %s | %s | %d | %d | %.1f s |\n", r.Name, check, scenario, r.Median, r.Worst, r.Wall)
}
