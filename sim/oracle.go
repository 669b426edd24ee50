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
//  4. What a replica has acknowledged (a promise, an accept) or shown (a touch,
//     a version) is there after every restart, and so are the promises and floors
//     that it held when its log was last clean; nothing else is there instead.
//  5. When a client is told of a value, a majority of the replicas holds it or
//     something newer.
type oracle struct {
	w        *World
	every    bool
	values   map[versionKey]valueSum       // 1
	requests map[requestKey]request        // 4: what was asked
	acked    []map[ackKey]kv.Version       // 4: by node
	promised []perPartition[kv.Ballot]     // 4: by node, acknowledged
	seen     []perPartition[partitionView] // 3: by node, in this life
	firm     []perPartition[partitionView] // 4: by node, what was seen when the log was clean
	safe     []replicaMemory               // 4: by node, when its log was last synced; lazy policies only
	owners   map[kv.Partition][]kv.NodeID  // coverage: whose claims were promised, latest last
	replies  map[requestKey]kv.Version     // coverage: of the first answer to a touch of one key
	forwards map[forwardKey]uint8          // coverage
	buf      []byte
	maps     mapOracle
	eventual eventualOracle // of the buckets that are not strong
}

// valueSum digests a key and its value, and says when it was first accepted.
type valueSum struct {
	sum uint64
	ns  int64
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
	read    *msg.ReadVersions
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
	n := w.cfg.Nodes
	defer func() { o.eventual.init(w) }()
	*o = oracle{w: w, every: w.opts.Invariants != AtEnd,
		values: map[versionKey]valueSum{}, requests: map[requestKey]request{},
		owners: map[kv.Partition][]kv.NodeID{}, replies: map[requestKey]kv.Version{}, forwards: map[forwardKey]uint8{}}
	o.maps.init(w)
	for range n {
		o.acked = append(o.acked, map[ackKey]kv.Version{})
	}
	o.promised, o.safe = make([]perPartition[kv.Ballot], n), make([]replicaMemory, n)
	o.seen, o.firm = make([]perPartition[partitionView], n), make([]perPartition[partitionView], n)
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
	o.eventual.sent(n, env)
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
		for _, it := range m.Items {
			o.owns(n, it.Register.Version.Ballot, "accepts")
			o.oneValue(n, it)
		}
		o.requests[keyOf(n, env, m.ID)] = request{accept: m}
	case *msg.ReadVersions:
		o.requests[keyOf(n, env, m.ID)] = request{read: m}
	case *msg.Promises:
		o.promises(n, m, o.requests[o.replyTo(env, m.ID)].prepare)
	case *msg.Touched:
		o.touched(n, m, o.requests[o.replyTo(env, m.ID)].touch)
	case *msg.Accepted:
		o.accepted(n, m, o.requests[o.replyTo(env, m.ID)].accept)
	case *msg.Versions:
		o.shown(n, m, o.requests[o.replyTo(env, m.ID)].read)
	case *msg.Results:
		if env.To.Kind == actors.Client { // and not the cluster actor
			o.told(n, m)
		}
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
	k := versionKey{it.Register.Version, it.Partition}
	sum := o.digest(it.Key, &it.Register)
	old, ok := o.values[k]
	switch {
	case !ok:
		o.values[k] = valueSum{sum, o.w.nowNs}
	case old.sum != sum:
		o.w.violate(Invariant, "node %d: version %v of partition %d is given to two values, the second %q of key %q",
			n.id, k.version, it.Partition, it.Register.Data, it.Key)
	case old.ns < o.w.nowNs:
		o.w.cover.hit(Resent)
	}
}

func (o *oracle) digest(key []byte, r *kv.Register) uint64 {
	b := append(o.buf[:0], byte(r.Kind), byte(len(key)))
	b = append(b, key...)
	o.buf = append(b, r.Data...)
	return xxh3.Hash(o.buf)
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
		if it := &req.Items[i]; !m.Items[i].Refused {
			o.promise(n, it.Partition, it.Ballot)
			o.holds(n, it.Partition, it.Key, m.Items[i].Register.Version)
		}
	}
}

func (o *oracle) shown(n *node, m *msg.Versions, req *msg.ReadVersions) {
	if req == nil || len(req.Keys) != len(m.Versions) {
		return
	}
	for i := range m.Versions {
		o.holds(n, req.Keys[i].Partition, req.Keys[i].Key, m.Versions[i])
	}
}

// holds records that a node has let others know that it holds a version.
func (o *oracle) holds(n *node, p kv.Partition, key []byte, v kv.Version) {
	k := ackKey{string(key), p}
	if o.acked[n.idx][k].Less(v) {
		o.acked[n.idx][k] = v
	}
}

func (o *oracle) promise(n *node, p kv.Partition, b kv.Ballot) {
	if had := o.promised[n.idx].at(p); had.Less(b) {
		*had = b
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
		it := req.Items[i]
		o.promise(n, it.Partition, it.Register.Version.Ballot)
		o.holds(n, it.Partition, it.Key, it.Register.Version)
	}
}

