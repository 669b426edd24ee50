package sorts

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"
)

type pair struct{ a, b int }

type byA []pair

func (s byA) Len() int           { return len(s) }
func (s byA) Less(i, j int) bool { return s[i].a < s[j].a }
func (s byA) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

func pairs(s []pair, m map[pair]bool) {
	sort.Slice(s, func(i, j int) bool { return s[i].a < s[j].a })                                   // want `unstable sort`
	sort.Sort(byA(s))                                                                               // want `unstable sort`
	slices.SortFunc(s, func(x, y pair) int { return cmp.Compare(x.a, y.a) })                        // want `unstable sort`
	_ = slices.SortedFunc(maps.Keys(m), func(x, y pair) int { return cmp.Compare(x.a, y.a) })       // want `equal elements stay in the order of the map`
	_ = slices.SortedStableFunc(maps.Keys(m), func(x, y pair) int { return cmp.Compare(x.a, y.a) }) // want `equal elements stay in the order of the map`
	by := slices.SortFunc[[]pair]                                                                   // want `slices.SortFunc as a value`
	_ = by
	sort.Stable(byA(s))
	sort.SliceStable(s, func(i, j int) bool { return s[i].a < s[j].a })
	slices.SortStableFunc(s, func(x, y pair) int { return cmp.Compare(x.a, y.a) })
	// order: a is unique
	slices.SortFunc(s, func(x, y pair) int { return cmp.Compare(x.a, y.a) })
	// order: a is unique
	_ = slices.SortedFunc(maps.Keys(m), func(x, y pair) int { return cmp.Compare(x.a, y.a) })
}

func values(s []string, n []int, m map[string]bool) {
	slices.Sort(s)
	slices.SortFunc(s, strings.Compare)
	slices.SortFunc(n, cmp.Compare[int])
	_ = slices.SortedFunc(maps.Keys(m), strings.Compare)
}
