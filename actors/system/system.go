// Package system is the one list of the actors that make up a node, and the
// one way in which a batch of messages runs through them. Both hosts use it.
package system

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/cluster"
	"github.com/quoratedb/quorate/actors/coordinate"
	"github.com/quoratedb/quorate/actors/detector"
	"github.com/quoratedb/quorate/actors/handoff"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/repair"
	"github.com/quoratedb/quorate/actors/replica"
	"github.com/quoratedb/quorate/actors/shard"
	"github.com/quoratedb/quorate/actors/store"
	"github.com/quoratedb/quorate/ring"
)

// The hosts meet the actors through this package alone.
type (
	ShardConfig    = shard.Config
	ShardStats     = shard.Stats
	DetectorConfig = detector.Config
	DetectorStats  = detector.Stats
	ReplicaStats   = replica.Stats
	ClusterConfig  = cluster.Config
	ClusterStats   = cluster.Stats

	CoordinateConfig = coordinate.Config
	CoordinateStats  = coordinate.Stats
	StoreConfig      = store.Config
	StoreStats       = store.Stats
	HandoffConfig    = handoff.Config
	HandoffStats     = handoff.Stats
	RepairConfig     = repair.Config
	RepairStats      = repair.Stats
)

// Config describes a node to be. Layout, Node, Inc and Lanes are the shard's in
// all actors, and Lane is filled in per lane.
type Config struct {
	Shard    shard.Config
	Detector detector.Config
	Cluster  cluster.Config

	// The actors of the buckets that are not strong.
	Coordinate coordinate.Config
	Store      store.Config
	Handoff    handoff.Config
	Repair     repair.Config

	Seed uint64 // of the replicas' tables of keys: chance where clients may be hostile
}

// Node is the set of actors of one node: one lane per unit of concurrency.
type Node struct{ Lanes []*Lane }

// Lane runs the actors of its partitions in turn; lane 0 runs those that a node
// has one of too. A lane is never run concurrently with itself.
type Lane struct {
	Shard    *shard.Shard
	Replica  *replica.Replica
	Detector *detector.Detector // lane 0 only, else nil
	Cluster  *cluster.Cluster   // the same

	Coordinator *coordinate.Coordinator
	Store       *store.Store
	Handoff     *handoff.Handoff
	Repair      *repair.Repair

	node     kv.NodeID
	index    uint32
	layout   *ring.Layout
	all      []member // in the order in which they are flushed
	byKind   [actors.Cluster + 1]*member
	eventual bool // the actors of buckets that are not strong have started
	stirred  bool // this batch has messages for others than the detector
}

// member is an actor of a lane.
type member struct {
	actor actors.Actor
	self  actors.Address
	// late: it starts with the first bucket that is not strong, or the first
	// message that it gets. A cluster without such buckets pays nothing for it.
	late bool
}

type starter interface{ Start(c *actors.Context) }

// New makes the actors of a node.
func New(cfg Config) *Node {
	n := &Node{}
	for i := range cfg.Shard.Lanes {
		sc := cfg.Shard
		sc.Lane = uint32(i)
		r := replica.New(replica.Config{Layout: sc.Layout, Node: sc.Node, Inc: sc.Inc, Lane: sc.Lane, Lanes: sc.Lanes, Seed: cfg.Seed})
		l := &Lane{Replica: r, Shard: shard.New(sc, r), node: sc.Node, index: uint32(i), layout: sc.Layout}
		if i == 0 {
			// First: what it restores from a checkpoint says to whom the rest belongs.
			l.Detector = detector.New(cfg.Detector)
			cc := cfg.Cluster
			cc.Rules = rules(&cfg)
			cc.Layout, cc.Node, cc.Inc, cc.Lanes = sc.Layout, sc.Node, sc.Inc, sc.Lanes
			l.Cluster = cluster.New(cc, l.Detector)
			l.add(actors.Cluster, 0, l.Cluster)
		} else {
			l.add(actors.Cluster, l.index, keeper{})
		}
		l.add(actors.Replica, l.index, r)
		l.add(actors.Shard, l.index, l.Shard)
		if i == 0 {
			l.add(actors.Detector, 0, l.Detector)
		}
		l.addEventual(&cfg, &sc)
		for k := range l.all {
			l.byKind[l.all[k].self.Kind] = &l.all[k]
		}
		n.Lanes = append(n.Lanes, l)
	}
	return n
}

