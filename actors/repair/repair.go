// Package repair brings the replicas of eventual and abd buckets together
// without any client's help: anti-entropy by Merkle trees (DeCandia et al.,
// "Dynamo", SOSP 2007, section 4.7), and the collection of tombstones.
//
//   - repair.go: the actor, and what it is told
//   - round.go: with whom trees are compared, and when
//   - session.go: one partition and one peer, from the first question to the last
//   - mark.go: what is said of a key in few bytes, and what follows
//   - answer.go: the other side of a session
//   - question.go: waiting for an answer; how fast data may move
//   - collect.go: when tombstones go
//   - leave.go: a copy of a partition that other nodes hold now is delivered and dropped
//   - progress.go: statistics
//
// What must hold:
//
//  1. Objects move by Put and merge like any write, so a session may end
//     anywhere, and happen twice.
//  2. What a session takes for equal is equal, but for collisions of hashes
//     that the next session salts anew.
//  3. A partition is in one session at a time on each node: two peers that both
//     miss nothing would otherwise send a third one the same objects.
package repair

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// Store is a read-only view of the lane's store.
type Store interface {
	// Tree returns the Merkle tree of a partition, that of no key if none is held.
	Tree(p kv.Partition) *causal.Tree
	// List returns keys and digests of a bucket of the tree, ascending by key
	// after the key after (nil: all), limit at most, and whether there are more.
	List(p kv.Partition, bucket uint32, after []byte, limit int) (keys []causal.KeyDigest, more bool)
	// Lookup returns the object of a key and its digest, zero if there is none.
	Lookup(p kv.Partition, key []byte) (causal.Object, causal.Hash)
	// Dead returns the keys of a bucket whose objects are dead at nowMs
	// (causal.Object.DeadSinceMs), since before beforeMs.
	Dead(p kv.Partition, bucket uint32, nowMs, beforeMs int64) []causal.KeyDigest
	// Keys returns how many keys of a partition are held, dead ones included.
	Keys(p kv.Partition) int
	// Shape is that of all trees.
	Shape() causal.Shape
}

// Hints is a read-only view of the lane's handoff.
type Hints interface {
	// Waits reports whether a hint of a key is kept, for whomever.
	Waits(p kv.Partition, key []byte) bool
	// Pending returns how many hints wait for a node, and their bytes.
	Pending(node kv.NodeID) (hints int, bytes int64)
}

// Config is what a repair is told at its start. Zero means the default.
type Config struct {
	Layout *ring.Layout
	Node   kv.NodeID
	Inc    kv.Incarnation
	Lane   uint32
	Lanes  int
	Store  Store
	Hints  Hints

	// IntervalNs is the time between two comparisons with a peer, give or take a fifth.
	IntervalNs int64
	// SettleNs is how long a peer that came back, or this node after its start,
	// is left to the hints of others first.
	SettleNs int64
	// RateBytes bounds what sessions that this node began move, in bytes per
	// second; each lane has an equal share.
	RateBytes int64
	// AnswerNs is how long an answer is waited for at first.
	AnswerNs int64
	// PutItems and PutBytes bound the objects of one message; a larger one goes alone.
	PutItems int
	PutBytes int

	// GraceMs is for buckets that name none: the time after which a dead object
	// may be collected. It must outlast HintTTLMs + MessageTTLMs + DriftMs.
	GraceMs      int64
	HintTTLMs    int64
	MessageTTLMs int64
	DriftMs      int64
	// OperationMs is how long an operation may hold on to an object that it has
	// read before it sends it on.
	OperationMs int64
	// CollectNs is the time in which all dead objects are looked at once.
	CollectNs int64
}

// The defaults of a Config.
const (
	DefaultIntervalNs   = 10e9
	DefaultSettleNs     = 10e9
	DefaultRateBytes    = 16 << 20
	DefaultAnswerNs     = 1e9
	DefaultPutItems     = 512
	DefaultPutBytes     = 64 << 10
	DefaultGraceMs      = 24 * 3600 * 1000
	DefaultHintTTLMs    = 3 * 3600 * 1000
	DefaultMessageTTLMs = 60 * 1000
	DefaultDriftMs      = causal.DefaultCapMs
	DefaultOperationMs  = 30 * 1000
	DefaultCollectNs    = 600e9
)

func orDefault[T int | int64](v *T, otherwise T) {
	if *v == 0 {
		*v = otherwise
	}
}

