package sim

import (
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// mapOracle checks what must hold of the cluster map:
//
//  1. One map per epoch, over all nodes.
//  2. The map of a node never goes back, over restarts too.
//  3. A change is what it was told to be: OK at an epoch, and that map has it; or
//     refused, and no map has it. It is made once.
type mapOracle struct {
	w      *World
	maps   map[kv.Epoch]string // encoded
	newest kv.Epoch
	held   []*kv.Map  // by node: as last seen
	acted  []kv.Epoch // by node: the newest that it acted on
	// tags are the TTLs that changes brought, by the epoch that first had them;
	// refused are those of changes that clients were told are not made.
	tags    map[int64]kv.Epoch
	refused map[int64]kv.Status
	void    bool // power was lost under a policy that may then lose maps
}

func (o *mapOracle) init(w *World) {
	*o = mapOracle{w: w, maps: map[kv.Epoch]string{}, tags: map[int64]kv.Epoch{}, refused: map[int64]kv.Status{},
		held: make([]*kv.Map, w.cfg.Nodes), acted: make([]kv.Epoch, w.cfg.Nodes)}
}

// look is called after each batch of lane 0, and after a restart.
func (o *mapOracle) look(n *node) {
	cl := n.sys.Lanes[0].Cluster
	m := cl.Held()
	if m == o.held[n.idx] {
		o.acted[n.idx] = max(o.acted[n.idx], n.sys.Published().Epoch())
		return
	}
	if m.Epoch < o.acted[n.idx] {
		o.violate("node %d acted on the map of epoch %d, and now has that of epoch %d", n.id, o.acted[n.idx], m.Epoch)
	}
	o.held[n.idx] = m
	o.one(n, m)
}

// one checks 1, and that no change comes twice.
func (o *mapOracle) one(n *node, m *kv.Map) {
	text := string(msg.AppendMap(nil, m))
	if old, ok := o.maps[m.Epoch]; ok {
		if old != text {
			o.violate("node %d: its map of epoch %d is another one than a node had before", n.id, m.Epoch)
		}
		return
	}
	o.maps[m.Epoch], o.newest = text, max(o.newest, m.Epoch)
	if m.Epoch == kv.FirstEpoch {
		return // nobody made what the cluster began with, and two of its buckets may have the same TTL
	}
	o.w.cover.hit(MapChanged)
	before := o.mapAt(m.Epoch - 1)
	for i := range m.Buckets {
		b := &m.Buckets[i]
		if b.TTLMs != 0 {
			o.changed(m.Epoch, b, before)
		}
	}
}

// mapAt is the map of an epoch, nil if no node was seen to hold it.
func (o *mapOracle) mapAt(e kv.Epoch) *kv.Map {
	text, ok := o.maps[e]
	if !ok {
		return nil
	}
	m, err := msg.DecodeMap([]byte(text))
	if err != nil {
		panic("sim: a map that the oracle has encoded can't be read: " + err.Error())
	}
	return m
}

// changed looks at a bucket of the map of an epoch: whether the change that gave it
// its TTL made this map, and if so, whether that may be.
func (o *mapOracle) changed(e kv.Epoch, b *kv.Bucket, before *kv.Map) {
	if status, told := o.refused[b.TTLMs]; told {
		o.violate("the map of epoch %d has what a client was told never comes (%v): ttl %d of bucket %q", e, status, b.TTLMs, b.Name)
	}
	if before != nil {
		if was := before.Named(b.Name); was != nil && was.TTLMs == b.TTLMs {
			return
		}
	}
	first, known := o.tags[b.TTLMs]
	switch {
	case !known:
		o.tags[b.TTLMs] = e
	case before != nil: // else it may have had it
		o.violate("the change that made ttl %d of bucket %q at epoch %d was made again at epoch %d", b.TTLMs, b.Name, first, e)
	}
}

// told checks 3.
func (o *mapOracle) told(n *node, op *MapOp, m *msg.MapChanged) {
	o.w.trace.note(o.w, int(n.id), "map: %s %s answers %v, epoch %d %s", op.Do, op.Bucket, m.Status, m.Epoch, m.Text)
	tag, tagged := tagTTL(op.Tag), op.Do == "set" || op.Do == "create" && op.Mode != "strong"
	switch m.Status {
	case kv.OK:
		made := o.mapAt(m.Epoch)
		if made == nil {
			return // nobody had that one map itself
		}
		b := made.Named(op.Bucket)
		switch {
		case op.Do == "drop" && b != nil, op.Do == "create" && (b == nil || b.Created != m.Epoch), tagged && (b == nil || b.TTLMs != tag):
			o.violate("node %d says that epoch %d made %s of bucket %q, and that map has %+v", n.id, m.Epoch, op.Do, op.Bucket, b)
		}
	case kv.Unknown:
		o.w.cover.hit(MapUnknown)
	default:
		if first, made := o.tags[tag]; tagged && made {
			o.violate("node %d refuses %s of bucket %q (%v %s), which epoch %d made", n.id, op.Do, op.Bucket, m.Status, m.Text, first)
		}
		if tagged {
			o.refused[tag] = m.Status
		}
		o.w.cover.hit(MapRefused)
	}
}

// lostPower is told of a node that may have forgotten what it acknowledged, under
// a sync policy that allows it. Then the voters may have forgotten a map.
func (o *mapOracle) lostPower() { o.void = true }

func (o *mapOracle) violate(format string, args ...any) {
	if !o.void {
		o.w.violate(Invariant, format, args...)
	}
}
