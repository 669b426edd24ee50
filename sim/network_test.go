package sim

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLatencyDistributions(t *testing.T) {
	for _, c := range []struct {
		latency     Latency
		least, most int64 // of the median
	}{
		{Latency{Kind: "const", MinNs: 500, MaxNs: 500}, 500, 500},
		{Latency{Kind: "uniform", MinNs: 100, MaxNs: 300}, 199, 202},
		{Latency{Kind: "exp", MinNs: 100, MaxNs: 1e9, Mean: 1000}, 780, 810},
		{Latency{Kind: "pareto", MinNs: 100, MaxNs: 1e9, Mean: 1000, Alpha: 1500}, 380, 420},
		{Latency{Kind: "mixture", MinNs: 100, MaxNs: 1e6, Mean: 100, Slow: 100_000}, 149, 152},
	} {
		table, err := c.latency.table()
		require.NoError(t, err)
		require.True(t, slices.IsSorted(table[:]), "%s: quantiles rise", c.latency.Kind)
		require.GreaterOrEqual(t, table[0], c.latency.MinNs)
		require.LessOrEqual(t, table[255], c.latency.MaxNs)
		require.GreaterOrEqual(t, table[128], c.least, c.latency.Kind)
		require.LessOrEqual(t, table[128], c.most, c.latency.Kind)
	}
	_, err := Latency{Kind: "normal", MaxNs: 1}.table()
	require.ErrorContains(t, err, `latency "normal": use const, uniform`)
	_, err = Latency{Kind: "const", MinNs: 2, MaxNs: 1}.table()
	require.ErrorContains(t, err, "0 <= min_ns <= max_ns")
}

func TestNetworkLosesAndDuplicatesAsToldTo(t *testing.T) {
	w, err := newNetwork(1, &Config{Network: Latency{Kind: "uniform", MinNs: 10, MaxNs: 1000, Loss: 100_000, Dup: 50_000}, Nodes: 3})
	require.NoError(t, err)
	lost, twice, overtaken := 0, 0, 0
	last := int64(0)
	for i := range 10_000 {
		f := w.send(0, 1, int64(i))
		switch f.copies {
		case 0:
			lost++
			continue
		case 2:
			twice++
			require.GreaterOrEqual(t, f.atNs[1], f.atNs[0])
		}
		require.GreaterOrEqual(t, f.atNs[0], int64(i+10))
		if f.atNs[0] < last {
			overtaken++
		}
		last = f.atNs[0]
	}
	require.InDelta(t, 1000, lost, 150)
	require.InDelta(t, 450, twice, 100)
	require.Greater(t, overtaken, 1000, "messages overtake one another")
}

func TestNetworkFIFO(t *testing.T) {
	w, err := newNetwork(1, &Config{Network: Latency{Kind: "uniform", MinNs: 10, MaxNs: 1000, FIFO: true}, Nodes: 2})
	require.NoError(t, err)
	last := int64(0)
	for i := range 1000 {
		f := w.send(0, 1, int64(i))
		require.GreaterOrEqual(t, f.atNs[0], last)
		last = f.atNs[0]
	}
}

func TestCutsAreOneWayAndNest(t *testing.T) {
	w, err := newNetwork(1, &Config{Network: Latency{Kind: "const", MinNs: 10, MaxNs: 10}, Nodes: 3})
	require.NoError(t, err)
	cut := func(d int) func(*link) { return func(l *link) { l.cut += d } }
	w.between(0b001, 0b110, cut(1))
	w.between(0b001, 0b010, cut(1))
	require.Zero(t, w.send(0, 1, 0).copies)
	require.Zero(t, w.send(0, 2, 0).copies)
	require.Equal(t, 1, w.send(1, 0, 0).copies)
	w.between(0b001, 0b110, cut(-1))
	require.Zero(t, w.send(0, 1, 0).copies)
	require.Equal(t, 1, w.send(0, 2, 0).copies)
}

// TestFatesDoNotDependOnOtherLinks is what lets a failing plan shrink.
func TestFatesDoNotDependOnOtherLinks(t *testing.T) {
	cfg := Latency{Kind: "exp", MinNs: 10, MaxNs: 1e6, Mean: 500, Loss: 50_000, Dup: 50_000}
	alone, err := newNetwork(9, &Config{Network: cfg, Nodes: 3})
	require.NoError(t, err)
	busy, err := newNetwork(9, &Config{Network: cfg, Nodes: 3})
	require.NoError(t, err)
	for i := range 200 {
		busy.send(2, 1, 5)
		busy.send(1, 0, 5)
		require.Equal(t, alone.send(0, 1, int64(i)), busy.send(0, 1, int64(i)))
	}
}

func TestLinksBetweenZonesAreSlower(t *testing.T) {
	c := &Config{Network: Latency{Kind: "const", MinNs: 1000, MaxNs: 1000}, Nodes: 3, Zones: 2, Between: 5000}
	w, err := newNetwork(1, c)
	require.NoError(t, err)
	require.InDelta(t, 1000, w.send(0, 2, 0).atNs[0], 100, "nodes 1 and 3 share a zone")
	require.InDelta(t, 5000, w.send(0, 1, 0).atNs[0], 500)
}
