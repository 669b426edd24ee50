package sim

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// told checks that a write of which a client is told is held by as many as it
// asked for.
func (o *eventualOracle) told(n *node, m *msg.Results) {
	ops := o.w.asked(m.ID)
	if len(ops) != len(m.Results) {
		return // late, or counted when it arrives
	}
	for i := range ops {
		op := ops[i].op
		if m.Results[i].Status != kv.OK || op.Do == "get" || o.w.modeOf(op.Key) != kv.Eventual {
			continue
		}
		knows := o.knows(op)
		if knows == nil {
			continue
		}
		o.enough(n, op, knows)
	}
}

// knows returns how to tell whether an object has a write in it; nil if that
// can't be told.
func (o *eventualOracle) knows(op *ClientOp) func(*causal.Object) bool {
	if op.Do == "incr" {
		if op.Value < firstDelta {
			return nil
		}
		return func(x *causal.Object) bool {
			sum, _ := x.Count.Value()
			return sum&op.Value != 0
		}
	}
	by, ok := o.w.eventual.writes[writeKey{op.Key, valueOf(op.Value)}]
	if op.Do != "set" || !ok {
		return nil
	}
	return func(x *causal.Object) bool {
		return by.dot.Seq != 0 && x.Set.Vector.Has(by.dot) || x.Register.Stamp.Compare(by.stamp) >= 0
	}
}

func (o *eventualOracle) enough(n *node, op *ClientOp, knows func(*causal.Object) bool) {
	w := o.w
	key := &w.cfg.Keys[op.Key]
	newest := w.newestLayout()
	b, p := bucketOf(newest, key), partitionOf(newest, key)
	if b.Had != 0 {
		return // by which map the coordinator counted can't be told; that nothing is lost is judged in the end
	}
	var acks causal.Replicas
	keepers := 0
	prefs := newest.Preference(p)
	for i, id := range prefs {
		if x, ok := o.copies[id-1][op.Key].durable(w.nodes[id-1]); ok && knows(x) {
			acks = acks.With(i)
		}
	}
	for i, held := range o.hints {
		if x, ok := held[op.Key].durable(w.nodes[i]); ok && knows(x) {
			keepers++
		}
	}
	if !b.Sloppy {
		keepers = 0
	}
	ask := b.W
	if own := askOf(op.W); !own.IsZero() {
		ask = own
	}
	if *w.lossy.at(p) || met(w, ask, p, n, acks, keepers) {
		return
	}
	w.violate(Invariant, "node %d tells a client that %s of key %q is done with w=%v, and replicas %b of %v hold it durably, %d others for them",
		n.id, op.Do, key.Name, ask, acks, prefs, keepers)
}

// met reports whether replicas, and keepers for any others, are enough for an ask of
// who is in the zone of a node.
func met(w *World, ask kv.Ask, p kv.Partition, n *node, acks causal.Replicas, keepers int) bool {
	zones := w.layout.Zones(nil, p)
	need, err := causal.NewNeed(ask, zones, w.layout.Zone(n.id))
	for others := causal.Replicas(0); err == nil && others < 1<<len(zones); others++ {
		if bits.OnesCount8(uint8(others&^acks)) <= keepers && need.Met(acks|others) {
			return true
		}
	}
	return false
}

// moved checks that a former replica drops a copy only when what it knows is
// durable elsewhere. What is dead may have been collected there in between.
func (o *eventualOracle) moved(n *node, k int, c *copyOf) {
	key := &o.w.cfg.Keys[k]
	object := c.object
	_, dead := object.DeadSinceMs(n.clock.wall(o.w.nowNs))
	if dead || *o.w.lossy.at(partitionOf(o.w.layout, key)) {
		return
	}
	for i := range o.w.nodes {
		if i == n.idx {
			continue
		}
		if x, ok := o.copies[i][k].durable(o.w.nodes[i]); ok && x.Compare(&object)&causal.Before == 0 {
			return
		}
	}
	o.w.violate(Invariant, "node %d, no replica of key %q any more, drops its copy, and no other node holds all of it durably: %s", n.id, key.Name, show(&object))
}

// forgot checks that nobody has an older state of a key that a store drops.
func (o *eventualOracle) forgot(n *node, k int, c *copyOf) {
	key := &o.w.cfg.Keys[k]
	p, object := partitionOf(o.w.layout, key), c.object
	o.kept.collected[n.idx][k] = true
	older := func(x *causal.Object) bool { return bringsBack(x, &object) }
	if n.laneOf(p).Layout().IndexOf(p, n.id) < 0 {
		o.moved(n, k, c)
		return
	}
	for _, other := range o.w.nodes { // those that were replicas once, too
		held := &o.copies[other.idx][k]
		x := &held.object
		if !other.up && len(held.states) > 0 {
			x = &held.states[0].object
		}
		if other != n && older(x) {
			o.w.violate(Invariant, "node %d drops the dead key %q, and node %d holds an older state: %s", n.id, key.Name, other.id, show(x))
		}
	}
	for i, hints := range o.kept.kept {
		for j := range hints[k] {
			if x := &hints[k][j]; older(&x.object) && !o.kept.over(o.w.nodes[i], p, x) {
				o.w.violate(Invariant, "node %d drops the dead key %q, and node %d keeps a hint with an older state: %s", n.id, key.Name, i+1, show(&x.object))
			}
		}
	}
	o.w.q.each(func(e *event) {
		if e.kind != evDeliver {
			return
		}
		items, sentMs := itemsOf(&e.env)
		if o.tooOld(o.w.nodes[e.node], sentMs) {
			return
		}
		for _, it := range items {
			if it.Partition == p && string(it.Key) == key.Name && older(&it.Object) {
				o.w.violate(Invariant, "node %d drops the dead key %q, and a %s to node %d carries an older state: %s",
					n.id, key.Name, e.env.Message.MessageName(), e.env.To.Node, show(&it.Object))
			}
		}
	})
}

