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
	// From is what Key held when Stretch began; nil if nobody had touched it.
	From *Start
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
	keys   keyIndex
	keyed  keyed
	zones  zoneChecker
	search search
	hard   []int
	// Which checker the last judgement came from; neither means porcupine.
	byZones, bySearch bool
}

// firstSteps is the first budget of each key's search. Most keys need a small
// part of it; the others wait until every key had its chance, because one key
// that is Illegal settles the verdict.
const (
	firstSteps = 20_000
	moreSteps  = 16 // factor from round to round
)

// Check judges h by m; see the function of that name.
func (c *Checker) Check(h History, m Model, o Options) Verdict {
	if err := m.Validate(h); err != nil {
		panic(fmt.Sprintf("linearizability: %v", err))
	}
	budget := budget{maxSteps: o.MaxSteps}
	if o.Timeout > 0 {
		budget.deadline = time.Now().Add(o.Timeout)
	}
	c.keys.build(h)
	c.hard = c.hard[:0]
	for key := range c.keys.names {
		c.hard = append(c.hard, key)
	}
	for steps := firstSteps; ; steps *= moreSteps {
		round, last := budget.round(steps)
		left := c.hard[:0]
		for _, key := range c.hard {
			switch c.judge(h, m, c.keys.of(key), round) {
			case Illegal:
				v := Verdict{Answer: Illegal, Key: c.keys.names[key]}
				if !o.NoStretch {
					v.Stretch, v.From = c.stretch(h, m, c.keys.of(key))
				}
				return v
			case Undecided:
				left = append(left, key)
			}
		}
		c.hard = left
		if len(left) == 0 {
			return Verdict{Answer: Linearizable}
		}
		if last || budget.spent() {
			return Verdict{Answer: Undecided, Key: c.keys.names[left[0]]}
		}
	}
}

// budget bounds the judgement of a key. Zero fields set no bound.
type budget struct {
	deadline time.Time
	maxSteps int
}

// round is the budget with at most steps steps, and whether that is all of it.
func (b budget) round(steps int) (budget, bool) {
	if b.maxSteps > 0 && steps >= b.maxSteps || steps > 1<<40 {
		return b, true
	}
	b.maxSteps = steps
	return b, false
}

func (b budget) spent() bool { return !b.deadline.IsZero() && !time.Now().Before(b.deadline) }

// judge decides one key: the operations of h that idx lists.
func (c *Checker) judge(h History, m Model, idx []int32, b budget) Answer {
	c.keyed.load(m, h, idx)
	c.byZones, c.bySearch = c.keyed.uniqueRegister(), false
	if c.byZones {
		answer := c.zones.check(&c.keyed)
		if answer == Illegal || !c.keyed.piped() {
			return answer
		}
		c.byZones = false // the zones know nothing of the order in a message
	}
	if answer, ok := c.search.run(&c.keyed, b.maxSteps, b.deadline); ok {
		c.bySearch = true
		return answer
	}
	// More operations overlap than the search has room for.
	var left time.Duration
	if !b.deadline.IsZero() {
		left = max(time.Until(b.deadline), 1)
	} else if b.maxSteps > 0 {
		left = time.Duration(b.maxSteps) * time.Microsecond
	}
	ops := make([]Op, 0, len(idx))
	for _, i := range idx {
		ops = append(ops, h[i])
	}
	return viaPorcupine(m, ops, left)
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
