// Package detector guesses which peers are alive: SWIM (Das, Gupta, Motivala,
// DSN 2002) with the boot incarnation above its own, local health as in
// Lifeguard (Dadgar et al., DSN-W 2018), and phi-accrual suspicion (Hayashibara
// et al., SRDS 2004) of those that are heard directly. A guess is a hint about
// where to try first; safety never depends on it. docs/gossip.md tells the
// protocol as a whole.
package detector

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// The timers.
const (
	beatTimer  actors.TimerID = iota + 1 // the next protocol period
	checkTimer                           // the earliest moment before that at which a silence or a suspicion may end
	probeTimer                           // the earliest at which something is due of a probe: cancelled with the last
)

// Detector is one node's view of its peers.
//
//  1. A peer's incarnation never goes down, so a message that a former boot
//     left in the network revives nobody.
//  2. Nor does one that is not newer, by Seq, than what was heard of the same
//     boot: late duplicates prove nothing about now.
//  3. The shards are told of a peer when it is first heard or first believed
//     dead, and at each change after that; until then they know nothing.
//  4. In a small (close) cluster belief follows what this node hears itself, from
//     peers that hear it; gossip only makes it look at once. In a larger one nobody hears everybody
//     often enough, and belief follows gossip, except after LinkDown.
//  5. What gossip holds of a peer only ever grows in (boot, gossip incarnation,
//     state), so all nodes end up with the same.
type Detector struct {
	cfg   Config
	peers []peer  // ascending by node, without the node itself
	index []int32 // of peers, by node; -1: no peer
	close bool
	slabs slabs
	// milliDeviates is where phi reaches the threshold, see thresholdDeviates.
	milliDeviates int64

	seq       uint64 // of the last message sent
	gossipInc uint32
	epoch     kv.Epoch
	load      uint32
	health    int64 // 0: well; to maxHealth, how much this node doubts itself

	order    []int // the peers as they are pinged in turn
	turn     int
	probing  []int // peers whose answer is awaited
	suspects []int // peers that gossip suspects
	queue    []news
	filled   int // the peer that last filled a message up
	cuts     int // peers with cut set
	unheard  int // peers of whom gossip says nothing
	syncs    int // periods for which to go on asking for everything

	// What the timers are set to; 0: not set.
	beatAtNs, checkAtNs, probeAtNs int64

	stats Counters
}

type peer struct {
	// What this node heard itself.
	heardNs int64  // reading of NowNs at the last sign of life, or when the silence began to count
	wordNs  int64  // the same for what a detector said: a busy link counts for a while only
	gapNs   int64  // the same, or 0 if the next gap means nothing
	seq     uint64 // of the last message of inc
	gaps    window
	probe   probe
	lookNs  int64 // before which it is not pinged out of turn (again)
	inc     kv.Incarnation
	seen    bool // heard at all
	silent  bool // for too long
	cut     bool // the link broke since it was last heard
	failed  bool // a probe that began since it was last heard was not answered, by nobody

	// Whether it hears this node.
	listensNs  int64 // when it last did, or began to have the time to show it
	unanswered int   // pings since then
	deaf       bool  // it talks, and does not

	// What gossip says.
	rumor   rumor
	deadNs  int64 // of a suspect: when it will be dead
	load    uint32
	loadSeq uint64

	// What the shards know.
	node    kv.NodeID
	told    kv.Incarnation
	toldCut bool
	is      belief
}

type belief uint8

const (
	unheard belief = iota // since the start; silence counts from there
	alive
	dead
)

