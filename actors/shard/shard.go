// Package shard coordinates operations on the partitions of one lane. In
// strong mode it owns partitions by ballots (a log-free Multi-Paxos in which a
// promise covers a partition and every key is a register): see DESIGN, section
// 4, and compare Rystsov, "CASPaxos: Replicated State Machines without logs".
//
// The way of an operation: request.go takes it in, route.go finds who may
// carry it out (this shard, another one by forward.go, or a majority of
// replicas by majority.go), own.go takes partitions over, key.go runs the
// rounds of one key, confirm.go lets reads leave, level.go works in the background.
package shard

import (
	"fmt"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/once"
	"github.com/quoratedb/quorate/actors/quorum"
	"github.com/quoratedb/quorate/ring"
)

// Local is the read-only view of the replica of the same lane and node.
type Local interface {
	Promised(p kv.Partition) kv.Ballot
	Lookup(p kv.Partition, key []byte) kv.Register
	Warm(n int, key func(i int) (kv.Partition, []byte))
	Sum(p kv.Partition) msg.Sum
	Buckets(p kv.Partition) []msg.Sum
	List(p kv.Partition, after string, mask uint64, limit int) ([]msg.KeyVersion, bool)
	Floor(p kv.Partition) kv.Version
	Tombstones(p kv.Partition, after string, limit int) []msg.KeyVersion
}

// tick is the shard's only timer.
const tick actors.TimerID = 1

// Shard is the actor.
type Shard struct {
	cfg   Config
	local Local
	parts ring.Table[partition] // the strong ones that this lane runs
	peers []*peer               // all members, this node included, in the order of the ring
	byID  []*peer               // the same by node id
	self  *peer

	nextID   uint64           // ids of requests to replicas; see newID
	sent     map[uint64]*sent // requests to replicas without an answer yet
	sentFIFO []uint64         // their ids, oldest first

	requests []*request // open ones, in order of arrival
	pending  int        // operations in them
	delayed  []delayed  // operations that wait before they are routed again
	retryNs  int64      // when the first of them is due
	leaving  bool       // the node is about to stop: nothing new is owned

	ready      []*key // keys with work that starts at the next flush
	spareReady []*key // to swap with it
	active     []*key // keys with a round under way
	freeKey    []*key
	items      []msg.AcceptItem // unused rest of a slab
	sentSlab   []sent           // the same
	reads      readQueue
	majority   []*majorityRead
	level      leveler

	preparing      []*partition // with a claim under way
	sparePreparing []*partition
	takeovers      []*partition // with takeAtNs set
	drains         []*partition // draining

	flushes  uint64
	tickAtNs int64 // when the timer is set for, 0 if it is not
	stats    Stats
}

// peer is what this shard knows and gathers for one member.
type peer struct {
	addrShard, addrReplica actors.Address
	node                   kv.NodeID
	inc                    kv.Incarnation // 0: not heard of yet
	dead                   bool
	aliveSinceNs           int64
	alarms                 int   // times in a row that it was believed dead and was not
	alarmNs                int64 // the last of them
	deadAtNs               int64 // dead: since when
	goneAtNs               int64 // dead: when others may take over what it owns
	out                    outbox
	confirm                confirmState
	forwardSeq             uint64     // of forwards to it
	forwards               []*forward // not answered yet, by ascending id
	seen                   once.Tail  // forwards from it
}

// role is what a shard is to a partition.
type role uint8

const (
	follower  role = iota
	preparing      // has asked for promises
	owner
	draining // still the owner, takes nothing new: about to hand over
)

