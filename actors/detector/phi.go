package detector

import "math"

// window holds the latest gaps between messages of one peer, in microseconds,
// and their sums. Integers, so that every machine decides alike.
type window struct {
	gaps         []uint32 // a ring
	n, at        int
	sum, squares uint64
}

// maxGapUs keeps the sum of squares within its type.
const maxGapUs = 60e6

func (w *window) add(gapNs int64) {
	us := uint32(min(max(gapNs/1000, 0), maxGapUs))
	if w.n == len(w.gaps) {
		old := uint64(w.gaps[w.at])
		w.sum -= old
		w.squares -= old * old
	} else {
		w.n++
	}
	w.gaps[w.at] = us
	w.at = (w.at + 1) % len(w.gaps)
	w.sum += uint64(us)
	w.squares += uint64(us) * uint64(us)
}

func (w *window) reset() { *w = window{gaps: w.gaps} }

// expect returns the mean gap and its standard deviation in nanoseconds, neither
// below the period: a run of quick answers must not make an ordinary silence
// suspicious. What is ordinary is up to the machine too: a lane that takes some
// large values in is silent for 200 ms where processors are scarce.
func (w *window) expect(periodNs int64) (mean, deviation int64) {
	n := uint64(w.n)
	variance := w.squares/n - min(w.squares/n, (w.sum/n)*(w.sum/n))
	return max(int64(w.sum/n)*1000, periodNs), max(int64(root(variance))*1000, periodNs)
}

// doubtful returns the silence at which phi reaches the threshold, given as the
// deviates of thresholdDeviates; never while the window says nothing yet.
func (w *window) doubtful(periodNs, milliDeviates int64) int64 {
	if w.n < minGaps {
		return math.MaxInt64
	}
	mean, deviation := w.expect(periodNs)
	return mean + deviation/1000*milliDeviates
}

// phi is the suspicion level of a silence: -log10 of the probability that a
// peer which is alive stays silent for that long, its gaps being normally
// distributed (Hayashibara et al. 2004, section 4.3). 0 without arrivals.
func (w *window) phi(silenceNs, periodNs int64) float64 {
	if w.n < minGaps {
		return 0
	}
	mean, deviation := w.expect(periodNs)
	return phiOf(float64(silenceNs-mean) / float64(deviation))
}

// maxPhi stands for everything that a float cannot tell from certainty.
const maxPhi = 300

func phiOf(deviates float64) float64 {
	return min(-math.Log10(0.5*math.Erfc(deviates/math.Sqrt2)), maxPhi)
}

// thresholdDeviates is the distance from the mean, in thousandths of the
// standard deviation, at which phi reaches the threshold.
func thresholdDeviates(threshold float64) int64 {
	low, high := int64(0), int64(40_000)
	for low < high {
		if mid := (low + high) / 2; phiOf(float64(mid)/1000) < threshold {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// root is the integer square root.
func root(v uint64) uint64 {
	if v == 0 {
		return 0
	}
	r := uint64(math.Sqrt(float64(v)))
	for r*r > v {
		r--
	}
	for (r+1)*(r+1) <= v {
		r++
	}
	return r
}