// New makes a detector for cfg, of which zero values get their defaults.
func New(cfg Config) *Detector {
	d := &Detector{cfg: cfg.Defaults(), epoch: cfg.Epoch}
	for _, n := range cfg.Peers {
		if n != cfg.Node {
			d.peers = append(d.peers, peer{node: n})
		}
	}
	// order: a node is a peer once
	slices.SortFunc(d.peers, func(a, b peer) int { return cmp.Compare(a.node, b.node) })
	if n := len(d.peers); n > 0 {
		d.index = slices.Repeat([]int32{-1}, int(d.peers[n-1].node)+1)
	}
	d.close = len(d.peers) < closeMembers
	d.milliDeviates = thresholdDeviates(d.cfg.PhiThreshold)
	size := farGaps
	if d.close {
		size = closeGaps
	} else {
		d.syncs = syncPeriods
	}
	gaps := make([]uint32, size*len(d.peers))
	d.unheard = len(d.peers)
	for i := range d.peers {
		d.index[d.peers[i].node] = int32(i)
		d.order = append(d.order, i)
		d.peers[i].gaps.gaps = gaps[i*size : (i+1)*size : (i+1)*size]
	}
	return d
}

// Start sends the first pings and sets the timers. Call it once.
func (d *Detector) Start(c *actors.Context) {
	d.restartSilence(c)
	d.turn = len(d.order)
	d.period(c, d.close)
}

// Alive reports whether node is believed alive. One never heard of is not.
func (d *Detector) Alive(node kv.NodeID) bool {
	if node == d.cfg.Node {
		return true
	}
	i, ok := d.find(node)
	return ok && d.peers[i].is == alive
}

// Inc returns the newest incarnation heard of node, 0 if none.
func (d *Detector) Inc(node kv.NodeID) kv.Incarnation {
	if node == d.cfg.Node {
		return d.cfg.Inc
	}
	if i, ok := d.find(node); ok {
		return d.incOf(&d.peers[i])
	}
	return 0
}

// SetLoad says how many operations are open at this node; it goes out with the
// next messages.
func (d *Detector) SetLoad(open uint32) { d.load = open }

// SetEpoch says that this node knows the cluster map of that epoch.
func (d *Detector) SetEpoch(e kv.Epoch) { d.epoch = max(d.epoch, e) }

// Epoch is the newest epoch that any member is known to have spoken of.
func (d *Detector) Epoch() kv.Epoch { return d.epoch }

// Receive implements actors.Actor.
func (d *Detector) Receive(c *actors.Context, m actors.Message) {
	d.noticePause(c)
	switch m := m.(type) {
	case actors.Timer:
		d.timer(c, m.ID)
	case *msg.Ping:
		d.ping(c, m)
	case *msg.PingReq:
		d.pingReq(c, m)
	case *msg.Ack:
		d.ack(c, m)
	case *msg.LinkDown:
		d.linkDown(c, m.Node)
	case *msg.LinkBusy:
		d.linkBusy(c, m)
	default:
		panic(fmt.Sprintf("detector: a %s is not for a detector", m.MessageName()))
	}
}

// Flush implements actors.Actor; nothing is gathered here.
func (d *Detector) Flush(*actors.Context) {}

func (d *Detector) timer(c *actors.Context, id actors.TimerID) {
	switch id {
	case beatTimer:
		// A timer that was moved while it was on its way comes early.
		if c.NowNs < d.beatAtNs {
			c.SetTimer(beatTimer, d.beatAtNs)
			return
		}
		d.period(c, false)
	case checkTimer:
		d.check(c)
	case probeTimer:
		d.checkProbes(c)
	default:
		panic(fmt.Sprintf("detector: timer %d was never set", id))
	}
}

// check ends silences and suspicions whose time has come. It runs with each period, and by
// a timer if something is due before the next one: when all is well nothing is.
func (d *Detector) check(c *actors.Context) {
	if d.checkAtNs <= c.NowNs {
		d.checkAtNs = 0
	}
	d.checkSuspects(c)
	if d.close {
		d.checkSilence(c)
	}
}

// due makes sure that check runs at atNs, or before.
func (d *Detector) due(c *actors.Context, atNs int64) {
	if atNs < d.beatAtNs && (d.checkAtNs == 0 || atNs < d.checkAtNs) {
		d.checkAtNs = atNs
		c.SetTimer(checkTimer, atNs)
	}
}

// find returns the index of the peer of that name; there is none for the node
// itself and for strangers, of whom the map of the cluster says nothing.
func (d *Detector) find(node kv.NodeID) (int, bool) {
	if int(node) >= len(d.index) || d.index[node] < 0 {
		return 0, false
	}
	return int(d.index[node]), true
}
