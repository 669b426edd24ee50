package sim

import (
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
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
	// Replicas names the nodes that hold each partition, the default owner first.
	Replicas [][]kv.NodeID
	Voters   []kv.NodeID // those that hold the system partition
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

// MessageStep is one thing that happens to a message between nodes, or between
// a node and a client beside it. A message is known by its pointer, sender and destination.
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

// Call ties an operation of the history to the client and the node it was sent to.
type Call struct {
	AtNs   int64
	Op     int // index into the history
	Client int
	Node   kv.NodeID
	ID     uint64 // of the msg.Ops and msg.Results
}

// recorder fills a Recording. Without one (nil) its methods do nothing.
type recorder struct {
	w   *World
	rec Recording
	// owned is what each node was last seen to own, by node index and partition.
	owned [][]kv.Ballot
}

func newRecorder(w *World) *recorder {
	r := &recorder{w: w}
	for range w.cfg.Nodes {
		r.owned = append(r.owned, make([]kv.Ballot, w.cfg.Partitions))
	}
	r.rec.Voters = slices.Clone(w.layout.Preference(ring.SystemPartition))
	for p := range w.cfg.Partitions {
		r.rec.Replicas = append(r.rec.Replicas, slices.Clone(w.layout.Preference(kv.Partition(p))))
	}
	return r
}

// recording is the result: nil if nothing was recorded.
func (r *recorder) recording() *Recording {
	if r == nil {
		return nil
	}
	r.rec.HealNs = r.w.healNs
	return &r.rec
}

func (r *recorder) message(env *actors.Envelope, fate MessageFate, arriveNs int64) {
	if r == nil || env.From == env.To && env.From.Kind == actors.Detector || env.From.Node == env.To.Node && !atEdge(env) {
		return
	}
	r.rec.Messages = append(r.rec.Messages, MessageStep{AtNs: r.w.nowNs, ArriveNs: arriveNs, Env: *env, Fate: fate})
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
		for p := range r.owned[n.idx] {
			r.owns(n, kv.Partition(p), kv.Ballot{})
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
	for _, f := range c.flight {
		r.rec.Calls = append(r.rec.Calls, Call{AtNs: r.w.nowNs, Op: f.handle, Client: i, Node: c.node, ID: partID(c.id, f.part)})
	}
}

// stepped looks whether a lane's batch has changed what the lane owns.
func (r *recorder) stepped(n *node, lane int) {
	if r == nil {
		return
	}
	for p := lane; p < r.w.cfg.Partitions; p += r.w.cfg.Lanes {
		ballot, ok := n.sys.Lanes[lane].Shard.Owns(kv.Partition(p))
		if !ok {
			ballot = kv.Ballot{}
		}
		r.owns(n, kv.Partition(p), ballot)
	}
}

// owns records a change of ownership; the zero ballot stands for none.
func (r *recorder) owns(n *node, p kv.Partition, b kv.Ballot) {
	old := r.owned[n.idx][p]
	if old == b {
		return
	}
	r.owned[n.idx][p] = b
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