func (c *Config) complete() {
	orDefault(&c.IntervalNs, int64(DefaultIntervalNs))
	orDefault(&c.SettleNs, int64(DefaultSettleNs))
	orDefault(&c.RateBytes, DefaultRateBytes)
	orDefault(&c.AnswerNs, int64(DefaultAnswerNs))
	orDefault(&c.PutItems, DefaultPutItems)
	orDefault(&c.PutBytes, DefaultPutBytes)
	orDefault(&c.GraceMs, DefaultGraceMs)
	orDefault(&c.HintTTLMs, DefaultHintTTLMs)
	orDefault(&c.MessageTTLMs, DefaultMessageTTLMs)
	orDefault(&c.DriftMs, DefaultDriftMs)
	orDefault(&c.OperationMs, DefaultOperationMs)
	orDefault(&c.CollectNs, int64(DefaultCollectNs))
}

// GraceOf returns after how many milliseconds a dead object of the bucket may
// be collected. The error says that this is too early, and what is allowed.
func (c Config) GraceOf(b *kv.Bucket) (int64, error) {
	c.complete()
	graceMs := b.GraceMs
	orDefault(&graceMs, c.GraceMs)
	if least := c.HintTTLMs + c.MessageTTLMs + c.DriftMs; graceMs <= least {
		return graceMs, fmt.Errorf("repair: bucket %q has a grace of %d ms, it must be more than %d ms: the lives of a hint and of a message, and the drift of clocks",
			b.Name, graceMs, least)
	}
	return graceMs, nil
}

// Repair is the actor.
type Repair struct {
	cfg     Config
	peers   []peer // that share partitions with this node, ascending by node
	session *session
	queue   []job
	held    []hold // partitions that are in a session
	budget  budget
	collect collector
	leaving leaving
	lastID  uint64
	armedNs int64 // of the timer, 0: not set
	stirred bool  // something has come since the last Flush
	counts  counts
}

const timerRepair actors.TimerID = 1

// New makes a repair.
func New(cfg Config) *Repair {
	cfg.complete()
	// Numbers of another boot never match: a late answer to it is none to this one.
	return &Repair{cfg: cfg, lastID: uint64(cfg.Inc) << 32}
}

// Start sets the first timer. Call it once, before the first message.
func (r *Repair) Start(c *actors.Context) {
	r.budget.start(c, r.cfg.RateBytes/int64(r.cfg.Lanes))
	r.SetLayout(c, r.cfg.Layout)
	r.collect.nextNs = c.NowNs + r.cfg.SettleNs
	r.Flush(c)
}

// Receive implements actors.Actor.
func (r *Repair) Receive(c *actors.Context, m actors.Message) {
	r.stirred = true
	switch m := m.(type) {
	case actors.Timer:
		r.armedNs = 0 // Flush does what is due
	case *msg.PeerStatus:
		r.peerStatus(c, m)
	case *msg.Compare:
		r.compare(c, m)
	case *msg.TreeAsk:
		r.treeAsk(c, m)
	case *msg.ListBuckets:
		r.listBuckets(c, m)
	case *msg.Want:
		r.want(c, m)
	case *msg.AskDead:
		r.askDead(c, m)
	case *msg.Compared:
		r.compared(c, m)
	case *msg.TreeTold:
		r.treeTold(c, m)
	case *msg.BucketsListed:
		r.bucketsListed(c, m)
	case *msg.Given:
		r.given(c, m)
	case *msg.Stored:
		r.stored(c, m)
	case *msg.Fetched:
		r.fetched(c, m)
	case *msg.DeadTold:
		r.deadTold(c, m)
	default:
		panic(fmt.Sprintf("repair: unexpected message %T", m))
	}
}

// Flush implements actors.Actor: what is due is done.
func (r *Repair) Flush(c *actors.Context) {
	if !r.stirred && c.NowNs < r.armedNs {
		return
	}
	r.stirred = false
	nextNs := min(r.pumpPeers(c), r.pumpSession(c), r.pumpCollection(c), r.pumpLeaving(c))
	if nextNs != r.armedNs {
		r.armedNs = nextNs
		if nextNs != never {
			c.SetTimer(timerRepair, nextNs)
		}
	}
}

// SetLayout tells of another epoch of the cluster map.
func (r *Repair) SetLayout(c *actors.Context, l *ring.Layout) {
	r.cfg.Layout = l
	r.findPeers(c)
	r.collect.setLayout(c, r)
	r.findLeaving(c)
	r.stirred = true
}

// at is an actor of this lane on some node.
func (r *Repair) at(node kv.NodeID, kind actors.Kind) actors.Address {
	return actors.Address{Node: node, Kind: kind, Index: r.cfg.Lane}
}

// shares reports whether a partition is this lane's and replicated here and there.
func (r *Repair) shares(p kv.Partition, node kv.NodeID) bool {
	b := r.cfg.Layout.Bucket(p)
	return b != nil && b.Mode != kv.Strong && actors.LaneOf(p, r.cfg.Lanes) == r.cfg.Lane &&
		r.cfg.Layout.IndexOf(p, r.cfg.Node) >= 0 && r.cfg.Layout.IndexOf(p, node) >= 0
}
