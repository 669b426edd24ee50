package store

import (
	"bytes"

	"github.com/zeebo/xxh3"
)

// table finds the entry of a key: open addressing with linear probing, and
// deletion without tombstones (Knuth, "The Art of Computer Programming", volume
// 3, 6.4, algorithm R). A look-up in a large store waits for memory and little
// else: so a slot has the hash beside the pointer, an entry its key inside, and
// warming lets the misses of a batch overlap.
//
//  1. A slot is free iff its entry is nil; at most seven of eight are taken.
//  2. Between an entry's home and its slot no slot is free.
//  3. Nothing depends on the order of slots; it is never walked but to grow.
type table struct {
	slots []slot // a power of two, or none
	seed  uint64 // makes homes that a client can't foretell
	count int
}

type slot struct {
	e    *entry
	hash uint64
}

const leastSlots = 8

func (t *table) hash(key []byte) uint64 { return xxh3.HashSeed(key, t.seed) }

// home is where the search for a hash begins. It rests on the low bits: with
// seed 0 the keys of a partition might have the high ones in common.
func (t *table) home(hash uint64) int { return int(hash & uint64(len(t.slots)-1)) }

// find returns the entry of a key, nil if there is none.
func (t *table) find(key []byte) *entry {
	if t.count == 0 {
		return nil
	}
	return t.findHashed(key, t.hash(key))
}

func (t *table) findHashed(key []byte, hash uint64) *entry {
	if t.count == 0 {
		return nil
	}
	for i := t.home(hash); ; i = (i + 1) & (len(t.slots) - 1) {
		s := &t.slots[i]
		if s.e == nil || s.hash == hash && bytes.Equal(s.e.key(), key) {
			return s.e
		}
	}
}

// warmSlot begins to load the slot that a search begins with, and warmEntry, once
// that has been done for a whole batch, the entry: every cache line of it. Their
// results have no meaning, but must be used, or the loads are left out.
func (t *table) warmSlot(hash uint64) uint64 {
	if t.count == 0 {
		return 0
	}
	return t.slots[t.home(hash)].hash
}

func (t *table) warmEntry(hash uint64) uint64 {
	if t.count == 0 {
		return 0
	}
	for i := t.home(hash); ; i = (i + 1) & (len(t.slots) - 1) {
		switch s := &t.slots[i]; {
		case s.e == nil:
			return 0
		case s.hash == hash:
			return uint64(s.e.keyLen) + uint64(s.e.register.Stamp.Node) + s.e.digest.Lo
		}
	}
}

// add takes in an entry whose key it does not hold.
func (t *table) add(e *entry) {
	if t.count >= len(t.slots)-len(t.slots)/8 {
		t.grow()
	}
	t.place(slot{e, t.hash(e.key())})
	t.count++
}

func (t *table) place(s slot) {
	i := t.home(s.hash)
	for t.slots[i].e != nil {
		i = (i + 1) & (len(t.slots) - 1)
	}
	t.slots[i] = s
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, max(2*len(old), leastSlots))
	for _, s := range old {
		if s.e != nil {
			t.place(s)
		}
	}
}

// remove takes out an entry that it holds, and moves those behind it that
// would not be found any more.
func (t *table) remove(e *entry) {
	mask := len(t.slots) - 1
	hole := t.home(t.hash(e.key()))
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
	t.slots[hole] = slot{}
	t.count--
}
