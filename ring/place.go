package ring

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/zeebo/xxh3"
)

// slackPercent is how far above its fair share of replicas a node may be
// filled (epsilon of bounded loads). Less slack is more even, and moves more
// data when the membership changes.
const slackPercent = 10

// token is a virtual node's point on the ring.
type token struct {
	at   uint64
	node int // index into placer.nodes
}

// placer fills partitions one after another, in their order.
type placer struct {
	nodes  []Node
	zone   []int // zone index of each node
	tokens []token
	shares []share // one per node
	loads  []int   // replicas placed on each node
	zones  []zoneRoom
	extras int // replicas per partition beyond the sum of the zones' low
	width  int

	// scratch of one partition
	walk  []int // all nodes in the order of the walk
	seen  []int // seen[node] == stamp: met on this walk
	taken []bool
	inZ   []int
	stamp int
}

// place returns the preference lists of all partitions, flat. Which nodes hold
// a partition is settled first, then which of them owns it: the second choice
// moves no data and can afford to be exactly even.
func place(nodes []Node, partitions, vnodes, width int) []kv.NodeID {
	pl := newPlacer(nodes, partitions, vnodes, width)
	sets := make([]int, 0, partitions*width)
	step := ^uint64(0)/uint64(partitions) + 1 // 0 for a single partition, which starts at 0 anyway
	for p := range partitions {
		sets = pl.choose(sets, uint64(p)*step)
	}
	pl.chooseOwners(sets, partitions)
	prefs := make([]kv.NodeID, len(sets))
	for i, n := range sets {
		prefs[i] = nodes[n].ID
	}
	return prefs
}

func newPlacer(nodes []Node, partitions, vnodes, width int) *placer {
	pl := &placer{
		nodes:  nodes,
		tokens: tokensOf(nodes, vnodes),
		loads:  make([]int, len(nodes)),
		seen:   make([]int, len(nodes)),
		taken:  make([]bool, len(nodes)),
		width:  width,
	}
	pl.zone, pl.zones = zonesOf(nodes, width)
	pl.inZ = make([]int, len(pl.zones))
	pl.extras = width
	for _, z := range pl.zones {
		pl.extras -= z.low
	}
	pl.shares = fairShares(nodes, pl.zone, pl.zones, partitions, width)
	return pl
}

// tokensOf puts weight x vnodes tokens of each node on the ring. Ties, which
// 64 bits make rare, go by node so that the order is total.
func tokensOf(nodes []Node, vnodes int) []token {
	var tokens []token
	for i, n := range nodes {
		for v := range n.Weight * vnodes {
			var b [8]byte
			binary.BigEndian.PutUint32(b[:4], uint32(n.ID))
			binary.BigEndian.PutUint32(b[4:], uint32(v))
			tokens = append(tokens, token{at: xxh3.Hash(b[:]), node: i})
		}
	}
	// order: equal tokens are equal in every field
	slices.SortFunc(tokens, func(a, b token) int {
		if c := cmp.Compare(a.at, b.at); c != 0 {
			return c
		}
		return cmp.Compare(a.node, b.node)
	})
	return tokens
}

// walkFrom fills pl.walk with every node, in the order in which the ring meets
// them clockwise from a token.
func (pl *placer) walkFrom(start uint64) {
	first, _ := slices.BinarySearchFunc(pl.tokens, start, func(t token, at uint64) int { return cmp.Compare(t.at, at) })
	pl.walk = pl.walk[:0]
	pl.stamp++
	for i := range pl.tokens {
		n := pl.tokens[(first+i)%len(pl.tokens)].node
		if pl.seen[n] == pl.stamp {
			continue
		}
		pl.seen[n] = pl.stamp
		pl.walk = append(pl.walk, n)
		if len(pl.walk) == len(pl.nodes) {
			return
		}
	}
}

// choose appends the nodes of the partition that starts at a token, in the
// order of its walk.
func (pl *placer) choose(sets []int, start uint64) []int {
	pl.walkFrom(start)
	clear(pl.taken)
	clear(pl.inZ)
	left, extras := pl.width, pl.extras
	take := func(n int) {
		z := pl.zone[n]
		if pl.inZ[z] >= pl.zones[z].low {
			extras--
		}
		pl.inZ[z]++
		pl.taken[n] = true
		pl.loads[n]++
		left--
	}
	for _, n := range pl.walk {
		if left > 0 && pl.allowed(n, extras) && pl.loads[n] < pl.shares[n].limit {
			take(n)
		}
	}
	// The zones' bounds are hard, the load's is not: where every node that may
	// be taken is full, the one that is least over its share gives way.
	for left > 0 {
		take(pl.leastFull(extras))
	}
	for _, n := range pl.walk {
		if pl.taken[n] {
			sets = append(sets, n)
		}
	}
	return sets
}

// allowed reports whether the partition may take node n as far as distinctness
// and zones go.
func (pl *placer) allowed(n, extras int) bool {
	z := pl.zone[n]
	room := pl.inZ[z] < pl.zones[z].low || pl.inZ[z] < pl.zones[z].high && extras > 0
	return room && !pl.taken[n]
}

func (pl *placer) leastFull(extras int) int {
	best := -1
	for _, n := range pl.walk {
		if pl.allowed(n, extras) && (best < 0 || pl.loads[n]*pl.shares[best].fair < pl.loads[best]*pl.shares[n].fair) {
			best = n
		}
	}
	if best < 0 {
		panic("ring: zone bounds leave no node to take")
	}
	return best
}
