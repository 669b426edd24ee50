package causal

import (
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// enough is the twin: it counts replicas one by one.
func enough(a kv.Ask, zones []int, local int, yes Replicas) bool {
	count, of := map[int]int{}, map[int]int{}
	total := 0
	for i, z := range zones {
		of[z]++
		if yes.Has(i) {
			count[z]++
			total++
		}
	}
	switch a.Level {
	case kv.ByCount:
		return total >= int(a.Count)
	case kv.One:
		return total >= 1
	case kv.All:
		return total == len(zones)
	case kv.Quorum:
		return 2*total > len(zones)
	case kv.LocalQuorum:
		return 2*count[local] > of[local]
	}
	for z := range of {
		if 2*count[z] <= of[z] {
			return false
		}
	}
	return true
}

func drawAsk(t *rapid.T, n int) kv.Ask {
	a := kv.Ask{Level: kv.Level(rapid.IntRange(0, int(kv.EachQuorum)).Draw(t, "level"))}
	if a.Level == kv.ByCount {
		a.Count = uint8(rapid.IntRange(1, n).Draw(t, "count"))
	}
	return a
}

func TestNeedAgreesWithItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zones := rapid.SliceOfN(rapid.IntRange(0, 2), 1, MaxReplicas).Draw(t, "zones")
		n, local := len(zones), zones[0]
		r, w := drawAsk(t, n), drawAsk(t, n)
		read, err := NewNeed(r, zones, local)
		require.NoError(t, err)
		write, err := NewNeed(w, zones, local)
		require.NoError(t, err)
		strict := true
		all := Replicas(1)<<n - 1
		for yes := range all + 1 {
			require.Equal(t, enough(r, zones, local, yes), read.Met(yes), "%v of %v", r, zones)
			require.Equal(t, !enough(r, zones, local, all&^yes), read.Lost(yes))
			for other := range all + 1 {
				if yes&other == 0 && enough(r, zones, local, yes) && enough(w, zones, local, other) {
					strict = false
				}
			}
		}
		require.Equal(t, strict, read.Strict(&write, n))
		if r.Level == kv.ByCount && w.Level == kv.ByCount {
			require.Equal(t, strict, Strict(n, int(r.Count), int(w.Count)))
		}
	})
}

func TestTwoQuorumsAlwaysMeet(t *testing.T) {
	for n := 1; n <= MaxReplicas; n++ {
		q, err := NewNeed(kv.Ask{Level: kv.Quorum}, make([]int, n), 0)
		require.NoError(t, err)
		require.True(t, q.Strict(&q, n), "N=%d", n)
	}
}

func TestNeedRefusesWhatCannotBe(t *testing.T) {
	_, err := NewNeed(kv.Ask{Count: 4}, []int{0, 0, 1}, 0)
	require.ErrorContains(t, err, "4 replicas asked for, allowed are 1 to 3")
	_, err = NewNeed(kv.Ask{}, []int{0}, 0)
	require.ErrorContains(t, err, "0 replicas")
	_, err = NewNeed(kv.Ask{Level: kv.LocalQuorum}, []int{0, 0, 1}, 2)
	require.ErrorContains(t, err, "no replica of this key is in the zone")
	_, err = NewNeed(kv.Ask{Level: kv.EachQuorum + 1}, []int{0}, 0)
	require.Error(t, err)
	_, err = NewNeed(kv.Ask{Level: kv.One}, make([]int, 8), 0)
	require.Error(t, err)
}

func TestAskIsReadAndWritten(t *testing.T) {
	for _, s := range []string{"1", "7", "one", "quorum", "all", "local_quorum", "each_quorum"} {
		a, err := kv.ParseAsk(s)
		require.NoError(t, err)
		require.Equal(t, s, a.String())
	}
	for _, s := range []string{"", "0", "8", "10", "count", "QUORUM", "-1"} {
		_, err := kv.ParseAsk(s)
		require.ErrorContains(t, err, "allowed are", "%q", s)
	}
}

func TestReplicasCountDistinctOnes(t *testing.T) {
	require.Equal(t, 1, Replicas(0).With(3).With(3).Count())
	require.Panics(t, func() { Replicas(0).With(MaxReplicas) })
	require.Panics(t, func() { Replicas(0).With(-1) })
}

func TestCollectionAsksForEverything(t *testing.T) {
	may := Collection{
		Replicas: 3, Confirmed: 7, DeadSinceMs: 1000, NowMs: 1101, GraceMs: 100, HintTTLMs: 50, MessageTTLMs: 30, DriftMs: 10,
	}
	require.Equal(t, Collect, may.Verdict())
	for want, change := range map[Verdict]func(*Collection){
		Unconfirmed:    func(c *Collection) { c.Confirmed = 5 },
		HintWaits:      func(c *Collection) { c.HintPending = true },
		PartitionMoves: func(c *Collection) { c.Moving = true },
		GraceRuns:      func(c *Collection) { c.NowMs-- },
		GraceTooShort:  func(c *Collection) { c.HintTTLMs = 60 },
	} {
		c := may
		change(&c)
		require.Equal(t, want, c.Verdict(), "%v", want)
	}
}
