package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"

	lin "github.com/quoratedb/quorate/linearizability"
)

// answered is an operation that took effect, or a read that found its Out.
func answered(client int32, op lin.Op, call, ret int64) lin.Op {
	op.Client, op.Call, op.Return, op.Outcome, op.Applied = client, call, ret, lin.OK, true
	if op.Kind == lin.Get {
		op.Saw, op.Found = lin.SawValue, op.Out != ""
	}
	return op
}

// Each history breaks some promises and keeps the others. The final reads begin at 100.
func TestRunChecks(t *testing.T) {
	set := func(key, v string) lin.Op { return lin.Op{Kind: lin.Set, Key: key, Value: v} }
	get := func(key, v string) lin.Op { return lin.Op{Kind: lin.Get, Key: key, Result: lin.Result{Out: v}} }
	incr := func(d int64) lin.Op { return lin.Op{Kind: lin.Incr, Key: "k", Delta: d} }
	open := func(op lin.Op, call int64) lin.Op { op.Client, op.Call = 9, call; return op }
	for name, c := range map[string]struct {
		history lin.History
		broken  []string
	}{
		"all well": {lin.History{
			answered(1, set("k", "a"), 1, 2), answered(2, get("k", "a"), 3, 4), answered(3, get("k", "a"), 101, 102), answered(4, get("k", "a"), 103, 104)}, nil},
		"an unknown write shows late": {lin.History{
			answered(1, set("k", "a"), 1, 2), open(set("k", "b"), 3), answered(3, get("k", "a"), 101, 102), answered(4, get("k", "b"), 103, 104)}, nil},
		"a client does not read its own write": {lin.History{
			answered(1, set("k", "a"), 1, 2), answered(1, set("k", "b"), 3, 4), answered(1, get("k", "a"), 5, 6),
			answered(3, get("k", "b"), 101, 102), answered(4, get("k", "b"), 103, 104)},
			[]string{"linearizable", "sessions", "staleness"}},
		"reads go back although both writes may come in any order": {lin.History{
			answered(1, set("k", "a"), 1, 10), answered(2, set("k", "b"), 1, 10), answered(3, get("k", "a"), 11, 12), answered(3, get("k", "b"), 13, 14),
			answered(3, get("k", "a"), 15, 16), answered(4, get("k", "a"), 101, 102)},
			[]string{"linearizable"}},
		"somebody else reads an old value": {lin.History{
			answered(1, set("k", "a"), 1, 2), answered(1, set("k", "b"), 3, 4), answered(2, get("k", "a"), 5, 6), answered(3, get("k", "b"), 101, 102)},
			[]string{"linearizable", "staleness"}},
		"an acknowledged write is gone": {lin.History{
			answered(1, set("k", "a"), 1, 2), answered(1, set("k", "b"), 3, 4), answered(3, get("k", "a"), 101, 102), answered(4, get("k", "a"), 103, 104)},
			[]string{"linearizable", "staleness", "lost-writes"}},
		"an increment is gone": {lin.History{
			answered(1, incr(2), 1, 2), answered(1, incr(3), 3, 4), answered(3, get("k", "2"), 101, 102), answered(4, get("k", "2"), 103, 104)},
			[]string{"linearizable", "lost-writes"}},
		"one node did not learn of the last write": {lin.History{
			answered(1, set("k", "a"), 1, 2), answered(1, set("k", "b"), 3, 4), answered(3, get("k", "a"), 101, 102), answered(4, get("k", "b"), 103, 104)},
			[]string{"linearizable", "staleness", "convergence"}},
	} {
		t.Run(name, func(t *testing.T) {
			checks, stretch := runChecks(c.history, 100)
			var broken []string
			for _, o := range checks {
				if o.Verdict == checkBroken {
					broken = append(broken, o.Check)
					assert.NotEmpty(t, o.Findings)
				}
			}
			assert.Equal(t, c.broken, broken)
			assert.Equal(t, c.broken != nil, stretch.Answer == lin.Illegal)
		})
	}
}

func TestPrintChecks(t *testing.T) {
	set := lin.Op{Kind: lin.Set, Key: "k", Value: "a"}
	checks, _ := runChecks(lin.History{answered(1, set, 1, 2), answered(2, lin.Op{Kind: lin.Get, Key: "k"}, 3, 5_000_004)}, 3)
	var out bytes.Buffer
	printChecks(&out, checks)
	assert.Contains(t, out.String(), "checks        linearizable: broken once (operations: 2 judged, 0 not)\n")
	assert.Contains(t, out.String(), "staleness: broken once (reads: 1 judged, 0 not; 1 stale, at worst by 0s and by 1 versions)\n")
	assert.Contains(t, out.String(), "lost-writes: not judged (keys: 0 judged, 1 not)\n")
}
