package quorum

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// slowTally is the obvious twin: it remembers each replica's first vote and
// decides by trying every way in which the missing ones could still vote.
type slowTally struct {
	n     int
	votes map[int]bool
}

func (s *slowTally) vote(i int, yes bool) {
	if _, again := s.votes[i]; !again {
		s.votes[i] = yes
	}
}

func (s *slowTally) yes() (k int) {
	for _, v := range s.votes {
		if v {
			k++
		}
	}
	return k
}

func (s *slowTally) outcome() Outcome {
	yes, missing := s.yes(), s.n-len(s.votes)
	switch {
	case 2*yes > s.n:
		return Won
	case 2*(yes+missing) <= s.n:
		return Lost
	}
	return Pending
}

func TestTallyAgreesWithItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, MaxMembers).Draw(t, "n")
		tally, twin := New(n), &slowTally{n: n, votes: map[int]bool{}}
		before := Pending
		for range rapid.IntRange(0, 20).Draw(t, "votes") {
			i, yes := rapid.IntRange(0, n-1).Draw(t, "replica"), rapid.Bool().Draw(t, "yes")
			if yes {
				tally.Yes(i)
			} else {
				tally.No(i)
			}
			twin.vote(i, yes)
			require.Equal(t, twin.outcome(), tally.Outcome(), "%v", &tally)
			require.Equal(t, twin.yes() == n, tally.All())
			require.Equal(t, n-len(twin.votes), tally.Missing())
			for r := range n {
				v, ok := twin.votes[r]
				require.Equal(t, ok, tally.Voted(r))
				require.Equal(t, v, tally.Agreed(r))
			}
			if before != Pending {
				require.Equal(t, before, tally.Outcome(), "a decided vote changed")
			}
			before = tally.Outcome()
		}
	})
}

func TestTwoMajoritiesIntersect(t *testing.T) {
	for n := 1; n <= MaxMembers; n++ {
		require.Greater(t, 2*Majority(n), n, "n=%d", n)
		require.LessOrEqual(t, 2*(Majority(n)-1), n, "n=%d: a smaller set would do", n)
	}
}

func TestWrongIndexAndSizePanic(t *testing.T) {
	require.PanicsWithValue(t, "quorum: 0 members, allowed are 1 to 7", func() { New(0) })
	require.Panics(t, func() { New(MaxMembers + 1) })
	tally := New(3)
	require.PanicsWithValue(t, "quorum: vote of replica 3 in a set of 3", func() { tally.Yes(3) })
	require.Panics(t, func() { tally.No(-1) })
	var zero Tally
	require.Panics(t, func() { zero.Yes(0) })
}

func TestTallyAllocatesNothing(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(100, func() { countThree() }))
}

func BenchmarkTally(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		countThree()
	}
}

func countThree() Outcome {
	t := New(3)
	t.Yes(0)
	t.No(1)
	t.Yes(2)
	return t.Outcome()
}
