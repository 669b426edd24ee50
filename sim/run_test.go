package sim

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability"
)

func scenario(t testing.TB, name string) *Scenario {
	t.Helper()
	s, err := FindScenario(name)
	require.NoError(t, err)
	return s
}

func mustRun(t testing.TB, p *Plan, o Options) *Result {
	t.Helper()
	r, err := Run(p, o)
	require.NoError(t, err)
	return r
}

// TestScenarios runs seeds of every scenario: with nothing planted, none alarms,
// and together they reach every state that a mark names.
func TestScenarios(t *testing.T) {
	var covered Coverage
	for _, s := range Scenarios() {
		for seed := range uint64(60) {
			r := mustRun(t, Draw(seed, &s), Options{})
			require.Equal(t, VerdictOK, r.Verdict, "%s, seed %d: %v", s.Name, seed, r.Violations)
			covered.Add(&r.Coverage)
		}
	}
	rare := []string{"floor-refused", "all-down", "paused-owner-returned", "touch-disagreed", "duel"}
	for _, name := range covered.Missing(Options{}) {
		require.Contains(t, rare, name, "a state that seeds should reach")
	}
}

// TestNobodyLooksForSomeMarks: runs that are judged at the end only don't list as
// missing what they never looked for, and list nothing that they saw.
func TestNobodyLooksForSomeMarks(t *testing.T) {
	var every, end Coverage
	impatient, err := FindScenario("impatient")
	require.NoError(t, err)
	for seed := range uint64(8) {
		every.Add(&mustRun(t, Draw(seed, impatient), Options{}).Coverage)
		end.Add(&mustRun(t, Draw(seed, impatient), Options{Invariants: AtEnd}).Coverage)
	}
	require.Subset(t, every.Missing(Options{}), end.Missing(Options{Invariants: AtEnd}))
	for m, n := range end {
		require.False(t, n > 0 && Mark(m).seenByInvariants(), markNames[m])
	}
}

// TestSamePlanSameRun: the hash digests every event, so equal hashes mean equal runs.
func TestSamePlanSameRun(t *testing.T) {
	for _, s := range Scenarios() {
		hashes := map[uint64]bool{}
		for seed := range uint64(8) {
			a := mustRun(t, Draw(seed, &s), Options{})
			b := mustRun(t, Draw(seed, &s), Options{Invariants: AtEnd, Record: true})
			require.Equal(t, a.TraceHash, b.TraceHash, "%s, seed %d: checks and recording change nothing", s.Name, seed)
			require.Equal(t, a.Events, b.Events)
			require.Equal(t, a.History, b.History)
			require.NotEmpty(t, b.Trace)
			hashes[a.TraceHash] = true
		}
		require.Len(t, hashes, 8, "%s: other seeds, other runs", s.Name)
	}
}

// TestPlansSurviveTheirFile: a plan read back from its file runs to the same hash.
func TestPlansSurviveTheirFile(t *testing.T) {
	for seed := range uint64(10) {
		plan := Draw(seed, scenario(t, "default"))
		text := FormatPlan(plan)
		back, err := ReadPlan(text)
		require.NoError(t, err)
		require.Equal(t, string(text), string(FormatPlan(back)))
		require.Equal(t, mustRun(t, plan, Options{}).TraceHash, mustRun(t, back, Options{}).TraceHash)
	}
}

func TestPlansThatCannotRun(t *testing.T) {
	for _, c := range []struct {
		change func(*Plan)
		want   string
	}{
		{func(p *Plan) { p.Config.Nodes = 0 }, "config.nodes is 0: use 1 to 31"},
		{func(p *Plan) { p.Config.Disk.Sync = "often" }, `config.disk.sync is "often": use always, interval or never`},
		{func(p *Plan) { p.Config.Keys = nil }, "config.keys is empty"},
		{func(p *Plan) { p.Config.Nodes, p.Config.N = 3, 3; p.Config.Core = Core{Node: 99} }, "config.core names node 99: use 1 to"},
		{func(p *Plan) {
			p.Config.Nodes, p.Config.N = 3, 3
			p.Config.Core = Core{Away: []kv.NodeID{1}, How: FaultKill}
		}, "config.core.away names nodes, and config.core.node none"},
		{func(p *Plan) {
			p.Config.Nodes, p.Config.N = 3, 3
			p.Config.Core = Core{Node: 1, Away: []kv.NodeID{1}, How: FaultKill}
		}, "config.core.away has node 1, which clients ask"},
		{func(p *Plan) {
			p.Config.Nodes, p.Config.N = 3, 3
			p.Config.Core = Core{Node: 1, Away: []kv.NodeID{2}, How: "nap"}
		}, "config.core.how is \"nap\": use kill, cut, mute, deaf"},
		{func(p *Plan) {
			p.Config.Nodes, p.Config.N = 3, 3
			p.Config.Core = Core{Node: 1, Away: []kv.NodeID{2, 3, 2, 3}, How: FaultKill}
		}, "config.core.away has 4 nodes: use at most"},
		{func(p *Plan) { p.Ops[0].Do = "put" }, `ops[0].do is "put": use get`},
		{func(p *Plan) { p.Ops[1].Node = 99 }, "ops[1].node is 99"},
		{func(p *Plan) { p.Faults[0].Kind = "meteor" }, `faults[0]: unknown kind "meteor"`},
		{func(p *Plan) { p.Faults[0].Nodes, p.Faults[0].On = nil, nil }, "faults[0]: names no node and no trigger"},
		{func(p *Plan) { p.Config.Network.Kind = "normal" }, `latency "normal"`},
	} {
		plan := Draw(1, scenario(t, "default"))
		c.change(plan)
		_, err := Run(plan, Options{})
		require.ErrorContains(t, err, c.want)
	}
	_, err := ReadPlan([]byte(`{"seeed": 1}`))
	require.ErrorContains(t, err, "seeed")
}

