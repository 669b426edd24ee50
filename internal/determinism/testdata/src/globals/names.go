package globals

import (
	"errors"
	"fmt"
	"maps"
	"other"
	"slices"
	"strings"
)

// What follows is changed under another name.

var passed = map[string]int{} // want `variable passed is passed on, and could be changed there \(names.go:\d+\); say in a comment`

var aliased = []int{1} // want `variable aliased is given another name`

var reversed = []int{1, 2} // want `variable reversed is passed on`

var copiedInto = map[string]int{} // want `variable copiedInto is passed on`

var bound = counter{} // want `variable bound has its address taken by the method inc`

var promoted = struct{ counter }{} // want `variable promoted has its address taken by the method inc`

var returned = []string{"a"} // want `variable returned is given another name`

var captured = []string{"a"} // want `variable captured is passed on`

var sliced = [4]int{} // want `variable sliced is given another name`

var slicedInPlace = [4]int{} // want `variable slicedInPlace is passed on`

var row = [][]int{{1}} // want `variable row is written to`

var rows = [][]int{{1}} // want `variable rows is given another name`

var grown = make([]int, 0, 4) // want `variable grown is passed on`

var listed = []int{1} // want `variable listed is given another name`

var list = [][]int{listed}

type register map[string]int

func (r register) put(k string) { r[k]++ }

var registered = register{} // want `variable registered is handed to the method put`

var holder = struct{ names []string }{} // want `variable holder is given another name`

var inner = struct{ names []string }{} // want `variable inner is passed on`

var deep = []*counter{{1}} // want `variable deep has the type \[\]\*globals.counter, through which`

var calls = map[string]func(){} // want `variable calls has the type`

var anything any = 1 // want `variable anything has the type`

func put(m map[string]int) { m["a"]++ }

func change() []string {
	put(passed)
	s := aliased
	s[0]++
	slices.Reverse(reversed)
	maps.Copy(copiedInto, passed)
	f := bound.inc
	f()
	promoted.inc()
	func() { _ = append([][]string{}, captured) }()
	t := sliced[:]
	t[0]++
	slices.Sort(slicedInPlace[1:])
	row[0][0] = len(row)
	for _, r := range rows {
		r[0]++
	}
	_ = append(grown, 1)
	registered.put("a")
	h := holder
	h.names[0] = ""
	consume(inner.names)
	_ = len(list)
	return returned
}

func consume(s ...[]string) {}

// What follows is only read.

var constants = []string{"a", "b"}

var weights = map[string]struct {
	by   int
	name string
}{}

var grid = [][]int{{1}, {2}}

var spans = [...][2]int{{1, 2}}

var home = struct{ host string }{"a"}

func (c counter) value() int { return c.n }

var first = counter{1}

var failures = [...]error{nil, ErrGone, fmt.Errorf("%w: again", ErrGone)}

func reads(k string, i int) ([]string, error) {
	w, ok := weights[k]
	if !ok || constants == nil || w == weights["b"] {
		return nil, failures[i]
	}
	for i, s := range constants {
		_ = s[:i]
	}
	for i := range grid {
		_ = grid[i][0] + len(grid[i][1:]) + first.value()
	}
	for _, s := range spans {
		s[0] = 1
	}
	here, one := home, first
	here.host = "b"
	one.inc()
	_ = strings.Join(constants[1:], ", ") + string([]byte(home.host))
	_ = slices.Contains(constants, k)
	_ = slices.Sorted(maps.Keys(weights))
	return append(slices.Clone(constants), constants...), nil
}

// Errors that remember something.

type failure struct{ times int }

func (f *failure) Error() string { return "" }

var ErrCounted error = &failure{} // want `variable ErrCounted holds an error that may have state`

var counted = []error{ErrGone, made()} // want `variable counted holds an error that may have state`

func made() error { return errors.Join(ErrCounted) }

type tally map[string]int

func (t tally) Error() string { return "" }

var ErrTally error = tally{} // want `variable ErrTally holds an error that may have state`

// Those of another package.

func elsewhere() {
	other.ErrClosed = nil  // want `variable ErrClosed of package other is written to`
	_ = &other.ErrClosed   // want `variable ErrClosed of package other has its address taken`
	other.Shared.Count = 1 // want `variable Shared of package other is written to`
	_ = errors.Is(ErrGone, other.ErrClosed)
}
