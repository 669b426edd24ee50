package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/linearizability/causalhist"
	"github.com/quoratedb/quorate/sim"
)

// newTestBucket is a bucket as a run has it.
func newTestBucket(t *testing.T, cfg sim.BucketCfg) *tortureBucket {
	t.Helper()
	b := &tortureBucket{OutsideBucket: sim.OutsideBucket{BucketCfg: cfg}}
	b.init()
	var err error
	b.is, err = cfg.Bucket(1)
	require.NoError(t, err)
	return b
}

// record enters operations on key k, one after the other, 10 units of time apart.
func (l *keyLog) record(ops ...causalhist.Op) {
	for i, op := range ops {
		op.Call, op.Return = int64(10*i+1), int64(10*i+5)
		if op.Outcome == 0 {
			op.Outcome = causalhist.OK
		}
		l.complete("k", l.invoke("k", op), op)
	}
}

// Each history breaks the named checks and keeps the others; its last read is the final one.
func TestBucketsAreJudged(t *testing.T) {
	set := func(v string, stampMs int64) causalhist.Op {
		return causalhist.Op{Kind: causalhist.Set, Value: v, Node: 1, Quorum: 2, Stamp: causalhist.Stamp{Ms: stampMs}}
	}
	incr := func(d int64) causalhist.Op { return causalhist.Op{Kind: causalhist.Incr, Delta: d, Sum: d} }
	get := func(saw ...string) causalhist.Op {
		return causalhist.Op{Kind: causalhist.Get, Saw: saw, Client: 7, Node: 2}
	}
	after := func(op causalhist.Op, context int) causalhist.Op { op.Context = context; return op }
	quorum := func(op causalhist.Op) causalhist.Op { op.Quorum = 2; return op }
	final := func(op causalhist.Op) causalhist.Op { op.Final, op.Quorum = true, 3; return op }
	told := func(op causalhist.Op, ms int64) causalhist.Op { op.Stamp.Ms = ms; return op }
	unknown := func(op causalhist.Op) causalhist.Op { op.Outcome = causalhist.Unknown; return op }

	eventual := func(policy string) sim.BucketCfg {
		return sim.BucketCfg{Name: "b", Mode: "eventual", N: 3, Policy: policy, R: "2", W: "2", Repair: "async"}
	}
	siblings, lww, counters, abd := eventual("siblings"), eventual("lww"), eventual("counters"), sim.BucketCfg{Name: "b", Mode: "abd", N: 3}
	for name, c := range map[string]struct {
		bucket sim.BucketCfg
		ops    []causalhist.Op
		broken []string
	}{
		"siblings stay":            {siblings, []causalhist.Op{set("a", 0), set("b", 0), final(get("a", "b"))}, nil},
		"a sibling was replaced":   {siblings, []causalhist.Op{set("a", 0), get("a"), after(set("b", 0), 2), final(get("b"))}, nil},
		"a sibling is lost":        {siblings, []causalhist.Op{set("a", 0), set("b", 0), final(get("b"))}, []string{"lost-writes", "sessions"}},
		"a replaced value is back": {siblings, []causalhist.Op{set("a", 0), get("a"), after(set("b", 0), 2), final(get("a", "b"))}, []string{"causality"}},
		"a value of nobody":        {siblings, []causalhist.Op{final(get("z"))}, []string{"causality"}},
		"a quorum that missed":     {siblings, []causalhist.Op{set("a", 0), quorum(get()), final(get("a"))}, []string{"sessions"}},
		"one replica may miss it":  {siblings, []causalhist.Op{set("a", 0), get(), final(get("a"))}, nil},
		"the newest wins":          {lww, []causalhist.Op{set("a", 5), set("b", 7), final(get("b"))}, nil},
		"the newest is lost":       {lww, []causalhist.Op{set("a", 5), set("b", 7), final(get("a"))}, []string{"lost-writes", "sessions"}},
		"a clock goes back":        {lww, []causalhist.Op{set("a", 7), set("b", 5), final(get("a"))}, []string{"causality"}},
		"an unknown write wins":    {lww, []causalhist.Op{set("a", 5), told(unknown(set("b", 0)), 0), final(told(get("b"), 7))}, nil},
		"an unknown write with a stamp that has lost": {lww, []causalhist.Op{set("a", 5), told(unknown(set("b", 0)), 0), final(told(get("b"), 3))},
			[]string{"lost-writes", "sessions"}},
		"all increments count": {counters, []causalhist.Op{incr(256), incr(512), final(causalhist.Op{Kind: causalhist.Get, Sum: 768})}, nil},
		"an increment is lost": {counters, []causalhist.Op{incr(256), incr(512), final(causalhist.Op{Kind: causalhist.Get, Sum: 512})}, []string{"lost-writes"}},
		"one counts twice":     {counters, []causalhist.Op{incr(256), final(causalhist.Op{Kind: causalhist.Get, Sum: 512})}, []string{"lost-writes"}},
		"a register":           {abd, []causalhist.Op{set("a", 0), get("a"), {Kind: causalhist.Delete}, unknown(set("b", 0)), get(), get("b"), get("b")}, nil},
		"a register goes back": {abd, []causalhist.Op{set("a", 0), set("b", 0), get("b"), get("a")}, []string{"linearizable", "sessions", "staleness", "lost-writes"}},
	} {
		t.Run(name, func(t *testing.T) {
			b, dir := newTestBucket(t, c.bucket), t.TempDir()
			b.record(c.ops...)
			traffic := &bucketTraffic{buckets: []*tortureBucket{b}, alike: 1}
			checks, _, err := traffic.judge(dir, int64(10*len(c.ops)-10))
			require.NoError(t, err)
			var broken []string
			for _, o := range checks {
				if o.Verdict == checkBroken {
					broken = append(broken, o.Check)
					assert.NotEmpty(t, o.Findings)
				}
			}
			assert.Equal(t, c.broken, broken, "%+v", checks)
			kept, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Len(t, kept, 1, "the history is kept")
		})
	}
}

