package linearizability

import (
	"math"
	"slices"
	"time"
)

// search decides any history of one key by "just-in-time" linearization (Lowe,
// "Testing for Linearizability", 2017): the answers are taken in the order of
// their arrival, and before each the search executes only what that operation
// needs to be explained. Failed configurations are remembered (Wing and Gong
// 1993, with Lowe's cache).
//
// Five observations keep the number of configurations small; in each, "free"
// means that no continuation is lost.
//
//  1. An operation of unknown outcome is optional. It is executed only on
//     demand, and of two configurations that differ only in what unknown
//     operations they used, the one that used less can do all that the other can.
//  2. Unknown operations with equal arguments differ in nothing, so they are
//     counted, not told apart. Of known operations with equal arguments and
//     answers, the one that returns first goes first.
//  3. An operation that leaves the state as it is and fits now is free now.
//  4. A blind write x that is open while another blind write y executes can have
//     executed right before y, unseen. So x is free from then on (it is "hidden").
//  5. Therefore a blind write, or an unknown operation, before another blind
//     write is useless if nothing looked at the state between them.
type search struct {
	k        *keyed
	pend     []int32 // for each level: the operations open when it returns, by return
	pendFrom []int32 // the start of each level's part of pend, and the end of the last
	slot     []uint8 // of each known operation: its bit while it is open
	same     []int32 // of each known operation: its equivalence class (observation 2)
	order    []int32 // scratch
	blind    []mask  // for each level: the blind writes among pend
	ahead    lookahead
	chain    chain

	classes []class
	used    []uint16 // of each class: how many members have been executed

	seen     map[config]int32 // failed configurations → 1 + index of the last entry in arena
	arena    []uint16         // entries: what was used, then the previous entry's index in two halves
	steps    int
	maxSteps int
	deadline time.Time
	deepest  int32
	stopped  bool
	ends     func(value) bool // if not nil: told the state that each explanation leaves; the search goes on until it says true
}

// class is a set of unknown operations that differ only in their calls.
type class struct {
	act   *action
	calls []int64 // ascending
}

// mask is a set of open operations, by slot.
type mask [2]uint64

func (m mask) has(b uint8) bool     { return m[b>>6]&(1<<(b&63)) != 0 }
func (m mask) with(b uint8) mask    { m[b>>6] |= 1 << (b & 63); return m }
func (m mask) minus(o mask) mask    { return mask{m[0] &^ o[0], m[1] &^ o[1]} }
func (m mask) or(o mask) mask       { return mask{m[0] | o[0], m[1] | o[1]} }
func (m mask) without(b uint8) mask { m[b>>6] &^= 1 << (b & 63); return m }

// maxOpen is how many answered operations of one key may be open at once.
const maxOpen = 128

// config is where the search stands, apart from the unknown operations used.
type config struct {
	done   mask // open operations executed already
	hidden mask // open blind writes that are free by observation 4
	state  value
	level  int32 // the operation whose answer is next
	fresh  bool  // observation 5: nothing has looked at state since it was made
}

// run judges k. The second result is false if too many operations overlap.
func (s *search) run(k *keyed, maxSteps int, deadline time.Time) (Answer, bool) {
	s.k = k
	if !s.layOut() {
		return Undecided, false
	}
	s.classify()
	s.ahead.build(k)
	if len(s.seen) > 1<<14 || s.seen == nil {
		s.seen = make(map[config]int32) // clearing a large map costs its largest size each time
	} else {
		clear(s.seen)
	}
	s.arena = append(s.arena[:0], 0)
	s.steps, s.maxSteps, s.deadline, s.deepest, s.stopped = 0, maxSteps, deadline, 0, false
	ok := s.visit(config{state: k.initial})
	switch {
	case ok:
		return Linearizable, true
	case s.stopped:
		return Undecided, true
	}
	return Illegal, true
}

