package picture_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/picture"
	"github.com/quoratedb/quorate/sim"
	"github.com/stretchr/testify/require"
)

// recorded runs a seed of the default scenario.
func recorded(t testing.TB, seed uint64) *sim.Result {
	t.Helper()
	return runPlan(t, draw(t, seed))
}

func draw(t testing.TB, seed uint64) *sim.Plan {
	t.Helper()
	scenario, err := sim.FindScenario("default")
	require.NoError(t, err)
	require.NoError(t, scenario.Set("buckets.share=0%"), "owners and ballots are of strong buckets")
	return sim.Draw(seed, scenario)
}

func runPlan(t testing.TB, plan *sim.Plan) *sim.Result {
	t.Helper()
	r, err := sim.Run(plan, sim.Options{Record: true})
	require.NoError(t, err)
	return r
}

// doctored is a run in which somebody read a value that had long been
// overwritten: the history is changed, and judged again.
func doctored(t testing.TB, seed uint64) *sim.Result {
	t.Helper()
	r := recorded(t, seed)
	require.Equal(t, sim.VerdictOK, r.Verdict)
	for i := range r.History {
		late := &r.History[i]
		if late.Kind != linearizability.Get || late.Outcome != linearizability.OK || late.Saw != linearizability.SawValue || !late.Found {
			continue
		}
		for j := range r.History {
			early := &r.History[j]
			if early.Key != late.Key || early.Kind != linearizability.Get || early.Outcome != linearizability.OK ||
				!early.Found || early.Out == "" || early.Out == late.Out || early.Return >= late.Call {
				continue
			}
			saw := late.Out
			late.Out = early.Out
			r.Judgement = linearizability.Check(r.History, linearizability.KV, linearizability.Options{MaxSteps: 1_000_000})
			if r.Judgement.Answer == linearizability.Illegal {
				r.Verdict = sim.VerdictViolation
				r.Violations = []sim.Violation{{Check: sim.Linearizability, AtNs: r.VirtualNs, Detail: "key " + r.Judgement.Key + ": a stale read"}}
				return r
			}
			late.Out = saw
		}
	}
	t.Fatal("the run has no two reads of different values")
	return nil
}

// large is a run of many operations by ten clients under faults.
func large(t testing.TB, ops int) *sim.Result {
	t.Helper()
	plan := draw(t, 4)
	c := &plan.Config
	c.Nodes, c.N, c.Clients, c.SafetyNs = 5, 3, 10, int64(ops)*10_000_000
	c.Keys = nil
	for i := range 10 {
		c.Keys = append(c.Keys, sim.Key{Name: fmt.Sprintf("key%d", i), Counter: i == 9})
	}
	plan.Ops = plan.Ops[:0]
	for i := range ops {
		do := []string{"get", "set", "get", "cas", "delete", "getset"}[i/7%6]
		if k := i % len(c.Keys); c.Keys[k].Counter {
			do = []string{"get", "incr"}[i/10%2]
		}
		plan.Ops = append(plan.Ops, sim.ClientOp{
			AtNs: int64(i) * 900_000, Client: i / 3 % 10, Node: kv.NodeID(i/5%5 + 1), Key: i % len(c.Keys), Do: do, Value: int64(1000 + i),
		})
	}
	plan.Faults = plan.Faults[:0]
	for i, kind := range []string{sim.FaultKill, sim.FaultCut, sim.FaultPause, sim.FaultLoss, sim.FaultSlow, sim.FaultPower} {
		plan.Faults = append(plan.Faults, sim.Fault{
			AtNs: int64(100+250*i) * 1_000_000, ForNs: 120_000_000, Kind: kind, Nodes: []kv.NodeID{kv.NodeID(i%5 + 1)}, Value: 300_000,
		})
	}
	return runPlan(t, plan)
}

func page(t testing.TB, r *sim.Result) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, picture.Write(&out, r, picture.Options{Replay: "quorate sim --seed 1"}))
	return out.Bytes()
}

// file writes the picture of a run and names the file.
func file(t testing.TB, r *sim.Result) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "picture.html")
	require.NoError(t, os.WriteFile(name, page(t, r), 0o644))
	return name
}
