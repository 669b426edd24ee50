package sim

import (
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// eventualOracle checks the rules of buckets that are not strong while the
// cluster runs, by what is on its way between nodes and what the stores and
// handoffs hold:
//
//  1. One value per dot and per stamp: no two objects disagree about a write.
//  2. What a store holds of a key never goes back, but when it is collected.
//  3. When a client is told that a write is done, as many replicas as it asked
//     for (in a sloppy bucket: or stand-ins) hold it durably.
//  4. What a store or a handoff held durably is there after a restart.
//  5. The stamps that a node gives a key ascend, over restarts too, and no store
//     takes one that is further ahead of its wall clock than the cap. Those of abd
//     buckets are no times: a tag names the boot that made it, and ascends within
//     that. One of an earlier boot may be higher, of a write that reached too few
//     replicas for the next boot to have read it.
//  6. An object is collected only when nobody holds a value that it has replaced:
//     no replica, no former one, no hint, and no message on its way.
//  7. A node that is no replica any more drops its copy only when what it knows
//     is durable elsewhere; in the end none has a copy.
//  8. The mark up to which a node may give out stamps is no further ahead of the
//     highest time that its wall clock has shown than the cap and a reserve,
//     however often it restarts: it stays able to write.
//  9. A hint goes only for a reason (eventual_hints.go).
//
// That acknowledged writes survive, values go only for a causal reason, counters
// count and sessions hold is judged by linearizability/causalhist; that replicas
// become equal by eventualDifference.
type eventualOracle struct {
	w      *World
	index  map[string]int // of the workload's keys, by name
	dots   map[dotKey]uint64
	stamps map[stampKey]uint64
	last   map[madeKey]causal.Stamp // the highest that a node, or a boot of it, has given a key
	copies [][]copyOf               // by node and key: in its store
	hints  [][]copyOf               // by node and key: in its handoff
	kept   hintOracle
	// forgetful are nodes whose sync policy may have lost how far their clock was.
	forgetful map[kv.NodeID]bool
	buf       []byte
}

type dotKey struct {
	key int
	dot causal.Dot
}

type stampKey struct {
	key   int
	stamp causal.Stamp
}

type madeKey struct {
	key  int
	node kv.NodeID
	boot kv.Incarnation // 0: stamps ascend over boots
}

// copyOf is what a node has held of a key.
type copyOf struct {
	object causal.Object // now, or when the node went down
	digest causal.Hash
	states []heldState // oldest first; the first is the latest durable one
}

// heldState is an object with the number of the records that make it durable; 0: not yet known.
type heldState struct {
	object causal.Object
	seq    uint64
}

func (o *eventualOracle) init(w *World) {
	*o = eventualOracle{w: w, index: map[string]int{}, dots: map[dotKey]uint64{}, stamps: map[stampKey]uint64{}, last: map[madeKey]causal.Stamp{}, forgetful: map[kv.NodeID]bool{}}
	for i := range w.cfg.Keys {
		if w.modeOf(i) != kv.Strong && w.opts.Invariants != AtEnd {
			o.index[w.cfg.Keys[i].Name] = i
		}
	}
	for range w.cfg.Nodes {
		o.copies, o.hints = append(o.copies, make([]copyOf, len(w.cfg.Keys))), append(o.hints, make([]copyOf, len(w.cfg.Keys)))
	}
	o.kept.init(o)
}

// each calls f for the keys that are not strong, of one lane or (-1) of all.
func (o *eventualOracle) each(lane int, f func(k int, key *Key, p kv.Partition)) {
	if len(o.index) == 0 {
		return
	}
	for k := range o.w.cfg.Keys {
		key := &o.w.cfg.Keys[k]
		if key.Bucket == "" || o.w.modeOf(k) == kv.Strong {
			continue
		}
		p := partitionOf(o.w.layout, key)
		if lane < 0 || int(actors.LaneOf(p, o.w.cfg.Lanes)) == lane {
			f(k, key, p)
		}
	}
}

// sent looks at a message as it leaves a node.
func (o *eventualOracle) sent(n *node, env *actors.Envelope) {
	switch m := env.Message.(type) {
	case *msg.Put:
		for _, it := range m.Items {
			o.object(n, it, m.Why == msg.ForWrite)
		}
	case *msg.Hint:
		for _, it := range m.Items {
			o.object(n, it, false)
		}
	case *msg.Results:
		if env.To.Kind == actors.Client { // and not the cluster actor
			o.told(n, m)
		}
	case *msg.MarkDurable:
		o.marked(n, m.MarkMs)
	}
}

// mostAheadMs is how far ahead of a wall clock the node's stamps may be: the cap,
// and what causal.ClockConfig makes of it and of the sync policy, at most.
func (w *World) mostAheadMs() int64 {
	most := int64(causal.DefaultCapMs + 500)
	if d := &w.cfg.Disk; d.Sync == "interval" {
		most += 2 * (d.IntervalNs/1e6 + 1)
	}
	return most
}

// marked checks 8.
func (o *eventualOracle) marked(n *node, markMs int64) {
	mostMs := o.w.mostAheadMs()
	if ahead := markMs - max(n.latestMs, n.clock.wall(o.w.nowNs)); ahead > mostMs {
		o.w.violate(Invariant, "node %d may give out stamps up to %d ms ahead of its wall clock, allowed are %d", n.id, ahead, mostMs)
	}
}

// object checks 1 and 5 for an object that a node shows to others. made: it may
// hold writes that this node has just made.
func (o *eventualOracle) object(n *node, it *msg.PutItem, made bool) {
	k, ok := o.index[string(it.Key)]
	if !ok {
		return
	}
	object := &it.Object
	highest := causal.Stamp{}
	for i := range object.Set.Siblings {
		s := &object.Set.Siblings[i]
		sum := o.digest(&s.Value)
		if old, ok := o.dots[dotKey{k, s.Dot}]; !ok {
			o.dots[dotKey{k, s.Dot}] = sum
		} else if old != sum {
			o.w.violate(Invariant, "node %d: event %v of key %q has two values, the second %q", n.id, s.Dot, it.Key, s.Value.Data)
		}
		o.stamped(n, k, &s.Value, sum, made, s.Dot, &highest)
	}
	if object.Register.Kind != kv.Absent {
		o.stamped(n, k, &object.Register, o.digest(&object.Register), made, causal.Dot{}, &highest)
	}
	if !highest.IsZero() {
		o.last[o.maker(n, k)] = highest
	}
}

// stamped checks a stamp, and remembers who made the write.
func (o *eventualOracle) stamped(n *node, k int, v *causal.Value, sum uint64, made bool, dot causal.Dot, highest *causal.Stamp) {
	key := stampKey{k, v.Stamp}
	old, known := o.stamps[key]
	if o.forgetful[v.Stamp.Node] {
		return
	}
	if known && old != sum {
		o.w.violate(Invariant, "node %d: stamp %v of key %q has two values, the second %q", n.id, v.Stamp, o.w.cfg.Keys[k].Name, v.Data)
	}
	o.stamps[key] = sum
	if known || !made || v.Stamp.Node != n.id {
		return
	}
	maker := o.maker(n, k)
	if maker.boot != 0 && v.Stamp.Logical != uint32(maker.boot) {
		o.w.violate(Invariant, "node %d: tags a write of key %q with %v, which does not name its boot %d", n.id, o.w.cfg.Keys[k].Name, v.Stamp, n.inc)
	}
	if last := o.last[maker]; v.Stamp.Compare(last) <= 0 {
		o.w.violate(Invariant, "node %d: stamps a write of key %q with %v, after one with %v", n.id, o.w.cfg.Keys[k].Name, v.Stamp, last)
	}
	if highest.Less(v.Stamp) {
		*highest = v.Stamp
	}
	if v.Kind == kv.Value {
		at := writeKey{k, string(v.Data)}
		if _, ok := o.w.eventual.writes[at]; !ok {
			o.w.eventual.writes[at] = madeBy{stamp: v.Stamp, boot: n.inc, dot: dot}
		}
	}
}

// maker is who must give a key ascending stamps.
func (o *eventualOracle) maker(n *node, k int) madeKey {
	if o.w.modeOf(k) == kv.ABD {
		return madeKey{k, n.id, n.inc}
	}
	return madeKey{k, n.id, 0}
}

func (o *eventualOracle) digest(v *causal.Value) uint64 {
	o.buf = append(o.buf[:0], byte(v.Kind), byte(v.ExpiresMs), byte(v.ExpiresMs>>8), byte(v.ExpiresMs>>16), byte(v.ExpiresMs>>24))
	o.buf = append(o.buf, v.Data...)
	return xxh3.Hash(o.buf)
}

// stepped looks at what a lane holds after a batch.
func (o *eventualOracle) stepped(n *node, lane int) {
	o.each(lane, func(k int, key *Key, p kv.Partition) {
		object, digest := n.store(p).Lookup(p, o.w.keys[k])
		if c := &o.copies[n.idx][k]; digest != c.digest {
			o.changed(n, k, c, &object, digest)
		}
		hint, _ := n.hints(p).Lookup(p, o.w.keys[k], n.clock.wall(o.w.nowNs))
		if h := &o.hints[n.idx][k]; h.object.Compare(&hint) != causal.Equal {
			h.object = hint
			h.states = append(h.states, heldState{object: hint})
		}
		o.kept.stepped(n, k, p)
	})
}

// changed checks 2, 5 and 6.
func (o *eventualOracle) changed(n *node, k int, c *copyOf, object *causal.Object, digest causal.Hash) {
	switch {
	case digest == (causal.Hash{}):
		o.forgot(n, k, c)
	case c.object.Compare(object)&causal.After == 0:
	case o.forgets(n, k, c.digest): // and took another state in the same batch
		o.forgot(n, k, c)
		c.states = append(c.states, heldState{})
	default:
		o.w.violate(Invariant, "node %d: what its store knows of key %q went back, from %s to %s", n.id, o.w.cfg.Keys[k].Name, show(&c.object), show(object))
	}
	if newest := object.Newest(); c.object.Newest().Less(newest) {
		if ahead := newest.Ms - n.clock.wall(o.w.nowNs); ahead > causal.DefaultCapMs+1 {
			o.w.violate(Invariant, "node %d: took a write of key %q that is stamped %d ms ahead of its wall clock", n.id, o.w.cfg.Keys[k].Name, ahead)
		}
	}
	c.object, c.digest = *object, digest
	c.states = append(c.states, heldState{object: *object})
}

// forgets reports whether the batch that a lane has just run dropped a state of a key.
func (o *eventualOracle) forgets(n *node, k int, digest causal.Hash) bool {
	p := partitionOf(o.w.layout, &o.w.cfg.Keys[k])
	for rest := n.lanes[actors.LaneOf(p, o.w.cfg.Lanes)].ctx.Records; len(rest) > 0; {
		var record []byte
		record, rest = actors.NextRecord(rest)
		if msg.RecordKind(record) != msg.KindForget {
			continue
		}
		var f msg.ForgetRecord
		if err := f.DecodeFrom(record); err == nil && f.Partition == p && string(f.Key) == o.w.cfg.Keys[k].Name && f.Digest == digest {
			return true
		}
	}
	return false
}

// persisted gives the states of a lane's last batch the number of their records.
func (o *eventualOracle) persisted(n *node, lane int, seq uint64) {
	o.each(lane, func(k int, _ *Key, _ kv.Partition) {
		o.copies[n.idx][k].number(seq)
		o.hints[n.idx][k].number(seq)
	})
}

func (c *copyOf) number(seq uint64) {
	for i := len(c.states) - 1; i >= 0 && c.states[i].seq == 0; i-- {
		c.states[i].seq = seq
	}
}

// durable is the latest state that survives a crash now; false: the key is not there.
func (c *copyOf) durable(n *node) (*causal.Object, bool) {
	last := -1
	for i := range c.states {
		if s := &c.states[i]; !n.up || s.seq == restoredSeq || s.seq != 0 && n.journal.onDisk(s.seq) {
			last = i
		}
	}
	if last < 0 {
		return nil, false
	}
	if n.up {
		c.states = slices.Delete(c.states, 0, last)
		last = 0
	}
	return &c.states[last].object, true
}

// mayBeGone reports whether the key has been collected since the latest state
// that is certainly durable: the record of that may have reached the disk or not.
func (c *copyOf) mayBeGone() bool {
	return slices.ContainsFunc(c.states, func(s heldState) bool { return s.object.IsZero() })
}

// crashed is told before a node goes down: what is durable stays.
func (o *eventualOracle) crashed(n *node, power bool) {
	forget := power && o.w.cfg.Disk.Sync != "always" && !o.w.cfg.Strict
	if forget {
		o.forgetful[n.id] = true
	}
	for _, held := range [][]copyOf{o.copies[n.idx], o.hints[n.idx]} {
		for k := range held {
			object, ok := held[k].durable(n)
			gone := held[k].mayBeGone()
			held[k] = copyOf{}
			if ok && !forget && !gone {
				held[k].states = []heldState{{object: *object}}
			}
		}
	}
}

// restored checks 4.
func (o *eventualOracle) restored(n *node) {
	o.each(-1, func(k int, key *Key, p kv.Partition) {
		object, digest := n.store(p).Lookup(p, []byte(key.Name))
		c := &o.copies[n.idx][k]
		o.cameBack(n, key, c, &object)
		*c = copyOf{object: object, digest: digest, states: []heldState{{object: object, seq: restoredSeq}}}
		hint, _ := n.hints(p).Lookup(p, []byte(key.Name), n.clock.wall(o.w.nowNs))
		o.hints[n.idx][k] = copyOf{object: hint, states: []heldState{{object: hint, seq: restoredSeq}}}
		o.kept.restored(n, k, p)
	})
}

// restoredSeq numbers what came from the log: it is durable already.
const restoredSeq = ^uint64(0)

func (o *eventualOracle) cameBack(n *node, key *Key, c *copyOf, object *causal.Object) {
	if len(c.states) == 0 {
		return
	}
	if was := &c.states[0].object; was.Compare(object)&causal.After != 0 {
		o.w.violate(Invariant, "node %d: its store held %s of key %q durably, and after a restart %s", n.id, show(was), key.Name, show(object))
	}
}
