package shard

import "github.com/quoratedb/quorate/actors/kv"

// kinship sorts the operations of a request by their keys. A request has up to
// 65,536 of them, so whether one may set out must not need a look at all
// others: that would keep a lane busy for seconds, and its peers would take the
// node for dead. It is made for requests of which something is routed again.
type kinship struct {
	groups []kin
	group  []int32 // by operation
	place  []int32 // by operation: its position among its kin
}

// kin are the operations of one request on one key.
//
//  1. here, asked and writes count what progress says.
//  2. top is the last one that is out or has been carried out, -1 if none is.
//  3. No operation before low waits.
//  4. At least boxed of those asked are in the outbox of box, if flush is the shard's.
type kin struct {
	ops    []int32 // ascending
	top    int     // these two are positions in ops
	low    int
	here   int // placed or left
	asked  int
	writes int // of those asked
	box    *peer
	boxed  int
	flush  uint64
}

// kin returns the operations on the key of f, and the position of f among them.
func (f ref) kin() (*kin, int) {
	if f.r.kinship == nil {
		f.r.kinship = newKinship(f.r)
	}
	ks := f.r.kinship
	return &ks.groups[ks.group[f.i]], int(ks.place[f.i])
}

func newKinship(r *request) *kinship {
	type name struct {
		partition kv.Partition
		key       string
	}
	n := len(r.ops)
	ks := &kinship{group: make([]int32, n), place: make([]int32, n)}
	known := make(map[name]int32, n)
	for i := range r.ops {
		id := name{r.ops[i].Partition, string(r.ops[i].Key)}
		at, ok := known[id]
		if !ok {
			at = int32(len(ks.groups))
			known[id] = at
			ks.groups = append(ks.groups, kin{top: -1})
		}
		g := &ks.groups[at]
		ks.group[i], ks.place[i] = at, int32(len(g.ops))
		g.ops = append(g.ops, int32(i))
		g.enter(ref{r, i}, len(g.ops)-1)
	}
	return ks
}

// moved takes note of a change of progress.
func (ks *kinship) moved(f ref, from progress) {
	g, at := &ks.groups[ks.group[f.i]], int(ks.place[f.i])
	switch from {
	case placed, left:
		g.here--
	case asked:
		g.asked--
		g.boxed = max(g.boxed-1, 0) // if that one was not there, another will wait without need
		if f.op().IsWrite() {
			g.writes--
		}
	}
	g.enter(f, at)
	for g.top >= 0 && !ahead(ref{f.r, int(g.ops[g.top])}) {
		g.top--
	}
}

// enter counts f, which is not counted.
func (g *kin) enter(f ref, at int) {
	switch f.r.progress[f.i] {
	case waiting:
		g.low = min(g.low, at)
	case placed, left:
		g.here++
	case asked:
		g.asked++
		if f.op().IsWrite() {
			g.writes++
		}
	}
	if ahead(f) {
		g.top = max(g.top, at)
	}
}

// ahead reports whether f is on its way or done, so that nothing before it may set out any more.
func ahead(f ref) bool {
	switch f.r.progress[f.i] {
	case waiting:
		return false
	case done:
		return executed(f.r.results[f.i].Status)
	}
	return true
}

// waitsBefore reports whether one before position at waits.
func (g *kin) waitsBefore(r *request, at int) bool {
	for g.low < at && r.progress[g.ops[g.low]] != waiting {
		g.low++
	}
	return g.low < at
}

// joins reports whether none of those that are out can be overtaken by one that
// sets out now: they wait in the same place, or leave in the same message.
func (g *kin) joins(s *Shard, to *peer) bool {
	if to == s.self {
		return g.asked == 0
	}
	return g.here == 0 && (g.asked == 0 || g.box == to && g.flush == s.flushes && g.boxed == g.asked)
}

// gathered notes that one more is in the outbox of a peer.
func (g *kin) gathered(s *Shard, to *peer) {
	if g.box != to || g.flush != s.flushes {
		g.box, g.flush, g.boxed = to, s.flushes, 0
	}
	g.boxed++
}
