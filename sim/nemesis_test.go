package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryFaultTakesPlace runs each kind alone: it begins, it leaves its mark,
// and the store bears it.
func TestEveryFaultTakesPlace(t *testing.T) {
	marks := map[string]Mark{
		FaultFlap: Flapped, FaultSlowNode: SlowNode, FaultColdRot: ColdRot, FaultMisdirected: Misdirected,
		FaultWriteErr: DiskErrorStop, FaultSyncErr: DiskErrorStop, FaultDiskFull: DiskErrorStop, FaultRot: RotFound,
	}
	for _, kind := range faultNames() {
		s := scenario(t, "default")
		for _, set := range []string{"faults.kinds=" + kind, "faults.number=6", "faults.triggered=0%", "faults.length=20ms..200ms", "scripts.number=0",
			"disk.sync=always", "faults.flap=1ms..5ms", "topology.clusters=3x3", "phases.safety=600ms", "workload.operations=200"} {
			require.NoError(t, s.Set(set))
		}
		if kind == FaultColdRot { // found by those who restart
			require.NoError(t, s.Set("faults.kinds={cold-rot: 3, kill: 1}"))
			require.NoError(t, s.Set("faults.number=20"))
		}
		var covered Coverage
		taken := 0
		for seed := range uint64(20) {
			r := mustRun(t, Draw(seed, s), Options{})
			require.Equal(t, VerdictOK, r.Verdict, "%s, seed %d: %v", kind, seed, r.Violations)
			taken += r.Faults
			covered.Add(&r.Coverage)
		}
		require.Positive(t, taken, kind)
		if m, ok := marks[kind]; ok {
			require.Positive(t, covered[m], "%s: %s", kind, markNames[m])
		}
	}
}

// aims has what some scripts need beside.
var aims = map[string][]string{
	"clock-back": {"buckets.share=100%", "buckets.policy=lww"},
	"stand-ins":  {"buckets.share=100%", "buckets.policy=counters", "buckets.sloppy=100%", "topology.clusters=5x3"},
	"remake":     {"map.share=100%"},
}

// TestEveryScriptTakesPlace does the same for faults that belong together.
func TestEveryScriptTakesPlace(t *testing.T) {
	for _, kind := range scriptNames() {
		s := scenario(t, "default")
		sets := []string{"scripts.kinds=" + kind, "scripts.number=2", "faults.number=0", "disk.sync=always", "topology.clusters=3x3"}
		for _, set := range append(sets, aims[kind]...) {
			require.NoError(t, s.Set(set))
		}
		taken := 0
		for seed := range uint64(10) {
			plan := Draw(seed, s)
			r := mustRun(t, plan, Options{})
			require.Equal(t, VerdictOK, r.Verdict, "%s, seed %d: %v", kind, seed, r.Violations)
			if taken += r.Faults; kind == "remake" && len(plan.MapOps) > 300 {
				taken++ // it adds operations on the map, no faults
			}
		}
		require.True(t, taken > 0 || kind == "impatient", kind)
	}
}

// TestLazySyncIsForgivenOnlyWhatItMayLose: strictly judged, the same seeds are
// convicted; and what nobody wrote is convicted all the same.
func TestLazySyncIsForgivenOnlyWhatItMayLose(t *testing.T) {
	s := scenario(t, "lazy")
	convicted, lossy := 0, 0
	for seed := range uint64(30) {
		plan := Draw(seed, s)
		r := mustRun(t, plan, Options{})
		require.Equal(t, VerdictOK, r.Verdict, "seed %d: %v", seed, r.Violations)
		if len(r.MayBeLost) == 0 {
			continue
		}
		lossy++
		strict := *plan
		strict.Config.Strict = true
		if mustRun(t, &strict, Options{}).Verdict == VerdictViolation {
			convicted++
		}
		for i := range r.History {
			if op := &r.History[i]; op.Key == r.MayBeLost[0].Name && op.Found && op.Out != "" && op.Out[0] == 'v' {
				op.Out = "v-nobody-wrote-this"
				r.judge()
				require.Equal(t, VerdictViolation, r.Verdict)
				break
			}
		}
	}
	require.Positive(t, lossy)
	require.Positive(t, convicted)
}
