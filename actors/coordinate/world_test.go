package coordinate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/coordinate"
	"github.com/quoratedb/quorate/actors/handoff"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/store"
	"github.com/quoratedb/quorate/ring"
	"github.com/stretchr/testify/require"
)

const ms = int64(1e6)

// world is a cluster of one lane per node on virtual time. Messages between
// nodes take some time, may be lost, come twice, and overtake each other; disks
// take some time too, and a crash takes back what was not on them.
type world struct {
	tb     testing.TB
	rand   *rand.Rand
	ring   ring.Config
	layout *ring.Layout
	nodes  []*node // by id - 1
	queue  []event
	nowNs  int64
	seq    int
	nextID uint64
	got    map[uint64][]kv.Result

	loss, dup float64
	diskNs    int64 // 0: what is persisted is durable at once
	delayNs   int64 // a message takes from 1 to that many ns
	cut       map[kv.NodeID]bool
	answered  func(id uint64)
}

// node is one member: its actors, its disk, and what waits for that.
type node struct {
	id      kv.NodeID
	inc     kv.Incarnation
	coord   *coordinate.Coordinator
	store   *store.Store
	handoff *handoff.Handoff
	ctx     actors.Context
	down    bool
	skewMs  int64
	disk    []byte // durable records
	pending []sync
	timers  map[actors.Address]int64
}

// sync is what one batch wants on disk, and what leaves then.
type sync struct {
	records []byte
	after   []actors.Envelope
}

// event is something that happens at a node.
type event struct {
	atNs int64
	seq  int
	env  actors.Envelope
	inc  kv.Incarnation // of the destination; 0: any
	sync bool           // the disk is done with the oldest batch
}

func buckets() []kv.Bucket {
	one, quorum, all := kv.Ask{Count: 1}, kv.Ask{Level: kv.Quorum}, kv.Ask{Level: kv.All}
	return []kv.Bucket{
		{Name: "strong", Slot: 0, Created: 1, Mode: kv.Strong, N: 3},
		{Name: "lww", Slot: 1, Created: 1, Mode: kv.Eventual, N: 3, R: quorum, W: quorum, Policy: kv.LWW, Repair: kv.RepairAsync},
		{Name: "one", Slot: 2, Created: 1, Mode: kv.Eventual, N: 3, R: one, W: one, Policy: kv.LWW, Repair: kv.RepairAsync},
		{Name: "siblings", Slot: 3, Created: 1, Mode: kv.Eventual, N: 3, R: quorum, W: quorum, Policy: kv.Siblings, Repair: kv.RepairAsync},
		{Name: "counters", Slot: 4, Created: 1, Mode: kv.Eventual, N: 3, R: quorum, W: quorum, Policy: kv.Counters, Repair: kv.RepairAsync},
		{Name: "abd", Slot: 5, Created: 1, Mode: kv.ABD, N: 3},
		{Name: "blocking", Slot: 6, Created: 1, Mode: kv.Eventual, N: 3, R: quorum, W: quorum, Policy: kv.LWW, Repair: kv.RepairBlocking},
		{Name: "off", Slot: 7, Created: 1, Mode: kv.Eventual, N: 3, R: one, W: one, Policy: kv.LWW, Repair: kv.RepairOff},
		{Name: "sloppy", Slot: 8, Created: 1, Mode: kv.Eventual, N: 3, R: quorum, W: quorum, Policy: kv.LWW, Repair: kv.RepairAsync, Sloppy: true},
		{Name: "sloppy-siblings", Slot: 9, Created: 1, Mode: kv.Eventual, N: 3, R: one, W: one, Policy: kv.Siblings, Repair: kv.RepairAsync, Sloppy: true},
		{Name: "ttl", Slot: 10, Created: 1, Mode: kv.Eventual, N: 3, R: all, W: all, Policy: kv.LWW, Repair: kv.RepairAsync, TTLMs: 1000},
	}
}

