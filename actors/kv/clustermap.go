package kv

import (
	"slices"
)

// DefaultBucket is the name of the bucket that always exists, in slot 0.
const DefaultBucket = "default"

// FirstEpoch is that of the map before its first change: the default bucket alone.
const FirstEpoch Epoch = 1

// Map is one version of the cluster map: the members are those of the
// configuration, everything else is here. A map is immutable.
//
//  1. There is one map of each epoch; the change that made it names the epoch before.
//  2. Buckets are sorted by slot. No two share a slot, a name or a Created, and
//     those of Created 0 are of the first map.
type Map struct {
	Epoch   Epoch
	Buckets []Bucket
	Retired []Retired  // slots without a bucket that had one, by slot
	Changes []ChangeID // the latest, oldest first; the last one made Epoch
}

// Retired is a slot whose bucket was dropped by the map of epoch At. It is used
// again only when every member has let go of what was there.
type Retired struct {
	Slot uint16
	At   Epoch
}

// ChangeID names an attempt to change the map: of all that were made on one
// epoch, a node finds out by it whether its own came through.
type ChangeID struct {
	Seq  uint64
	Inc  Incarnation
	Node NodeID
}

// keptChanges is how many changes back a map tells who made them.
const keptChanges = 16

// FirstMap is the map of a new cluster, whose default bucket has n replicas.
func FirstMap(n int) *Map {
	return &Map{Epoch: FirstEpoch, Buckets: []Bucket{{Name: DefaultBucket, Mode: Strong, N: uint8(n)}}}
}

// Named returns the bucket of that name, or nil.
func (m *Map) Named(name string) *Bucket {
	for i := range m.Buckets {
		if m.Buckets[i].Name == name {
			return &m.Buckets[i]
		}
	}
	return nil
}

// Outcome of a change that was tried on the map before epoch e.
type Tried uint8

// The outcomes.
const (
	NotTried  Tried = iota // the map is older: it may still come
	MadeIt                 // it made epoch e
	Lost                   // another one made epoch e, so it never will
	Forgotten              // the map is too much newer to tell
)

// Tried reports what became of the attempt id to make epoch e.
func (m *Map) Tried(id ChangeID, e Epoch) Tried {
	if m.Epoch < e {
		return NotTried
	}
	at := len(m.Changes) - 1 - int(m.Epoch-e)
	switch {
	case at < 0:
		return Forgotten
	case m.Changes[at] == id:
		return MadeIt
	}
	return Lost
}

// next is the map of the next epoch, to be changed.
func (m *Map) next(id ChangeID) *Map {
	n := &Map{Epoch: m.Epoch + 1, Buckets: slices.Clone(m.Buckets), Retired: slices.Clone(m.Retired)}
	n.Changes = append(slices.Clone(m.Changes[max(0, len(m.Changes)-keptChanges+1):]), id)
	return n
}

// freeSlot takes a slot for a new bucket: the lowest that may be used again,
// else the first that never was used; false if there is none.
func (m *Map) freeSlot(slots int, reusable func(Retired) bool) (uint16, bool) {
	for i, r := range m.Retired {
		if reusable(r) {
			m.Retired = slices.Delete(m.Retired, i, i+1)
			return r.Slot, true
		}
	}
	fresh := len(m.Buckets) + len(m.Retired) // slots are used from 0 on, so these are all that ever were
	return uint16(fresh), fresh < slots
}