func (l *Lane) add(kind actors.Kind, index uint32, a actors.Actor) {
	l.all = append(l.all, member{actor: a, self: actors.Address{Node: l.node, Kind: kind, Index: index}})
}

// Layout is that of the newest cluster map that the lane acts on.
func (l *Lane) Layout() *ring.Layout { return l.layout }

// Start lets the lane's actors set their first timers. Call it once, after
// their records have been restored, before the first Step.
func (l *Lane) Start(c *actors.Context) {
	l.tellLayout(c)
	for i := range l.all {
		if s, ok := l.all[i].actor.(starter); ok && !l.all[i].late {
			c.Self = l.all[i].self
			s.Start(c)
		}
	}
	l.startEventual(c)
}

// maxRounds bounds how often messages may go back and forth between the actors
// of one lane within one batch.
const maxRounds = 64

// Step runs one batch. Messages between the lane's own actors are delivered
// within the batch; all other effects stay in c for the host. clean says that
// every record of earlier batches of this lane is on disk: then durable
// messages within the lane need not wait either, until something is persisted.
func (l *Lane) Step(c *actors.Context, batch []actors.Envelope, clean bool) {
	l.stirred = false
	for i := range batch {
		l.deliver(c, &batch[i])
	}
	next := l.deliverLocal(c, 0, clean)
	for range maxRounds {
		l.flush(c)
		if len(c.Envelopes) == next {
			return
		}
		next = l.deliverLocal(c, next, clean)
	}
	panic(fmt.Sprintf("system: lane %d of node %d still talks to itself after %d rounds", l.index, l.node, maxRounds))
}

// deliverLocal hands the messages from index from on that are for this lane to
// their actors, takes them out, and returns the number of those that stay.
func (l *Lane) deliverLocal(c *actors.Context, from int, clean bool) int {
	kept := from
	for i := from; i < len(c.Envelopes); i++ {
		e := c.Envelopes[i]
		now := !e.Durable || clean && len(c.Records) == 0
		if now && l.owns(e.To) {
			l.deliver(c, &e)
			continue
		}
		c.Envelopes[kept] = e
		kept++
	}
	clear(c.Envelopes[kept:])
	c.Envelopes = c.Envelopes[:kept]
	return kept
}

func (l *Lane) owns(a actors.Address) bool {
	if a.Node != l.node || int(a.Kind) >= len(l.byKind) {
		return false
	}
	m := l.byKind[a.Kind]
	return m != nil && m.self.Index == a.Index
}

func (l *Lane) deliver(c *actors.Context, e *actors.Envelope) {
	c.Self, c.Sender = e.To, e.From
	l.stirred = l.stirred || e.To.Kind != actors.Detector
	switch e.To.Kind {
	case actors.Shard:
		l.Shard.Receive(c, e.Message)
		if m, ok := e.Message.(*msg.PeerStatus); ok {
			l.peerStatus(c, e.From, m)
		}
	case actors.Replica:
		l.Replica.Receive(c, e.Message)
	default:
		if !l.owns(e.To) {
			panic(fmt.Sprintf("system: a message for %v in lane %d of node %d", e.To, l.index, l.node))
		}
		if m, ok := e.Message.(*msg.LaneMap); ok {
			l.takeMap(c, e.From, m.Map)
			return
		}
		m := l.byKind[e.To.Kind]
		if m.late && !l.eventual {
			l.start(c)
			c.Self, c.Sender = e.To, e.From
		}
		m.actor.Receive(c, e.Message)
	}
}

// flush ends a round. Gossip alone, which is most of what happens in a cluster at
// rest, gives work to none but the detector and the cluster actor, which follows it.
func (l *Lane) flush(c *actors.Context) {
	for i := range l.all {
		m := &l.all[i]
		if m.late && !l.eventual || !l.stirred && m.self.Kind != actors.Cluster {
			continue
		}
		c.Self = m.self
		m.actor.Flush(c)
	}
}
