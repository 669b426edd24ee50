package sim

import (
	"slices"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
)

// hintOracle checks that a hint goes only for a reason: its target has all of it
// durably, or it is too old, or it went on to another target. A refusal is none,
// nor is a node that does not answer.
type hintOracle struct {
	o    *eventualOracle
	kept [][][]keptHint // by node and key: as last seen, ascending by target
	// collected are keys that a store has dropped as dead, by node and key: what it
	// took of them can't be seen there any more.
	collected [][]bool
}

// keptHint is what a handoff keeps of a key for a target.
type keptHint struct {
	target kv.NodeID
	object causal.Object
	bornMs int64
}

func (h *hintOracle) init(o *eventualOracle) {
	*h = hintOracle{o: o}
	for range o.w.cfg.Nodes {
		h.kept = append(h.kept, make([][]keptHint, len(o.w.cfg.Keys)))
		h.collected = append(h.collected, make([]bool, len(o.w.cfg.Keys)))
	}
}

// of lists the hints of a key at a node.
func (h *hintOracle) of(n *node, k int, p kv.Partition) (list []keptHint) {
	n.hints(p).Each(p, h.o.w.keys[k], func(target kv.NodeID, object *causal.Object, bornMs int64) {
		list = append(list, keptHint{target, *object, bornMs})
	})
	return list
}

// restored takes what a node has after a restart.
func (h *hintOracle) restored(n *node, k int, p kv.Partition) { h.kept[n.idx][k] = h.of(n, k, p) }

// stepped looks at the hints of a key after a batch.
func (h *hintOracle) stepped(n *node, k int, p kv.Partition) {
	was := h.kept[n.idx][k]
	now := h.of(n, k, p)
	h.kept[n.idx][k] = now
	for i := range was {
		if x := &was[i]; !h.isIn(now, x) && !h.mayGo(n, k, p, x, now) {
			h.o.w.violate(Invariant, "node %d drops a hint of key %q for node %d, which has not got it durably: %s",
				n.id, h.o.w.cfg.Keys[k].Name, x.target, show(&x.object))
		}
	}
}

// isIn reports whether a hint is still there, or a later state of it.
func (h *hintOracle) isIn(now []keptHint, x *keptHint) bool {
	return slices.ContainsFunc(now, func(y keptHint) bool { return y.target == x.target && holds(&y.object, &x.object) })
}

// holds reports whether a knows everything that b does.
func holds(a, b *causal.Object) bool { return b.Compare(a)&causal.After == 0 }

// mayGo reports whether there is a reason for a hint to go.
func (h *hintOracle) mayGo(n *node, k int, p kv.Partition, x *keptHint, now []keptHint) bool {
	if n.clock.wall(h.o.w.nowNs)-x.bornMs > h.o.w.cfg.hintLifeMs() || h.o.forgetful[x.target] || h.collected[x.target-1][k] {
		return true
	}
	t := h.o.w.nodes[x.target-1]
	if has, ok := h.o.copies[t.idx][k].durable(t); ok && holds(has, &x.object) {
		return true
	}
	here, newest := n.laneOf(p).Layout(), h.o.w.newestLayout()
	if here.Epoch() > newest.Epoch() { // lanes act on a map before the node says that it has it
		newest = here
	}
	if here.IndexOf(p, x.target) >= 0 && newest.IndexOf(p, x.target) >= 0 {
		return false
	}
	// The target is no replica any more: it may have taken the hint and dropped its
	// copy since, or the hint goes on to another one.
	return newest.IndexOf(p, x.target) < 0 || slices.ContainsFunc(now, func(y keptHint) bool { return holds(&y.object, &x.object) })
}

// over reports whether the time of a hint is over: its node neither delivers nor shows it
// any more, not even one that has stood still, or was down, since it was young. In a
// sloppy bucket it has as long as it takes until a tombstone above it may go.
func (h *hintOracle) over(n *node, p kv.Partition, x *keptHint) bool {
	c := h.o.w.cfg
	life := c.hintLifeMs()
	if b := n.laneOf(p).Layout().Bucket(p); b != nil && b.Sloppy {
		life = max(life, b.GraceMs-c.HintTTLMs-2*causal.DefaultCapMs)
	}
	return n.clock.wall(h.o.w.nowNs)-x.bornMs > life
}
