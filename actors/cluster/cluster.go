// Package cluster keeps the map of the cluster: which buckets there are, and
// their settings. There is one per node, on lane 0.
//
// The map is the value of one key of the system partition, whose replicas are
// the voters, and is decided by the strong protocol like any other key. So this
// package holds no consensus of its own: it reads the key and sets it on the
// condition that nobody has since, through its node's own shard (DESIGN,
// section 6). docs/adr/0009-cluster-map.md has the whole.
//
//   - cluster.go: the actor, its timer, what it tells and asks of its peers
//   - change.go: a change of the map, from the question to the answer
//   - adopt.go: a newer map becomes what the node acts on; the journal
//
// What must hold:
//
//  1. There is one map of each epoch: a map is only ever set in place of the
//     one before it.
//  2. A node acts on a map only when it is durable there, and its epoch never
//     goes back.
//  3. A change whose outcome is in doubt is looked up, never guessed.
//  4. A slot gets another bucket only when every member has made durable that
//     the one before it is gone.
package cluster

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// Config is what a cluster actor is told at its start. Zero durations mean the
// default; they are nanoseconds.
type Config struct {
	Layout *ring.Layout // of the first map
	Node   kv.NodeID
	Inc    kv.Incarnation
	Lanes  int
	Rules  kv.Rules // of which Members and Slots follow from the layout

	// TimeoutNs bounds a change of the map.
	TimeoutNs int64
	// AskNs is the wait before a peer that knows a newer map is asked again.
	AskNs int64
	// ReadNs is the time between two looks at the register, for what was decided
	// when nobody was left to tell of it, jittered.
	ReadNs int64
	// MaxWaiting bounds the changes that wait for their turn.
	MaxWaiting int
}

// The defaults of a Config.
const (
	DefaultTimeoutNs  = 10e9
	DefaultAskNs      = 100e6
	DefaultReadNs     = 30e9
	DefaultMaxWaiting = 32
)

func (c *Config) complete() {
	def := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	def(&c.TimeoutNs, DefaultTimeoutNs)
	def(&c.AskNs, DefaultAskNs)
	def(&c.ReadNs, DefaultReadNs)
	if c.MaxWaiting == 0 {
		c.MaxWaiting = DefaultMaxWaiting
	}
	c.Rules.Slots = c.Layout.MaxSlots()
	c.Rules.Members = 0
	for _, n := range c.Layout.Nodes() {
		if n.Weight > 0 {
			c.Rules.Members++
		}
	}
	if c.Rules.N == 0 {
		c.Rules.N = int(c.Layout.Named(kv.DefaultBucket).N)
	}
}

// Gossip is what the detector of the node knows of epochs.
type Gossip interface {
	// Epoch is the newest one that any member has spoken of.
	Epoch() kv.Epoch
	// SetEpoch says that this node knows the map of that epoch.
	SetEpoch(kv.Epoch)
}

const tick actors.TimerID = 1

// Cluster is the actor.
type Cluster struct {
	cfg    Config
	gossip Gossip
	peers  []peer // the other members, by id

	held   *kv.Map // the newest map, which the journal has
	layout *ring.Layout
	mapped []bool // by lane: it acts on held
	acting kv.Epoch
	// published is the layout of the newest map on which all lanes have acted: by
	// it the edges place keys.
	published *ring.Layout

	reg     register
	changes []*change // the first one is under way
	made    []*change // decided, waiting until this node acts on them
	seq     uint64    // of the attempts of this boot

	readAtNs, askAtNs int64
	tickAtNs          int64 // what the timer is set to, 0: not set
	stats             Stats
}

// peer is another member.
type peer struct {
	addr   actors.Address
	acting kv.Epoch // all of it acts on that map, as it said
}

// Stats counts since the start.
type Stats struct {
	Epoch                   kv.Epoch // of the map held
	Acting                  kv.Epoch // of the map that all lanes act on
	Made, Refused, Doubtful uint64   // changes
	Lost                    uint64   // attempts in whose place another change came
	Adopted                 uint64   // maps, of others and own
}

// New makes a cluster actor that holds the first map.
func New(cfg Config, gossip Gossip) *Cluster {
	cfg.complete()
	cl := &Cluster{cfg: cfg, gossip: gossip, layout: cfg.Layout, published: cfg.Layout, mapped: make([]bool, cfg.Lanes)}
	cl.held = &kv.Map{Epoch: cfg.Layout.Epoch()}
	for _, b := range cfg.Layout.Buckets() {
		if b != nil {
			cl.held.Buckets = append(cl.held.Buckets, *b)
		}
	}
	cl.acting = cl.held.Epoch
	for _, n := range cfg.Layout.Nodes() {
		if n.ID != cfg.Node {
			cl.peers = append(cl.peers, peer{addr: actors.Address{Node: n.ID, Kind: actors.Cluster}})
		}
	}
	return cl
}

