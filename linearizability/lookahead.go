package linearizability

import (
	"math"
	"slices"
	"strings"
)

// lookahead proves configurations hopeless by the next exact read, where the
// state can only grow until then: appends lengthen it, increments of one sign
// move it one way. Without it a search meets the wrong order of two appends
// only after having tried every order of all later ones.
type lookahead struct {
	use      growth
	nextRead []int32 // for each level: the first exact read that returns at it or after it
	shrinks  []int64 // for each level: the first call of an open or later operation that does not grow
}

type growth uint8

const (
	growsNot  growth = iota
	growsText        // by appends
	growsUp          // by increments above 0
	growsDown        // by increments below 0
)

func (l *lookahead) build(k *keyed) {
	l.use = growthOf(k)
	if l.use == growsNot {
		return
	}
	n := len(k.known)
	l.nextRead = slices.Grow(l.nextRead[:0], n)[:n]
	l.shrinks = slices.Grow(l.shrinks[:0], n)[:n]
	read, shrink := int32(-1), int64(math.MaxInt64)
	for i := range k.unknown {
		if !l.grows(&k.unknown[i]) {
			shrink = min(shrink, k.unknown[i].call)
		}
	}
	for i := n - 1; i >= 0; i-- {
		a := &k.known[i]
		if a.kind == Get && a.saw == SawValue && a.found {
			read = int32(i)
		}
		if !a.readOnly() && !l.grows(a) {
			shrink = min(shrink, a.call)
		}
		l.nextRead[i], l.shrinks[i] = read, shrink
	}
}

// growthOf picks the kind of growth by the first operation that grows.
func growthOf(k *keyed) growth {
	for i := range len(k.known) + len(k.unknown) {
		switch a := k.at(i); {
		case a.kind == Append:
			return growsText
		case a.kind == Incr && a.delta > 0:
			return growsUp
		case a.kind == Incr && a.delta < 0:
			return growsDown
		}
	}
	return growsNot
}

func (l *lookahead) grows(a *action) bool {
	switch l.use {
	case growsText:
		return a.kind == Append
	case growsUp:
		return a.kind == Incr && a.delta >= 0
	case growsDown:
		return a.kind == Incr && a.delta <= 0
	}
	return false
}

// hopeless reports whether the next exact read that c has not executed cannot
// be explained any more.
func (l *lookahead) hopeless(s *search, c *config) bool {
	if l.use == growsNot {
		return false
	}
	read := l.nextRead[c.level]
	for read >= 0 && s.k.known[read].call <= s.k.known[c.level].ret && c.done.has(s.slot[read]) {
		if int(read)+1 == len(s.k.known) {
			return false
		}
		read = l.nextRead[read+1]
	}
	if read < 0 || l.shrinks[c.level] <= s.k.known[read].ret {
		return false
	}
	if l.reaches(&s.k.values, c.state, s.k.known[read].out) {
		return false
	}
	s.deepest = max(s.deepest, read) // the answer that nothing explains is this one
	return true
}

// reaches reports whether the state s can grow into t.
func (l *lookahead) reaches(v *values, s, t value) bool {
	switch {
	case s == absent || s == t:
		return true
	case l.use == growsText:
		return strings.HasPrefix(v.text[t], v.text[s])
	case !v.isInt[s] || !v.isInt[t]:
		return false // increments neither make nor leave a value that is no integer
	case l.use == growsUp:
		return v.ints[s] <= v.ints[t]
	}
	return v.ints[s] >= v.ints[t]
}