// Replicas that do not agree in the end are a violation, whatever the history says.
func TestBucketsMustConverge(t *testing.T) {
	b := newTestBucket(t, sim.BucketCfg{Name: "b", Mode: "eventual", N: 3, Policy: "siblings", R: "1", W: "1", Repair: "off"})
	reads := []causalhist.Op{{Kind: causalhist.Get, Outcome: causalhist.OK, Node: 1, Saw: []string{"a"}}, {Kind: causalhist.Get, Outcome: causalhist.OK, Node: 2}}
	assert.False(t, sameAnswer(&reads[0], &reads[1]))
	traffic := &bucketTraffic{buckets: []*tortureBucket{b}}
	b.record(reads...)
	traffic.ended(b, "k", reads, 1, false)
	checks, _, err := traffic.judge(t.TempDir(), 0)
	require.NoError(t, err)
	last := checks[len(checks)-1]
	assert.Equal(t, "convergence", last.Check)
	assert.Equal(t, checkBroken, last.Verdict)
	assert.Contains(t, last.Findings[0], `node 1 tells ["a"]`)
}

func TestBucketAnswers(t *testing.T) {
	siblings := newTestBucket(t, sim.BucketCfg{Name: "b", Mode: "eventual", N: 3, Policy: "siblings", R: "1", W: "1", Repair: "off"})
	counters := newTestBucket(t, sim.BucketCfg{Name: "c", Mode: "eventual", N: 3, Policy: "counters", R: "1", W: "1", Repair: "off"})
	for _, c := range []struct {
		bucket  *tortureBucket
		kind    causalhist.Kind
		status  int
		text    string
		outcome causalhist.Outcome
		saw     []string
		sum     int64
		odd     string
	}{
		{siblings, causalhist.Get, 200, `{"key":"k","found":true,"value":"a","context":"t"}`, causalhist.OK, []string{"a"}, 0, ""},
		{siblings, causalhist.Get, 300, `{"found":true,"siblings":[{"value":"a","ts":1},{"value":"b","ts":2}],"context":"t"}`, causalhist.OK, []string{"a", "b"}, 0, ""},
		{siblings, causalhist.Get, 404, `{"found":false,"context":"t"}`, causalhist.OK, nil, 0, ""},
		{siblings, causalhist.Set, 200, `{"ok":true,"ts":1,"context":"t"}`, causalhist.OK, []string{"mine"}, 0, ""},
		{siblings, causalhist.Set, 200, `{"ok":true,"siblings":[{"value":"mine"},{"value":"b"}],"context":"t"}`, causalhist.OK, []string{"mine", "b"}, 0, ""},
		{siblings, causalhist.Delete, 200, `{"ok":true,"context":"t"}`, causalhist.OK, nil, 0, ""},
		{siblings, causalhist.Set, 504, `{"error":"unknown_outcome"}`, causalhist.Unknown, nil, 0, ""},
		{siblings, causalhist.Set, 503, `{"error":"unavailable"}`, causalhist.Failed, nil, 0, ""},
		{siblings, causalhist.Set, 422, `{"error":"refused"}`, causalhist.Failed, nil, 0, ""},
		{counters, causalhist.Incr, 422, `{"error":"refused","message":"why"}`, causalhist.Unknown, nil, 0, "why"},
		{siblings, causalhist.Get, 404, `{"error":"no_such_bucket"}`, causalhist.Unknown, nil, 0, "no_such_bucket"},
		{siblings, causalhist.Get, 200, `<html>`, causalhist.Unknown, nil, 0, "<html>"},
		{counters, causalhist.Incr, 200, `{"value":256}`, causalhist.OK, nil, 256, ""},
		{counters, causalhist.Get, 200, `{"found":true,"value":"768"}`, causalhist.OK, nil, 768, ""},
		{counters, causalhist.Get, 404, `{"found":false}`, causalhist.OK, nil, 0, ""},
		{counters, causalhist.Get, 200, `{"found":true,"value":"x"}`, causalhist.Unknown, nil, 0, "x"},
	} {
		o := bucketOp{bucket: c.bucket, key: "k", op: causalhist.Op{Kind: c.kind, Value: "mine"}}
		op := o.op
		op.Outcome = causalhist.Unknown
		token, err := o.read(c.status, []byte(c.text), &op)
		assert.Equal(t, c.outcome, op.Outcome, c.text)
		assert.Equal(t, c.saw, op.Saw, c.text)
		assert.Equal(t, c.sum, op.Sum, c.text)
		assert.Equal(t, strings.Contains(c.text, "context"), token == "t", c.text)
		if c.odd == "" {
			assert.NoError(t, err, c.text)
		} else {
			assert.ErrorContains(t, err, c.odd)
		}
	}
}

