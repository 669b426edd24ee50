package repair_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/handoff"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/repair"
	"github.com/quoratedb/quorate/actors/store"
	"github.com/quoratedb/quorate/ring"
)

const ms = int64(1e6)

// world is a few nodes of one lane, each with a store, a handoff and a repair,
// a disk that forgets what was not synced, and a network that counts bytes.
type world struct {
	t       testing.TB
	rand    *rand.Rand
	layout  *ring.Layout
	cfg     repair.Config
	hints   handoff.Config
	nodes   []*node
	queue   []packet // by ascending atNs
	nowNs   int64
	lost    int // messages of 100
	twice   int
	wire    map[string]int // bytes by message, between nodes
	lag     int64          // longest delay of a message
	logical uint32         // of the last stamp
	drop    func(actors.Envelope) bool
}

type packet struct {
	actors.Envelope
	atNs int64
}

type node struct {
	w       *world
	id      kv.NodeID
	inc     kv.Incarnation
	store   *store.Store
	handoff *handoff.Handoff
	repair  *repair.Repair
	rand    *rand.Rand
	disk    []byte
	page    []byte
	waiting []actors.Envelope
	syncNs  int64
	timers  [2]int64 // of handoff and repair
	up      bool
	aheadMs int64 // of its wall clock
}

type shape struct {
	nodes, partitions int
	trees             causal.Shape
}

func newWorld(t testing.TB, seed uint64, s shape, cfg repair.Config, b ...kv.Bucket) *world {
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 1)), cfg: cfg, nowNs: ms, wire: map[string]int{}, lag: 2 * ms}
	if len(b) == 0 {
		b = []kv.Bucket{{Name: "a", Created: 1, Mode: kv.Eventual, N: 3, Policy: kv.LWW}}
	}
	w.layout = layoutOf(t, s, 1, b...)
	for i := range s.nodes {
		w.nodes = append(w.nodes, &node{w: w, id: kv.NodeID(i + 1), rand: rand.New(rand.NewPCG(seed, uint64(i)))})
		w.nodes[i].boot(s.trees)
	}
	return w
}

func layoutOf(t testing.TB, s shape, epoch kv.Epoch, b ...kv.Bucket) *ring.Layout {
	cfg := ring.Config{Partitions: s.partitions, VNodes: 8}
	for i := range s.nodes {
		cfg.Nodes = append(cfg.Nodes, ring.Node{ID: kv.NodeID(i + 1), Weight: 1})
	}
	l, err := ring.NewLayout(cfg, epoch, b)
	require.NoError(t, err)
	return l
}

const epochMs = int64(1_700_000_000_000)

func (w *world) wallMs() int64 { return epochMs + w.nowNs/ms }

func (n *node) boot(trees causal.Shape) {
	w := n.w
	n.inc++
	n.store = store.New(store.Config{Layout: w.layout, Node: n.id, Lanes: 1, Shape: trees})
	hints := w.hints
	hints.Layout, hints.Node, hints.Inc, hints.Lanes = w.layout, n.id, n.inc, 1
	n.handoff = handoff.New(hints)
	cfg := w.cfg
	cfg.Layout, cfg.Node, cfg.Inc, cfg.Lanes, cfg.Store, cfg.Hints = w.layout, n.id, n.inc, 1, n.store, n.handoff
	n.repair = repair.New(cfg)
	for rest := n.disk; len(rest) > 0; {
		var payload []byte
		payload, rest = actors.NextRecord(rest)
		owner, err := msg.OwnerOf(payload)
		require.NoError(w.t, err)
		payload = slices.Clone(payload)
		switch owner {
		case actors.Store:
			err = n.store.Restore(payload)
		case actors.Handoff:
			err = n.handoff.Restore(payload)
		}
		require.NoError(w.t, err)
	}
	n.page, n.waiting, n.syncNs, n.timers, n.up = nil, nil, 0, [2]int64{}, true
	n.with(actors.Store, func(c *actors.Context) { n.store.SetLayout(c, w.layout) })
	n.with(actors.Handoff, func(c *actors.Context) { n.handoff.Start(c) })
	n.with(actors.Repair, func(c *actors.Context) { n.repair.Start(c) })
	for _, o := range w.nodes {
		if o != n {
			n.hear(o)
			o.hear(n)
		}
	}
}

func (n *node) hear(o *node) {
	if !n.up {
		return
	}
	m := &msg.PeerStatus{Node: o.id, Inc: o.inc, Alive: o.up}
	for _, k := range []actors.Kind{actors.Handoff, actors.Repair} {
		n.receive(actors.Envelope{Message: m, To: actors.Address{Node: n.id, Kind: k}})
	}
}

func (n *node) crash() {
	n.up = false
	for _, o := range n.w.nodes {
		o.hear(n)
	}
}

func (n *node) receive(e actors.Envelope) {
	n.with(e.To.Kind, func(c *actors.Context) {
		c.Sender = e.From
		switch e.To.Kind {
		case actors.Store:
			n.store.Receive(c, e.Message)
		case actors.Handoff:
			n.handoff.Receive(c, e.Message)
			n.handoff.Flush(c)
		case actors.Repair:
			n.repair.Receive(c, e.Message)
			n.repair.Flush(c)
		}
	})
}

func (n *node) with(k actors.Kind, f func(c *actors.Context)) {
	w := n.w
	c := &actors.Context{NowNs: w.nowNs, WallMs: w.wallMs() + n.aheadMs, Rand: n.rand, Self: actors.Address{Node: n.id, Kind: k}}
	f(c)
	n.page = append(n.page, c.Records...)
	for _, e := range c.Envelopes {
		if e.Durable {
			n.waiting = append(n.waiting, e)
		} else {
			w.send(e)
		}
	}
	for _, t := range c.Timers {
		n.timers[t.Actor.Kind-actors.Handoff] = t.AtNs
	}
	if (len(n.page) > 0 || len(n.waiting) > 0) && n.syncNs == 0 {
		n.syncNs = w.nowNs + 1 + w.rand.Int64N(2*ms)
	}
}