func newWorld(tb testing.TB, nodes int, seed uint64) *world {
	cfg := ring.Config{Partitions: 8, VNodes: 16}
	for i := range nodes {
		cfg.Nodes = append(cfg.Nodes, ring.Node{ID: kv.NodeID(i + 1), Weight: 1, Zone: fmt.Sprint("zone", i%2)})
	}
	layout, err := ring.NewLayout(cfg, 1, buckets())
	require.NoError(tb, err)
	w := &world{
		tb: tb, rand: rand.New(rand.NewPCG(seed, 1)), ring: cfg, layout: layout, nowNs: 1e15, delayNs: ms,
		got: map[uint64][]kv.Result{}, cut: map[kv.NodeID]bool{},
	}
	for i := range nodes {
		w.nodes = append(w.nodes, &node{id: kv.NodeID(i + 1), down: true})
	}
	return w
}

// up boots every node and tells each of all others.
func (w *world) up() *world {
	for _, n := range w.nodes {
		w.boot(n)
	}
	return w
}

func (w *world) boot(n *node) {
	n.inc++
	n.down, n.pending, n.timers = false, nil, map[actors.Address]int64{}
	n.store = store.New(store.Config{Layout: w.layout, Node: n.id, Lanes: 1, Shape: causal.Shape{Buckets: 16, Fanout: 4}})
	n.handoff = handoff.New(handoff.Config{Layout: w.layout, Node: n.id, Inc: n.inc, Lanes: 1})
	n.coord = coordinate.New(coordinate.Config{Layout: w.layout, Node: n.id, Inc: n.inc, Lanes: 1}, n.store, n.handoff)
	for rest := n.disk; len(rest) > 0; {
		var payload []byte
		payload, rest = actors.NextRecord(rest)
		kind, err := msg.OwnerOf(payload)
		require.NoError(w.tb, err)
		require.NoError(w.tb, map[actors.Kind]func([]byte) error{
			actors.Coordinator: n.coord.Restore, actors.Store: n.store.Restore, actors.Handoff: n.handoff.Restore,
		}[kind](payload))
	}
	n.ctx = actors.Context{Rand: rand.New(rand.NewPCG(uint64(n.id), uint64(n.inc)))}
	w.clock(n)
	n.ctx.Self = w.address(n, actors.Store)
	n.store.SetLayout(&n.ctx, w.layout)
	n.ctx.Self = w.address(n, actors.Coordinator)
	n.coord.Start(&n.ctx)
	n.ctx.Self = w.address(n, actors.Handoff)
	n.handoff.Start(&n.ctx)
	w.take(n)
	for _, q := range w.nodes {
		w.status(n, q)
		if q != n && !q.down {
			w.status(q, n)
		}
	}
}

// crash stops a node. What is on its way to the disk may get there, from its
// beginning on.
func (w *world) crash(n *node) {
	n.down = true
	for _, s := range n.pending[:w.rand.IntN(len(n.pending)+1)] {
		n.disk = append(n.disk, s.records...)
	}
	n.pending = nil
	for _, q := range w.nodes {
		if q != n && !q.down {
			w.status(q, n)
		}
	}
}

// status tells n what became of q.
func (w *world) status(n, q *node) {
	w.believe(n, &msg.PeerStatus{Node: q.id, Inc: q.inc, Alive: !q.down, Cut: q.down})
}

func (w *world) believe(n *node, m *msg.PeerStatus) {
	self := w.address(n, actors.Coordinator)
	hand := w.address(n, actors.Handoff)
	w.step(n, actors.Envelope{From: self, To: self, Message: m}, actors.Envelope{From: self, To: hand, Message: m})
}

func (w *world) address(n *node, k actors.Kind) actors.Address {
	return actors.Address{Node: n.id, Kind: k}
}

func (w *world) clock(n *node) {
	n.ctx.NowNs, n.ctx.WallMs = w.nowNs, w.nowNs/ms+n.skewMs
}

