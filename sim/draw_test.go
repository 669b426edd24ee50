package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOnlyFaultsThatTheScenarioNames: neither swarm testing, which leaves kinds out,
// nor the budget puts another kind in the place of those.
func TestOnlyFaultsThatTheScenarioNames(t *testing.T) {
	drift, err := ReadScenario("drift.yaml", []byte(
		"about: x\ntopology: {clusters: 5x3}\nfaults: {number: 3, kinds: drift, triggered: 0%}\nscripts: {number: 0}\n"))
	require.NoError(t, err)
	for seed := range uint64(100) {
		p := Draw(seed, drift)
		require.Len(t, p.Faults, 3, "seed %d: one kind at least is left", seed)
		for _, f := range p.Faults {
			require.Equal(t, FaultDrift, f.Kind, "seed %d", seed)
		}
	}

	power, err := ReadScenario("power.yaml", []byte(
		"about: x\ndisk: {sync: {always: 1, never: 1}}\nfaults: {number: 3, kinds: power, beyond-sync: 0%}\nscripts: {number: 0}\n"))
	require.NoError(t, err)
	none := 0
	for seed := range uint64(60) {
		p := Draw(seed, power)
		if p.Config.Disk.Sync == "always" {
			require.Len(t, p.Faults, 3)
			continue
		}
		none++
		require.Empty(t, p.Faults, "seed %d: none that it may have", seed)
		require.Equal(t, VerdictOK, mustRun(t, p, Options{}).Verdict, "a run without faults is not vacuous")
	}
	require.Greater(t, none, 20)
}
