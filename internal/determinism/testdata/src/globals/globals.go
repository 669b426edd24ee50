package globals

import "errors"

var ErrGone = errors.New("gone")

var _ error = (*e)(nil)

type e struct{ error }

var table = [...]string{"a", "b"}

var names = map[int]string{1: "a"}

func look(i int) string { return table[i] + names[i] }

var n int // want `variable n is written to`

var err error // want `variable err is written to`

var cache, seen = map[int]int{}, map[int]int{} // want `variable cache is written to` `variable seen is written to`

var x = 1 // want `variable x has its address taken \(globals.go:47\)`

var field = struct{ a [2]int }{} // want `variable field is written to`

var array = [2]int{} // want `variable array is written to`

var target = 1 // want `variable target is written to`

type counter struct{ n int }

func (c *counter) inc() { c.n++ }

var count = counter{1} // want `variable count has its address taken by the method inc`

func writes(s []int) *int {
	n++
	err = nil
	cache[1] = 2
	delete(seen, 1)
	(field.a)[1] += 2
	copy(array[:], array[1:])
	for target = range s {
	}
	count.inc()
	return &x
}

var pointer = new(int) // want `variable pointer has the type \*int`

var now = func() int { return 1 } // want `variable now has the type func\(\) int`

var zero int // want `variable zero has no initial value`

var Table = []int{1} // want `variable Table is exported`

// immutable: it is filled once, at start
var fixed = new(int)

func shadow() int {
	table := 1
	table++
	return table
}
