package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/sim"
)

// TestSimChild is not a test: simulate runs it in a process of its own.
func TestSimChild(t *testing.T) {
	args := os.Getenv("QUORATE_TEST_SIM")
	if args == "" {
		t.Skip("run by other tests")
	}
	os.Exit(run(strings.Fields(args)))
}

// simulate runs `quorate sim` with the arguments in a process of its own.
func simulate(t *testing.T, args string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestSimChild$")
	cmd.Env = append(os.Environ(), "QUORATE_TEST_SIM=sim "+args)
	var out, err strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &err
	if e := cmd.Run(); e != nil {
		code = cmd.ProcessState.ExitCode()
	}
	return out.String(), err.String(), code
}

func TestSimPrintsOneObjectPerSeedInOrder(t *testing.T) {
	out, _, code := simulate(t, "--seeds 3..14 -j 3 --json")
	require.Equal(t, exitOK, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 12, "both ends are included")
	for i, line := range lines {
		var got map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &got))
		require.EqualValues(t, 3+i, got["seed"])
		for _, field := range []string{"seed", "scenario", "build", "events", "virtual_ns", "wall_ns", "ops_ok", "ops_unknown",
			"trace_hash", "verdict", "violations", "config", "coverage"} {
			require.Contains(t, got, field)
		}
		require.Regexp(t, "^[0-9a-f]{16}$", got["trace_hash"])
		require.Equal(t, []any{}, got["violations"])
	}
}

// TestSimSameSeedSameHash compares two processes.
func TestSimSameSeedSameHash(t *testing.T) {
	hashes := func(flags string) []string {
		out, _, code := simulate(t, "--seeds 1..20 --json "+flags)
		require.Equal(t, exitOK, code)
		var list []string
		for line := range strings.Lines(out) {
			var got struct {
				Hash string `json:"trace_hash"`
			}
			require.NoError(t, json.Unmarshal([]byte(line), &got))
			list = append(list, got.Hash)
		}
		return list
	}
	require.Equal(t, hashes("-j 1"), hashes("-j 2 --invariants end"))
}

func TestSimBadUsage(t *testing.T) {
	for args, want := range map[string]string{
		"":                             "nothing to run: use --seed S",
		"--seeds 9":                    `--seeds: "9": use two numbers A..B`,
		"--seeds 9..3":                 "with A at most B",
		"--seed 1 --scenario nonsense": `unknown scenario "nonsense": use default, abd, buckets`,
		"--seed 1 --bug 13":            "was built without failpoints",
		"--seed 1 --jobs=-1":           "--jobs: -1 is out of range: use 1 or more",
		"--for 0s":                     "--for: 0s: use a positive duration",
		"--for=-1m":                    "--for: -1m0s: use a positive duration",
		"--plan /does/not/exist":       "/does/not/exist",
		"--seed 1 --reverse":           "they are about several seeds",
		"--for 1s --trace-of 3":        "they are about several seeds",
		"--seeds 1..2 --trace-of 1":    "--trace FILE must say where to",

		"--seeds 1..2 --trace-of 3 --trace /does/not/exist": "seed 3 is not among the seeds 1..2",
	} {
		_, stderr, code := simulate(t, args)
		require.Equal(t, exitUsage, code, args)
		require.Contains(t, stderr, want, args)
	}
}

func TestSimSummary(t *testing.T) {
	out, _, code := simulate(t, "--seed 1")
	require.Equal(t, exitOK, code)
	require.Regexp(t, "^1 seed: 1 ok, 0 violations, 0 undecided or vacuous; ", out)
	out, _, code = simulate(t, "--seeds 1..2")
	require.Equal(t, exitOK, code)
	require.Regexp(t, "^2 seeds: 2 ok, ", out)
}

func TestSimReplayLineSaysHowItWasJudged(t *testing.T) {
	c := simCmd{Invariants: sim.AtEnd, Bug: []string{"9"}}
	require.Equal(t, "quorate sim --seed 7 --invariants end --bug 9", c.replayLine(&sim.Plan{Seed: 7, Scenario: "default"}))
	c.Plan = "a.yaml"
	require.Equal(t, "quorate sim --plan a.yaml --invariants end --bug 9", c.replayLine(&sim.Plan{}))
}

