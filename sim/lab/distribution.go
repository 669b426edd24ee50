package lab

import (
	"math"
	"math/rand/v2"
)

// Distribution is how long one leg of a message takes, in milliseconds. It is
// never negative.
type Distribution interface {
	// Sample draws one time.
	Sample(r *rand.Rand) float64
}

// Const is always the same time.
type Const float64

// Sample implements Distribution.
func (c Const) Sample(*rand.Rand) float64 { return float64(c) }

// Uniform is any time from From to To.
type Uniform struct{ From, To float64 }

// Sample implements Distribution.
func (u Uniform) Sample(r *rand.Rand) float64 { return u.From + (u.To-u.From)*r.Float64() }

// Pareto has P(X > x) = (Least/x)^Alpha for x at or above Least.
type Pareto struct{ Least, Alpha float64 }

// Sample implements Distribution, by inversion.
func (p Pareto) Sample(r *rand.Rand) float64 {
	return p.Least * math.Pow(1-r.Float64(), -1/p.Alpha)
}

// Exponential has P(X > x) = exp(-Rate*x); its mean is 1/Rate.
type Exponential struct{ Rate float64 }

// Sample implements Distribution.
func (e Exponential) Sample(r *rand.Rand) float64 { return r.ExpFloat64() / e.Rate }

// Samples draws with replacement from measured times.
type Samples []float64

// Sample implements Distribution.
func (s Samples) Sample(r *rand.Rand) float64 { return s[r.IntN(len(s))] }

// Mixture takes one of its branches by weight.
type Mixture struct {
	branches []Distribution
	upTo     []float64 // cumulated weights; the last is 1
}

// Sample implements Distribution.
func (m *Mixture) Sample(r *rand.Rand) float64 {
	p := r.Float64()
	last := len(m.branches) - 1
	for i := range last {
		if p < m.upTo[i] {
			return m.branches[i].Sample(r)
		}
	}
	return m.branches[last].Sample(r)
}

// maxMs bounds a sample: the tails of a Pareto distribution know no bound, and
// a time has to fit into nanoseconds. It is eleven days.
const maxMs = 1e9

// sampleNs draws a time in nanoseconds.
func sampleNs(d Distribution, r *rand.Rand) int64 {
	return int64(min(d.Sample(r), maxMs) * 1e6)
}
