package matrix

import "math"

// z95 is the quantile of the normal distribution for two-sided intervals of 95%.
const z95 = 1.959963984540054

// Wilson returns the 95% score interval of a proportion of which k of n were
// observed (Wilson, "Probable Inference, the Law of Succession, and Statistical
// Inference", JASA 22, 1927). Unlike the normal approximation it is of use where
// k is 0 or n. With n 0 it is all of [0, 1].
func Wilson(k, n int) (lo, hi float64) {
	if n == 0 {
		return 0, 1
	}
	p, total := float64(k)/float64(n), float64(n)
	z2 := z95 * z95 / total
	middle := (p + z2/2) / (1 + z2)
	half := z95 / (1 + z2) * math.Sqrt(p*(1-p)/total+z2/(4*total))
	lo, hi = max(middle-half, 0), min(middle+half, 1)
	if k == 0 {
		lo = 0 // what rounding leaves
	}
	if k == n {
		hi = 1
	}
	return lo, hi
}