func TestBucketRequests(t *testing.T) {
	m := &member{endpoints: endpoints{http: "h:1"}}
	b := newTestBucket(t, sim.BucketCfg{Name: "b", Mode: "abd", N: 3})
	for _, c := range []struct {
		o      bucketOp
		method string
		url    string
	}{
		{bucketOp{op: causalhist.Op{Kind: causalhist.Get}}, http.MethodGet, "/api/v1/buckets/b/kv/k"},
		{bucketOp{ask: "all", op: causalhist.Op{Kind: causalhist.Get}}, http.MethodGet, "/api/v1/buckets/b/kv/k?r=all"},
		{bucketOp{ask: "2", token: "t", op: causalhist.Op{Kind: causalhist.Set, Value: "v"}}, http.MethodPut, "/api/v1/buckets/b/kv/k?w=2"},
		{bucketOp{token: "t", op: causalhist.Op{Kind: causalhist.Delete}}, http.MethodDelete, "/api/v1/buckets/b/kv/k"},
		{bucketOp{op: causalhist.Op{Kind: causalhist.Incr, Delta: 256}}, http.MethodPost, "/api/v1/buckets/b/kv/k/incr?by=256"},
	} {
		c.o.bucket, c.o.key = b, "k"
		req, err := c.o.request(m)
		require.NoError(t, err)
		assert.Equal(t, c.method, req.Method)
		assert.Equal(t, "http://h:1"+c.url, req.URL.String())
		assert.Equal(t, c.o.token, req.Header.Get(contextHeader))
	}
}

// Every scenario of the simulator is one of torture, or says why not.
func TestNoScenarioIsForgotten(t *testing.T) {
	for _, name := range sim.ScenarioNames() {
		_, err := findTortureScenario(name)
		if why, ok := insideOnly[name]; ok {
			assert.ErrorContains(t, err, why)
			continue
		}
		assert.NoError(t, err, name)
	}
	for _, s := range bucketScenarios {
		scenario, err := sim.FindScenario(s.name)
		require.NoError(t, err)
		assert.Len(t, scenario.Outside(1, 3, bucketsPerRun), bucketsPerRun, s.name)
		assert.NotContains(t, s.kinds, "clock")
	}
	_, _, err := (&tortureCmd{Nodes: 3, Clients: 1, For: 5e9, Scenario: "eventual", Faults: "kill,clock"}).validate()
	assert.ErrorContains(t, err, "no clock")
	_, kinds, err := (&tortureCmd{Nodes: 3, Clients: 1, For: 5e9, Scenario: "eventual", Faults: "all"}).validate()
	require.NoError(t, err)
	assert.NotContains(t, kinds, "clock")
}

// A history that is kept means the same to `quorate check`.
func TestBucketHistoriesAreKept(t *testing.T) {
	b := newTestBucket(t, sim.BucketCfg{Name: "b", Mode: "eventual", N: 3, Policy: "siblings", R: "1", W: "1", Repair: "off"})
	b.record(causalhist.Op{Kind: causalhist.Set, Value: "a"})
	dir := t.TempDir()
	_, _, err := (&bucketTraffic{buckets: []*tortureBucket{b}}).judge(dir, 0)
	require.NoError(t, err)
	f, err := os.Open(filepath.Join(dir, "eventual.jsonl"))
	require.NoError(t, err)
	defer f.Close()
	keys, err := causalhist.ReadJSONL(f)
	require.NoError(t, err)
	require.Equal(t, []causalhist.Key{{Name: "b/k", Rules: sim.RulesOf(&b.is, false), Ops: b.history("k")}}, keys)
}
