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
	said := "survived"
	switch {
	case r.err != nil:
		said = r.err.Error()
	case r.Check != "":
		said = fmt.Sprintf("%s, seed %d of %s: %s", r.Check, r.Seed, r.Scenario, r.Detail)
	}
	return fmt.Sprintf("%s %-45s %5d seeds %6.1fs  %s", mark, r.Name, r.Seeds, r.Wall, said)
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
	return ok, os.WriteFile(filepath.Join(root, o.out), []byte(table(outcomes, o)), 0o644)
}

// table is docs/mutants.md.
func table(outcomes []outcome, o options) string {
	var b strings.Builder
	b.WriteString("# Planted bugs and the checks that convict them\n\n")
	b.WriteString("Each bug is planted alone and seeds are run until a check convicts it (docs/simulation.md says how).\n")
	fmt.Fprintf(&b, "Written by `make mutants` on %s, with at most %d seeds per scenario.\n\n", time.Now().UTC().Format(time.DateOnly), o.seeds)
	b.WriteString("| bug | convicted by | scenario | seeds | wall time |\n|---|---|---|---:|---:|\n")
	for i := range outcomes {
		r := &outcomes[i]
		check, scenario := r.Check, r.Scenario
		if check == "" {
			check, scenario = "nothing", "all tried"
		}
		if !r.Expected {
			check = "**" + check + "**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %.1f s |\n", r.Name, check, scenario, r.Seeds, r.Wall)
	}
	b.WriteString("\n`none` is the unharmed program; its row and those of the no-ops must say nothing.\n")
	return b.String()
}
