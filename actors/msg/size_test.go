package msg

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFitting(t *testing.T) {
	size := func(n *int) int { return *n }
	require.Equal(t, 1, Fitting([]int{0}, size))
	require.Equal(t, 1, Fitting([]int{BatchBytes + 1}, size), "one item alone may be larger")
	require.Equal(t, 1, Fitting([]int{BatchBytes + 1, 0}, size))
	require.Equal(t, 2, Fitting([]int{BatchBytes - 1, 1, 1}, size))
	require.Equal(t, 3, Fitting([]int{1, 1, 1}, size))
}
