package linearizability

import (
	"cmp"
	"math/bits"
	"slices"
)

// lowestClear is the first slot that is free. There must be one.
func (m mask) lowestClear() uint8 {
	if m[0] != ^uint64(0) {
		return uint8(bits.TrailingZeros64(^m[0]))
	}
	return uint8(64 + bits.TrailingZeros64(^m[1]))
}

// byCall lists the known operations in order of their calls.
func (s *search) byCall() []int32 {
	known := s.k.known
	s.order = s.order[:0]
	for i := range known {
		s.order = append(s.order, int32(i))
	}
	slices.SortFunc(s.order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(known[a].call, known[b].call), cmp.Compare(a, b))
	})
	return s.order
}

// alike reports whether a and b ask and answer the same.
func (a *action) alike(b *action) bool {
	return a.kind == b.kind && a.val == b.val && a.exp == b.exp && a.delta == b.delta && a.cond == b.cond &&
		a.saw == b.saw && a.found == b.found && a.out == b.out && a.applied == b.applied && a.num == b.num
}

// findTwins numbers the known operations so that those which are alike, and
// open at the same time, share a number.
func (s *search) findTwins() {
	s.same = slices.Grow(s.same[:0], len(s.k.known))[:len(s.k.known)]
	for i := range s.same {
		s.same[i] = int32(i)
	}
	for level := range s.k.known {
		a := &s.k.known[level]
		if a.readOnly() || a.pipe != 0 {
			continue
		}
		for _, j := range s.open(int32(level))[1:] {
			if s.same[j] != s.same[level] && s.k.known[j].pipe == 0 && s.k.known[j].alike(a) {
				s.same[j] = s.same[level]
			}
		}
	}
}

// classify groups the unknown operations into classes.
func (s *search) classify() {
	for i := range s.classes {
		s.classes[i].act = nil
	}
	s.classes, s.used = s.classes[:0], s.used[:0]
	for i := range s.k.unknown {
		a := &s.k.unknown[i]
		at := slices.IndexFunc(s.classes, func(c class) bool { return c.act.alike(a) })
		if at < 0 {
			at = len(s.classes)
			s.classes, s.used = append(s.classes, class{act: a}), append(s.used, 0)
		}
		s.classes[at].calls = append(s.classes[at].calls, a.call)
	}
}
