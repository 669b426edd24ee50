package causal

import (
	"fmt"
	"math/bits"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors/kv"
)

// MaxReplicas is the largest replica set that a Need counts.
const MaxReplicas = kv.MaxReplicas

// Replicas is a set of positions in a preference list, one bit each. Being a
// set it counts distinct replicas: an answer that comes twice sets one bit. A
// node outside the list, a fallback with a hint, has no bit and never counts.
type Replicas uint8

// With returns the set with replica i, 0 to MaxReplicas-1.
func (r Replicas) With(i int) Replicas {
	if i < 0 || i >= MaxReplicas {
		panic(fmt.Sprintf("causal: replica %d, allowed are 0 to %d", i, MaxReplicas-1))
	}
	return r | 1<<i
}

// Has reports whether replica i is in the set.
func (r Replicas) Has(i int) bool { return r>>i&1 != 0 }

// Count is how many replicas are in the set.
func (r Replicas) Count() int { return bits.OnesCount8(uint8(r)) }

// Need is an Ask made concrete for one preference list: so many of each group.
// The zero Need is met by nothing asked: it asks for nothing.
type Need struct {
	groups [MaxReplicas]group
	n      int // groups in use
}

type group struct {
	members Replicas
	count   int
}

// NewNeed returns what the ask means for a preference list, of which zones
// gives the zone of each replica by a number; local is the coordinator's zone.
// The error says what is wrong with the ask: more replicas than there are, or
// local_quorum where the coordinator's zone holds none.
func NewNeed(a kv.Ask, zones []int, local int) (Need, error) {
	n := len(zones)
	if n < 1 || n > MaxReplicas {
		return Need{}, fmt.Errorf("causal: %d replicas, allowed are 1 to %d", n, MaxReplicas)
	}
	all := Replicas(1)<<n - 1
	var need Need
	switch a.Level {
	case kv.ByCount:
		if a.Count < 1 || int(a.Count) > n {
			return Need{}, fmt.Errorf("causal: %d replicas asked for, allowed are 1 to %d", a.Count, n)
		}
		need.add(all, int(a.Count))
	case kv.One:
		need.add(all, 1)
	case kv.Quorum:
		need.add(all, majority(n))
	case kv.All:
		need.add(all, n)
	case kv.LocalQuorum:
		members := inZone(zones, local)
		if members == 0 {
			return Need{}, fmt.Errorf("causal: local_quorum, but no replica of this key is in the zone of the coordinator")
		}
		need.add(members, majority(members.Count()))
	case kv.EachQuorum:
		for i, zone := range zones {
			if members := inZone(zones, zone); members>>i<<i == members { // i is its first
				need.add(members, majority(members.Count()))
			}
		}
	default:
		return Need{}, fmt.Errorf("causal: unknown %v", a.Level)
	}
	return need, nil
}

func (d *Need) add(members Replicas, count int) {
	d.groups[d.n] = group{members, count}
	d.n++
}

func inZone(zones []int, zone int) (members Replicas) {
	for i, z := range zones {
		if z == zone {
			members = members.With(i)
		}
	}
	return members
}

// majority is the least number of n such that any two sets of that size meet.
func majority(n int) int {
	failpoint.Inject("bug-29-quorum-rounded-down", func() { failpoint.Return((n + 1) / 2) })
	return n/2 + 1
}

// Met reports whether these replicas are enough.
func (d *Need) Met(yes Replicas) bool {
	for _, g := range d.groups[:d.n] {
		if (yes & g.members).Count() < g.count {
			return false
		}
	}
	return true
}

// Lost reports whether the rest can't be enough once these have refused.
func (d *Need) Lost(no Replicas) bool { return !d.Met(^no) }

// Strict reports whether any r of n replicas meet any w of them (Gifford,
// "Weighted Voting for Replicated Data", SOSP 1979): R + W > N.
func Strict(n, r, w int) bool { return r+w > n }

// Strict reports whether every set of replicas that meets this need shares one
// with every set of them, of n, that meets the other: then a strict read sees
// every strict write that was acknowledged before it.
func (d *Need) Strict(write *Need, n int) bool {
	all := Replicas(1)<<n - 1
	for wrote := range all + 1 {
		if write.Met(wrote) && d.Met(all&^wrote) {
			return false
		}
	}
	return true
}
