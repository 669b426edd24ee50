package linearizability

import (
	"cmp"
	"math"
	"slices"
)

// zone is what matters of one value of a register whose writes are unique: the
// write and the reads of a value (its cluster) must be executed in one go.
// Names and rules are those of Gibbons and Korach, "Testing Shared Memories",
// SIAM J. Computing 26(4), 1997, section 4.
type zone struct {
	firstRet int64 // earliest return in the cluster
	lastCall int64 // latest call in the cluster
	firstSrc int32 // the operations these belong to, -1 for the write of the initial value
	lastSrc  int32
	write    int32 // the write, -1 for that of the initial value
}

// forward reports whether the value is certainly held from firstRet to
// lastCall. The other zones, backward, fit anywhere between lastCall and
// firstRet.
func (z *zone) forward() bool { return z.firstRet < z.lastCall }

// before reports whether some operation on z's value precedes one on o's.
func (z *zone) before(o *zone) bool { return z.firstRet < o.lastCall }

// zoneChecker judges registers with unique writes in O(n log n). The witness of
// an illegal history is a handful of operations that contradict each other.
type zoneChecker struct {
	zones   []zone // by value
	forward []zone
	witness []int32 // indices into the history
}

// check judges a key that [keyed.uniqueRegister] has accepted. Equal times
// overlap, hence the strict comparisons.
func (c *zoneChecker) check(k *keyed) Answer {
	c.witness = c.witness[:0]
	if !c.build(k) {
		return Illegal
	}
	c.forward = c.forward[:0]
	for i := range c.zones {
		if z := &c.zones[i]; z.forward() {
			c.forward = append(c.forward, *z)
		}
	}
	slices.SortFunc(c.forward, func(a, b zone) int { return cmp.Compare(a.firstRet, b.firstRet) })
	for i := 1; i < len(c.forward); i++ {
		if a, b := &c.forward[i-1], &c.forward[i]; b.before(a) { // a.before(b) by the sort
			return c.conflict(a, b)
		}
	}
	for i := range c.zones {
		b := &c.zones[i]
		if b.forward() {
			continue
		}
		// The forward zones are disjoint now; the last that begins before b
		// is the only one that can contain it.
		n, _ := slices.BinarySearchFunc(c.forward, b.lastCall, func(a zone, t int64) int { return cmp.Compare(a.firstRet, t) })
		if n > 0 && b.before(&c.forward[n-1]) {
			return c.conflict(&c.forward[n-1], b)
		}
	}
	return Linearizable
}

// build gathers the zones. It reports false if a read is impossible by itself:
// its value was never written, or only after the read.
func (c *zoneChecker) build(k *keyed) bool {
	c.zones = c.zones[:0]
	for _, w := range k.writes {
		z := zone{firstRet: never, lastCall: math.MinInt64, firstSrc: -1, lastSrc: -1, write: -1}
		if w >= 0 {
			a := k.at(int(w))
			z = zone{firstRet: a.ret, lastCall: a.call, firstSrc: a.src, lastSrc: a.src, write: a.src}
		}
		c.zones = append(c.zones, z)
	}
	// The initial value was written before all.
	c.zones[k.initial].firstRet = math.MinInt64
	for i := range k.known {
		r := &k.known[i]
		if r.kind != Get {
			continue
		}
		z := &c.zones[r.out]
		if r.out != k.initial {
			w := k.writes[r.out]
			if w < 0 {
				c.witness = append(c.witness, r.src)
				return false
			}
			if a := k.at(int(w)); r.ret < a.call {
				c.witness = append(c.witness, a.src, r.src)
				return false
			}
		}
		if r.ret < z.firstRet {
			z.firstRet, z.firstSrc = r.ret, r.src
		}
		if r.call > z.lastCall {
			z.lastCall, z.lastSrc = r.call, r.src
		}
	}
	return true
}

// conflict notes the operations by which each of two values must come first.
func (c *zoneChecker) conflict(a, b *zone) Answer {
	for _, src := range []int32{a.write, a.firstSrc, a.lastSrc, b.write, b.firstSrc, b.lastSrc} {
		if src >= 0 && !slices.Contains(c.witness, src) {
			c.witness = append(c.witness, src)
		}
	}
	return Illegal
}
