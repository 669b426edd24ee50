package lab

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func legs(t *testing.T, write, others string) Legs {
	t.Helper()
	read := func(text string) Distribution {
		d, err := ParseDistribution(text, noFiles)
		require.NoError(t, err)
		return d
	}
	return Legs{Write: read(write), Ack: read(others), Read: read(others), Response: read(others)}
}

func fitted(t *testing.T, name string) Legs {
	t.Helper()
	f, ok := FindFit(name)
	require.True(t, ok)
	l := legs(t, f.Write, f.Others)
	l.RemoteMs = f.RemoteMs
	return l
}

func run(t *testing.T, s Staleness) *Report {
	t.Helper()
	r, err := s.Run()
	require.NoError(t, err)
	return r
}

// monteCarlo is the slow, obvious twin of the host: the WARS model of Bailis et
// al., section 4.1, with no actor in it.
func monteCarlo(l Legs, n, r, w, trials int) (atCommit, need999 float64) {
	rng := rand.New(rand.NewPCG(7, 7))
	consistent := 0
	var needs []float64
	for range trials {
		put, ack, get, whole := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		near, nearRead := rng.IntN(n), rng.IntN(n)
		for i := range n {
			far, farRead := l.RemoteMs, l.RemoteMs
			if i == near {
				far = 0
			}
			if i == nearRead {
				farRead = 0
			}
			put[i] = l.Write.Sample(rng) + far
			ack[i] = put[i] + l.Ack.Sample(rng) + far
			get[i] = l.Read.Sample(rng) + farRead
			whole[i] = get[i] + l.Response.Sample(rng) + farRead
		}
		acks := slices.Sorted(slices.Values(ack))
		commit := acks[w-1]
		order := []int{}
		for i := range n {
			order = append(order, i)
		}
		slices.SortFunc(order, func(a, b int) int {
			if whole[a] < whole[b] {
				return -1
			}
			return 1
		})
		need := math.Inf(1)
		for _, i := range order[:r] {
			need = min(need, put[i]-get[i]-commit)
		}
		if need = max(need, 0); need == 0 {
			consistent++
		}
		needs = append(needs, need)
	}
	slices.Sort(needs)
	return float64(consistent) / float64(trials), needs[int(float64(trials)*0.999)]
}

func TestActorsBehaveLikeTheModel(t *testing.T) {
	for _, c := range []struct {
		fit     string
		n, r, w int
	}{{"lnkd-ssd", 3, 1, 1}, {"lnkd-disk", 3, 1, 1}, {"lnkd-disk", 3, 2, 1}, {"ymmr", 3, 1, 2}, {"wan", 3, 1, 1}, {"lnkd-disk", 5, 2, 2}} {
		l := fitted(t, c.fit)
		got := run(t, Staleness{N: c.n, R: c.r, W: c.w, Legs: l, Reads: 30_000, Seed: 1})
		want, need := monteCarlo(l, c.n, c.r, c.w, 200_000)
		sigma := math.Sqrt(want * (1 - want) / 30_000)
		require.InDelta(t, want, got.ConsistentAtCommit, 5*sigma+0.001, "%+v", c)
		if need > 0 { // a percentile of which 30 samples are above
			require.InEpsilon(t, need, got.VisibilityMs["99.9"], 0.4, "%+v", c)
		}
	}
}

func TestPublishedFiguresComeOut(t *testing.T) {
	r := run(t, Staleness{N: 3, R: 1, W: 1, Legs: fitted(t, "lnkd-disk"), Reads: 40_000, Seed: 2})
	require.InDelta(t, 0.439, r.ConsistentAtCommit, 0.01, "Bailis et al., section 5.6")
	needs := map[string]float64{"read": 0.66, "write": 10.99}
	require.InEpsilon(t, needs["read"], r.ReadMs["99.9"], 0.05, "table 4")
	require.InEpsilon(t, needs["write"], r.WriteMs["99.9"], 0.1, "table 4")
	require.InEpsilon(t, 45.5, r.VisibilityMs["99.9"], 0.3, "table 4; see docs/staleness.md for the difference")
}

func TestQuorumsThatMeetAreNeverStale(t *testing.T) {
	for _, rw := range [][2]int{{1, 3}, {2, 2}, {3, 1}} {
		r := run(t, Staleness{N: 3, R: rw[0], W: rw[1], Legs: fitted(t, "ymmr"), Reads: 3000, Seed: 3})
		require.Equal(t, 1.0, r.ConsistentAtCommit)
		require.Equal(t, 1.0, r.Behind[0])
		require.Zero(t, r.VisibilityMs["99.99"])
	}
}