// step runs a batch as a lane does: what the node's actors say to each other is
// delivered within it.
func (w *world) step(n *node, batch ...actors.Envelope) {
	w.clock(n)
	for i := range batch {
		w.deliver(n, &batch[i])
	}
	w.local(n, 0)
	for range 64 {
		before := len(n.ctx.Envelopes)
		for _, k := range []actors.Kind{actors.Store, actors.Handoff, actors.Coordinator} {
			n.ctx.Self = w.address(n, k)
			w.actor(n, k).Flush(&n.ctx)
		}
		if len(n.ctx.Envelopes) == before {
			w.take(n)
			return
		}
		w.local(n, before)
	}
	w.tb.Fatal("a lane still talks to itself")
}

func (w *world) actor(n *node, k actors.Kind) actors.Actor {
	switch k {
	case actors.Coordinator:
		return n.coord
	case actors.Store:
		return n.store
	}
	return n.handoff
}

func (w *world) deliver(n *node, e *actors.Envelope) {
	n.ctx.Self, n.ctx.Sender = e.To, e.From
	w.actor(n, e.To.Kind).Receive(&n.ctx, e.Message)
}

func (w *world) local(n *node, from int) {
	kept := from
	for i := from; i < len(n.ctx.Envelopes); i++ {
		e := n.ctx.Envelopes[i]
		now := !e.Durable || w.diskNs == 0 || len(n.pending) == 0 && len(n.ctx.Records) == 0
		if now && e.To.Node == n.id && e.To.Kind != actors.Client {
			w.deliver(n, &e)
			continue
		}
		n.ctx.Envelopes[kept] = e
		kept++
	}
	n.ctx.Envelopes = n.ctx.Envelopes[:kept]
}

// take carries out the effects of a batch.
func (w *world) take(n *node) {
	for _, t := range n.ctx.Timers {
		n.timers[t.Actor] = t.AtNs
	}
	s := sync{records: slices.Clone(n.ctx.Records)}
	wait := w.diskNs > 0 && (len(s.records) > 0 || len(n.pending) > 0)
	for _, e := range n.ctx.Envelopes {
		if e.Durable && wait {
			s.after = append(s.after, e)
		} else {
			w.send(e)
		}
	}
	n.ctx.Effects = actors.Effects{}
	switch {
	case !wait:
		n.disk = append(n.disk, s.records...)
	case len(s.records) > 0 || len(s.after) > 0:
		n.pending = append(n.pending, s)
		if len(n.pending) == 1 {
			w.startSync(n)
		}
	}
}

func (w *world) startSync(n *node) {
	w.push(event{atNs: w.nowNs + w.rand.Int64N(w.diskNs) + 1, env: actors.Envelope{To: w.address(n, actors.Store)}, inc: n.inc, sync: true})
}

