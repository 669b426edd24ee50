// Package table finds what an actor holds of a key: open addressing with linear
// probing, and deletion without tombstones (Knuth, "The Art of Computer
// Programming", volume 3, 6.4, algorithm R).
//
// A look-up in a large store waits for memory and little else. So a slot has the
// hash beside the pointer, an entry has its key inside, and a batch begins to
// load what it will touch before it touches any (WarmSlot, Likely): the misses
// overlap. Tables keep no order; an actor keeps its own where order can be seen.
package table

import (
	"bytes"

	"github.com/zeebo/xxh3"
)

// Table holds entries by key. The zero Table is empty, its seed is zero.
//
//  1. A slot is free iff its entry is nil; at most seven of eight are taken.
//  2. Between an entry's home and its slot no slot is free.
//  3. Nothing depends on the order of slots; it is never walked but to grow.
type Table[P any] struct {
	slots []slot[P] // a power of two, or none
	seed  uint64
	count int
}

type slot[P any] struct {
	e    *Entry[P]
	hash uint64
}

const leastSlots = 8

// New returns an empty table. The seed makes homes that a client can't foretell.
func New[P any](seed uint64) Table[P] { return Table[P]{seed: seed} }

// Len is the number of entries.
func (t *Table[P]) Len() int { return t.count }

// Hash returns a key's hash in this table.
func (t *Table[P]) Hash(key []byte) uint64 { return xxh3.HashSeed(key, t.seed) }

// home is where the search for a hash begins. It rests on the low bits: with
// seed 0 the keys of a partition have the high ones in common (ring.PartitionOf).
func (t *Table[P]) home(hash uint64) int { return int(hash & uint64(len(t.slots)-1)) }

// Find returns the entry of a key, nil if there is none.
func (t *Table[P]) Find(key []byte) *Entry[P] {
	if t.count == 0 {
		return nil
	}
	return t.FindHashed(key, t.Hash(key))
}

// FindHashed is Find with the key's hash at hand.
func (t *Table[P]) FindHashed(key []byte, hash uint64) *Entry[P] {
	if t.count == 0 {
		return nil
	}
	for i := t.home(hash); ; i = (i + 1) & (len(t.slots) - 1) {
		s := &t.slots[i]
		if s.e == nil || s.hash == hash && bytes.Equal(s.e.Key(), key) {
			return s.e
		}
	}
}

// WarmSlot begins to load the slot that a search begins with. The result has no
// meaning, but must be used, or the load is left out.
func (t *Table[P]) WarmSlot(hash uint64) uint64 {
	if t.count == 0 {
		return 0
	}
	return t.slots[t.home(hash)].hash
}

// Likely returns the entry that FindHashed will nearly always return, nil for
// nil, and does not load it: that is what the caller does, a word of each cache
// line, once WarmSlot has been called for the whole batch.
func (t *Table[P]) Likely(hash uint64) *Entry[P] {
	if t.count == 0 {
		return nil
	}
	for i := t.home(hash); ; i = (i + 1) & (len(t.slots) - 1) {
		if s := &t.slots[i]; s.e == nil || s.hash == hash {
			return s.e
		}
	}
}

// Add takes in an entry whose key it does not hold.
func (t *Table[P]) Add(e *Entry[P]) {
	if t.count >= len(t.slots)-len(t.slots)/8 {
		t.grow()
	}
	t.place(slot[P]{e, t.Hash(e.Key())})
	t.count++
}

func (t *Table[P]) place(s slot[P]) {
	i := t.home(s.hash)
	for t.slots[i].e != nil {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = s
}

func (t *Table[P]) grow() {
	old := t.slots
	t.slots = make([]slot[P], max(2*len(old), leastSlots))
	for _, s := range old {
		if s.e != nil {
			t.place(s)
		}
	}
}

// Remove takes out an entry that it holds, and moves those behind it that
// would not be found any more.
func (t *Table[P]) Remove(e *Entry[P]) {
	mask := len(t.slots) - 1
	hole := t.home(t.Hash(e.Key()))
	for t.slots[hole].e != e {
		hole = (hole + 1) & mask
	}
	for i := (hole + 1) & mask; t.slots[i].e != nil; i = (i + 1) & mask {
		home := t.home(t.slots[i].hash)
		if (i-home)&mask >= (i-hole)&mask { // its home is not behind the hole
			t.slots[hole] = t.slots[i]
			hole = i
		}
	}
	t.slots[hole] = slot[P]{}
	t.count--
}