// partition is the shard's view of one.
//
//  1. role is preparing, owner or draining only under ballot, which this boot
//     of this node made and used for no other claim.
//  2. order holds exactly the keys with waiting operations or a round under way.
type partition struct {
	id      kv.Partition
	born    kv.Epoch // of the map that created its bucket
	gone    bool     // the map has it no more
	role    role
	self    int // position of this node in prefs, -1 if it holds no copy
	prefs   []*peer
	ballot  kv.Ballot
	seen    kv.Ballot // highest one heard of
	void    kv.Ballot // a lost claim of which nobody else needs to be asked, see denied
	seq     uint64    // last used under ballot
	sinceNs int64     // when the role began
	failed  int       // claims in a row that got no majority in time
	votes   quorum.Tally
	stamps  []msg.Stamp // per replica: when it last was known to promise ballot
	sums    []msg.Sum   // per replica: digest with its promise
	whole   bool        // every key counts as touched
	touched map[string]struct{}
	order   []*key          // the keys with rounds or work, for walks in a fixed order
	byName  map[string]*key // the same, nil while they are few: see key
	queue   []ref           // operations that wait for ownership
	heir    *peer           // whom the partition was handed to, until heirTillNs
	heirTillNs,
	takeAtNs int64 // 0, or when to take over from a dead owner
	leveling partLevel
}

// New makes a shard beside the replica of its lane.
func New(cfg Config, local Local) *Shard {
	cfg = cfg.Defaults()
	s := &Shard{cfg: cfg, local: local, sent: map[uint64]*sent{}}
	for _, n := range cfg.Layout.Nodes() {
		s.addPeer(n.ID)
	}
	s.SetLayout(nil, cfg.Layout)
	return s
}

func (s *Shard) addPartition(id kv.Partition) {
	p := &partition{id: id, born: s.cfg.Layout.Born(id), self: s.cfg.Layout.IndexOf(id, s.cfg.Node)}
	nodes := s.cfg.Layout.Preference(id)
	p.prefs = make([]*peer, 0, len(nodes))
	for _, n := range nodes {
		p.prefs = append(p.prefs, s.byID[n])
	}
	s.parts.Set(id, p)
}

func (s *Shard) addPeer(id kv.NodeID) {
	p := &peer{
		node:        id,
		addrShard:   actors.Address{Node: id, Kind: actors.Shard, Index: s.cfg.Lane},
		addrReplica: actors.Address{Node: id, Kind: actors.Replica, Index: s.cfg.Lane},
	}
	if id == s.cfg.Node {
		s.self, p.inc = p, s.cfg.Inc
	}
	for int(id) >= len(s.byID) {
		s.byID = append(s.byID, nil)
	}
	s.byID[id] = p
	s.peers = append(s.peers, p)
}

// Start sets the first timer.
func (s *Shard) Start(c *actors.Context) { s.schedule(c) }

// Receive implements actors.Actor.
func (s *Shard) Receive(c *actors.Context, m actors.Message) {
	switch m := m.(type) {
	case *msg.Ops:
		s.takeOps(c, m)
	case *msg.Forward:
		s.takeForward(c, m)
	case *msg.Forwarded:
		s.forwarded(c, m)
	case *msg.Accepted:
		s.accepted(c, m)
	case *msg.Confirmed:
		s.confirmed(c, m)
	case *msg.Versions:
		s.versions(c, m)
	case *msg.Touched:
		s.touchedReply(c, m)
	case *msg.Promises:
		s.promises(c, m)
	case *msg.PeerStatus:
		s.peerStatus(c, m)
	case *msg.HandOver:
		s.handOver(c, m)
	case *msg.Digested:
		s.digested(c, m)
	case *msg.ListedKeys:
		s.listedKeys(c, m)
	case *msg.Drain:
		s.drainAll(c)
	case actors.Timer:
		s.tickAtNs = 0
		s.onTick(c)
	default:
		panic(fmt.Sprintf("shard: unexpected message %T", m))
	}
}