// bringsBack reports whether an object has a value that a dead one has replaced. To
// know nothing of the dead one is not enough: that may have been collected where
// the object was written.
func bringsBack(x, dead *causal.Object) bool {
	for i := range x.Set.Siblings {
		dot := x.Set.Siblings[i].Dot
		if dead.Set.Vector.Has(dot) && !slices.ContainsFunc(dead.Set.Siblings, func(s causal.Sibling) bool { return s.Dot == dot }) {
			return true
		}
	}
	return !x.Register.Stamp.IsZero() && x.Register.Stamp.Less(dead.Register.Stamp)
}

// tooOld reports whether a node will certainly refuse a message for its age, which
// is what collecting relies on: its life is over, clocks being DefaultCapMs apart.
func (o *eventualOracle) tooOld(n *node, sentMs int64) bool {
	lifeMs := o.w.cfg.HintTTLMs // 0: longer than any run
	return lifeMs > 0 && n.clock.wall(o.w.nowNs)-sentMs > lifeMs+causal.DefaultCapMs
}

// itemsOf are the objects that a message carries to a store or a handoff, and
// when it left.
func itemsOf(env *actors.Envelope) (items []*msg.PutItem, sentMs int64) {
	switch m := env.Message.(type) {
	case *msg.Put:
		return m.Items, m.SentMs
	case *msg.Hint:
		return m.Items, m.SentMs
	}
	return nil, 0
}

// show writes an object in a line.
func show(o *causal.Object) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{%v", o.Set.Vector)
	for i := range o.Set.Siblings {
		s := &o.Set.Siblings[i]
		fmt.Fprintf(&b, " %v=%v:%q", s.Dot, s.Value.Kind, s.Value.Data)
	}
	if !o.Register.Stamp.IsZero() {
		fmt.Fprintf(&b, " %v=%v:%q", o.Register.Stamp, o.Register.Kind, o.Register.Data)
	}
	if len(o.Count) > 0 {
		sum, _ := o.Count.Value()
		fmt.Fprintf(&b, " sum %d %v", sum, o.Count)
	}
	return b.String() + "}"
}

// eventualDifference says where replicas of a partition that is not strong
// differ, or which hints are left, or "".
func (w *World) eventualDifference() string {
	text, l := "", w.newestLayout()
	l.Each(func(p kv.Partition) {
		if text == "" && l.Mode(p) != kv.Strong {
			text = w.eventualDiffers(p)
		}
	})
	if text != "" {
		return text
	}
	for _, n := range w.nodes {
		if hints := n.hintCount(); n.up && hints > 0 {
			return fmt.Sprintf("node %d still keeps %d hints", n.id, hints)
		}
	}
	return ""
}

func (w *World) eventualDiffers(p kv.Partition) string {
	prefs := w.newestLayout().Preference(p)
	for _, n := range w.nodes {
		if n.up && !slices.Contains(prefs, n.id) && n.store(p).Keys(p) > 0 {
			return fmt.Sprintf("partition %d: node %d is no replica any more and holds %d keys", p, n.id, n.store(p).Keys(p))
		}
	}
	var first *node
	for _, id := range prefs {
		n := w.nodes[id-1]
		if n.refused() {
			continue
		}
		if !n.up {
			return fmt.Sprintf("node %d is down", id)
		}
		if first == nil {
			first = n
			continue
		}
		if a, b := first.store(p).Keys(p), n.store(p).Keys(p); a != b {
			return fmt.Sprintf("partition %d: node %d has %d keys, node %d %d", p, first.id, a, id, b)
		}
		for i := range w.cfg.Keys {
			key := &w.cfg.Keys[i]
			if partitionOf(w.layout, key) != p {
				continue
			}
			a, _ := first.store(p).Lookup(p, []byte(key.Name))
			b, _ := n.store(p).Lookup(p, []byte(key.Name))
			if a.Compare(&b) != causal.Equal {
				return fmt.Sprintf("partition %d: key %q is %s at node %d, %s at node %d", p, key.Name, show(&a), first.id, show(&b), id)
			}
		}
		if a, b := first.store(p).Root(p), n.store(p).Root(p); a != b {
			return fmt.Sprintf("partition %d: the Merkle trees of nodes %d and %d have different roots", p, first.id, id)
		}
	}
	return ""
}
