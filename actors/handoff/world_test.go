package handoff

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

const ms = int64(1e6)

// world is a few nodes, each with a handoff, a stand-in for the store that only
// merges, and a disk that forgets what was not synced when the node crashes.
type world struct {
	t      *testing.T
	rand   *rand.Rand
	layout *ring.Layout
	cfg    Config
	nodes  []*node
	queue  []packet
	nowNs  int64
	farNs  int64 // how long every message takes, at least
	lost   int   // messages of 100
	twice  int
	nextID uint64
	given  map[uint64]*msg.Hint // waiting for Hinted
	kept   []promise
	wire   int // bytes of Puts
	puts   int
}

// promise is a hint that a handoff has answered for.
type promise struct {
	target kv.NodeID
	p      kv.Partition
	key    string
	object causal.Object
}

type packet struct {
	actors.Envelope
	atNs int64
}

type node struct {
	w       *world
	id      kv.NodeID
	inc     kv.Incarnation
	h       *Handoff
	c       actors.Context
	disk    []byte // synced records
	page    []byte // records not yet synced
	waiting []actors.Envelope
	syncNs  int64
	timerNs int64
	flushNs int64 // end of the batch, 0: none is open
	up      bool
	silent  bool // up, but nothing gets through
	store   map[string]causal.Object
	synced  map[string]causal.Object
	refuse  msg.PutReason
}

func eventual(name string, slot uint16, created kv.Epoch, n uint8) kv.Bucket {
	return kv.Bucket{Name: name, Slot: slot, Created: created, Mode: kv.Eventual, N: n, Policy: kv.LWW, Repair: kv.RepairOff, Sloppy: true}
}

func layout(t testing.TB, nodes int, epoch kv.Epoch, buckets ...kv.Bucket) *ring.Layout {
	cfg := ring.Config{Partitions: 4, VNodes: 8}
	for i := range nodes {
		cfg.Nodes = append(cfg.Nodes, ring.Node{ID: kv.NodeID(i + 1), Weight: 1})
	}
	l, err := ring.NewLayout(cfg, epoch, buckets)
	require.NoError(t, err)
	return l
}

func newWorld(t *testing.T, seed uint64, nodes int, cfg Config) *world {
	w := &world{t: t, rand: rand.New(rand.NewPCG(seed, 1)), cfg: cfg, nowNs: ms, given: map[uint64]*msg.Hint{}}
	w.layout = layout(t, nodes, 1, eventual("a", 0, 1, 3))
	for i := range nodes {
		n := &node{w: w, id: kv.NodeID(i + 1), store: map[string]causal.Object{}, synced: map[string]causal.Object{}}
		w.nodes = append(w.nodes, n)
		n.boot()
	}
	return w
}

func (w *world) wallMs() int64 { return 1_000_000_000 + w.nowNs/ms }

func (n *node) boot() {
	n.inc++
	cfg := n.w.cfg
	cfg.Layout, cfg.Node, cfg.Inc, cfg.Lanes = n.w.layout, n.id, n.inc, 1
	n.h = New(cfg)
	for rest := n.disk; len(rest) > 0; {
		var payload []byte
		payload, rest = actors.NextRecord(rest)
		require.NoError(n.w.t, n.h.Restore(slices.Clone(payload)))
	}
	n.up, n.timerNs, n.flushNs, n.page, n.waiting, n.syncNs = true, 0, 0, nil, nil, 0
	n.store = map[string]causal.Object{}
	for k, v := range n.synced {
		n.store[k] = v
	}
	n.c = actors.Context{Rand: rand.New(rand.NewPCG(uint64(n.id), uint64(n.inc)))}
	n.with(func(c *actors.Context) { n.h.Start(c) })
	for _, o := range n.w.nodes {
		if o != n {
			n.hear(o)
			o.hear(n)
		}
	}
}

// hear tells n's handoff what is true of o.
func (n *node) hear(o *node) {
	if n.up {
		m := &msg.PeerStatus{Node: o.id, Inc: o.inc, Alive: o.up}
		n.with(func(c *actors.Context) { n.h.Receive(c, m); n.h.Flush(c) })
	}
}

