package causal

import "slices"

// Walk finds the buckets in which a peer's tree differs from the own one. It is
// told what the peer answers, and says what to ask next:
//
//	w := NewWalk(tree, root of the peer)
//	for asked := w.Ask(limit); len(asked) > 0; asked = w.Ask(limit) {
//		w.Take(tree, asked, the peer's Halves of each, one after the other)
//	}
//	w.Buckets()
//
// It goes down depth first, so what it remembers is at most Fanout nodes for
// each level and each node of one question. A bucket that is written while the
// walk goes on may be found different; that costs a look and no harm.
type Walk struct {
	pending []NodeRef // the last is asked about first
	buckets []uint32
}

// NewWalk begins at the root.
func NewWalk(t *Tree, peerRoot Hash) *Walk {
	w := &Walk{}
	if t.Root() == peerRoot {
		return w
	}
	w.found(t.RootRef())
	return w
}

func (w *Walk) found(n NodeRef) {
	if n.Level == 0 {
		w.buckets = append(w.buckets, n.Index)
		return
	}
	w.pending = append(w.pending, n)
}

// Ask returns up to limit nodes whose children to ask the peer for, none when
// the walk is over. They stay to be asked for until Take; so a lost question
// can be asked again.
func (w *Walk) Ask(limit int) []NodeRef {
	return slices.Clone(w.pending[max(0, len(w.pending)-limit):])
}

// Take takes in the peer's answer to the last Ask. It reports false, and does
// nothing, for an answer that is not one to it: late, or of a tree of another
// shape. Of each hash the half suffices that Halves gives.
func (w *Walk) Take(t *Tree, asked []NodeRef, theirs []uint64) bool {
	rest := len(w.pending) - len(asked)
	if len(asked) == 0 || rest < 0 || !slices.Equal(w.pending[rest:], asked) {
		return false
	}
	var mine []uint64
	for _, n := range asked {
		mine = t.Halves(mine, n)
	}
	if len(mine) != len(theirs) {
		return false
	}
	w.pending = w.pending[:rest]
	for _, n := range asked {
		low, high := t.children(int(n.Level), int(n.Index))
		for i := low; i < high; i++ {
			if mine[0] != theirs[0] {
				w.found(NodeRef{Level: n.Level - 1, Index: uint32(i)})
			}
			mine, theirs = mine[1:], theirs[1:]
		}
	}
	return true
}

// Buckets returns the buckets found different so far, ascending, and forgets them.
func (w *Walk) Buckets() []uint32 {
	found := w.buckets
	w.buckets = nil
	slices.Sort(found)
	return found
}

// KeyDigest is one entry of the listing of a bucket.
type KeyDigest struct {
	Key    []byte
	Digest Hash
}
