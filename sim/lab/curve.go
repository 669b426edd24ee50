package lab

import (
	"math"
	"slices"
)

// Percentiles are those that a report shows, by the name that it shows them under.
var percentiles = []struct {
	Name  string
	Share float64
}{
	{"50", 0.5}, {"75", 0.75}, {"90", 0.9}, {"95", 0.95}, {"99", 0.99}, {"99.9", 0.999}, {"99.99", 0.9999},
}

// PercentileNames lists them in ascending order.
func PercentileNames() []string {
	names := make([]string, len(percentiles))
	for i := range percentiles {
		names[i] = percentiles[i].Name
	}
	return names
}

// sorted are times in nanoseconds, in ascending order.
type sorted []int64

func sortTimes(ns []int64) sorted {
	slices.Sort(ns)
	return ns
}

// at returns the least of the times, in milliseconds, which a share of all does
// not exceed.
func (s sorted) at(share float64) float64 {
	i := int(math.Ceil(share*float64(len(s)))) - 1
	return float64(s[max(i, 0)]) / 1e6
}

// upTo returns the share of the times that are at most ns.
func (s sorted) upTo(ns int64) float64 {
	i, _ := slices.BinarySearch(s, ns+1)
	return float64(i) / float64(len(s))
}

// table returns the named percentiles in milliseconds.
func (s sorted) table() map[string]float64 {
	t := map[string]float64{}
	for _, p := range percentiles {
		t[p.Name] = s.at(p.Share)
	}
	return t
}

// gridTimes are the delays after a commit at which reads are issued, and at
// which the curve is drawn: 0, and about 60 times that are evenly spaced on a
// logarithmic scale, from below the shortest to above the longest that matters.
func gridTimes(needNs sorted) []int64 {
	grid := []int64{0}
	last := needNs[len(needNs)-1]
	if last == 0 {
		return grid
	}
	first := needNs[0]
	if i, _ := slices.BinarySearch(needNs, 1); i < len(needNs) {
		first = needNs[i+(len(needNs)-i)/100]
	}
	first = max(first/2, 1000)
	const points = 60
	step := math.Pow(float64(max(last, 2*first))/float64(first), 1.0/(points-1))
	for i := range points {
		grid = append(grid, int64(float64(first)*math.Pow(step, float64(i))))
	}
	return slices.Compact(grid)
}
