// Package coordinate carries out the operations of one lane on buckets that are
// not strong: eventual ones (DeCandia et al., "Dynamo: Amazon's Highly Available
// Key-value Store", SOSP 2007, section 4) and abd ones (Attiya, Bar-Noy, Dolev,
// "Sharing Memory Robustly in Message-Passing Systems", JACM 1995).
//
// The way of an operation: request.go takes it in, valid.go says whether the
// bucket can do it, route.go knows the partition's replicas, write.go and
// make.go make an object of it and send that to all of them, read.go asks all
// of them and mend.go brings those level that were behind. tally.go counts
// answers, sent.go remembers what has left, again.go asks those once more that did
// not know the bucket, hint.go finds somebody to keep what a replica did not take, forward.go passes operations on, abd.go is the other
// mode, tick.go does what time asks for.
//
// Nothing is done by call that a message could do: the node's own store gets the
// same Put as the others, and counts when its own durable answer comes.
package coordinate

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// Config is what a coordinator is told at its start. Durations are nanoseconds.
type Config struct {
	Layout *ring.Layout
	Node   kv.NodeID
	Inc    kv.Incarnation
	Lane   uint32
	Lanes  int
	// Clock is the hybrid logical clock's; Node is filled in.
	Clock causal.ClockConfig

	// RequestTimeoutNs is how long an operation may take before it is answered
	// with Unavailable (nothing left) or Unknown (it may still take effect).
	RequestTimeoutNs int64
	// ResendNs is the wait before an unanswered request is repeated; it doubles.
	ResendNs int64
	// HintAfterNs is how long a replica may be silent before somebody else is
	// given what it should have stored; five times that if nobody waits for it.
	HintAfterNs int64
	// MaxSiblingBytes bounds the concurrent values of a key, in bytes together: a
	// write that would add to more is refused. Each coordinator adds only to what it
	// knows, so nodes apart may come to a multiple of it between them, and that must
	// still fit into one record and one message.
	MaxSiblingBytes int
	// MaxPending bounds the operations that wait here; above it new ones are
	// answered with Busy. As many objects at most wait for silent replicas.
	MaxPending int
}

// Defaults fills in what is zero.
func (c Config) Defaults() Config {
	def := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	def(&c.RequestTimeoutNs, 2e9)
	def(&c.ResendNs, 100e6)
	def(&c.HintAfterNs, 200e6)
	if c.MaxSiblingBytes == 0 {
		c.MaxSiblingBytes = 8 << 20
	}
	if c.MaxPending == 0 {
		c.MaxPending = 1 << 16
	}
	c.Clock.Node = c.Node
	return c
}

// Store is the read-only view of the store of the same lane and node.
type Store interface {
	// Lookup returns the object of a key and its digest, zero if there is none.
	Lookup(p kv.Partition, key []byte) (causal.Object, causal.Hash)
	// Warm begins to load n keys for look-ups that follow soon.
	Warm(n int, key func(i int) (kv.Partition, []byte))
	// Plain reports whether every object of a partition is a register alone.
	Plain(p kv.Partition) bool
	// Newest returns a stamp that none in the store is above.
	Newest() causal.Stamp
}

// Handoff is the read-only view of the handoff of the same lane and node.
type Handoff interface {
	// Lookup returns what is kept of a key for others at a time.
	Lookup(p kv.Partition, key []byte, wallMs int64) (causal.Object, bool)
	// Deleted counts the hints that have gone. While it stays, all events that
	// this node has made as a stand-in can still be looked up.
	Deleted() uint64
}

// tick is the only timer.
const tick actors.TimerID = 1