func TestSimListsScenarios(t *testing.T) {
	out, _, code := simulate(t, "--scenario help")
	require.Equal(t, exitOK, code)
	require.Contains(t, out, "default ")
	require.Contains(t, out, "durability ")
}

// TestSimFailureIsKeptAndShrunk runs a plan that must fail: power is lost under
// a sync policy that does not survive it.
func TestSimFailureIsKeptAndShrunk(t *testing.T) {
	s, err := sim.FindScenario("default")
	require.NoError(t, err)
	plan := sim.Draw(11, s)
	plan.Config.Disk.Sync, plan.Config.Strict = "never", true
	for _, at := range []int64{60e6, 150e6} {
		f := sim.Fault{AtNs: at, ForNs: 5e6, Kind: sim.FaultPower}
		for _, op := range plan.Ops {
			f.Nodes = append(f.Nodes, op.Node)
		}
		plan.Faults = append(plan.Faults, f)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "bad.json")
	require.NoError(t, os.WriteFile(file, sim.FormatPlan(plan), 0o644))

	_, stderr, code := simulate(t, "--plan "+file+" --shrink --out "+dir)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "replay: quorate sim --plan "+file)
	folder := filepath.Join(dir, "seed-11")
	small := filepath.Join(folder, "plan.yaml")
	_, _, code = simulate(t, "--plan "+small)
	require.Equal(t, exitFailed, code, "the shrunk plan fails too")

	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		require.NotEmpty(t, text, name)
		return string(text)
	}
	require.Equal(t, string(sim.FormatPlan(plan)), read("found.yaml"))
	lines := strings.Split(read("repro.txt"), "\n")
	require.Equal(t, "quorate sim --plan "+file, lines[0], "the failure as it was found")
	require.Contains(t, lines, "quorate sim --plan "+small, "and the shrunk one")

	shrunk, err := sim.ReadPlan([]byte(read("plan.yaml")))
	require.NoError(t, err)
	r, err := sim.Run(shrunk, sim.Options{Record: true})
	require.NoError(t, err)
	for name, write := range map[string]func(io.Writer) error{
		"history.jsonl": func(w io.Writer) error { return sim.WriteHistory(w, r) },
		"trace.jsonl":   func(w io.Writer) error { return sim.WriteTrace(w, r.Trace) },
	} {
		var want bytes.Buffer
		require.NoError(t, write(&want))
		require.Equal(t, want.String(), read(name), "%s is of the shrunk run", name)
	}
	require.Contains(t, read("picture.html"), fmt.Sprintf("seed %d: violation", shrunk.Seed))
	require.Equal(t, len(r.Linear()) > 0, isFile(filepath.Join(folder, "porcupine.html")))
	require.Equal(t, len(r.Eventual) > 0, isFile(filepath.Join(folder, "eventual.jsonl")))
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// TestSimEvidenceOfEventualBuckets: what was judged of them is in a file of its own,
// and what an earlier failure left in the folder goes.
func TestSimEvidenceOfEventualBuckets(t *testing.T) {
	s, err := sim.FindScenario("siblings")
	require.NoError(t, err)
	plan := sim.Draw(1, s)
	b := bundle{cmd: &simCmd{Invariants: "every"}, dir: t.TempDir(), found: plan}
	require.NoError(t, b.write(plan))
	file := filepath.Join(b.dir, "eventual.jsonl")
	out, _, code := quorate(t, "", "check", "--model", "eventual", file)
	require.Equal(t, exitOK, code, "judged by itself as in the run")
	require.Regexp(t, `^kept: [1-9]\d* operations`, out)

	s, err = sim.FindScenario("quiet")
	require.NoError(t, err)
	require.NoError(t, s.Set("buckets.share=0%"))
	b.found = sim.Draw(1, s)
	require.NoError(t, b.write(b.found))
	require.NoFileExists(t, file)
}