// visit reports whether the history can be finished from c. It walks on while
// there is nothing to choose.
func (s *search) visit(c config) bool {
	for {
		if int(c.level) == len(s.k.known) {
			return s.ends == nil || s.ends(c.state)
		}
		s.deepest = max(s.deepest, c.level)
		c = s.free(c)
		o := c.level
		if c.done.has(s.slot[o]) {
			c = s.next(c)
			continue
		}
		if s.ahead.hopeless(s, &c) {
			return false
		}
		if s.forced(&c) { // and so ready
			state, ok := s.k.values.step(c.state, &s.k.known[o])
			if !ok {
				return false
			}
			c.state = state
			c.hidden = mask{}
			c = s.next(c)
			continue
		}
		if s.stop() || s.remembered(&c) {
			return false
		}
		return s.choose(c)
	}
}

// stop counts a step against the budget.
func (s *search) stop() bool {
	s.steps++
	if s.maxSteps > 0 && s.steps > s.maxSteps {
		s.stopped = true
	}
	if s.steps&0xfff == 0 && !s.deadline.IsZero() && time.Now().After(s.deadline) {
		s.stopped = true
	}
	return s.stopped
}

// next goes on to the next answer; c.level is executed.
func (s *search) next(c config) config {
	b := s.slot[c.level]
	c.done, c.hidden = c.done.without(b), c.hidden.without(b)
	c.level++
	c.fresh = false
	return c
}

// open lists the operations that have been called and not answered before level returns.
func (s *search) open(level int32) []int32 {
	return s.pend[s.pendFrom[level]:s.pendFrom[level+1]]
}

// free executes every open operation that looks, finds what it answered, and
// changes nothing (observation 3).
func (s *search) free(c config) config {
	for again := true; again; {
		again = false
		for _, j := range s.open(c.level) {
			a := &s.k.known[j]
			if !a.readOnly() || c.done.has(s.slot[j]) {
				continue
			}
			if commit, ok := s.ready(&c, j, false); !ok || commit != (mask{}) {
				continue
			}
			if _, ok := s.k.values.step(c.state, a); ok {
				c.done = c.done.with(s.slot[j])
				c.fresh = false
				again = s.chain.any // what comes after it may be ready now
			}
		}
	}
	return c
}

// forced reports whether the next operation is alone: nothing else can execute.
func (s *search) forced(c *config) bool {
	return s.pendFrom[c.level+1]-s.pendFrom[c.level] == 1 && (len(s.classes) == 0 || !s.unknownOpen(c.level)) &&
		!c.hidden.has(s.slot[c.level]) && s.chain.before[c.level] < c.level
}

func (s *search) unknownOpen(level int32) bool {
	for i := range s.classes {
		if s.available(i, level) {
			return true
		}
	}
	return false
}

// available reports whether a member of class i may execute before level returns.
func (s *search) available(i int, level int32) bool {
	calls := s.classes[i].calls
	n := int(s.used[i])
	if n == math.MaxUint16 {
		s.stopped = true // the count would overflow: give up rather than be wrong
		return false
	}
	return n < len(calls) && calls[n] <= s.k.known[level].ret
}

// choose tries everything that may come next: the operation that is due, then
// other open ones, then unknown ones.
func (s *search) choose(c config) bool {
	o := c.level
	due := &s.k.known[o]
	// Hiding changes nothing but o, so it is only tried before anything else is
	// executed at this level. Whoever visits c again at this level got here by
	// executing something, but that something fits after o as well.
	if c.hidden.has(s.slot[o]) {
		if commit, ok := s.ready(&c, o, false); ok && s.visit(s.next(c.committed(commit))) {
			return true
		}
	}
	if !(c.fresh && due.blind()) {
		if n, ok := s.take(c, o); ok && s.visit(s.next(n)) {
			return true
		}
	}
	return s.chooseOther(c) || s.chooseUnknown(c)
}

// take executes the open operation j now, for all to see, if that is possible
// and not free anyhow.
func (s *search) take(c config, j int32) (config, bool) {
	a := &s.k.known[j]
	commit, ok := s.ready(&c, j, a.blind())
	if !ok || a.readOnly() && commit == (mask{}) {
		return c, false
	}
	state, ok := s.k.values.step(c.state, a)
	if !ok {
		return c, false
	}
	n := s.execute(c, a, state).committed(commit)
	n.done, n.hidden = n.done.with(s.slot[j]), n.hidden.without(s.slot[j])
	if s.chain.any {
		n.hidden = n.hidden.minus(s.following(&c, j)) // j itself can't have come before
	}
	return n, true
}

