package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// tinyMatrix runs two cells and returns what it wrote.
func tinyMatrix(t *testing.T, c matrixCmd) (page, table []byte) {
	if c.Cells == nil {
		c.Cells = []string{"lww-n3-r1w1/none", "siblings-n3-r2w2/part*"}
	}
	c.First, c.Dir = 1, t.TempDir()
	require.NoError(t, c.Run())
	page, err := os.ReadFile(filepath.Join(c.Dir, "consistency.md"))
	require.NoError(t, err)
	table, err = os.ReadFile(filepath.Join(c.Dir, "consistency.csv"))
	require.NoError(t, err)
	return page, table
}

// TestMatrixIsDeterministic: the same table whatever the number of jobs, and
// whether it was run as a whole or broken off and gone on with.
func TestMatrixIsDeterministic(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "broken")
	page, table := tinyMatrix(t, matrixCmd{Seeds: 30, Jobs: 1, State: filepath.Join(dir, "one")})
	page2, table2 := tinyMatrix(t, matrixCmd{Seeds: 30, Jobs: 3, State: filepath.Join(dir, "two")})
	require.Equal(t, string(table), string(table2))
	require.Equal(t, string(page), string(page2))
	require.Contains(t, string(table), "siblings-n3-r2w2/partitions,siblings-n3-r2w2,partitions,stale-read,read,0,")

	// Broken off: the first chunk of one cell is there, and half a line.
	tinyMatrix(t, matrixCmd{Seeds: 25, Jobs: 1, State: state, Cells: []string{"lww-n3-r1w1/none"}})
	whole, err := os.ReadFile(state)
	require.NoError(t, err)
	require.Equal(t, 2, bytes.Count(whole, []byte("\n")))
	require.NoError(t, os.WriteFile(state, append(whole, whole[:len(whole)/2]...)[:len(whole)+20], 0o644))
	page3, table3 := tinyMatrix(t, matrixCmd{Seeds: 30, Jobs: 2, State: state})
	require.Equal(t, string(table), string(table3))
	require.Equal(t, string(page), string(page3))
	after, err := os.ReadFile(state)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(after, whole), "what was done was not done again")
	require.Equal(t, 5, bytes.Count(after, []byte("\n")))
}

func TestMatrixUsage(t *testing.T) {
	c := matrixCmd{Seeds: 5, Cells: []string{"nonsense"}}
	require.ErrorContains(t, c.Run(), `no cell is "nonsense"`)
	c = matrixCmd{Seeds: 0}
	require.ErrorContains(t, c.Run(), "--seeds is 0: use 1 to 1000000")
	c = matrixCmd{Seeds: 5, Jobs: -1}
	require.ErrorContains(t, c.Run(), "--jobs: -1 is out of range: use 1 or more, or 0 for one per core")
	state := filepath.Join(t.TempDir(), "s")
	require.NoError(t, os.WriteFile(state, []byte(`{"build":"old","executable":"x"}`+"\n"), 0o644))
	c = matrixCmd{Seeds: 5, State: state, Cells: []string{"strong-n3/none"}}
	err := c.Run()
	require.ErrorContains(t, err, "it is of build old")
	require.ErrorContains(t, err, "use --fresh")
	require.Equal(t, exitUsage, err.(*exitError).code)
}
