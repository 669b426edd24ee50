// Package store holds one lane's copy of the partitions of eventual and abd
// buckets: an object per key (causal.Object) and a Merkle tree per partition.
//
// There is one way in: Put, which merges. Writes of clients, read repair, hints
// and anti-entropy all come that way, so their order, their number and how often
// each arrives make no difference. Nothing is ever overwritten by something that
// does not know of it.
//
// put.go merges, fetch.go answers reads, view.go is what the lane's other actors
// see, forget.go drops collected tombstones and copies that have moved, restore.go is the journal's side,
// partition.go holds it all.
package store

import (
	"fmt"

	"github.com/pingcap/failpoint"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// DefaultMessageTTLMs is how old a Put may be when it arrives.
const DefaultMessageTTLMs = 60_000

// Config is what a store is told at its start.
type Config struct {
	Layout *ring.Layout // may hold no bucket yet: SetLayout follows
	Node   kv.NodeID
	Lane   uint32
	Lanes  int
	// Clock is that of the lane's coordinator; of it the store uses the cap.
	Clock causal.ClockConfig
	// Shape is that of the Merkle trees, the same on all nodes; zero: the default.
	Shape causal.Shape
	// Seed is for the tables of keys: chance where clients may be hostile.
	Seed uint64
	// MessageTTLMs is how old a Put may be when it arrives, milliseconds.
	MessageTTLMs int64
}

// Store is the actor.
type Store struct {
	cfg    Config
	clock  causal.Clock // judges stamps, gives none out
	newest causal.Stamp // of all objects that came in, restored ones included
	parts  ring.Table[partition]
	blank  *causal.Tree // of every partition without a key
	stats  Stats

	scratch struct { // on their way into the context, so that none is allocated
		object msg.ObjectRecord
		forget msg.ForgetRecord
		life   msg.LifeRecord
	}
	listed []*entry // scratch for sorting
	warm   []hashes // of the batch
	warmed uint64   // so that nobody thinks that warming is for nothing
}

// Stats counts since the start.
type Stats struct {
	Merged  [5]uint64 // items that changed something, by msg.Why
	Known   [5]uint64 // items that brought nothing new, by msg.Why
	Refused [6]uint64 // items, by msg.PutReason
	Fetched uint64    // items answered with an object
	Same    uint64    // items answered with Same
	Forgot  uint64    // tombstones dropped
	Left    uint64    // copies of partitions dropped, which have moved to other nodes
	Keys    uint64    // held now, tombstones included
	Bytes   uint64    // of those keys and their values
}

// New makes an empty store.
func New(cfg Config) *Store {
	if cfg.Shape == (causal.Shape{}) {
		cfg.Shape = causal.Shape{Buckets: causal.DefaultBuckets, Fanout: causal.DefaultFanout}
	}
	if cfg.MessageTTLMs == 0 {
		cfg.MessageTTLMs = DefaultMessageTTLMs
	}
	return &Store{cfg: cfg, clock: causal.NewClock(cfg.Clock), blank: causal.NewTree(cfg.Shape)}
}

// Receive implements actors.Actor.
func (s *Store) Receive(c *actors.Context, m actors.Message) {
	switch m := m.(type) {
	case *msg.Put:
		s.put(c, m)
	case *msg.Fetch:
		s.fetch(c, m)
	case *msg.Forget:
		s.forget(c, m)
	case *msg.Leave:
		s.leave(c, m)
	case *msg.Count:
		s.count(c, m)
	default:
		panic(fmt.Sprintf("store: unexpected message %T", m))
	}
}

// Flush implements actors.Actor. A store answers at once: a request is a batch already.
func (s *Store) Flush(*actors.Context) {}

// Stats returns the counters.
func (s *Store) Stats() Stats { return s.stats }

// SetLayout takes a newer map in. What is held of a bucket that is gone, or of
// an earlier bucket with the same partitions, is discarded, durably.
func (s *Store) SetLayout(c *actors.Context, l *ring.Layout) {
	s.cfg.Layout = l
	for id, p := range s.parts.All() {
		var created kv.Epoch
		if b := l.Bucket(id); b != nil && b.Mode != kv.Strong {
			created = b.Created
		}
		if p.created == created {
			continue
		}
		s.drop(p)
		s.begin(c, id, created)
	}
}

// drop takes a partition's objects away, in memory.
func (s *Store) drop(p *partition) {
	s.stats.Keys -= uint64(p.entries.Len())
	s.stats.Bytes -= p.bytes
	s.parts.Set(p.id, nil)
}

// begin starts a partition's life, durably.
func (s *Store) begin(c *actors.Context, id kv.Partition, created kv.Epoch) *partition {
	p := newPartition(id, created, s.cfg.Shape, s.cfg.Seed)
	s.parts.Set(id, p)
	s.scratch.life = msg.LifeRecord{Partition: id, Created: created}
	c.Persist(&s.scratch.life)
	return p
}

// home returns why a partition can't be written or read here, 0 if it can. A
// sender whose map is older than the bucket means another bucket. One whose map
// is newer means this one: its slot is given away only after this node has
// confirmed that the bucket is gone.
func (s *Store) home(id kv.Partition, epoch kv.Epoch) msg.PutReason {
	if p := s.parts.At(id); p != nil && p.at == s.cfg.Layout && epoch >= p.created {
		return 0
	}
	b := s.cfg.Layout.Bucket(id)
	old := b != nil && epoch < b.Created
	failpoint.Inject("bug-42-stale-epoch-accepted", func() { old = false })
	switch {
	case b == nil || b.Mode == kv.Strong || old:
		return msg.ByMap
	case s.cfg.Layout.IndexOf(id, s.cfg.Node) < 0:
		return msg.ByPlace
	}
	if p := s.parts.At(id); p != nil && p.created == b.Created {
		p.at = s.cfg.Layout
	}
	return 0
}

func (s *Store) count(c *actors.Context, m *msg.Count) {
	reply := &msg.Counted{ID: m.ID}
	for _, id := range m.Partitions {
		if p := s.parts.At(id); p != nil {
			reply.Keys += uint64(p.live)
			reply.Bytes += p.bytes
		}
	}
	c.Send(c.Sender, reply)
}
