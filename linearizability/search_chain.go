package linearizability

import (
	"cmp"
	"slices"
)

// chain is the order of the operations of each message (see Op.Pipe) among the
// known ones. An operation may execute once all those before it have.
//
// A write that is hidden (observation 4) counts as executed for what comes after
// it; then it must stay hidden: it is committed. Conversely, a write executed
// where all can see it is not hidden any more, and neither is what comes after it.
// The observations of search hold with that: whatever is moved to an earlier
// instant there was ready at that instant.
type chain struct {
	before, after []int32 // of each known operation: its neighbours, or -1
	any           bool
}

func (x *chain) build(k *keyed) {
	n := len(k.known)
	x.any = false
	x.before, x.after = slices.Grow(x.before[:0], n)[:n], slices.Grow(x.after[:0], n)[:n]
	for i := range n {
		x.before[i], x.after[i] = -1, -1
		x.any = x.any || k.known[i].pipe != 0
	}
	if !x.any {
		return
	}
	var piped []int32
	for i := range k.known {
		if k.known[i].pipe != 0 {
			piped = append(piped, int32(i))
		}
	}
	slices.SortFunc(piped, func(a, b int32) int {
		p, q := &k.known[a], &k.known[b]
		return cmp.Or(cmp.Compare(p.pipe, q.pipe), cmp.Compare(p.place, q.place), cmp.Compare(a, b))
	})
	for i := 1; i < len(piped); i++ {
		if a, b := piped[i-1], piped[i]; k.known[a].pipe == k.known[b].pipe {
			x.after[a], x.before[b] = b, a
		}
	}
}

// isOpen reports whether j has been called and not answered.
func (s *search) isOpen(c *config, j int32) bool {
	return j >= c.level && s.k.known[j].call <= s.k.known[c.level].ret
}

// ready reports whether all that comes before j in its message has executed, and
// which hidden writes must be committed for it. If blind, j is a blind write,
// before which blind writes may hide.
func (s *search) ready(c *config, j int32, blind bool) (commit mask, ok bool) {
	for p := s.chain.before[j]; p >= c.level; p = s.chain.before[p] {
		if !s.isOpen(c, p) {
			return mask{}, false
		}
		b := s.slot[p]
		switch {
		case c.done.has(b):
			return commit, true
		case c.hidden.has(b), blind && s.k.known[p].blind():
			commit = commit.with(b)
		default:
			return mask{}, false
		}
	}
	return commit, true
}

// hideable are the open blind writes that can execute right before another
// one, unseen.
func (s *search) hideable(c *config) mask {
	m := s.blind[c.level].minus(c.done)
	if !s.chain.any {
		return m
	}
	for _, i := range s.open(c.level) {
		if b := s.slot[i]; m.has(b) {
			if _, ok := s.ready(c, i, true); !ok {
				m = m.without(b)
			}
		}
	}
	return m
}

// following are the open operations that come after j in its message.
func (s *search) following(c *config, j int32) mask {
	var m mask
	for q := s.chain.after[j]; q >= 0; q = s.chain.after[q] {
		if s.isOpen(c, q) {
			m = m.with(s.slot[q])
		}
	}
	return m
}

// committed is c with hidden writes committed.
func (c config) committed(m mask) config {
	c.done, c.hidden = c.done.or(m), c.hidden.minus(m)
	return c
}