// Coordinator is the actor.
type Coordinator struct {
	cfg     Config
	store   Store
	handoff Handoff // nil: hints are sent, but none can be looked up
	clock   causal.Clock
	source  causal.Source
	deleted uint64 // Handoff.Deleted at the last event
	// standing are events made as a stand-in since the handoff was last looked at.
	standing    []*msg.PutItem
	marked      int64 // the highest mark that was persisted
	aheadTillNs int64 // until then this node's clock counts as too far ahead
	abdLast     int64 // the highest counter of a tag that this boot has issued

	peers []*peer // all members, ascending
	byID  []*peer
	self  *peer
	parts ring.Table[part]

	lastID   uint64
	sent     map[uint64]*sent
	fifo     []*sent // oldest first; some are answered
	unstored int     // items of puts in sent

	requests   []*request // open ones, in order of arrival
	pending    int        // operations in them
	held       []ref      // writes that are done, answered once there is room
	heldTillNs int64
	writes     []ref // to make at the next flush
	reads      []ref // to ask at the next flush
	unmarked   []ref // writes that wait for the clock's mark
	delayed    []ref // writes to route again at retryNs
	again      []again
	retryNs    int64
	fresh      map[string]causal.Object // objects made in this flush, by partition and key
	scratch    struct {
		key    []byte
		values []causal.Value
		clock  msg.ClockRecord
	}

	tickAtNs int64 // when the timer is set for, 0 if it is not
	stats    Stats
}

// Stats counts since the start.
type Stats struct {
	Executed, Unknown, Unavailable, Rejected uint64 // operations, by how they ended
	Forwards                                 uint64
	Resends                                  uint64
	Hints                                    uint64 // objects given to somebody to keep
	HintsRefused                             uint64 // objects that nobody keeps
	Drift                                    uint64 // objects that a store's clock refused
	Skewed                                   uint64 // writes that the own clock refused
	Mended                                   uint64 // objects sent by read repair
	Held                                     uint64 // writes whose answer had to wait for slow replicas
	Behind                                   uint64 // reads that found a replica behind
	Siblings                                 uint64 // reads that found several values
}

// peer is what is known of, and gathered for, one member.
type peer struct {
	store, handoff, coordinator actors.Address
	node                        kv.NodeID
	zone                        int
	inc                         kv.Incarnation // 0: not heard of yet
	dead                        bool
	deadAtNs                    int64 // since when
	gone                        bool  // no longer in the map
	out                         outbox
	forward                     forwarder
}

// New makes a coordinator beside the store and the handoff of its lane.
func New(cfg Config, store Store, handoff Handoff) *Coordinator {
	cfg = cfg.Defaults()
	s := &Coordinator{
		cfg: cfg, store: store, handoff: handoff,
		clock: causal.NewClock(cfg.Clock), source: causal.NewSource(causal.NewID(cfg.Node, cfg.Inc)),
		sent: map[uint64]*sent{}, fresh: map[string]causal.Object{},
		lastID: uint64(cfg.Inc) << seqBits,
	}
	s.place()
	return s
}

// Start makes the clock ready and sets the first timer. Call it once, after
// the records have been restored, before the first batch.
func (s *Coordinator) Start(c *actors.Context) {
	s.reserve(c)
	s.schedule(c)
}

// Receive implements actors.Actor.
func (s *Coordinator) Receive(c *actors.Context, m actors.Message) {
	switch m := m.(type) {
	case *msg.Ops:
		s.takeOps(c, m)
	case *msg.Stored:
		s.stored(c, m)
	case *msg.Fetched:
		s.fetched(c, m)
	case *msg.Hinted:
		s.hinted(c, m)
	case *msg.Forward:
		s.takeForward(c, m)
	case *msg.Forwarded:
		s.forwarded(c, m)
	case *msg.MarkDurable:
		s.markDurable(m)
	case *msg.PeerStatus:
		s.peerStatus(c, m)
	case actors.Timer:
		s.tickAtNs = 0
		s.onTick(c)
	default:
		panic(fmt.Sprintf("coordinate: unexpected message %T", m))
	}
}

// Flush implements actors.Actor: it starts the operations that have gathered
// and sends one message of each kind to each peer.
func (s *Coordinator) Flush(c *actors.Context) {
	s.startWrites(c)
	s.startReads(c)
	for _, p := range s.peers {
		s.flushPeer(c, p)
	}
	s.schedule(c)
}

// Stats returns the counters.
func (s *Coordinator) Stats() Stats { return s.stats }

// Pending is how many operations wait for an answer.
func (s *Coordinator) Pending() int { return s.pending }

// seqBits is the part of an id that counts; the rest is the incarnation, so
// that an answer to an earlier boot can't be taken for one to this.
const seqBits = 40

func (s *Coordinator) newID() uint64 {
	s.lastID++
	return s.lastID
}