func (n *node) sync() {
	n.disk = append(n.disk, n.page...)
	out := n.waiting
	n.page, n.waiting, n.syncNs = nil, nil, 0
	for _, e := range out {
		n.w.send(e)
	}
}

func (w *world) send(e actors.Envelope) {
	if w.drop != nil && w.drop(e) {
		return
	}
	if e.From.Node == e.To.Node {
		w.post(e, w.nowNs)
		return
	}
	b, err := msg.Append(nil, e.Message)
	require.NoError(w.t, err)
	w.wire[e.Message.MessageName()] += len(b)
	if e.Message, err = msg.Decode(b); err != nil {
		require.NoError(w.t, err)
	}
	if w.rand.IntN(100) < w.lost {
		return
	}
	w.post(e, w.nowNs+1+w.rand.Int64N(w.lag))
	if w.rand.IntN(100) < w.twice {
		w.post(e, w.nowNs+1+w.rand.Int64N(2000*ms))
	}
}

func (w *world) post(e actors.Envelope, atNs int64) {
	i := len(w.queue)
	for i > 0 && w.queue[i-1].atNs > atNs {
		i--
	}
	w.queue = slices.Insert(w.queue, i, packet{e, atNs})
}

func (w *world) step(untilNs int64) bool {
	atNs, do := untilNs+1, func() {}
	if len(w.queue) > 0 && w.queue[0].atNs < atNs {
		atNs, do = w.queue[0].atNs, func() {
			e := w.queue[0].Envelope
			w.queue = w.queue[1:]
			if e.To.Node > 0 && w.nodes[e.To.Node-1].up {
				w.nodes[e.To.Node-1].receive(e)
			}
		}
	}
	for _, n := range w.nodes {
		if !n.up {
			continue
		}
		for i := range n.timers {
			if n.timers[i] != 0 && n.timers[i] < atNs {
				atNs, do = n.timers[i], func() {
					n.timers[i] = 0
					n.receive(actors.Envelope{Message: actors.Timer{ID: 1}, To: actors.Address{Node: n.id, Kind: actors.Handoff + actors.Kind(i)}})
				}
			}
		}
		if n.syncNs != 0 && n.syncNs < atNs {
			atNs, do = n.syncNs, n.sync
		}
	}
	if atNs > untilNs {
		w.nowNs = untilNs
		return false
	}
	w.nowNs = max(w.nowNs, atNs)
	do()
	return true
}

func (w *world) run(forNs int64) {
	for end := w.nowNs + forNs; w.step(end); {
	}
}

func (w *world) partition(key string) kv.Partition {
	return w.layout.PartitionOf(w.layout.Named("a"), []byte(key))
}

// put merges an object into the stores of some nodes, out of thin air.
func (w *world) put(key string, o causal.Object, at ...kv.NodeID) {
	m := &msg.Put{SentMs: w.wallMs(), Epoch: w.layout.Epoch(), Why: msg.ForWrite, Items: []*msg.PutItem{{Partition: w.partition(key), Key: []byte(key), Object: o}}}
	for _, id := range at {
		w.nodes[id-1].receive(actors.Envelope{Message: m, To: actors.Address{Node: id, Kind: actors.Store}})
	}
}

// value is a last-writer-wins register of size bytes, written now.
func (w *world) value(size int) causal.Object {
	n := w.nodes[w.rand.IntN(len(w.nodes))]
	w.logical++
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(w.rand.Uint32())
	}
	return causal.Object{Register: causal.Value{Kind: kv.Value, Data: data, Stamp: causal.Stamp{Ms: w.wallMs(), Logical: w.logical, Node: n.id}}}
}

func (w *world) tombstone() causal.Object {
	o := w.value(0)
	o.Register.Kind = kv.Tombstone
	return o
}

// any is what some writer might make of a key, under any policy.
func (w *world) any(key string) causal.Object {
	n := w.nodes[w.rand.IntN(len(w.nodes))]
	o, _ := n.store.Lookup(w.partition(key), []byte(key))
	w.logical++
	id := causal.NewID(n.id, kv.Incarnation(w.logical))
	switch w.rand.IntN(4) {
	case 0:
		o, err := o.Add(id, 1)
		require.NoError(w.t, err)
		return o
	case 1:
		src := causal.NewSource(id)
		v := w.value(w.rand.IntN(50)).Register
		seen := causal.Seen{}
		if w.rand.IntN(2) == 0 {
			seen = o.Seen()
		}
		o, err := o.Put(seen, &src, v)
		require.NoError(w.t, err)
		return o
	case 2:
		return o.PutNewest(w.tombstone().Register)
	}
	return o.PutNewest(w.value(w.rand.IntN(50)).Register)
}

// different says how the replicas differ, "" if they don't.
func (w *world) different() string {
	out := ""
	w.layout.Each(func(p kv.Partition) {
		list := w.layout.Preference(p)
		if b := w.layout.Bucket(p); b == nil || b.Mode == kv.Strong {
			return
		}
		for _, id := range list[1:] {
			a, b := w.nodes[list[0]-1].store, w.nodes[id-1].store
			if a.Root(p) != b.Root(p) {
				out += fmt.Sprintf("partition %d differs between n%d (%d keys) and n%d (%d keys)\n", p, list[0], a.Keys(p), id, b.Keys(p))
			}
		}
	})
	return out
}
