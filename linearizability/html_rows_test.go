package linearizability

import (
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// TestRows: a picture has a row for each number of a client up to the highest.
func TestRows(t *testing.T) {
	for _, c := range []struct {
		clients, rows []int
		anew          bool
	}{
		{nil, nil, false},
		{[]int{3, 1, 3}, []int{3, 1, 3}, false},
		{[]int{1_000_000, 0, 7, 1_000_000}, []int{2, 0, 1, 2}, true},
		{[]int{-1, 4}, []int{0, 1}, true},
	} {
		var history []porcupine.Operation
		for _, client := range c.clients {
			history = append(history, porcupine.Operation{ClientId: client})
		}
		require.Equal(t, c.anew, rowsOf(history))
		for i := range history {
			require.Equal(t, c.rows[i], history[i].ClientId)
		}
	}
}