func TestConstantLegsGiveConstantTimes(t *testing.T) {
	l := Legs{Write: Const(5), Ack: Const(1), Read: Const(2), Response: Const(3)}
	one := run(t, Staleness{N: 3, R: 1, W: 1, Legs: l, Reads: 1, Seed: 4})
	require.Len(t, one.Curve, 1)
	r := run(t, Staleness{N: 5, R: 2, W: 3, Legs: l, Reads: 50, Seed: 4})
	require.Equal(t, 1.0, r.ConsistentAtCommit)
	for _, p := range PercentileNames() {
		require.Equal(t, 5.0, r.ReadMs[p])
		require.Equal(t, 6.0, r.WriteMs[p])
	}
}

func TestASlowReplicaIsStaleForAsLongAsItIsSlow(t *testing.T) {
	// Half of the writes take 100 ms, and reads take no time, so a read at t sees
	// the write iff the replica that answers first has it.
	l := legs(t, "mix(0.5*const(0)+0.5*const(100))", "exp(1000)")
	r := run(t, Staleness{N: 3, R: 1, W: 1, Legs: l, Reads: 20_000, Seed: 5})
	want, _ := monteCarlo(l, 3, 1, 1, 200_000)
	require.InDelta(t, want, r.ConsistentAtCommit, 0.02)
	require.InDelta(t, 100, r.VisibilityMs["99"], 0.1)
	last := r.Curve[len(r.Curve)-1]
	require.InDelta(t, 1, last.Consistent, 0.01)
	reads := 0
	for _, p := range r.Curve {
		reads += p.Reads
		require.InDelta(t, p.Consistent, float64(p.Fresh)/float64(max(p.Reads, 1)), 0.25+1/float64(p.Reads+1))
	}
	require.Equal(t, 20_000, reads)
}

func TestTheSameSeedGivesTheSameReport(t *testing.T) {
	s := Staleness{N: 3, R: 1, W: 1, Legs: fitted(t, "lnkd-disk"), Reads: 5000, Seed: 6}
	require.Equal(t, run(t, s), run(t, s))
	other := s
	other.Seed = 7
	require.NotEqual(t, run(t, s), run(t, other))
}

func TestWhatCannotBeMeasuredIsRefused(t *testing.T) {
	ok := Staleness{N: 3, R: 1, W: 1, Legs: fitted(t, "lnkd-ssd"), Reads: 10}
	for says, wrong := range map[string]func(*Staleness){
		"N 0, allowed are 1 to 7":      func(s *Staleness) { s.N = 0 },
		"N 8":                          func(s *Staleness) { s.N = 8 },
		"R 4 with N 3, allowed":        func(s *Staleness) { s.R = 4 },
		"W 0 with N 3":                 func(s *Staleness) { s.W = 0 },
		"0 reads, allowed are 1 to":    func(s *Staleness) { s.Reads = 0 },
		"ms between data centres":      func(s *Staleness) { s.Legs.RemoteMs = math.NaN() },
		"-1 ms between data centres, ": func(s *Staleness) { s.Legs.RemoteMs = -1 },
	} {
		s := ok
		wrong(&s)
		_, err := s.Run()
		require.ErrorContains(t, err, says)
	}
}

func TestCurveIsWrittenAndDrawn(t *testing.T) {
	r := run(t, Staleness{N: 3, R: 1, W: 1, Legs: fitted(t, "lnkd-ssd"), Reads: 5000, Seed: 8})
	var csv, svg strings.Builder
	require.NoError(t, r.WriteCSV(&csv))
	lines := strings.Split(strings.TrimSpace(csv.String()), "\n")
	require.Equal(t, "n,r,w,t_ms,p_consistent,reads_issued_at_t,of_these_consistent", lines[0])
	require.Len(t, lines, 1+len(r.Curve))
	require.True(t, strings.HasPrefix(lines[1], "3,1,1,0.000000,0.97"), lines[1])
	require.NoError(t, r.WriteSVG(&svg, "a < b"))
	require.Contains(t, svg.String(), "a &lt; b")
	require.NotContains(t, svg.String(), "NaN")
	require.Equal(t, 1, strings.Count(svg.String(), "<polyline"))
}

func BenchmarkRead(b *testing.B) {
	f, _ := FindFit("lnkd-disk")
	w, _ := ParseDistribution(f.Write, noFiles)
	o, _ := ParseDistribution(f.Others, noFiles)
	s := Staleness{N: 3, R: 1, W: 1, Legs: Legs{Write: w, Ack: o, Read: o, Response: o}, Reads: b.N, Seed: 1}
	b.ReportAllocs()
	if _, err := s.Run(); err != nil {
		b.Fatal(err)
	}
}
