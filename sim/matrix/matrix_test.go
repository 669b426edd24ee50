package matrix

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quoratedb/quorate/linearizability/causalhist"
	"github.com/quoratedb/quorate/sim"
)

// TestWilson: values published by Newcombe, "Two-Sided Confidence Intervals for
// the Single Proportion", Statistics in Medicine 17, 1998, table I, method 3.
func TestWilson(t *testing.T) {
	for _, c := range []struct {
		k, n   int
		lo, hi float64
	}{
		{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718},
	} {
		lo, hi := Wilson(c.k, c.n)
		require.InDelta(t, c.lo, lo, 0.00005, "%d of %d", c.k, c.n)
		require.InDelta(t, c.hi, hi, 0.00005, "%d of %d", c.k, c.n)
	}
	lo, hi := Wilson(0, 0)
	require.Equal(t, []float64{0, 1}, []float64{lo, hi})
}

// TestWilsonSolvesItsEquation: the ends are where |p-k/n| is z standard errors of p.
func TestWilsonSolvesItsEquation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1_000_000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		p := float64(k) / float64(n)
		lo, hi := Wilson(k, n)
		if !(0 <= lo && lo <= p && p <= hi && hi <= 1 && lo < hi) {
			t.Fatalf("%d of %d: [%v, %v]", k, n, lo, hi)
		}
		for _, end := range []float64{lo, hi} {
			if se := math.Sqrt(end * (1 - end) / float64(n)); math.Abs(math.Abs(end-p)-z95*se) > 1e-9 {
				t.Fatalf("%d of %d: %v is no end of the score interval", k, n, end)
			}
		}
	})
}

// TestCells: names are unique, every scenario can be drawn from and is what its name says.
func TestCells(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Cells() {
		require.False(t, seen[c.ID()], c.ID())
		seen[c.ID()] = true
		s, err := c.Scenario()
		require.NoError(t, err, c.ID())
		p := sim.Draw(7, s)
		require.NoError(t, p.Validate(), c.ID())
		require.Equal(t, c.Setting.N, p.Config.N)
		require.Equal(t, c.Setting.Mode != "strong", len(p.Config.Buckets) == 1)
		for _, b := range p.Config.Buckets {
			require.Equal(t, c.Setting.Mode, b.Mode)
			require.Equal(t, c.Setting.Policy, b.Policy)
			require.Equal(t, []string{c.Setting.R, c.Setting.W, c.Setting.Repair}, []string{b.R, b.W, b.Repair})
			require.Equal(t, c.Setting.Sloppy, b.Sloppy)
		}
		require.Equal(t, c.Fault.Name != "none", len(p.Faults) > 0, c.ID())
	}
	require.Greater(t, len(seen), 150)
}

func cellNamed(t *testing.T, id string) Cell {
	for _, c := range Cells() {
		if c.ID() == id {
			return c
		}
	}
	t.Fatalf("no cell %q", id)
	return Cell{}
}

// TestTalliesAddUp: whatever the pieces and their order, the sum is the same.
func TestTalliesAddUp(t *testing.T) {
	c := cellNamed(t, "lww-n3-r1w1/partitions")
	whole, err := c.Run(1, 12, sim.Options{})
	require.NoError(t, err)
	var sum Tally
	for _, from := range []uint64{9, 1, 5} {
		part, err := c.Run(from, 4, sim.Options{})
		require.NoError(t, err)
		sum.Add(part)
	}
	require.Equal(t, whole, &sum)
	require.Equal(t, 12, whole.Seeds)
	require.Positive(t, whole.Counts.Stale)
	require.Positive(t, whole.Counts.LostUpdates)
	require.Less(t, whole.Counts.LostUpdates, whole.Counts.Updates)
}

// TestReplayConvicts: the seed that a cell names shows its anomaly when it is
// run with oracles.anomalies set, and violates nothing without.
func TestReplayConvicts(t *testing.T) {
	c := cellNamed(t, "lww-n3-r1w1/partitions")
	tally, err := c.Run(1, 10, sim.Options{})
	require.NoError(t, err)
	for i, kind := range sim.AnomalyKinds() {
		smallest := tally.Kinds[i].Smallest
		if smallest == nil {
			continue
		}
		s, err := c.Scenario()
		require.NoError(t, err)
		quiet, err := sim.Run(sim.Draw(smallest.Seed, s), sim.Options{})
		require.NoError(t, err)
		require.Equal(t, sim.VerdictOK, quiet.Verdict)
		require.NoError(t, s.Set("oracles.anomalies="+string(kind)))
		r, err := sim.Run(sim.Draw(smallest.Seed, s), sim.Options{})
		require.NoError(t, err)
		require.Equal(t, sim.VerdictViolation, r.Verdict, kind)
		require.True(t, sim.IsAnomaly(r.Violations[0].Check))
		require.Equal(t, "anomaly-"+string(kind), r.Violations[0].Check)
		require.Equal(t, quiet.TraceHash, r.TraceHash, "judging changes no event")
		require.Contains(t, c.Replay(kind, smallest.Seed), "oracles.anomalies="+string(kind))
	}
	require.NotNil(t, tally.Kinds[2].Smallest, "R=W=1 has stale reads")
}

