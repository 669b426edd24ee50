package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/linearizability"
)

// TestLostAndStaleReadsAreNamed falsifies a good history: one write that every
// final read misses, and one client that reads the past.
func TestLostAndStaleReadsAreNamed(t *testing.T) {
	r := mustRun(t, Draw(3, scenario(t, "quiet")), Options{NoCheck: true})
	r.judge()
	require.Equal(t, VerdictOK, r.Verdict, r.Violations)
	after, key := r.VirtualNs, plainKey(t, r.Plan)
	ok := linearizability.Result{Outcome: linearizability.OK, Applied: true}
	absent := linearizability.Result{Outcome: linearizability.OK, Saw: linearizability.SawValue}
	r.History = append(r.History,
		linearizability.Op{Client: 900, Key: key, Kind: linearizability.Set, Value: "gone", Call: after + 1, Return: after + 2, Result: ok},
		linearizability.Op{Client: 900, Key: key, Kind: linearizability.Get, Call: after + 3, Return: after + 4, Result: absent},
	)
	r.judge()
	require.Equal(t, VerdictViolation, r.Verdict)
	var checks []string
	for _, v := range r.Violations {
		checks = append(checks, v.Check)
		if v.Check != Linearizability {
			require.Equal(t, after+4, v.AtNs)
			require.Contains(t, v.Detail, `"gone" -> ok`)
		}
	}
	require.Equal(t, []string{Linearizability, Session, LostWrite}, checks)
}

// plainKey is a key of a plan that is no counter.
func plainKey(t *testing.T, plan *Plan) string {
	for _, k := range plan.Config.Keys {
		if !k.Counter {
			return k.Name
		}
	}
	t.Fatal("every key is a counter")
	return ""
}
