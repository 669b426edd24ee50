package linearizability

import (
	"slices"
	"strings"
)

// lookahead proves configurations hopeless by the next exact read: its value
// must be there already, be written by something that may still execute before
// the read returns, or grow out of the state by appends, or by increments of
// one sign. Without it a search meets the wrong order of two appends only after
// having tried every order of all later ones.
type lookahead struct {
	use      growth
	nextRead []int32 // for each level: the first exact read that returns at it or after it, or -1
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
	n := len(k.known)
	l.nextRead = slices.Grow(l.nextRead[:0], n)[:n]
	read := int32(-1)
	for i := n - 1; i >= 0; i-- {
		if a := &k.known[i]; a.kind == Get && a.saw == SawValue {
			read = int32(i)
		}
		l.nextRead[i] = read
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

// hopeless reports whether the next exact read that c has not executed cannot
// be explained any more.
func (l *lookahead) hopeless(s *search, c *config) bool {
	known := s.k.known
	read := l.nextRead[c.level]
	for read >= 0 && known[read].call <= known[c.level].ret && c.done.has(s.slot[read]) {
		if int(read)+1 == len(known) {
			return false
		}
		read = l.nextRead[read+1]
	}
	if read < 0 {
		return false
	}
	v, goal := &s.k.values, known[read].out
	if l.reaches(v, c.state, goal) {
		return false
	}
	for j := c.level; j < read; j++ {
		if done := known[j].call <= known[c.level].ret && c.done.has(s.slot[j]); !done && l.leadsTo(v, &known[j], goal) {
			return false
		}
	}
	for _, j := range s.open(read) {
		if done := known[j].call <= known[c.level].ret && c.done.has(s.slot[j]); !done && l.leadsTo(v, &known[j], goal) {
			return false
		}
	}
	for i := range s.classes {
		if a := s.classes[i].act; a.call <= known[read].ret && l.leadsTo(v, a, goal) {
			return false
		}
	}
	s.deepest = max(s.deepest, read) // the answer that nothing explains is this one
	return true
}

// reaches reports whether the state s is goal or may grow into it.
func (l *lookahead) reaches(v *values, s, goal value) bool {
	switch {
	case s == goal:
		return true
	case l.use == growsNot || goal == absent:
		return false
	case s == absent:
		return true
	case l.use == growsText:
		return strings.HasPrefix(v.text[goal], v.text[s])
	case !v.isInt[s] || !v.isInt[goal]:
		return false // increments neither make nor leave a value that is no integer
	case l.use == growsUp:
		return v.ints[s] <= v.ints[goal]
	}
	return v.ints[s] >= v.ints[goal]
}

// leadsTo reports whether a may make a state that reaches goal out of one that
// does not.
func (l *lookahead) leadsTo(v *values, a *action, goal value) bool {
	switch {
	case a.readOnly():
		return false
	case a.kind == Set || a.kind == CAS:
		return l.reaches(v, a.val, goal)
	case a.kind == Delete:
		return l.reaches(v, absent, goal)
	case a.kind == Append:
		return l.use != growsText
	case a.delta < 0:
		return l.use != growsDown
	}
	return l.use != growsUp && a.delta != 0
}