// execute moves c to the state that a left behind.
func (s *search) execute(c config, a *action, state value) config {
	c.state = state
	if a.blind() {
		c.hidden = c.hidden.or(s.hideable(&c))
	}
	c.fresh = a.blind() || a.unknown
	return c
}

func (s *search) chooseOther(c config) bool {
	open := s.open(c.level)
	for i, j := range open[1:] { // open[0] is the one due
		a := &s.k.known[j]
		if c.done.has(s.slot[j]) || c.fresh && a.blind() || s.laterTwin(c, open[:i+1], j) {
			continue
		}
		if n, ok := s.take(c, j); ok && s.visit(n) {
			return true
		}
		if s.stopped {
			return false
		}
	}
	return false
}

// laterTwin reports whether an operation just like j, one of earlier, is still
// to be executed and must return sooner (observation 2).
func (s *search) laterTwin(c config, earlier []int32, j int32) bool {
	for _, i := range earlier {
		if s.same[i] == s.same[j] && !c.done.has(s.slot[i]) {
			return true
		}
	}
	return false
}

func (s *search) chooseUnknown(c config) bool {
	for i := range s.classes {
		a := s.classes[i].act
		if s.stopped || !s.available(i, c.level) || c.fresh && a.blind() {
			continue
		}
		state, _ := s.k.values.step(c.state, a)
		if state == c.state && !(a.blind() && s.hides(c)) {
			continue // an effect nobody can notice
		}
		s.used[i]++
		ok := s.visit(s.execute(c, a, state))
		s.used[i]--
		if ok {
			return true
		}
	}
	return false
}

// hides reports whether a blind write now would hide others (observation 4): it
// is of use then even if it leaves the state as it is.
func (s *search) hides(c config) bool {
	return s.blind[c.level].minus(c.done).minus(c.hidden) != mask{}
}

// remembered reports whether c, or a configuration that could do all that c
// can, was visited before, and failed or is being searched. If not it notes c.
func (s *search) remembered(c *config) bool {
	last, visited := s.seen[*c]
	n := len(s.used)
	if n == 0 {
		s.seen[*c] = 0
		return visited
	}
	for at := int(last); visited && at != 0; {
		if dominates(s.arena[at:at+n], s.used) {
			return true
		}
		at = int(s.arena[at+n]) | int(s.arena[at+n+1])<<16
	}
	at := len(s.arena)
	s.arena = append(s.arena, s.used...)
	s.arena = append(s.arena, uint16(last), uint16(last>>16))
	s.seen[*c] = int32(at)
	return false
}

// dominates reports whether a used no more of any class than b.
func dominates(a, b []uint16) bool {
	for i := range a {
		if a[i] > b[i] {
			return false
		}
	}
	return true
}

// layOut finds for each level which operations are open. It reports false if
// more than maxOpen are, at any time.
func (s *search) layOut() bool {
	known := s.k.known
	s.chain.build(s.k)
	s.pend, s.pendFrom, s.blind = s.pend[:0], append(s.pendFrom[:0], 0), s.blind[:0]
	s.slot = slices.Grow(s.slot[:0], len(known))[:len(known)]
	byCall := s.byCall()
	var open []int32
	var taken mask
	for level := range known {
		for len(byCall) > 0 && known[byCall[0]].call <= known[level].ret {
			j := byCall[0]
			byCall = byCall[1:]
			if len(open) == maxOpen {
				return false
			}
			s.slot[j] = taken.lowestClear()
			taken = taken.with(s.slot[j])
			at, _ := slices.BinarySearch(open, j)
			open = slices.Insert(open, at, j)
		}
		s.pend = append(s.pend, open...)
		s.pendFrom = append(s.pendFrom, int32(len(s.pend)))
		var blind mask
		for _, j := range open {
			if known[j].blind() {
				blind = blind.with(s.slot[j])
			}
		}
		s.blind = append(s.blind, blind)
		taken = taken.without(s.slot[level]) // open[0] is level: it has the earliest return
		open = slices.Delete(open, 0, 1)
	}
	s.findTwins()
	return true
}
