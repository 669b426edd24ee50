package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClockRunsOnThroughChangesOfItsRate(t *testing.T) {
	c := newClock(1e9, 250, 1000)
	require.Equal(t, int64(1e9+5), c.nowNs(5))
	require.Equal(t, int64(epochMs+250+3), c.wall(3e6))

	c.setRate(1000, 500)
	require.Equal(t, int64(1e9+1000), c.nowNs(1000), "a new rate does not make the clock jump")
	require.Equal(t, int64(1e9+1500), c.nowNs(2000))
	for _, rate := range []int64{500, 997, 1000, 1003, 2000} {
		c.setRate(3000, rate)
		for _, at := range []int64{c.nowNs(3000), c.nowNs(4711), c.nowNs(9999)} {
			v := c.virtualNs(at)
			require.GreaterOrEqual(t, c.nowNs(v), at)
			require.Less(t, c.nowNs(v-2), at, "no later than needed")
		}
	}
}