func (n *node) crash() {
	n.up = false
	for _, o := range n.w.nodes {
		o.hear(n)
	}
}

func (n *node) addr(k actors.Kind) actors.Address { return actors.Address{Node: n.id, Kind: k} }

// with runs the handoff and carries out its effects.
func (n *node) with(f func(c *actors.Context)) {
	c := &n.c
	c.NowNs, c.WallMs, c.Self = n.w.nowNs, n.w.wallMs(), n.addr(actors.Handoff)
	c.Effects = actors.Effects{}
	f(c)
	n.page = append(n.page, c.Records...)
	for _, e := range c.Envelopes {
		if e.Durable {
			n.waiting = append(n.waiting, e)
		} else {
			n.w.send(e)
		}
	}
	for _, t := range c.Timers {
		n.timerNs = t.AtNs
	}
	if (len(n.page) > 0 || len(n.waiting) > 0) && n.syncNs == 0 {
		n.syncNs = n.w.nowNs + 1 + n.w.rand.Int64N(5*ms)
	}
	n.check()
}

func (n *node) sync() {
	n.disk = append(n.disk, n.page...)
	n.page, n.syncNs = nil, 0
	for k, v := range n.store {
		n.synced[k] = v
	}
	for _, e := range n.waiting {
		n.w.send(e)
	}
	n.waiting = nil
}

// check holds the actor's books against what it holds.
func (n *node) check() {
	var all int64
	for _, t := range n.h.targets {
		var bytes int64
		count := 0
		for x := t.head; x != nil; x = x.next {
			bytes += x.bytes()
			count++
			require.False(n.w.t, x.gone)
			got := n.h.get(x.partition, x.key, t)
			require.Same(n.w.t, x, got)
		}
		require.Equal(n.w.t, count, t.count)
		require.Equal(n.w.t, bytes, t.bytes)
		require.LessOrEqual(n.w.t, bytes, n.h.cfg.TargetBytes)
		all += bytes + int64(count*hintBytes)
	}
	require.Equal(n.w.t, all, n.h.bytes)
	require.LessOrEqual(n.w.t, all, n.h.cfg.TotalBytes)
}

func (w *world) send(e actors.Envelope) {
	if w.rand.IntN(100) < w.lost {
		return
	}
	w.queue = append(w.queue, packet{e, w.nowNs + w.farNs + 1 + w.rand.Int64N(3*ms)})
	if w.rand.IntN(100) < w.twice {
		w.queue = append(w.queue, packet{e, w.nowNs + 1 + w.rand.Int64N(3000*ms)})
	}
}

