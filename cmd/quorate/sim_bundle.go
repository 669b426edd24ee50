package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/picture"
	"github.com/quoratedb/quorate/sim"
)

// bundle is the folder of a failure: what a person needs to understand it. All
// files are of one run: that of the failure as it was found, or, once that has
// been shrunk, of the shrunk plan; only found.yaml and the first line of
// repro.txt then still tell of the other.
type bundle struct {
	cmd   *simCmd
	dir   string
	found *sim.Plan
}

func (b *bundle) planFile() string { return filepath.Join(b.dir, "plan.yaml") }

// write runs a plan once more, with its trace recorded, and writes the folder
// anew. The plan is the one that was found, or what it was shrunk to.
func (b *bundle) write(plan *sim.Plan) error {
	opts := b.cmd.options()
	opts.Record = true
	r, err := sim.Run(plan, opts)
	if err != nil {
		return err
	}
	replay := b.cmd.replayLine(plan)
	files := map[string]func(io.Writer) error{
		"plan.yaml":     func(f io.Writer) error { _, err := f.Write(sim.FormatPlan(plan)); return err },
		"history.jsonl": func(f io.Writer) error { return sim.WriteHistory(f, r) },
		"trace.jsonl":   func(f io.Writer) error { return sim.WriteTrace(f, r.Trace) },
	}
	if plan != b.found {
		replay = b.replayShrunk()
		files["found.yaml"] = func(f io.Writer) error { _, err := f.Write(sim.FormatPlan(b.found)); return err }
	}
	files["repro.txt"] = func(f io.Writer) error { _, err := io.WriteString(f, b.repro(r)); return err }
	files["picture.html"] = func(f io.Writer) error { return picture.Write(f, r, picture.Options{Replay: replay}) }
	if len(r.Eventual) > 0 {
		files["eventual.jsonl"] = func(f io.Writer) error { return sim.WriteEventual(f, r) }
	}
	if h := r.Linear(); len(h) > 0 {
		files["porcupine.html"] = func(f io.Writer) error { return linearizability.WriteHTML(f, h, linearizability.KV, r.Judgement) }
	}
	return b.replace(files)
}

// optional files are not in every folder: one of an earlier run must not stay.
var optional = []string{"eventual.jsonl", "found.yaml", "porcupine.html"}

func (b *bundle) replace(files map[string]func(io.Writer) error) error {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return err
	}
	for _, name := range optional {
		if err := os.Remove(filepath.Join(b.dir, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	for name, write := range files {
		f, err := os.Create(filepath.Join(b.dir, name))
		if err != nil {
			return err
		}
		err = write(f)
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (b *bundle) replayShrunk() string {
	return fmt.Sprintf("quorate sim --plan %s%s", b.planFile(), b.cmd.runFlags())
}

// repro is repro.txt. Its first line replays the failure as it was found.
func (b *bundle) repro(r *sim.Result) string {
	var text strings.Builder
	fmt.Fprintln(&text, b.cmd.replayLine(b.found))
	if r.Plan != b.found {
		fmt.Fprintf(&text, "# The line above runs the failure as it was found: %s. Its plan is found.yaml.\n", b.found.Size())
		fmt.Fprintf(&text, "# All other files here are of the shrunk run: %s.\n%s\n", r.Plan.Size(), b.replayShrunk())
	}
	if lines := b.checks(r); len(lines) > 0 {
		fmt.Fprintf(&text, "# Judges once more what the clients saw:\n%s\n", strings.Join(lines, "\n"))
	}
	return text.String()
}

// checks are the lines that come to the verdict of the run by its history alone.
func (b *bundle) checks(r *sim.Result) (lines []string) {
	if r.Judgement.Answer == linearizability.Illegal {
		lines = append(lines, fmt.Sprintf("quorate check --key '%s' %s", r.Judgement.Key, filepath.Join(b.dir, "history.jsonl")))
	}
	ofHistories := func(v sim.Violation) bool {
		return v.Check == sim.Session || v.Check == sim.LostWrite || v.Check == sim.Causality
	}
	if len(r.Eventual) > 0 && slices.ContainsFunc(r.Violations, ofHistories) {
		lines = append(lines, fmt.Sprintf("quorate check --model %s %s", eventualModel, filepath.Join(b.dir, "eventual.jsonl")))
	}
	return lines
}
