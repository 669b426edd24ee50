// Package handoff keeps hints: objects that a replica did not take, until it
// takes them (DeCandia et al., "Dynamo", SOSP 2007, section 4.6).
//
//   - handoff.go: the actor, and what it is told
//   - hint.go: a hint, and the hints of one target
//   - keep.go: a hint comes in, or is looked up
//   - bound.go: how much is kept, and for how long
//   - replay.go: hints are delivered
//   - place.go: a hint's bucket has gone, or its target no longer holds the partition
//   - restore.go: the journal
//
// What must hold:
//
//  1. A hint answered for is durable, and goes only when its target has said
//     that it is durable there, in the very state that was sent; or when it is
//     too old (bound.go); or when its bucket is gone.
//  2. Memory is bounded. What goes beyond is refused and counted, never
//     dropped in silence: who gave it must know that nobody keeps it.
//  3. A hint is delivered to a replica of its partition and to nobody else.
//  4. No part of a hint is older than HintTTL, or in a sloppy bucket than the
//     grace allows: causal.Collection counts on it.
package handoff

import (
	"fmt"

	"github.com/tidwall/btree"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// Config is what a handoff is told at its start. Zero means the default.
type Config struct {
	Layout *ring.Layout
	Node   kv.NodeID
	Inc    kv.Incarnation
	Lane   uint32
	Lanes  int

	// TargetBytes bounds the keys and objects kept for one node, so that a replay
	// ends in time: the default takes seven seconds at 10 MB/s. TotalBytes bounds
	// the memory of all hints. Both are of the whole node; each lane has an equal
	// share.
	TargetBytes int64
	TotalBytes  int64
	// HintTTLMs is the life of a hint (of a sloppy bucket: at least). The grace of
	// tombstones outlasts it.
	HintTTLMs int64
	// MessageTTLMs is the age at which a Hint is refused on arrival.
	MessageTTLMs int64
	// CapMs is how far a stamp may be ahead of the wall clock.
	CapMs int64

	// PutItems and PutBytes bound one delivery; a larger object goes alone.
	PutItems int
	PutBytes int
	// AnswerNs is how long the answer to a delivery is waited for at first.
	AnswerNs int64
	// BackoffNs doubles with each failure up to MaxBackoffNs.
	BackoffNs    int64
	MaxBackoffNs int64
	// ProbeNs is the time between deliveries of one hint to a node that is
	// believed dead: the detector may be wrong.
	ProbeNs int64
}

// The defaults of a Config.
const (
	DefaultTargetBytes  = 64 << 20
	DefaultTotalBytes   = 256 << 20
	DefaultHintTTLMs    = 3 * 3600 * 1000
	DefaultMessageTTLMs = 60 * 1000
	DefaultPutItems     = 256
	DefaultPutBytes     = 64 << 10
	DefaultAnswerNs     = 1e9
	DefaultBackoffNs    = 50e6
	DefaultMaxBackoffNs = 2e9
	DefaultProbeNs      = 5e9
)

func orDefault[T int | int64](v *T, otherwise T) {
	if *v == 0 {
		*v = otherwise
	}
}

func (c *Config) complete() {
	orDefault(&c.TargetBytes, DefaultTargetBytes)
	orDefault(&c.TotalBytes, DefaultTotalBytes)
	orDefault(&c.HintTTLMs, DefaultHintTTLMs)
	orDefault(&c.MessageTTLMs, DefaultMessageTTLMs)
	orDefault(&c.CapMs, causal.DefaultCapMs)
	orDefault(&c.PutItems, DefaultPutItems)
	orDefault(&c.PutBytes, DefaultPutBytes)
	orDefault(&c.AnswerNs, int64(DefaultAnswerNs))
	orDefault(&c.BackoffNs, int64(DefaultBackoffNs))
	orDefault(&c.MaxBackoffNs, int64(DefaultMaxBackoffNs))
	orDefault(&c.ProbeNs, int64(DefaultProbeNs))
}

// Handoff is the actor.
type Handoff struct {
	cfg     Config
	targets []*target            // ascending by node
	index   *btree.BTreeG[*hint] // by partition, key, target
	pivot   hint                 // what a search of it begins from; its target is lowest
	lowest  target
	bytes   int64 // in memory, of all hints
	lastID  uint64
	sweepNs int64 // when hints are next looked over for old ones
	armedNs int64 // of the timer, 0: not set
	counts  counts
	scratch struct {
		enc  []byte
		hint msg.HintRecord
		done msg.HintDoneRecord
	}
}

const timerReplay actors.TimerID = 1

// New makes a handoff without hints.
func New(cfg Config) *Handoff {
	cfg.complete()
	return &Handoff{
		cfg:   cfg,
		index: btree.NewBTreeGOptions((*hint).before, btree.Options{NoLocks: true, Degree: 64}),
		// Numbers of another boot never match: a late answer to it is none to this one.
		lastID: uint64(cfg.Inc) << 32,
	}
}

// Start begins the replay of what was restored. Call it once, before the first message.
func (h *Handoff) Start(c *actors.Context) {
	h.placeAll(c)
	h.Flush(c)
}

// Receive implements actors.Actor.
func (h *Handoff) Receive(c *actors.Context, m actors.Message) {
	switch m := m.(type) {
	case *msg.Hint:
		h.keep(c, m)
	case *msg.Stored:
		h.stored(c, m)
	case *msg.Fetch:
		h.fetch(c, m)
	case *msg.PeerStatus:
		h.peerStatus(c, m)
	case actors.Timer:
		h.armedNs = 0 // Flush does what is due
	default:
		panic(fmt.Sprintf("handoff: unexpected message %T", m))
	}
}

// Flush implements actors.Actor: deliveries that are due leave.
func (h *Handoff) Flush(c *actors.Context) {
	if h.index.Len() == 0 {
		return
	}
	h.sweep(c)
	nextNs := h.sweepNs
	for _, t := range h.targets {
		if atNs := h.pump(c, t); atNs != 0 {
			nextNs = min(nextNs, atNs)
		}
	}
	if h.index.Len() > 0 && nextNs != h.armedNs {
		c.SetTimer(timerReplay, nextNs)
		h.armedNs = nextNs
	}
}

// SetLayout tells of another epoch of the cluster map.
func (h *Handoff) SetLayout(c *actors.Context, l *ring.Layout) {
	h.cfg.Layout = l
	h.placeAll(c)
}

// Deleted counts the hints that are gone, of this boot: a coordinator that has
// made events on top of one needs a new term then (causal.Source.Renew).
func (h *Handoff) Deleted() uint64 { return h.counts.deleted }

// Pending returns how many hints wait for a node, and the bytes of their keys and objects.
func (h *Handoff) Pending(node kv.NodeID) (hints int, bytes int64) {
	if t := h.find(node); t != nil {
		return t.count, t.bytes
	}
	return 0, 0
}

// counts are of this boot.
type counts struct {
	deleted, kept, refused, delivered, expired, dropped, moved, puts, failed uint64
}

// Stats tells what a handoff holds and has done in this boot.
type Stats struct {
	Hints     int
	Bytes     int64  // in memory, an estimate
	Kept      uint64 // hints taken, those that merged into another one too
	Refused   uint64 // because a bound was reached
	Delivered uint64
	Expired   uint64 // older than HintTTL
	Dropped   uint64 // because their bucket is gone
	Moved     uint64 // to another target, because theirs no longer holds the partition, or stays away
	Puts      uint64 // deliveries begun
	Failed    uint64 // deliveries without an answer, or of which nothing was taken
	Targets   []TargetStats
}

// TargetStats tells of the hints for one node.
type TargetStats struct {
	Node     kv.NodeID
	Hints    int
	Bytes    int64 // of keys and objects
	Refused  uint64
	OldestMs int64 // when the first one in the queue was born, Unix milliseconds
	Dead     bool  // as the detector believes
}

// Stats returns a copy.
func (h *Handoff) Stats() Stats {
	n := &h.counts
	s := Stats{
		Hints: h.index.Len(), Bytes: h.bytes, Kept: n.kept, Refused: n.refused, Delivered: n.delivered, Expired: n.expired,
		Dropped: n.dropped, Moved: n.moved, Puts: n.puts, Failed: n.failed,
	}
	for _, t := range h.targets {
		ts := TargetStats{Node: t.node, Hints: t.count, Bytes: t.bytes, Refused: t.refused, Dead: t.dead}
		if t.head != nil {
			ts.OldestMs = t.head.bornMs
		}
		s.Targets = append(s.Targets, ts)
	}
	return s
}
