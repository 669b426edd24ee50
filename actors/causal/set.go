package causal

import (
	"github.com/pingcap/failpoint"
)

// Set holds the values of a key that no later write has overwritten, and the
// vector of all writes that it has heard of: the dotted version vector set of
// Almeida, Baquero, Gonçalves, Preguiça and Fonte, "Scalable and Accurate
// Causality Tracking for Eventually Consistent Stores" (DAIS 2014), section 5;
// the dots are those of Preguiça et al., "Dotted Version Vectors: Logical
// Clocks for Optimistic Replication" (2010). The paper leaves the dots out,
// because a value's place in its list tells them if an id counts the writes of
// one key without a gap. Here they are written out, since a Source counts the
// writes of all its keys.
//
//  1. Siblings ascend by Dot, and Vector has all of their dots.
//  2. A dot has one value, ever.
//  3. An event that is in Vector and not a sibling was overwritten by a write
//     whose writer had seen it. So a sibling goes only for a causal reason.
//  4. Vector may speak for all earlier events of an id because sets travel
//     whole: who sends one value of a Set out of its Set breaks 3.
//
// A Set is immutable; the zero Set is that of a key never written.
type Set struct {
	Vector   Vector
	Siblings []Sibling
}

// Sibling is one of the concurrent values.
type Sibling struct {
	Dot   Dot
	Value Value
}

// Update returns the set after a write of v at this node by a client that had
// seen the given vector (nil for a blind write): the values that it had seen
// are gone, the others stay beside the new one (paper: update, figure 5). The
// error is ErrContext: the client can't have seen that.
func (s Set) Update(seen Vector, src *Source, v Value) (Set, Dot, error) {
	dot, err := src.next(s.Vector, seen)
	if err != nil {
		return s, Dot{}, err
	}
	failpoint.Inject("bug-34-sibling-dropped-as-dominated", func() { seen = seen.Merge(s.Vector) })
	out := Set{
		Vector:   s.Vector.Merge(seen).with(dot),
		Siblings: make([]Sibling, 0, 1+len(s.Siblings)),
	}
	placed := false
	for i := range s.Siblings {
		old := &s.Siblings[i]
		if seen.Has(old.Dot) {
			continue
		}
		if !placed && dot.Compare(old.Dot) < 0 {
			out.Siblings, placed = append(out.Siblings, Sibling{dot, v}), true
		}
		out.Siblings = append(out.Siblings, *old)
	}
	if !placed {
		out.Siblings = append(out.Siblings, Sibling{dot, v})
	}
	return out, dot, nil
}

// Discard returns the set without the values that seen has (paper: discard);
// the vector takes seen in, so that they do not come back.
func (s Set) Discard(seen Vector) Set {
	return s.drop(s.Vector.Merge(seen), func(old *Sibling) bool { return seen.Has(old.Dot) })
}

// drop returns the set with another vector and without some values.
func (s Set) drop(v Vector, gone func(*Sibling) bool) Set {
	out := Set{Vector: v}
	for i := range s.Siblings {
		if old := &s.Siblings[i]; !gone(old) {
			out.Siblings = append(out.Siblings, *old)
		}
	}
	return out
}

// Merge returns the set that knows what both know (paper: sync): a value stays
// if both have it, or if one has it and the other has not heard of it. It is a
// join: commutative, associative, idempotent.
func (s Set) Merge(o Set) Set {
	switch {
	case len(o.Vector) == 0:
		return s
	case len(s.Vector) == 0:
		return o
	}
	a, b := s.Siblings, o.Siblings
	out := Set{Vector: s.Vector.Merge(o.Vector)}
	if n := len(a) + len(b); n > 0 {
		out.Siblings = make([]Sibling, 0, n)
	}
	for len(a) > 0 || len(b) > 0 {
		switch c := compareHeads(a, b); {
		case c == 0:
			out.Siblings = append(out.Siblings, a[0])
			a, b = a[1:], b[1:]
		case c < 0:
			if !o.Vector.Has(a[0].Dot) {
				out.Siblings = append(out.Siblings, a[0])
			}
			a = a[1:]
		default:
			if !s.Vector.Has(b[0].Dot) {
				out.Siblings = append(out.Siblings, b[0])
			}
			b = b[1:]
		}
	}
	if len(out.Siblings) == 0 {
		out.Siblings = nil
	}
	return out
}

// compareHeads orders the first siblings of two lists, not both empty; an empty
// list counts as the later one.
func compareHeads(a, b []Sibling) int {
	switch {
	case len(b) == 0:
		return -1
	case len(a) == 0:
		return 1
	}
	return a[0].Dot.Compare(b[0].Dot)
}

// Compare tells how s stands to o: After iff merging o into s changes nothing
// and they differ.
func (s Set) Compare(o Set) Order {
	order := s.Vector.Compare(o.Vector)
	// With a value gone on one side that the other still has, the one without
	// knows more, although the vectors may be equal (Discard).
	a, b := s.Siblings, o.Siblings
	for len(a) > 0 || len(b) > 0 {
		switch c := compareHeads(a, b); {
		case c == 0:
			a, b = a[1:], b[1:]
		case c < 0:
			if o.Vector.Has(a[0].Dot) {
				order |= Before
			}
			a = a[1:]
		default:
			if s.Vector.Has(b[0].Dot) {
				order |= After
			}
			b = b[1:]
		}
	}
	return order
}

// Conflict returns a dot that has two different values in the sets, which rule
// 2 forbids: a check for simulations.
func (s Set) Conflict(o Set) (Dot, bool) {
	a, b := s.Siblings, o.Siblings
	for len(a) > 0 && len(b) > 0 {
		switch c := compareHeads(a, b); {
		case c < 0:
			a = a[1:]
		case c > 0:
			b = b[1:]
		default:
			if a[0].Value.Compare(&b[0].Value) != 0 {
				return a[0].Dot, true
			}
			a, b = a[1:], b[1:]
		}
	}
	return Dot{}, false
}
