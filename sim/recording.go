package sim

import (
	"maps"
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// Recording is what a run looked like from outside, for a picture of it. It is
// kept with Options.Record only; nothing in a run depends on it. Every list is
// in the order of events; times are virtual nanoseconds.
type Recording struct {
	Messages []MessageStep
	Nodes    []NodeStep
	Faults   []FaultStep
	Owners   []OwnerStep
	Calls    []Call
	HealNs   int64 // when the safety phase ended; 0 if it did not
	// Placements say where partitions are: all that there are at the start, and
	// those of buckets that come or change, from when the first node knew of it.
	Placements []Placement
	// Zones are the zones of the nodes, by index.
	Zones []int
	// MapClients is how many clients the MapOps of the plan have between them. They
	// are numbered from Config.Clients on.
	MapClients int
}

// Placement says which nodes hold a partition from a time on.
type Placement struct {
	AtNs      int64
	Partition kv.Partition
	Bucket    *kv.Bucket  // nil: the system partition, or the slot is free
	Replicas  []kv.NodeID // the default owner first
}

// MessageFate is what a MessageStep tells.
type MessageFate uint8

// The fates. A message that is sent is lost, refused or handled, once for each
// copy; one that is none of them was still on its way when the run or its node ended.
const (
	MessageSent    MessageFate = iota + 1 // it leaves; one step for each copy
	MessageLost                           // it leaves and the network drops it
	MessageRefused                        // it arrives where no process listens
	MessageHandled                        // an actor takes it
)

// MessageStep is one thing that happens to a message between nodes, between a
// node and a client beside it, or between a node's coordinator and its own store
// and handoff. A message is known by its pointer, sender and destination.
type MessageStep struct {
	AtNs     int64
	ArriveNs int64 // MessageSent: when it is due
	Env      actors.Envelope
	Fate     MessageFate
}

// NodeChange is what a NodeStep tells.
type NodeChange uint8

// The changes. A sync that does not end was cut short by a crash.
const (
	NodeBoots      NodeChange = iota + 1 // it is up
	NodeCrashes                          // its process ends
	NodeLosesPower                       // so does its machine, with what was not synced
	NodeBootFails                        // its log can't be opened or written
	SyncBegins                           // a group commit
	SyncEnds
)

// NodeStep is one change of a node.
type NodeStep struct {
	AtNs   int64
	Node   kv.NodeID
	Change NodeChange
	Inc    kv.Incarnation // NodeBoots
}

// FaultStep is the beginning or the end of a fault.
type FaultStep struct {
	AtNs   int64
	Fault  *Fault
	Nodes  uint32 // bit mask: bit 0 is node 1
	Begins bool
}

// OwnerStep says that a node began or ceased to act as the owner of a partition.
type OwnerStep struct {
	AtNs      int64
	Node      kv.NodeID
	Partition kv.Partition
	Ballot    kv.Ballot
	Owns      bool
}

// Call ties an operation of the history, or a change of the map, to the client
// and the node it was sent to.
type Call struct {
	AtNs      int64
	Op        int // index into the history; -1: a change
	Change    int // index into Result.Changes; -1: an operation
	Client    int
	Node      kv.NodeID
	Partition kv.Partition // of the operation's key
	Place     int          // among the operations of the msg.Ops
	ID        uint64       // of the msg.Ops and msg.Results, or msg.MapChange and msg.MapChanged
}

// recorder fills a Recording. Without one (nil) its methods do nothing.
type recorder struct {
	w   *World
	rec Recording
	// owned is what each node was last seen to own, by node index and partition.
	owned  []map[kv.Partition]kv.Ballot
	layout *ring.Layout // the newest that was seen
}

func newRecorder(w *World) *recorder {
	r := &recorder{w: w}
	for i := range w.cfg.Nodes {
		r.rec.Zones = append(r.rec.Zones, w.layout.Zone(kv.NodeID(i+1)))
		r.owned = append(r.owned, map[kv.Partition]kv.Ballot{})
	}
	r.places(w.layout)
	return r
}

// places records what is placed otherwise than by the last layout that was seen.
func (r *recorder) places(l *ring.Layout) {
	old := r.layout
	if old != nil && l.Epoch() <= old.Epoch() {
		return
	}
	r.layout = l
	l.Each(func(p kv.Partition) {
		b := l.Bucket(p)
		if old != nil && (p == ring.SystemPartition || sameBucket(old.Bucket(p), b)) {
			return
		}
		r.rec.Placements = append(r.rec.Placements, Placement{AtNs: r.w.nowNs, Partition: p, Bucket: b,
			Replicas: slices.Clone(l.Preference(p))})
	})
}

func sameBucket(a, b *kv.Bucket) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// recording is the result: nil if nothing was recorded.
func (r *recorder) recording() *Recording {
	if r == nil {
		return nil
	}
	r.rec.HealNs, r.rec.MapClients = r.w.healNs, len(r.w.maps.clients)
	return &r.rec
}

func (r *recorder) message(env *actors.Envelope, fate MessageFate, arriveNs int64) {
	if r == nil || env.From.Node == env.To.Node && !atEdge(env) && !counts(env) {
		return
	}
	step := MessageStep{AtNs: r.w.nowNs, ArriveNs: arriveNs, Env: *env, Fate: fate}
	for _, end := range []*actors.Address{&step.Env.From, &step.Env.To} {
		if end.Kind == actors.Client && int(end.Index) == len(r.w.clients) {
			end.Index += uint32(r.w.maps.asked[mapOpOf(env.Message)].client)
		}
	}
	r.rec.Messages = append(r.rec.Messages, step)
}

// counts reports whether a message within a node is a coordinator's question to
// the node's own store or handoff, or the answer: that replica counts as others do.
func counts(env *actors.Envelope) bool {
	other := env.From.Kind
	switch {
	case env.From.Kind == actors.Coordinator:
		other = env.To.Kind
	case env.To.Kind != actors.Coordinator:
		return false
	}
	return other == actors.Store || other == actors.Handoff
}

// mapOpOf is the operation that a message to or from an edge of the map is about.
func mapOpOf(m actors.Message) int {
	id := uint64(0)
	switch m := m.(type) {
	case *msg.Ops:
		id = m.ID
	case *msg.Results:
		id = m.ID
	case *msg.MapChange:
		id = m.ID
	case *msg.MapChanged:
		id = m.ID
	}
	return int(uint32(id))
}

// atEdge reports whether a message comes from or goes to a client.
func atEdge(env *actors.Envelope) bool {
	return env.From.Kind == actors.Client || env.To.Kind == actors.Client
}

func (r *recorder) node(n *node, change NodeChange) {
	if r == nil {
		return
	}
	r.rec.Nodes = append(r.rec.Nodes, NodeStep{AtNs: r.w.nowNs, Node: n.id, Change: change, Inc: n.inc})
	if change == NodeCrashes || change == NodeLosesPower {
		for _, p := range slices.Sorted(maps.Keys(r.owned[n.idx])) {
			r.owns(n, p, kv.Ballot{})
		}
	}
}

func (r *recorder) fault(a *activeFault, begins bool) {
	if r != nil {
		r.rec.Faults = append(r.rec.Faults, FaultStep{AtNs: r.w.nowNs, Fault: a.fault, Nodes: a.nodes, Begins: begins})
	}
}

func (r *recorder) calls(i int, c *client) {
	if r == nil {
		return
	}
	place := make([]int, len(c.flight)) // by part: how many operations of it there were
	for _, f := range c.flight {
		r.rec.Calls = append(r.rec.Calls, Call{AtNs: r.w.nowNs, Op: f.handle, Change: -1, Client: i, Node: c.node,
			Partition: partitionOf(r.w.layout, &r.w.cfg.Keys[f.op.Key]), Place: place[f.part], ID: partID(c.id, f.part)})
		place[f.part]++
	}
}

// mapCall is calls for a MapOp.
func (r *recorder) mapCall(a *mapAsked, i int, env *actors.Envelope) {
	if r == nil {
		return
	}
	call := Call{AtNs: r.w.nowNs, Op: -1, Change: a.handle, Client: len(r.w.clients) + a.client, Node: a.op.Node, Partition: ring.SystemPartition, ID: r.w.maps.id(i)}
	if m, ok := env.Message.(*msg.Ops); ok {
		call.Op, call.Change, call.Partition = a.handle, -1, m.Ops[0].Partition
	}
	r.rec.Calls = append(r.rec.Calls, call)
}

// stepped looks whether a lane's batch has changed what the lane owns, and
// whether its node knows of a newer map.
func (r *recorder) stepped(n *node, lane int) {
	if r == nil {
		return
	}
	l := n.sys.Published()
	r.places(l)
	for _, p := range slices.Sorted(maps.Keys(r.owned[n.idx])) {
		if l.Mode(p) != kv.Strong { // its bucket is gone
			r.owns(n, p, kv.Ballot{})
		}
	}
	l.Each(func(p kv.Partition) {
		if l.Mode(p) != kv.Strong || int(actors.LaneOf(p, r.w.cfg.Lanes)) != lane {
			return
		}
		ballot, ok := n.sys.Lanes[lane].Shard.Owns(p)
		if !ok {
			ballot = kv.Ballot{}
		}
		r.owns(n, p, ballot)
	})
}

// owns records a change of ownership; the zero ballot stands for none.
func (r *recorder) owns(n *node, p kv.Partition, b kv.Ballot) {
	old := r.owned[n.idx][p]
	if old == b {
		return
	}
	if r.owned[n.idx][p] = b; b.IsZero() {
		delete(r.owned[n.idx], p)
	}
	step := OwnerStep{AtNs: r.w.nowNs, Node: n.id, Partition: p}
	if !old.IsZero() {
		step.Ballot = old
		r.rec.Owners = append(r.rec.Owners, step)
	}
	if !b.IsZero() {
		step.Ballot, step.Owns = b, true
		r.rec.Owners = append(r.rec.Owners, step)
	}
}
