package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func scenario(t testing.TB, name string) *Scenario {
	t.Helper()
	s, err := FindScenario(name)
	require.NoError(t, err)
	return s
}

func TestQuietSeeds(t *testing.T) {
	for seed := range uint64(20) {
		r, err := Run(Draw(seed, scenario(t, "quiet")), Options{})
		require.NoError(t, err)
		t.Logf("seed %d: %s %v events %d virtual %dms ok %d failed %d unknown %d", seed, r.Verdict, r.Violations, r.Events, r.VirtualNs/1e6, r.OpsOK, r.OpsFailed, r.OpsUnknown)
	}
}
