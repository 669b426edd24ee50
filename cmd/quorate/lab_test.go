package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStalenessExplainsWhatIsMissingOrWrong(t *testing.T) {
	for says, c := range map[string]stalenessCmd{
		"--write-latency is missing: give all four delays, or --fit": {N: 3, R: 1, W: 1, Reads: 1},
		`--fit: "ssd": use one of lnkd-ssd`:                          {N: 3, R: 1, W: 1, Reads: 1, Fit: "ssd"},
		`--ack-latency: lab: "gauss(1)"`:                             {N: 3, R: 1, W: 1, Reads: 1, Fit: "ymmr", AckLatency: "gauss(1)"},
		"R 4 with N 3, allowed are 1 to N":                           {N: 3, R: 4, W: 1, Reads: 1, Fit: "ymmr"},
		"--read-latency: lab: open /nowhere":                         {N: 3, R: 1, W: 1, Reads: 1, Fit: "ymmr", ReadLatency: "file:/nowhere"},
	} {
		var exit *exitError
		require.ErrorAs(t, c.Run(), &exit, says)
		require.Equal(t, exitUsage, exit.code)
		require.Contains(t, exit.msg, says)
	}
}

func TestStalenessWritesCurveAndPlot(t *testing.T) {
	dir := t.TempDir()
	c := stalenessCmd{N: 3, R: 1, W: 1, Reads: 3000, Fit: "wan", Seed: 1, CSV: dir + "/c.csv", Plot: dir + "/p.svg", JSON: true}
	require.NoError(t, c.Run())
	require.FileExists(t, c.CSV)
	require.FileExists(t, c.Plot)
}