// stepped checks a lane after a batch.
func (o *oracle) stepped(n *node, lane int) {
	if !o.every {
		return
	}
	r := n.sys.Lanes[lane].Replica
	for _, p := range n.strong(lane) {
		s := o.seen[n.idx].at(p)
		promised, floor := r.Promised(p), r.Floor(p)
		if promised.Less(s.promised) {
			o.w.violate(Invariant, "node %d: the promise of partition %d fell from %v to %v", n.id, p, s.promised, promised)
		}
		if floor.Less(s.floor) {
			o.w.violate(Invariant, "node %d: the floor of partition %d fell from %v to %v", n.id, p, s.floor, floor)
		}
		*s = partitionView{promised, floor}
	}
}

// clean is told when a lane is about to run and all that it has persisted is on
// disk: what it held after its previous batch must last from now on.
func (o *oracle) clean(n *node, lane int) {
	if !o.every {
		return
	}
	for _, p := range n.strong(lane) {
		*o.firm[n.idx].at(p) = *o.seen[n.idx].at(p)
	}
}

// crashed forgets what only a running replica must keep.
func (o *oracle) crashed(n *node) { o.seen[n.idx].clear() }

// restored checks what came back against what had been acknowledged.
func (o *oracle) restored(n *node) {
	if !o.every {
		return
	}
	for lane := range n.lanes {
		for _, p := range n.strong(lane) {
			o.restoredPartition(n, p)
		}
	}
	for i := range o.w.cfg.Keys {
		key := o.w.cfg.Keys[i].Name
		p := o.w.layout.PartitionOf(nil, []byte(key))
		v, ok := o.acked[n.idx][ackKey{key, p}]
		if !ok {
			continue
		}
		r := n.laneOf(p).Replica
		got := r.Lookup(p, []byte(key)).Version
		if got.Less(v) && r.Floor(p).Less(v) {
			o.w.violate(Invariant, "node %d: told others of %v of key %q, and after a restart holds %v", n.id, v, key, got)
		}
	}
}

func (o *oracle) restoredPartition(n *node, p kv.Partition) {
	r := n.laneOf(p).Replica
	promised, floor, firm := r.Promised(p), r.Floor(p), o.firm[n.idx].at(p)
	if b := *o.promised[n.idx].at(p); promised.Less(b) {
		o.w.violate(Invariant, "node %d: promised %v for partition %d, and after a restart only %v", n.id, b, p, promised)
	}
	if promised.Less(firm.promised) || floor.Less(firm.floor) {
		o.w.violate(Invariant, "node %d, partition %d: its log was clean at promise %v and floor %v, and after a restart it has %v and %v",
			n.id, p, firm.promised, firm.floor, promised, floor)
	}
	r.Each(p, func(key string, reg kv.Register) {
		was, ok := o.values[versionKey{reg.Version, p}]
		if ok && was.sum != o.digest([]byte(key), &reg) {
			o.w.violate(Invariant, "node %d: version %v of key %q came back as %q after a restart, which is not what was written", n.id, reg.Version, key, reg.Data)
		}
	})
}

// told checks 5 for answers that name the version of a value. A replica that is
// down may hold anything that its disk held.
func (o *oracle) told(n *node, m *msg.Results) {
	ops := o.w.asked(m.ID)
	if len(ops) != len(m.Results) {
		return // late, or counted when it arrives
	}
	for i := range ops {
		if r := &m.Results[i]; r.Status == kv.OK && !r.Rev.IsZero() {
			o.held(n, []byte(o.w.cfg.Keys[ops[i].op.Key].Name), r.Rev)
		}
	}
}

// held checks that a majority of the replicas holds a version or a newer one.
func (o *oracle) held(n *node, key []byte, rev kv.Version) {
	p := o.w.layout.PartitionOf(nil, key)
	prefs, holders := o.w.layout.Preference(p), 0
	for _, id := range prefs {
		r := o.w.nodes[id-1]
		if !r.up || !r.laneOf(p).Replica.Lookup(p, key).Version.Less(rev) || !r.laneOf(p).Replica.Floor(p).Less(rev) {
			holders++
		}
	}
	if holders <= len(prefs)/2 && !*o.w.lossy.at(p) {
		o.w.violate(Invariant, "node %d tells a client of %v of key %q, which %d of %d replicas hold", n.id, rev, key, holders, len(prefs))
	}
}

// difference says where replicas of a partition differ, or "". A tombstone and
// an absent key are the same to a client.
func (w *World) difference() string {
	text, l := "", w.newestLayout()
	l.Each(func(p kv.Partition) {
		if text == "" && l.Mode(p) == kv.Strong {
			text = w.differs(p, l.Preference(p))
		}
	})
	return text
}

func (w *World) differs(p kv.Partition, prefs []kv.NodeID) string {
	first, firstNode := contents{}, kv.NodeID(0)
	for _, node := range prefs {
		n := w.nodes[node-1]
		if n.refused() {
			continue
		}
		if !n.up {
			return fmt.Sprintf("node %d is down", node)
		}
		got := contents{}
		n.laneOf(p).Replica.Each(p, got.add)
		if firstNode == 0 {
			first, firstNode = got, node
			continue
		}
		if d := first.difference(&got); d != "" {
			return fmt.Sprintf("partition %d, nodes %d and %d: %s", p, firstNode, node, d)
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
