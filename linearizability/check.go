package linearizability

import (
	"fmt"
	"time"
)

// Answer is what a checker says of a history.
type Answer uint8

// The answers.
const (
	Undecided Answer = iota // the budget ran out first
	Linearizable
	Illegal // proven not linearizable
)

func (a Answer) String() string {
	switch a {
	case Linearizable:
		return "linearizable"
	case Illegal:
		return "not linearizable"
	}
	return "undecided"
}

// Options bound a check. The zero value sets no bound.
type Options struct {
	// Timeout bounds the wall time of the whole check.
	Timeout time.Duration
	// MaxSteps bounds the states that one key's search visits. Unlike a
	// timeout it gives the same answer on every machine.
	MaxSteps int
	// NoStretch leaves Verdict.Stretch empty: finding it costs a few checks more.
	NoStretch bool
}

// Verdict is the outcome of Check.
type Verdict struct {
	Answer Answer
	// Key is the first key, in order of appearance, that is Illegal, or
	// Undecided if none is Illegal.
	Key string
	// Stretch is a part of Key's history that no order of execution explains,
	// as small as could be found (see shrink.go). Empty unless Illegal.
	Stretch History
}

// Check judges h by m. It panics if m has no such operations as h holds: run
// [Model.Validate] on input from outside.
func Check(h History, m Model, o Options) Verdict {
	var c Checker
	return c.Check(h, m, o)
}

// Checker is Check with memory that is reused from call to call. It belongs to
// one goroutine.
type Checker struct {
	keys keyIndex
}

// Check judges h by m; see the function of that name.
func (c *Checker) Check(h History, m Model, o Options) Verdict {
	if err := m.Validate(h); err != nil {
		panic(fmt.Sprintf("linearizability: %v", err))
	}
	var deadline time.Time
	if o.Timeout > 0 {
		deadline = time.Now().Add(o.Timeout)
	}
	verdict := Verdict{Answer: Linearizable}
	c.keys.build(h)
	for k := range c.keys.names {
		var ops []Op
		for _, i := range c.keys.of(k) {
			ops = append(ops, h[i])
		}
		var left time.Duration
		if o.Timeout > 0 {
			left = max(time.Until(deadline), 1)
		}
		switch viaPorcupine(m, ops, left) {
		case Illegal:
			return Verdict{Answer: Illegal, Key: c.keys.names[k], Stretch: ops}
		case Undecided:
			if verdict.Answer == Linearizable {
				verdict = Verdict{Answer: Undecided, Key: c.keys.names[k]}
			}
		}
	}
	return verdict
}

// keyIndex groups the operations of a history by key, in order of appearance.
type keyIndex struct {
	numbers map[string]int32
	names   []string
	keyOf   []int32 // of each operation
	start   []int32 // of each key in sorted, and the end of the last
	sorted  []int32 // operations by key
}

func (x *keyIndex) build(h History) {
	if x.numbers == nil {
		x.numbers = map[string]int32{}
	}
	clear(x.numbers)
	x.names, x.keyOf, x.start = x.names[:0], x.keyOf[:0], append(x.start[:0], 0)
	for i := range h {
		k, ok := x.numbers[h[i].Key]
		if !ok {
			k = int32(len(x.names))
			x.numbers[h[i].Key] = k
			x.names, x.start = append(x.names, h[i].Key), append(x.start, 0)
		}
		x.keyOf = append(x.keyOf, k)
		x.start[k+1]++
	}
	for k := 1; k < len(x.start); k++ {
		x.start[k] += x.start[k-1]
	}
	x.sorted = append(x.sorted[:0], x.keyOf...)
	for i := len(h) - 1; i >= 0; i-- { // backwards, so that start ends up where it belongs
		k := x.keyOf[i] + 1
		x.start[k]--
		x.sorted[x.start[k]] = int32(i)
	}
	x.start = append(x.start[1:], int32(len(h)))
}

// of lists the operations of key k, in the order of the history.
func (x *keyIndex) of(k int) []int32 { return x.sorted[x.start[k]:x.start[k+1]] }
