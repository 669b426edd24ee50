package causal

import (
	"math"
	"math/big"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawDelta likes the ends of the range.
func drawDelta(t *rapid.T) int64 {
	return rapid.OneOf(
		rapid.Int64Range(-3, 3), rapid.Int64(),
		rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64, math.MaxInt64 - 1, math.MinInt64 + 1}),
	).Draw(t, "delta")
}

// The obvious twin of a counter is the set of all increments heard of.
type increments map[int]int64

func (s increments) sum() *big.Int {
	sum := new(big.Int)
	for _, n := range s {
		sum.Add(sum, big.NewInt(n))
	}
	return sum
}

type counterNode struct {
	count Counter
	twin  increments
	inc   kv.Incarnation
}

func (n *counterNode) check(t *rapid.T) {
	want, clamped := n.twin.sum(), false
	for _, end := range []int64{math.MaxInt64, math.MinInt64} {
		if b := big.NewInt(end); want.CmpAbs(b) > 0 && want.Sign() == b.Sign() {
			want, clamped = b, true
		}
	}
	got, exact := n.count.Value()
	require.Equal(t, want.Int64(), got)
	require.Equal(t, !clamped, exact)
}

// runCounters returns all states of a run in which stores are lost.
func runCounters(t *rapid.T) (states []Counter) {
	states = []Counter{nil}
	made := 0
	nodes := []*counterNode{{twin: increments{}}, {twin: increments{}}, {twin: increments{}}}
	for range rapid.IntRange(0, 40).Draw(t, "steps") {
		i := rapid.IntRange(0, 2).Draw(t, "node")
		n := nodes[i]
		switch rapid.IntRange(0, 5).Draw(t, "step") {
		case 0:
			*n = counterNode{twin: increments{}, inc: n.inc + 1}
		case 1, 2:
			m := nodes[rapid.IntRange(0, 2).Draw(t, "from")]
			n.count = n.count.Merge(m.count)
			for id, delta := range m.twin {
				n.twin[id] = delta
			}
		default:
			delta := drawDelta(t)
			count, err := n.count.Add(NewID(kv.NodeID(i+1), n.inc), delta)
			after := new(big.Int).Add(n.twin.sum(), big.NewInt(delta))
			if err == nil {
				require.True(t, after.IsInt64() || delta == 0 || after.Sign() != big.NewInt(delta).Sign(), "%v", after)
				made++
				n.twin[made] = delta
			} else {
				require.ErrorIs(t, err, ErrOverflow)
				require.Equal(t, n.count, count)
			}
			n.count = count
		}
		n.check(t)
		states = append(states, n.count)
	}
	return states
}

func TestCounterIsTheSumOfItsIncrements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { runCounters(t) })
}

func TestCounterMergeIsAJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := rapid.SampledFrom(runCounters(t))
		a, b, c := states.Draw(t, "a"), states.Draw(t, "b"), states.Draw(t, "c")
		require.Equal(t, a.Merge(b), b.Merge(a))
		require.Equal(t, a.Merge(b).Merge(c), a.Merge(b.Merge(c)))
		require.Equal(t, a, a.Merge(a))
		require.Equal(t, slowOrder(a, b, Counter.Merge), a.Compare(b))
	})
}

func TestCounterRefusesOnlyWhatLeavesTheRange(t *testing.T) {
	id := NewID(1, 1)
	c, err := Counter(nil).Add(id, math.MaxInt64)
	require.NoError(t, err)
	_, err = c.Add(id, 1)
	require.ErrorIs(t, err, ErrOverflow)
	c, err = c.Add(id, math.MinInt64)
	require.NoError(t, err)
	n, exact := c.Value()
	require.Equal(t, int64(-1), n)
	require.True(t, exact)
	// Together two nodes may leave it: clamped, and nothing is lost.
	other, err := Counter(nil).Add(NewID(2, 1), math.MinInt64)
	require.NoError(t, err)
	n, exact = c.Merge(other).Value()
	require.Equal(t, int64(math.MinInt64), n)
	require.False(t, exact)
	// From there it may come back, step by step, and go no further.
	out := c.Merge(other)
	_, err = out.Add(id, -1)
	require.ErrorIs(t, err, ErrOverflow)
	out, err = other.Merge(Counter{{ID: NewID(3, 1), Taken: 5}}).Add(id, 2)
	require.NoError(t, err)
	out, err = out.Add(id, 3)
	require.NoError(t, err)
	n, exact = out.Value()
	require.Equal(t, int64(math.MinInt64), n)
	require.True(t, exact)
}
