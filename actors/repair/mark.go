package repair

import (
	"cmp"
	"slices"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood, "Fast Splittable
// Pseudorandom Number Generators", OOPSLA 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

const markMask = 1<<msg.MarkBits - 1

func nameOf(key []byte, salt uint64) uint32 { return uint32(mix(causal.KeyHash(key)+salt)) & markMask }

func stateOf(digest causal.Hash, salt uint64) uint32 { return uint32(mix(digest.Lo+salt)) & markMask }

// weightTick is the unit, in bits of milliseconds, in which stamps count: with
// it half the range of a weight is six days.
const weightTick = 6

// weightOf is higher in a state that knows another one and more: most often,
// for it is cut to a few bits and leaves out what stamps of one tick differ in.
func weightOf(o *causal.Object) uint32 {
	w := uint64(o.Newest().Ms) >> weightTick
	for _, e := range o.Set.Vector {
		w += e.Seq
	}
	for _, e := range o.Count {
		w += e.Added + e.Taken
	}
	return uint32(w) & markMask
}

// marked is a key of the own store with its mark.
type marked struct {
	msg.KeyMark
	key []byte
}

// wholeBucket is a limit for Store.List that no bucket reaches.
const wholeBucket = 1 << 30

// marks returns those of a bucket's keys.
func (r *Repair) marks(p kv.Partition, bucket uint32, salt uint64) []marked {
	keys, _ := r.cfg.Store.List(p, bucket, nil, wholeBucket)
	out := make([]marked, len(keys))
	for i := range keys {
		o, digest := r.cfg.Store.Lookup(p, keys[i].Key)
		out[i] = marked{msg.KeyMark{Name: nameOf(keys[i].Key, salt), State: stateOf(digest, salt), Weight: weightOf(&o)}, keys[i].Key}
	}
	return out
}

// way is in which directions objects move.
type way uint8

const (
	toPeer way = 1 << iota
	fromPeer
)

// differing calls f for each name of which the two sides' keys differ, in
// ascending order, with the own keys of that name and the number of the peer's. Names are hashes: there may
// be several keys, which then move together. careful moves both sides' objects
// of a name, else those of the side that seems to know more.
func differing(mine []marked, theirs []msg.KeyMark, careful bool, f func(name uint32, mine []marked, theirs int, w way)) {
	slices.SortStableFunc(mine, func(a, b marked) int { return compareMarks(a.KeyMark, b.KeyMark) })
	theirs = slices.SortedStableFunc(slices.Values(theirs), compareMarks)
	for len(mine) > 0 || len(theirs) > 0 {
		var name uint32
		switch {
		case len(theirs) == 0 || len(mine) > 0 && mine[0].Name < theirs[0].Name:
			name = mine[0].Name
		default:
			name = theirs[0].Name
		}
		m, t := 0, 0
		for m < len(mine) && mine[m].Name == name {
			m++
		}
		for t < len(theirs) && theirs[t].Name == name {
			t++
		}
		if w := compareName(mine[:m], theirs[:t], careful); w != 0 {
			f(name, mine[:m], t, w)
		}
		mine, theirs = mine[m:], theirs[t:]
	}
}

func compareMarks(a, b msg.KeyMark) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.State, b.State))
}

// compareName says how the objects of one name move, 0 if they are equal.
func compareName(mine []marked, theirs []msg.KeyMark, careful bool) way {
	switch {
	case len(theirs) == 0:
		return toPeer
	case len(mine) == 0:
		return fromPeer
	case slices.EqualFunc(mine, theirs, func(a marked, b msg.KeyMark) bool { return a.State == b.State }):
		return 0
	case careful || len(mine) > 1 || len(theirs) > 1:
		return toPeer | fromPeer
	}
	const cut = 32 - msg.MarkBits
	switch d := int32(mine[0].Weight<<cut - theirs[0].Weight<<cut); {
	case d > 0:
		return toPeer
	case d < 0:
		return fromPeer
	}
	return toPeer | fromPeer
}
