package sim

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability"
)

// TestCreatedBucketsMustWork: in the end every bucket that changes made is written
// and read through every node, whatever its mode.
func TestCreatedBucketsMustWork(t *testing.T) {
	modes := map[kv.Mode]int{}
	for seed := range uint64(5) {
		w, err := newWorld(Draw(seed, scenario(t, "buckets")), Options{})
		require.NoError(t, err)
		w.run()
		require.Empty(t, w.verdict)
		put := map[string]bool{}
		for i := range w.maps.asked {
			a := &w.maps.asked[i]
			if !a.sent || a.op.Do != "put" {
				continue
			}
			if op := w.history.History()[a.handle]; op.Call > w.healNs && op.Outcome == linearizability.OK {
				put[fmt.Sprintf("%s@%d/%d", a.bucket.Name, a.bucket.Created, a.op.Node)] = true
			}
		}
		for _, b := range w.newestLayout().Buckets() {
			if b == nil || b.Created <= kv.FirstEpoch {
				continue
			}
			modes[b.Mode]++
			for _, n := range w.nodes {
				require.True(t, put[fmt.Sprintf("%s@%d/%d", b.Name, b.Created, n.id)], "seed %d: bucket %s, node %d", seed, b.Name, n.id)
			}
		}
	}
	require.Len(t, modes, 3)
}

func TestABucketThatNeverWorksIsAViolation(t *testing.T) {
	w, err := newWorld(Draw(1, scenario(t, "buckets")), Options{})
	require.NoError(t, err)
	w.run()
	require.Empty(t, w.verdict)
	w.phase, w.limitNs = converging, w.nowNs
	w.maps.end.tours[0].ops = []MapOp{{Do: "put", Bucket: "m0", Key: "x0", Node: 2}}
	w.judge()
	require.Len(t, w.verdict, 1)
	require.Equal(t, Liveness, w.verdict[0].Check)
	require.Contains(t, w.verdict[0].Detail, `nobody can put key "x0" of bucket "m0" at node 2`)

	r := &Result{Plan: &Plan{}, OpsOK: 1, idleMaps: true}
	r.maps.Answer = linearizability.Linearizable
	r.judge()
	require.Equal(t, VerdictVacuous, r.Verdict)
}
