package causal

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors/kv"
)

// ID names a source of events: one store incarnation of one node, and a term
// within it. A node that starts without all that it ever made known takes a new
// incarnation; one that drops state in which it has made events (a hint that
// was delivered, a partition that moved away) takes a new term. So no id is ever
// used again without its state: a new event would seem to know the forgotten
// ones, and drop them (compare the vnode epochs of Riak 2.1).
type ID struct {
	Inc  kv.Incarnation
	Term uint32
	Node kv.NodeID
}

// NewID returns the first id under which an incarnation makes events and counts.
func NewID(node kv.NodeID, inc kv.Incarnation) ID {
	failpoint.Inject("bug-33-entry-reused-after-restart", func() { inc = 1 })
	return ID{Node: node, Inc: inc}
}

// Compare orders ids by node, incarnation, term: the order of every list here.
func (d ID) Compare(o ID) int {
	if d.Node != o.Node {
		return cmp.Compare(d.Node, o.Node)
	}
	if d.Inc != o.Inc {
		return cmp.Compare(d.Inc, o.Inc)
	}
	return cmp.Compare(d.Term, o.Term)
}

func (d ID) String() string { return fmt.Sprintf("n%d.i%d.t%d", d.Node, d.Inc, d.Term) }

// Dot names one event: one write of one key.
type Dot struct {
	ID  ID
	Seq uint64 // from 1
}

// Compare orders dots by id, then sequence.
func (d Dot) Compare(o Dot) int {
	if c := d.ID.Compare(o.ID); c != 0 {
		return c
	}
	return cmp.Compare(d.Seq, o.Seq)
}

func (d Dot) String() string { return fmt.Sprintf("%v#%d", d.ID, d.Seq) }

// Entry of a Vector: all events of ID up to Seq.
type Entry struct {
	ID  ID
	Seq uint64
}

// Vector is a version vector (Parker et al., "Detection of Mutual Inconsistency
// in Distributed Systems", 1983): a set of events that holds, with each event
// of a key, every earlier one of the same id on the same key. Entries ascend by
// ID, none has Seq 0. The nil vector is empty. It is immutable.
type Vector []Entry

// Last returns how far the vector goes for an id, 0 for not at all.
func (v Vector) Last(id ID) uint64 {
	for i := range v {
		if v[i].ID == id {
			return v[i].Seq
		}
	}
	return 0
}

// Has reports whether the event is in the vector.
func (v Vector) Has(d Dot) bool { return d.Seq <= v.Last(d.ID) }

// Merge returns the union.
func (v Vector) Merge(o Vector) Vector {
	switch {
	case len(o) == 0:
		return v
	case len(v) == 0:
		return o
	}
	out := make(Vector, 0, max(len(v), len(o)))
	for len(v) > 0 && len(o) > 0 {
		switch c := v[0].ID.Compare(o[0].ID); {
		case c < 0:
			out, v = append(out, v[0]), v[1:]
		case c > 0:
			out, o = append(out, o[0]), o[1:]
		default:
			out = append(out, Entry{v[0].ID, max(v[0].Seq, o[0].Seq)})
			v, o = v[1:], o[1:]
		}
	}
	return append(append(out, v...), o...)
}

// with returns the vector with d and all before it.
func (v Vector) with(d Dot) Vector {
	i, found := slices.BinarySearchFunc(v, d.ID, func(e Entry, id ID) int { return e.ID.Compare(id) })
	out := make(Vector, 0, len(v)+1)
	out = append(append(out, v[:i]...), Entry(d))
	if found {
		out[i].Seq = max(out[i].Seq, v[i].Seq)
		i++
	}
	return append(out, v[i:]...)
}

// Order is how two states stand to each other in causal order.
type Order uint8

// The orders. They are bits: what the left has, and what the right has, that
// the other lacks.
const (
	Equal      Order = 0
	After      Order = 1 // the left has all of the right, and more
	Before     Order = 2
	Concurrent Order = After | Before
)

func (o Order) String() string { return [...]string{"equal", "after", "before", "concurrent"}[o&3] }

// Compare tells how v stands to o.
func (v Vector) Compare(o Vector) (order Order) {
	for i := range v {
		if v[i].Seq > o.Last(v[i].ID) {
			order |= After
			break
		}
	}
	for i := range o {
		if o[i].Seq > v.Last(o[i].ID) {
			return order | Before
		}
	}
	return order
}

// MaxSeq bounds the sequences that clients may name, maxWireSeq those that
// nodes may: so none that is forged makes an addition overflow.
const (
	MaxSeq     = 1 << 56
	maxWireSeq = 1 << 63
)

// ErrContext is a causal context that no reader of this key can have been given.
var ErrContext = errors.New("causal: context holds an event that has not happened")

// Source makes the events of one id.
//
//  1. Every dot that it returns is above all earlier ones: of all keys
//     together, so that a key whose state has been collected and which comes
//     back does not begin again at 1.
//  2. It is volatile. A node that restarts makes a Source for a new incarnation.
type Source struct {
	id   ID
	last uint64
}

// NewSource returns the source of an id's events.
func NewSource(id ID) Source { return Source{id: id} }

// ID returns the id of the source's events.
func (s *Source) ID() ID { return s.id }

// Renew begins a new term. Call it before the next event after state has been
// dropped in which this source has made some, but for what Collection lets go.
func (s *Source) Renew() { s.id.Term++ }

// next makes an event on a key whose state knows have and whose writer knew
// seen. A writer can't know of more events than were made.
func (s *Source) next(have, seen Vector) (Dot, error) {
	// Only through a forged context does a key know more of this id than was
	// made. Such a key goes on from there by itself, and harms no other.
	last := max(s.last, have.Last(s.id))
	if known := seen.Last(s.id); known > last {
		return Dot{}, fmt.Errorf("%w: #%d is the last of %v, the context has #%d", ErrContext, last, s.id, known)
	}
	if last >= maxWireSeq {
		panic("causal: the sequence of events is used up")
	}
	s.last++
	return Dot{s.id, last + 1}, nil
}
