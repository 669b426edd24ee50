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

// marked is a key of the own store with what is said of it.
type marked struct {
	msg.KeyMark
	state uint32
	key   []byte
}

// wholeBucket is a limit for Store.List that no bucket reaches.
const wholeBucket = 1 << 30

// marks returns those of a bucket's keys.
func (r *Repair) marks(p kv.Partition, bucket uint32, salt uint64) []marked {
	keys, _ := r.cfg.Store.List(p, bucket, nil, wholeBucket)
	out := make([]marked, len(keys))
	for i := range keys {
		o, digest := r.cfg.Store.Lookup(p, keys[i].Key)
		out[i] = marked{msg.KeyMark{Name: nameOf(keys[i].Key, salt), Weight: weightOf(&o)}, stateOf(digest, salt), keys[i].Key}
	}
	return out
}

// way is in which directions objects move.
type way uint8

const (
	toPeer way = 1 << iota
	fromPeer
)

// differing calls f for each name of keys whose states are not on both sides, in
// ascending order, with the own keys of that name and the number of the peer's.
// Names are hashes: there may be several keys. careful moves both sides' objects
// of a name, else those of the side that seems to know more.
func differing(mine []marked, theirs []msg.KeyMark, careful bool, f func(name uint32, mine []marked, theirs int, w way)) {
	slices.SortStableFunc(mine, func(a, b marked) int { return cmp.Compare(a.Name, b.Name) })
	theirs = slices.SortedStableFunc(slices.Values(theirs), func(a, b msg.KeyMark) int { return cmp.Compare(a.Name, b.Name) })
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
		f(name, mine[:m], t, wayOf(mine[:m], theirs[:t], careful))
		mine, theirs = mine[m:], theirs[t:]
	}
}

// wayOf says how the objects of one name move.
func wayOf(mine []marked, theirs []msg.KeyMark, careful bool) way {
	switch {
	case len(theirs) == 0:
		return toPeer
	case len(mine) == 0:
		return fromPeer
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

// lacks returns a bit for each state of asked that is not among those of mine,
// and those of mine whose state is not among asked.
func lacks(bits []byte, at int, asked []uint32, mine []marked) ([]byte, []msg.KeyMark) {
	here := make(map[uint32]bool, len(mine))
	for i := range mine {
		here[mine[i].state] = true
	}
	there := make(map[uint32]bool, len(asked))
	for i, s := range asked {
		there[s] = true
		if (at+i)%8 == 0 {
			bits = append(bits, 0)
		}
		if !here[s] {
			bits[(at+i)/8] |= 1 << ((at + i) % 8)
		}
	}
	var unknown []msg.KeyMark
	for i := range mine {
		if !there[mine[i].state] {
			unknown = append(unknown, mine[i].KeyMark)
		}
	}
	return bits, unknown
}