// Flush implements actors.Actor: it starts the rounds for which operations
// have gathered and sends one message of each kind to each peer.
func (s *Shard) Flush(c *actors.Context) {
	for len(s.ready) > 0 {
		ready := s.ready
		s.ready = s.spareReady[:0]
		if len(ready) > 1 { // one alone has nothing to overlap with
			s.local.Warm(len(ready), func(i int) (kv.Partition, []byte) { return ready[i].p.id, ready[i].raw })
		}
		for _, k := range ready {
			k.isReady = false
			if k.phase == idle && len(k.waiting) > 0 || k.refresh {
				s.startRound(c, k)
			}
		}
		clear(ready)
		s.spareReady = ready
	}
	s.flushReads(c)
	for _, p := range s.peers {
		s.flushPeer(c, p)
	}
	s.flushes++
	s.schedule(c)
}

// newID makes an id that no other boot of this node uses, so that an answer
// to an earlier boot can't be taken for one to this.
func (s *Shard) newID() uint64 {
	s.nextID++
	failpoint.Inject("bug-913-request-ids-start-again", func() { failpoint.Return(s.nextID) })
	return uint64(s.cfg.Inc)<<seqBits | s.nextID
}

// peerStatus takes in what the detector believes. It is a hint: it chooses
// whom to ask first and when to take over, never who is right.
func (s *Shard) peerStatus(c *actors.Context, m *msg.PeerStatus) {
	if int(m.Node) >= len(s.byID) || s.byID[m.Node] == nil || m.Node == s.cfg.Node {
		return
	}
	p := s.byID[m.Node]
	restarted := m.Inc > p.inc
	p.inc = max(p.inc, m.Inc)
	was := p.dead
	p.dead = !m.Alive
	if p.dead || restarted {
		s.doubtForwards(c, p, m.Cut)
		p.confirm.inFlight, p.confirm.waitNs = 0, 0
	}
	if p.dead && !was {
		p.deadAtNs = c.NowNs
		p.goneAtNs = c.NowNs + s.patience(c, p)
		s.planTakeovers(c, p)
		s.recall(c, p)
	}
	if was && m.Alive && !restarted {
		p.alarms = min(p.alarms+1, maxAlarms)
		p.alarmNs = c.NowNs
	}
	if m.Alive && (was || restarted || p.aliveSinceNs == 0) {
		p.aliveSinceNs = c.NowNs
		s.hurry()
		s.levelPeer(p)
	}
}

// A peer that was believed dead and was not is taken for dead less easily the
// next time: a network slower than the detector expects must not keep
// ownership moving for ever. In multiples of ResendNs the wait is 0, 0, 1, 2, 4, …
const (
	maxAlarms   = 6
	alarmsEndNs = 20e9 // after so long without one the count begins anew
)

func (s *Shard) patience(c *actors.Context, p *peer) int64 {
	if c.NowNs-p.alarmNs > alarmsEndNs {
		p.alarms = 0
	}
	if p.alarms < 2 {
		return 0
	}
	return s.cfg.ResendNs << (p.alarms - 2)
}

// gone reports whether a peer has been believed dead for long enough to act on it.
func (p *peer) gone(c *actors.Context) bool { return p.dead && c.NowNs >= p.goneAtNs }

// Stats counts what a shard did since its start.
type Stats struct {
	Owned                                    int // partitions owned now
	Takeovers, HandOvers, Lost               uint64
	Rounds, Folded, Resends, Touches         uint64
	Confirms, MajorityReads, Forwards        uint64
	ForwardsRefused, Collected, Levelled     uint64
	Executed, Unknown, Unavailable, Rejected uint64
}

// Stats returns the counters.
func (s *Shard) Stats() Stats {
	st := s.stats
	for id, p := range s.parts.All() {
		if id != ring.SystemPartition && (p.role == owner || p.role == draining) {
			st.Owned++
		}
	}
	return st
}

// Owns reports the ballot under which this shard acts as the owner of p.
func (s *Shard) Owns(p kv.Partition) (kv.Ballot, bool) {
	part := s.parts.At(p)
	if part == nil || part.role != owner && part.role != draining {
		return kv.Ballot{}, false
	}
	return part.ballot, true
}