// step does the next thing that is due, and reports whether that was before untilNs.
func (w *world) step(untilNs int64) bool {
	atNs, do := untilNs+1, func() {}
	for i := range w.queue {
		if w.queue[i].atNs < atNs {
			atNs, do = w.queue[i].atNs, func() {
				e := w.queue[i].Envelope
				w.queue = slices.Delete(w.queue, i, i+1)
				w.deliver(e)
			}
		}
	}
	for _, n := range w.nodes {
		if n.up && n.timerNs != 0 && n.timerNs < atNs {
			atNs, do = n.timerNs, func() {
				n.timerNs = 0
				n.with(func(c *actors.Context) { n.h.Receive(c, actors.Timer{ID: timerReplay}); n.h.Flush(c) })
			}
		}
		if n.up && n.flushNs != 0 && n.flushNs < atNs {
			atNs, do = n.flushNs, func() {
				n.flushNs = 0
				n.with(n.h.Flush)
			}
		}
		if n.up && n.syncNs != 0 && n.syncNs < atNs {
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

func (w *world) deliver(e actors.Envelope) {
	if e.To.Kind == actors.Client {
		w.hinted(e.Message.(*msg.Hinted))
		return
	}
	if e.To.Node == 0 {
		return // an answer to a test
	}
	n := w.nodes[e.To.Node-1]
	if !n.up || n.silent || e.From.Node != 0 && w.nodes[e.From.Node-1].silent {
		return
	}
	if e.To.Kind == actors.Store {
		n.put(e.From, e.Message.(*msg.Put))
		return
	}
	n.with(func(c *actors.Context) {
		c.Sender = e.From
		n.h.Receive(c, e.Message)
		if w.rand.IntN(4) > 0 {
			n.h.Flush(c)
		} else {
			n.flushNs = w.nowNs + w.rand.Int64N(ms) // the batch is longer
		}
	})
}

// put is the store: it merges, and answers once that is synced.
func (n *node) put(from actors.Address, m *msg.Put) {
	w := n.w
	b, err := msg.Append(nil, m)
	require.NoError(w.t, err)
	w.wire += len(b)
	w.puts++
	require.Equal(w.t, msg.ForHint, m.Why)
	reply := &msg.Stored{ID: m.ID}
	for i, it := range m.Items {
		if w.layout.Bucket(it.Partition) != nil {
			require.GreaterOrEqual(w.t, w.layout.IndexOf(it.Partition, n.id), 0, "n%d got a hint of partition %d", n.id, it.Partition)
		}
		if n.refuse != 0 {
			reply.Refused = append(reply.Refused, msg.PutRefusal{Index: uint32(i), Reason: n.refuse})
			continue
		}
		old := n.store[string(it.Key)]
		n.store[string(it.Key)] = old.Merge(&it.Object)
	}
	n.waiting = append(n.waiting, actors.Envelope{Message: reply, From: n.addr(actors.Store), To: from, Durable: true})
	if n.syncNs == 0 {
		n.syncNs = w.nowNs + 1 + w.rand.Int64N(5*ms)
	}
}

// give lets a coordinator ask at to keep an object for target.
func (w *world) give(at, target kv.NodeID, keys ...string) *msg.Hint {
	w.nextID++
	m := &msg.Hint{ID: w.nextID, SentMs: w.wallMs(), Epoch: w.layout.Epoch(), Target: target}
	for _, k := range keys {
		m.Items = append(m.Items, &msg.PutItem{Partition: partitionOf(w.layout, k), Key: []byte(k), Object: w.object(k)})
	}
	w.given[m.ID] = m
	w.send(actors.Envelope{Message: m, From: actors.Address{Kind: actors.Client}, To: w.nodes[at-1].addr(actors.Handoff)})
	return m
}

func partitionOf(l *ring.Layout, key string) kv.Partition {
	return l.PartitionOf(l.Named("a"), []byte(key))
}

// object is the state after another write of some node.
func (w *world) object(key string) (o causal.Object) {
	id := causal.NewID(kv.NodeID(1+w.rand.IntN(5)), 1)
	value := causal.Value{
		Kind: kv.Value, Data: []byte(fmt.Sprintf("%s-%d", key, w.nextID)),
		Stamp: causal.Stamp{Ms: w.wallMs(), Logical: uint32(w.nextID), Node: id.Node},
	}
	if w.rand.IntN(2) == 0 {
		return o.PutNewest(value)
	}
	o, err := o.Add(causal.NewID(id.Node, kv.Incarnation(w.nextID)), 1)
	require.NoError(w.t, err)
	return o
}

func (w *world) hinted(m *msg.Hinted) {
	given := w.given[m.ID]
	if given == nil {
		return
	}
	delete(w.given, m.ID)
	refused := map[uint32]bool{}
	for _, r := range m.Refused {
		refused[r.Index] = true
	}
	for i, it := range given.Items {
		if !refused[uint32(i)] {
			w.kept = append(w.kept, promise{given.Target, it.Partition, string(it.Key), it.Object})
		}
	}
}

// checkKept requires that every hint answered for is, on disk, at its target.
func (w *world) checkKept() {
	for _, k := range w.kept {
		got := w.nodes[k.target-1].synced[k.key]
		order := got.Compare(&k.object)
		require.Zero(w.t, order&causal.Before, "n%d lacks %q of a hint that was answered for", k.target, k.key)
	}
}

func (w *world) hints() (n int) {
	for _, x := range w.nodes {
		n += x.h.Stats().Hints
	}
	return n
}
