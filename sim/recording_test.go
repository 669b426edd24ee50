package sim_test

import (
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/sim"
	"github.com/stretchr/testify/require"
)

// copyOf names a message on one link.
type copyOf struct {
	m        actors.Message
	from, to actors.Address
}

func TestRecordingChangesNothingAndAddsUp(t *testing.T) {
	scenario, err := sim.FindScenario("default")
	require.NoError(t, err)
	require.NoError(t, scenario.Set("buckets.share=0%"), "owners and ballots are of strong buckets")
	for seed := uint64(1); seed <= 6; seed++ {
		plan := sim.Draw(seed, scenario)
		bare, err := sim.Run(plan, sim.Options{})
		require.NoError(t, err)
		require.Nil(t, bare.Recording)
		r, err := sim.Run(plan, sim.Options{Record: true})
		require.NoError(t, err)
		require.Equal(t, bare.TraceHash, r.TraceHash, "seed %d", seed)
		rec := r.Recording

		flying, sent := map[copyOf]int{}, 0
		for _, m := range rec.Messages {
			k := copyOf{m.Env.Message, m.Env.From, m.Env.To}
			switch m.Fate {
			case sim.MessageSent:
				sent++
				flying[k]++
				require.Greater(t, m.ArriveNs, m.AtNs)
			case sim.MessageHandled, sim.MessageRefused:
				flying[k]--
				require.GreaterOrEqual(t, flying[k], 0, "seed %d: %v to %v arrived more often than it left", seed, k.from, k.to)
			}
		}
		require.Positive(t, sent)
		require.Len(t, rec.Calls, len(r.History))
		for i, c := range rec.Calls {
			require.Equal(t, i, c.Op)
			require.Equal(t, r.History[i].Call, c.AtNs)
		}
		begun := 0
		for _, f := range rec.Faults {
			if f.Begins {
				begun++
			}
		}
		if len(plan.Config.Core.Away) > 0 {
			begun-- // a minority that stays away is drawn as a fault, and counts as none
		}
		require.Equal(t, r.Faults, begun)
		up := map[int]bool{}
		for _, n := range rec.Nodes {
			switch n.Change {
			case sim.NodeBoots:
				require.False(t, up[int(n.Node)])
				up[int(n.Node)] = true
			case sim.NodeCrashes, sim.NodeLosesPower:
				require.True(t, up[int(n.Node)])
				up[int(n.Node)] = false
			}
		}
		require.NotEmpty(t, rec.Owners)
	}
}
