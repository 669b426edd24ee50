package causal

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Counter is a PN-counter (Shapiro, Preguiça, Baquero, Zawirski, "A
// Comprehensive Study of Convergent and Commutative Replicated Data Types",
// INRIA RR-7506, 2011, section 3.1.3): each id sums up what it added and what
// it took away, and only that id changes its entry. Entries ascend by ID. The
// nil Counter is 0. It is immutable.
//
// An id that is used again without its state would count from 0 below what
// others know of it, and its increments would vanish in the merge; hence the
// incarnation in ID.
type Counter []Count

// Count is the entry of one id. Both sums only grow, and one is not 0.
type Count struct {
	ID    ID
	Added uint64
	Taken uint64
}

// ErrOverflow is an increment that would leave the signed 64-bit range.
var ErrOverflow = errors.New("causal: counter would leave the signed 64-bit range")

// Add returns the counter after an increment at this node. The error is
// ErrOverflow: the value as this node knows it would leave the range of int64
// (or get further away from it), or one of the id's sums that of uint64; then
// the counter is as before.
func (c Counter) Add(id ID, delta int64) (Counter, error) {
	if delta == 0 {
		return c, nil // an entry without counts would be no increment, yet a difference
	}
	i := 0
	for i < len(c) && c[i].ID.Compare(id) < 0 {
		i++
	}
	out := make(Counter, 0, len(c)+1)
	out = append(out, c[:i]...)
	mine := Count{ID: id}
	rest := c[i:]
	if len(rest) > 0 && rest[0].ID == id {
		mine, rest = rest[0], rest[1:]
	}
	sum, by := &mine.Added, uint64(delta)
	if delta < 0 {
		sum, by = &mine.Taken, -uint64(delta)
	}
	total, carry := bits.Add64(*sum, by, 0)
	*sum = total
	out = append(append(out, mine), rest...)
	if carry == 0 {
		if n, exact := out.Value(); exact || n < 0 == (delta > 0) {
			return out, nil
		}
	}
	return c, fmt.Errorf("%w: adding %d", ErrOverflow, delta)
}

// Merge returns the counter that has every increment of both, a join.
func (c Counter) Merge(o Counter) Counter {
	switch {
	case len(o) == 0:
		return c
	case len(c) == 0:
		return o
	}
	out := make(Counter, 0, max(len(c), len(o)))
	for len(c) > 0 && len(o) > 0 {
		switch order := c[0].ID.Compare(o[0].ID); {
		case order < 0:
			out, c = append(out, c[0]), c[1:]
		case order > 0:
			out, o = append(out, o[0]), o[1:]
		default:
			out = append(out, Count{c[0].ID, max(c[0].Added, o[0].Added), max(c[0].Taken, o[0].Taken)})
			c, o = c[1:], o[1:]
		}
	}
	return append(append(out, c...), o...)
}

// Value returns the sum of all increments. Each alone was within range where it
// was made, but concurrent ones may leave it together: then the nearest int64
// is returned, and exact is false. The counter itself loses nothing.
func (c Counter) Value() (n int64, exact bool) {
	// A 128-bit sum in two's complement: no number of uint64s that fits into
	// memory leaves it.
	var hi, lo, carry uint64
	for i := range c {
		lo, carry = bits.Add64(lo, c[i].Added, 0)
		hi += carry
		lo, carry = bits.Sub64(lo, c[i].Taken, 0)
		hi -= carry
	}
	switch {
	case hi == 0 && lo <= math.MaxInt64, hi == math.MaxUint64 && lo > math.MaxInt64:
		return int64(lo), true
	case hi>>63 == 0:
		return math.MaxInt64, false
	}
	return math.MinInt64, false
}

// Compare tells how c stands to o.
func (c Counter) Compare(o Counter) Order { return c.ahead(o) | o.ahead(c)<<1 }

// ahead returns After if c has an increment that o lacks, else Equal.
func (c Counter) ahead(o Counter) Order {
	for i := range c {
		var theirs Count
		for j := range o {
			if o[j].ID == c[i].ID {
				theirs = o[j]
			}
		}
		if c[i].Added > theirs.Added || c[i].Taken > theirs.Taken {
			return After
		}
	}
	return Equal
}