// TestShrunkCounterexample: an anomaly can be shrunk like a violation.
func TestShrunkCounterexample(t *testing.T) {
	c := cellNamed(t, "lww-n3-r1w1/none")
	s, err := c.Scenario()
	require.NoError(t, err)
	require.NoError(t, s.Set("oracles.anomalies=stale-read"))
	for seed := uint64(1); seed <= 40; seed++ {
		r, err := sim.Run(sim.Draw(seed, s), sim.Options{})
		require.NoError(t, err)
		if len(r.Violations) == 0 {
			continue
		}
		tries := 0
		small := sim.Shrink(r, sim.Options{}, func() bool { tries++; return tries < 400 })
		require.LessOrEqual(t, len(small.Ops), 6)
		again, err := sim.Run(small, sim.Options{})
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(again.Violations, func(v sim.Violation) bool { return v.Check == "anomaly-stale-read" }))
		return
	}
	t.Fatal("no stale read in 40 seeds of R=W=1")
}

func TestState(t *testing.T) {
	h := Header{"v1", "abc"}
	var file bytes.Buffer
	e := json.NewEncoder(&file)
	require.NoError(t, e.Encode(h))
	a := Chunk{"x/y", 1, 2, &Tally{Seeds: 2}}
	require.NoError(t, e.Encode(a))
	whole := file.Len()
	file.WriteString(`{"cell":"x/y","from":3,"n":2,"tal`)
	done, kept, err := ReadState(file.Bytes(), h)
	require.NoError(t, err)
	require.Equal(t, whole, kept, "a torn line is cut off")
	require.Equal(t, map[ChunkKey]*Tally{a.Key(): a.Tally}, done)

	_, _, err = ReadState(file.Bytes(), Header{"v1", "other"})
	require.ErrorContains(t, err, "it is of build v1 (program abc)")
	_, _, err = ReadState([]byte("x\n"), h)
	require.ErrorContains(t, err, "no state of a matrix")
	_, _, err = ReadState(append(file.Bytes()[:whole:whole], "{}\n"...), h)
	require.ErrorContains(t, err, "line 3 is damaged")
	done, kept, err = ReadState(nil, h)
	require.NoError(t, err)
	require.Empty(t, done)
	require.Zero(t, kept)
}

// made is a table of one cell with given numbers.
func made(t *testing.T, id string, stale, reads int) *Table {
	c := causalhist.Counts{Reads: reads, Stale: stale, Writes: 10}
	tally := Tally{Seeds: 10, Counts: c}
	tally.grow()
	tally.Kinds[2] = Kind{3, &Case{Seed: 8, Ops: 12}}
	return &Table{Build: "b1", First: 1, Seeds: 10, Cells: []Result{{cellNamed(t, id), tally}}}
}

func TestShown(t *testing.T) {
	table := made(t, "lww-n3-r1w1/none", 5, 100)
	var page, lines, object bytes.Buffer
	require.NoError(t, table.WriteMarkdown(&page, "consistency.csv"))
	require.Contains(t, page.String(), "| N=3 R=1 W=1 | 5.0% (2.2–11) |")
	require.Contains(t, page.String(), "`b1`")
	require.NotContains(t, page.String(), "%!")

	require.NoError(t, table.WriteCSV(&lines))
	records, err := csv.NewReader(&lines).ReadAll()
	require.NoError(t, err)
	require.Len(t, records, 7)
	require.Equal(t, []string{"lww-n3-r1w1/none", "lww-n3-r1w1", "none", "stale-read", "read", "5", "100", "0.050000", "0.021544", "0.111750",
		"3", "10", "8", "12"}, records[2][:14])
	require.True(t, strings.HasSuffix(records[2][14], "--set oracles.anomalies=stale-read --seed 8"), records[2][14])

	require.NoError(t, table.WriteJSON(&object))
	var out struct {
		Rows []map[string]any `json:"rows"`
	}
	require.NoError(t, json.Unmarshal(object.Bytes(), &out))
	require.Len(t, out.Rows, 6)
	require.EqualValues(t, 0.05, out.Rows[1]["rate"])
}

// TestClaims: a table that contradicts theory is noticed.
func TestClaims(t *testing.T) {
	require.Empty(t, made(t, "lww-n3-r1w1/none", 5, 100).Contradicted())
	require.Contains(t, strings.Join(made(t, "lww-n3-r1w1/none", 0, 100).Contradicted(), ""), "R+W ≤ N reads stale values")
	wrong := made(t, "lww-n3-r2w2/partitions", 1, 100)
	require.Contains(t, strings.Join(wrong.Contradicted(), ""), "never misses an acknowledged write")
	var page bytes.Buffer
	require.NoError(t, wrong.WriteMarkdown(&page, "x.csv"))
	require.Contains(t, page.String(), "**Contradicted** R+W > N with strict quorums")
	require.Contains(t, page.String(), "lww-n3-r2w2/partitions")
	require.Empty(t, made(t, "lww-n3-r2w2/power", 1, 100).Contradicted(), "nothing is promised there")
}