// Held is the newest map that this node has.
func (cl *Cluster) Held() *kv.Map { return cl.held }

// Published is the layout by which the edges of this node place keys: that of
// the newest map on which all its lanes act.
func (cl *Cluster) Published() *ring.Layout { return cl.published }

// Stats returns the counters.
func (cl *Cluster) Stats() Stats {
	s := cl.stats
	s.Epoch, s.Acting = cl.held.Epoch, cl.acting
	return s
}

// Start has the lanes act on a map that was restored, and sets the first timer.
func (cl *Cluster) Start(c *actors.Context) {
	if cl.held.Epoch > cl.cfg.Layout.Epoch() {
		cl.acting = 0
		cl.spread(c)
	}
	cl.readAtNs = c.NowNs + cl.cfg.ReadNs*int64(1+cl.cfg.Node%8)/8 // not all at a time
	cl.schedule(c)
}

// Receive implements actors.Actor.
func (cl *Cluster) Receive(c *actors.Context, m actors.Message) {
	switch m := m.(type) {
	case *msg.MapChange:
		cl.takeChange(c, m)
	case *msg.Results:
		cl.results(c, m)
	case *msg.LaneMapped:
		cl.laneMapped(c, c.Sender.Index, m.Epoch)
	case *msg.MapAsk:
		if m.Have < cl.held.Epoch {
			c.Send(c.Sender, &msg.MapTold{Map: cl.held})
		}
	case *msg.MapTold:
		cl.learn(c, m.Map)
	case *msg.MapSeen:
		cl.seen(c, m.Epoch)
	case actors.Timer:
		cl.tickAtNs = 0
		cl.onTick(c)
	default:
		panic(fmt.Sprintf("cluster: unexpected message %T", m))
	}
}

// Flush implements actors.Actor.
func (cl *Cluster) Flush(c *actors.Context) {
	cl.followGossip(c)
	cl.schedule(c)
}

// followGossip asks for a map that somebody has spoken of: two peers at a time,
// at random, since gossip does not say whom it comes from.
func (cl *Cluster) followGossip(c *actors.Context) {
	if cl.gossip.Epoch() <= cl.held.Epoch || c.NowNs < cl.askAtNs || len(cl.peers) == 0 {
		return
	}
	cl.askAtNs = c.NowNs + cl.cfg.AskNs
	first := c.Rand.IntN(len(cl.peers))
	for i := range min(2, len(cl.peers)) {
		c.Send(cl.peers[(first+i)%len(cl.peers)].addr, &msg.MapAsk{Have: cl.held.Epoch})
	}
}

// seen takes in which map a peer acts on.
func (cl *Cluster) seen(c *actors.Context, e kv.Epoch) {
	for i := range cl.peers {
		if p := &cl.peers[i]; p.addr.Node == c.Sender.Node {
			p.acting = max(p.acting, e)
		}
	}
	switch {
	case e > cl.held.Epoch:
		c.Send(c.Sender, &msg.MapAsk{Have: cl.held.Epoch})
	case e < cl.held.Epoch:
		c.Send(c.Sender, &msg.MapTold{Map: cl.held})
	}
}

// reusable reports whether every member has let go of what a slot held.
func (cl *Cluster) reusable(r kv.Retired) bool {
	for i := range cl.peers {
		if cl.peers[i].acting < r.At {
			return false
		}
	}
	return cl.acting >= r.At
}

func (cl *Cluster) onTick(c *actors.Context) {
	cl.expire(c)
	if c.NowNs >= cl.readAtNs {
		cl.readAtNs = c.NowNs + cl.cfg.ReadNs*3/4 + c.Rand.Int64N(cl.cfg.ReadNs/2+1)
		if cl.reg.doing == nothing {
			cl.read(c)
		}
		if cl.acting > cl.cfg.Layout.Epoch() {
			cl.tellActing(c)
		}
	}
	cl.advance(c)
}

func (cl *Cluster) tellActing(c *actors.Context) {
	for i := range cl.peers {
		c.Send(cl.peers[i].addr, &msg.MapSeen{Epoch: cl.acting})
	}
}

// schedule sets the timer for what is due next.
func (cl *Cluster) schedule(c *actors.Context) {
	at := cl.readAtNs
	if cl.gossip.Epoch() > cl.held.Epoch {
		at = min(at, cl.askAtNs)
	}
	if cl.reg.doing != nothing {
		at = min(at, cl.reg.overdueNs)
	} else if len(cl.changes) > 0 {
		at = min(at, cl.reg.nextNs)
	}
	for _, ch := range cl.made {
		at = min(at, ch.deadlineNs)
	}
	for _, ch := range cl.changes {
		at = min(at, ch.deadlineNs)
	}
	if at = max(at, c.NowNs+1); cl.tickAtNs == 0 || at < cl.tickAtNs {
		cl.tickAtNs = at
		c.SetTimer(tick, at)
	}
}