// What can't be in a plan is told with its place in the file, and what may be there.
func TestPlanFilesThatCannotRun(t *testing.T) {
	good := string(FormatPlan(Draw(1, scenario(t, "default"))))
	line := func(text string) int { return 1 + strings.Count(good[:strings.Index(good, text)], "\n") }
	segment := regexp.MustCompile(`segment_bytes: \d+`).FindString(good)
	at := regexp.MustCompile(`ops:\n  - \{at: \d+`).FindString(good)
	for _, c := range []struct{ old, new, want string }{
		{segment, "segment_bytes: 1", fmt.Sprintf("%d:20: config.disk.segment_bytes is 1: use 4096 to 1073741824", line(segment))},
		{at, "ops:\n  - {at: -5", fmt.Sprintf("%d:10: ops[0].at is -5: use 0 to 3600000000000", line(at)+1)},
		{"seed: 1\n", "---\nseed: 1\n---\n", "3:1: a second document begins here, one is allowed"},
	} {
		_, err := ReadPlan([]byte(strings.Replace(good, c.old, c.new, 1)))
		require.ErrorContains(t, err, c.want)
	}
	_, err := ReadPlan([]byte("seed: 1\nconfig:\n  lanes: 1\n"))
	require.ErrorContains(t, err, "3:3: config.nodes is 0: use 1 to 31")
}

// TestRegressions replays plans that once failed. The first line of the file
// beside each says what the bug was.
func TestRegressions(t *testing.T) {
	files, err := filepath.Glob("testdata/regressions/*.json")
	require.NoError(t, err)
	more, err := filepath.Glob("testdata/regressions/*.yaml")
	require.NoError(t, err)
	files = append(files, more...)
	require.NotEmpty(t, files)
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		plan, err := ReadPlan(text)
		require.NoError(t, err, name)
		r := mustRun(t, plan, Options{})
		require.Equal(t, VerdictOK, r.Verdict, "%s: %v", name, r.Violations)
	}
}

func TestRunThatExercisesNothingIsVacuous(t *testing.T) {
	plan := Draw(3, scenario(t, "default"))
	for i := range plan.Faults {
		plan.Faults[i].On = &Trigger{Event: "send", Message: "accept", Nth: 1 << 30}
	}
	require.Equal(t, VerdictVacuous, mustRun(t, plan, Options{}).Verdict, "no fault took place")
}

func TestJudgeConvictsABadHistory(t *testing.T) {
	plan := Draw(3, scenario(t, "quiet"))
	r := mustRun(t, plan, Options{})
	require.Equal(t, VerdictOK, r.Verdict)
	for i := range r.History { // the first read that saw a value sees one that nobody wrote
		if op := &r.History[i]; op.Kind == linearizability.Get && op.Saw == linearizability.SawValue && op.Found && op.Out[0] == 'v' {
			op.Out = "v-nobody-wrote-this"
			break
		}
	}
	r.judge()
	require.Equal(t, VerdictViolation, r.Verdict)
	require.Equal(t, Linearizability, r.Violations[0].Check)
}

func TestTraceIsReadable(t *testing.T) {
	r := mustRun(t, Draw(3, scenario(t, "default")), Options{Record: true})
	var b bytes.Buffer
	require.NoError(t, WriteTrace(&b, r.Trace))
	require.Contains(t, b.String(), `"msg":"accept"`)
	require.Contains(t, b.String(), "fault ")
	require.Contains(t, b.String(), "client 0: ")
}
