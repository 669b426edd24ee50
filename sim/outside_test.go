package sim

import (
	"strconv"
	"testing"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability/causalhist"
	"github.com/stretchr/testify/require"
)

func TestOutsideDrawsWhatTheScenarioSays(t *testing.T) {
	for _, name := range []string{"abd", "eventual", "siblings", "counters", "stand-ins"} {
		s, err := FindScenario(name)
		require.NoError(t, err)
		for _, nodes := range []int{1, 3, 5} {
			list := s.Outside(7, nodes, 6)
			require.Len(t, list, 6)
			names := map[string]bool{}
			for i := range list {
				b := &list[i]
				names[b.Name] = true
				require.LessOrEqual(t, b.N, nodes)
				if name == "stand-ins" && nodes > 1 {
					require.Less(t, b.N, nodes, "somebody is left to stand in")
				}
				if name == "siblings" || name == "counters" {
					require.Equal(t, name, b.Policy)
				}
				asks := []string{b.R, b.W}
				for _, op := range b.Habits {
					asks = append(asks, op.R, op.W)
				}
				for _, a := range asks {
					if count, err := strconv.Atoi(a); err == nil {
						require.LessOrEqual(t, count, b.N)
					}
				}
				_, err := b.Bucket(1)
				require.NoError(t, err)
			}
			require.Len(t, names, 6)
		}
	}
	s, err := FindScenario("promises")
	require.NoError(t, err)
	require.NoError(t, s.Set("buckets.share=0%"))
	require.Empty(t, s.Outside(1, 3, 2))
}

func TestStampIn(t *testing.T) {
	b := &kv.Bucket{Name: "b", Slot: 3, Created: 9}
	token, err := causal.AppendToken(nil, causal.Seen{Register: causal.Stamp{Ms: 5, Logical: 2, Node: 1}}, causal.TokenBucket(b), []byte("k"))
	require.NoError(t, err)
	stamp, err := StampIn(string(token), b, "k")
	require.NoError(t, err)
	require.Equal(t, causalhist.Stamp{Ms: 5, Logical: 2, Node: 1}, stamp)
	_, err = StampIn(string(token), b, "other")
	require.Error(t, err)
	stamp, err = StampIn("", b, "k")
	require.NoError(t, err)
	require.Zero(t, stamp)
}

func TestQuorumOfOneZone(t *testing.T) {
	b := &kv.Bucket{Mode: kv.Eventual, N: 3, R: kv.Ask{Level: kv.Quorum}, W: kv.Ask{Count: 1}}
	require.Equal(t, 2, Quorum(b, true, ""))
	require.Equal(t, 1, Quorum(b, false, ""))
	for own, want := range map[string]int{"one": 1, "all": 3, "3": 3, "local_quorum": 2, "each_quorum": 2} {
		require.Equal(t, want, Quorum(b, false, own), own)
	}
	b.Sloppy = true
	require.Zero(t, Quorum(b, true, "all"))
}
