package sim

import (
	"fmt"

	"github.com/zeebo/xxh3"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// oracle checks the protocol's invariants while the cluster runs. It sees only
// what crosses between nodes, what is handed to the journals, and the replicas'
// read-only view:
//
//  1. One value per version: no two accepts of a partition share a version
//     unless key and value are equal.
//  2. One owner per ballot: only the boot of the node that a ballot names sends
//     claims, touches and accepts under it.
//  3. Promises and floors of a running replica never fall.
//  4. What a replica has acknowledged (a promise, a touch, an accept) is there
//     after every restart.
type oracle struct {
	w        *World
	every    bool
	values   map[versionKey]uint64        // 1: digest of key and value
	requests map[requestKey]request       // 4: what was asked
	acked    []map[ackKey]kv.Version      // 4: by node
	promised [][]kv.Ballot                // 4: by node and partition, acknowledged
	seen     [][]partitionView            // 3: by node and partition, in this life
	owners   map[kv.Partition][]kv.NodeID // coverage: whose claims were promised, latest last
	replies  map[requestKey]kv.Version    // coverage: of the first answer to a touch of one key
	forwards map[forwardKey]uint8         // coverage
	buf      []byte
}

type versionKey struct {
	version   kv.Version
	partition kv.Partition
}

// requestKey names a request of one boot of a shard.
type requestKey struct {
	id   uint64
	inc  kv.Incarnation
	node kv.NodeID
	lane uint8
}

// request is what a reply refers to. One of the fields is set.
type request struct {
	prepare *msg.Prepare
	touch   *msg.Touch
	accept  *msg.Accept
}

type ackKey struct {
	key       string
	partition kv.Partition
}

type partitionView struct {
	promised kv.Ballot
	floor    kv.Version
}

type forwardKey struct {
	requestKey
	to kv.NodeID
}

func (o *oracle) init(w *World) {
	n, parts := w.cfg.Nodes, w.cfg.Partitions
	*o = oracle{w: w, every: w.opts.Invariants != AtEnd,
		values: map[versionKey]uint64{}, requests: map[requestKey]request{},
		owners: map[kv.Partition][]kv.NodeID{}, replies: map[requestKey]kv.Version{}, forwards: map[forwardKey]uint8{}}
	for range n {
		o.acked = append(o.acked, map[ackKey]kv.Version{})
		o.promised = append(o.promised, make([]kv.Ballot, parts))
		o.seen = append(o.seen, make([]partitionView, parts))
	}
}

func keyOf(n *node, env *actors.Envelope, id uint64) requestKey {
	return requestKey{id: id, inc: n.inc, node: env.From.Node, lane: uint8(env.From.Index)}
}

// replyTo is the key of the request that a reply answers: of the current boot
// of the node that asked, which is good enough, as ids rarely meet again.
func (o *oracle) replyTo(env *actors.Envelope, id uint64) requestKey {
	asker := o.w.nodes[env.To.Node-1]
	return requestKey{id: id, inc: asker.inc, node: env.To.Node, lane: uint8(env.To.Index)}
}

// sent looks at an envelope as it leaves a node.
func (o *oracle) sent(n *node, env *actors.Envelope) {
	o.cover(n, env)
	if !o.every {
		return
	}
	switch m := env.Message.(type) {
	case *msg.Prepare:
		for i := range m.Items {
			o.owns(n, m.Items[i].Ballot, "claims")
		}
		o.requests[keyOf(n, env, m.ID)] = request{prepare: m}
	case *msg.Touch:
		for i := range m.Items {
			o.owns(n, m.Items[i].Ballot, "touches")
		}
		o.requests[keyOf(n, env, m.ID)] = request{touch: m}
	case *msg.Accept:
		for i := range m.Items {
			it := &m.Items[i]
			o.owns(n, it.Register.Version.Ballot, "accepts")
			o.oneValue(n, it)
		}
		o.requests[keyOf(n, env, m.ID)] = request{accept: m}
	case *msg.Promises:
		o.promises(n, m, o.requests[o.replyTo(env, m.ID)].prepare)
	case *msg.Touched:
		o.touched(n, m, o.requests[o.replyTo(env, m.ID)].touch)
	case *msg.Accepted:
		o.accepted(n, m, o.requests[o.replyTo(env, m.ID)].accept)
	}
}

// owns checks that a ballot is the sender's own.
func (o *oracle) owns(n *node, b kv.Ballot, does string) {
	if b.Node != n.id || b.Inc != n.inc {
		o.w.violate(Invariant, "node %d (incarnation %d) %s under ballot %v, which is not its own", n.id, n.inc, does, b)
	}
}

// oneValue checks that a version names one value of one key.
func (o *oracle) oneValue(n *node, it *msg.AcceptItem) {
	r := &it.Register
	b := append(o.buf[:0], byte(r.Kind), byte(len(it.Key)))
	b = append(b, it.Key...)
	b = append(b, r.Data...)
	o.buf = b
	sum := xxh3.Hash(b)
	k := versionKey{r.Version, it.Partition}
	if old, ok := o.values[k]; ok && old != sum {
		o.w.violate(Invariant, "node %d: version %v of partition %d is given to two values, the second %q of key %q",
			n.id, r.Version, it.Partition, r.Data, it.Key)
		return
	}
	o.values[k] = sum
}

func (o *oracle) promises(n *node, m *msg.Promises, req *msg.Prepare) {
	if req == nil || len(req.Items) != len(m.Items) {
		return
	}
	for i := range m.Items {
		if m.Items[i].OK {
			o.promise(n, req.Items[i].Partition, req.Items[i].Ballot)
		}
	}
}

func (o *oracle) touched(n *node, m *msg.Touched, req *msg.Touch) {
	if req == nil || len(req.Items) != len(m.Items) {
		return
	}
	for i := range m.Items {
		if !m.Items[i].Refused {
			o.promise(n, req.Items[i].Partition, req.Items[i].Ballot)
		}
	}
}

func (o *oracle) promise(n *node, p kv.Partition, b kv.Ballot) {
	if o.promised[n.idx][p].Less(b) {
		o.promised[n.idx][p] = b
	}
}

func (o *oracle) accepted(n *node, m *msg.Accepted, req *msg.Accept) {
	if req == nil {
		return
	}
	refused := m.Refused
	for i := range req.Items {
		if len(refused) > 0 && int(refused[0].Index) == i {
			refused = refused[1:]
			continue
		}
		it := &req.Items[i]
		v := it.Register.Version
		o.promise(n, it.Partition, v.Ballot)
		k := ackKey{string(it.Key), it.Partition}
		if o.acked[n.idx][k].Less(v) {
			o.acked[n.idx][k] = v
		}
	}
}

// stepped checks a lane after a batch.
func (o *oracle) stepped(n *node, lane int) {
	if !o.every {
		return
	}
	r := n.sys.Lanes[lane].Replica
	for p := lane; p < o.w.cfg.Partitions; p += o.w.cfg.Lanes {
		id, s := kv.Partition(p), &o.seen[n.idx][p]
		promised, floor := r.Promised(id), r.Floor(id)
		if promised.Less(s.promised) {
			o.w.violate(Invariant, "node %d: the promise of partition %d fell from %v to %v", n.id, p, s.promised, promised)
		}
		if floor.Less(s.floor) {
			o.w.violate(Invariant, "node %d: the floor of partition %d fell from %v to %v", n.id, p, s.floor, floor)
		}
		*s = partitionView{promised, floor}
	}
}

// crashed forgets what only a running replica must keep.
func (o *oracle) crashed(n *node) { clear(o.seen[n.idx]) }

// restored checks what came back against what had been acknowledged.
func (o *oracle) restored(n *node) {
	if !o.every {
		return
	}
	for p, b := range o.promised[n.idx] {
		lane := n.sys.Lanes[actors.LaneOf(kv.Partition(p), o.w.cfg.Lanes)]
		if got := lane.Replica.Promised(kv.Partition(p)); got.Less(b) {
			o.w.violate(Invariant, "node %d: promised %v for partition %d, and after a restart only %v", n.id, b, p, got)
		}
	}
	for i := range o.w.cfg.Keys {
		key := o.w.cfg.Keys[i].Name
		p := o.w.ring.PartitionOf(ring0, []byte(key))
		v, ok := o.acked[n.idx][ackKey{key, p}]
		if !ok {
			continue
		}
		r := n.sys.Lanes[actors.LaneOf(p, o.w.cfg.Lanes)].Replica
		got := r.Lookup(p, []byte(key)).Version
		if got.Less(v) && r.Floor(p).Less(v) {
			o.w.violate(Invariant, "node %d: accepted %v of key %q, and after a restart holds %v", n.id, v, key, got)
		}
	}
}

// persisted looks at the records of a batch. Nothing is checked here yet.
func (o *oracle) persisted(*node, []byte) {}

// difference says where replicas of a partition differ, or "". A tombstone and
// an absent key are the same to a client.
func (w *World) difference() string {
	for p := range w.cfg.Partitions {
		id := kv.Partition(p)
		first := contents{}
		for i, node := range w.ring.Preference(id) {
			n := w.nodes[node-1]
			if !n.up {
				return fmt.Sprintf("node %d is down", node)
			}
			got := contents{}
			n.sys.Lanes[actors.LaneOf(id, w.cfg.Lanes)].Replica.Each(id, got.add)
			if i == 0 {
				first = got
				continue
			}
			if d := first.difference(&got); d != "" {
				return fmt.Sprintf("partition %d, nodes %d and %d: %s", p, w.ring.Preference(id)[0], node, d)
			}
		}
	}
	return ""
}

// contents is the live part of a partition, in key order.
type contents struct {
	keys []string
	regs []kv.Register
}

func (c *contents) add(key string, r kv.Register) {
	if r.Kind == kv.Value {
		c.keys, c.regs = append(c.keys, key), append(c.regs, r)
	}
}

func (c *contents) difference(o *contents) string {
	for i := range min(len(c.keys), len(o.keys)) {
		a, b := &c.regs[i], &o.regs[i]
		if c.keys[i] != o.keys[i] {
			return fmt.Sprintf("key %q against %q", c.keys[i], o.keys[i])
		}
		if a.Version != b.Version || a.Rev != b.Rev || string(a.Data) != string(b.Data) {
			return fmt.Sprintf("key %q is %q at %v against %q at %v", c.keys[i], a.Data, a.Version, b.Data, b.Version)
		}
	}
	if len(c.keys) != len(o.keys) {
		return fmt.Sprintf("%d keys against %d", len(c.keys), len(o.keys))
	}
	return ""
}