func (w *world) send(e actors.Envelope) {
	if e.To.Kind == actors.Client {
		r := e.Message.(*msg.Results)
		require.Nil(w.tb, w.got[r.ID], "two answers to request %d", r.ID)
		w.got[r.ID] = r.Results
		if w.answered != nil {
			w.answered(r.ID)
		}
		return
	}
	local := e.To.Node == e.From.Node
	if !local {
		b, err := msg.Append(nil, e.Message)
		require.NoError(w.tb, err)
		e.Message, err = msg.Decode(b)
		require.NoError(w.tb, err)
	}
	for range 1 + boolInt(!local && w.rand.Float64() < w.dup) {
		if local {
			w.push(event{atNs: w.nowNs, env: e, inc: w.nodes[e.To.Node-1].inc})
		} else if w.rand.Float64() >= w.loss {
			w.push(event{atNs: w.nowNs + 1 + w.rand.Int64N(w.delayNs), env: e})
		}
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (w *world) push(e event) {
	w.seq++
	e.seq = w.seq
	w.queue = append(w.queue, e)
}

// pop takes the next event out, up to a time.
func (w *world) pop(untilNs int64) (event, bool) {
	best := -1
	for i := range w.queue {
		e := &w.queue[i]
		if e.atNs <= untilNs && (best < 0 || e.atNs < w.queue[best].atNs || e.atNs == w.queue[best].atNs && e.seq < w.queue[best].seq) {
			best = i
		}
	}
	if best < 0 {
		return event{}, false
	}
	e := w.queue[best]
	w.queue[best] = w.queue[len(w.queue)-1]
	w.queue = w.queue[:len(w.queue)-1]
	return e, true
}

// run lets time pass.
func (w *world) run(forNs int64) {
	until := w.nowNs + forNs
	for {
		limit, at, whose := until, actors.Address{}, (*node)(nil)
		for _, n := range w.nodes {
			for _, k := range []actors.Kind{actors.Coordinator, actors.Handoff} {
				a := w.address(n, k)
				if t := n.timers[a]; !n.down && t > 0 && t <= limit {
					limit, at, whose = t, a, n
				}
			}
		}
		if e, ok := w.pop(limit); ok {
			w.nowNs = max(w.nowNs, e.atNs)
			w.happen(&e)
			continue
		}
		if whose == nil {
			w.nowNs = until
			return
		}
		w.nowNs = max(w.nowNs, limit)
		whose.timers[at] = 0
		w.step(whose, actors.Envelope{From: at, To: at, Message: actors.Timer{ID: 1}})
	}
}

func (w *world) happen(e *event) {
	n := w.nodes[e.env.To.Node-1]
	if n.down || e.inc != 0 && e.inc != n.inc {
		return
	}
	if e.sync {
		s := n.pending[0]
		n.pending = n.pending[1:]
		n.disk = append(n.disk, s.records...)
		for _, m := range s.after {
			w.send(m)
		}
		if len(n.pending) > 0 {
			w.startSync(n)
		}
		return
	}
	if from := e.env.From.Node; from != n.id && (w.cut[from] || w.cut[n.id]) {
		return
	}
	w.step(n, e.env)
}

// ask sends operations to a node; the answer is in w.got[id] once there.
func (w *world) ask(at int, bucket string, ops ...kv.Op) uint64 {
	w.nextID++
	m := &msg.Ops{ID: w.nextID}
	b := w.layout.Named(bucket)
	for _, op := range ops {
		m.Ops = append(m.Ops, msg.Op{Op: op, Partition: w.layout.PartitionOf(b, op.Key)})
	}
	n := w.nodes[at-1]
	require.False(w.tb, n.down)
	w.step(n, actors.Envelope{From: w.address(n, actors.Client), To: w.address(n, actors.Coordinator), Message: m})
	return m.ID
}

// do carries operations out to their answer.
func (w *world) do(at int, bucket string, ops ...kv.Op) []kv.Result {
	id := w.ask(at, bucket, ops...)
	for range 10_000 {
		if r := w.got[id]; r != nil {
			return r
		}
		w.run(ms)
	}
	w.tb.Fatal("no answer within ten seconds")
	return nil
}

func (w *world) one(at int, bucket string, op kv.Op) kv.Result { return w.do(at, bucket, op)[0] }

func set(key, value string) kv.Op {
	return kv.Op{Kind: kv.OpSet, Key: []byte(key), Value: []byte(value)}
}
func get(key string) kv.Op { return kv.Op{Kind: kv.OpGet, Key: []byte(key)} }
func del(key string) kv.Op { return kv.Op{Kind: kv.OpDelete, Key: []byte(key)} }
func incr(key string, by int64) kv.Op {
	return kv.Op{Kind: kv.OpIncr, Key: []byte(key), Delta: by}
}

func tuned(op kv.Op, t kv.Tuning) kv.Op {
	op.Tuning = &t
	return op
}

// prefs returns the nodes that hold a key.
func (w *world) prefs(bucket, key string) []kv.NodeID {
	return w.layout.Preference(w.layout.PartitionOf(w.layout.Named(bucket), []byte(key)))
}

// holds returns the object of a key at a node.
func (w *world) holds(id kv.NodeID, bucket, key string) causal.Object {
	o, _ := w.nodes[id-1].store.Lookup(w.layout.PartitionOf(w.layout.Named(bucket), []byte(key)), []byte(key))
	return o
}
