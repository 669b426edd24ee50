package order

import (
	"maps"
	"slices"
)

type set map[int]bool

type table struct {
	count int
	parts map[string]int64 // of another type than what is ranged over
	list  []int
}

func call(int) int { return 0 }

func reaches(m set, out []int) []int {
	for k := range m { // want `range over a map`
		out = append(out, k)
	}
	for k := range m { // want `range over a map`
		call(k)
	}
	for k := range m { // want `range over a map`
		return []int{k}
	}
	for range m { // want `range over a map`
		break
	}
	var last int
	for k := range m { // want `range over a map`
		last = k
	}
	for last = range m { // want `range over a map`
	}
	return append(out, last)
}

func generic[M ~map[K]int, K comparable](m M) (list []K) {
	for k := range m { // want `range over a map`
		list = append(list, k)
	}
	return list
}

func explained(m set) (list []int) {
	// order: the caller sorts,
	// as it says
	for k := range m {
		list = append(list, k)
	}
	for k := range m { // order: the caller sorts
		list = append(list, k)
	}
	return list
}

func unexplained(m set) (list []int) {
	// order:
	for k := range m { // want `range over a map`
		list = append(list, k)
	}
	// order: too far away // want `explains nothing`

	for k := range m { // want `range over a map`
		list = append(list, k)
	}
	return list
}

// What follows does the same in every order.

func counts(m map[string]int, t *table, s []int) (n, most, least, bits int) {
	for range m {
	}
	for _, v := range m {
		n++
		n -= v + len(s)
		t.count += 2
		most = max(most, v)
		least = min(least, v, 3)
		bits |= v
	}
	for k, v := range m {
		if w := v * 2; w > 1 {
			t.parts[k[1:]] += int64(w)
		} else if v < 0 {
			continue
		}
	}
	return n, most, least, bits
}

func builds(m map[string]int, other map[string]bool) (set, map[int]struct{}, map[string]string) {
	values, keys, copied := set{}, map[int]struct{}{}, map[string]string{}
	for k, v := range m {
		values[v] = true
		keys[len(k)] = struct{}{}
		copied[k] = k + "!"
		delete(other, k)
		delete(m, k)
	}
	return values, keys, copied
}

func asks(m map[string]int, want int) bool {
	for _, v := range m {
		if v == want {
			return true
		}
	}
	return false
}

// What follows looks like it, and does not.

func mixes(m map[string]int, t, u *table, list []int) (n int, f float64, s string) {
	for _, v := range m { // want `range over a map`
		n += v
		n |= v
	}
	for _, v := range m { // want `range over a map`
		n += v * n
	}
	for k := range m { // want `range over a map`
		f += float64(len(k))
	}
	for k := range m { // want `range over a map`
		s += k
	}
	for range m { // want `range over a map`
		t.count += u.count
	}
	for _, v := range m { // want `range over a map`
		list[v]++
		t.list[v] |= v
	}
	for _, v := range m { // want `range over a map`
		n = max(v, n)
	}
	for k := range m { // want `range over a map`
		if n++; k == "x" {
			return n, 0, ""
		}
	}
	for k := range m { // want `range over a map`
		if k == "x" {
			return 1, 0, ""
		}
		if k == "y" {
			return 2, 0, ""
		}
	}
	return n, f, s
}

func overwrites(m map[string]int, other map[string]int, parts map[int]string) {
	for k, v := range m { // want `range over a map`
		parts[v] = k
	}
	for k, v := range m { // want `range over a map`
		k = k[1:]
		other[k] = v
	}
	for k := range m { // want `range over a map`
		delete(m, k+"x")
	}
	for k, v := range m { // want `range over a map`
		other[k] = v
		other[k+"x"]++
	}
	for k, v := range m { // want `range over a map`
		other[k] = v + other["x"]
	}
	for k := range m { // want `range over a map`
		other[k] = call(1)
	}
}

func iterators(m map[int]bool, n map[int]bool) []bool {
	for range maps.Keys(m) { // want `unsorted iterator`
	}
	_ = slices.Sorted(maps.Keys(m))
	_ = maps.Collect(maps.All(m))
	maps.Insert(n, maps.All(m))
	maps.DeleteFunc(m, func(k int, v bool) bool { return v && k > 1 })
	maps.DeleteFunc(m, func(k int, _ bool) bool { return call(k) > 1 }) // want `a function called in the order of a map`
	// order: all values are true
	_ = slices.Collect(maps.Values(m))
	return slices.Collect(maps.Values(m)) // want `unsorted iterator`
}

func hidden(m map[int]bool) []int {
	keys := maps.Keys[map[int]bool]        // want `maps.Keys as a value hides where an order is chosen`
	each(maps.DeleteFunc[map[int]bool], m) // want `maps.DeleteFunc as a value`
	inner := (maps.Keys[map[int]bool])(m)  // want `unsorted iterator`
	_ = slices.Collect(inner)
	// order: the caller sorts
	again := maps.Keys[map[int]bool]
	_ = again
	return slices.Collect(keys(m))
}

func each(f func(map[int]bool, func(int, bool) bool), m map[int]bool) {}
