// Package detector guesses which peers are alive, from heartbeats and from
// broken connections. A guess is a hint about where to try first; safety never
// depends on it.
package detector

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/pingcap/failpoint"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// The timers.
const (
	beatTimer    actors.TimerID = iota + 1 // the next heartbeats
	silenceTimer                           // the earliest moment at which a peer may have been silent too long
)

// Detector is one node's view of its peers.
//
//  1. A peer's incarnation never goes down, so a heartbeat that a former boot
//     left in the network revives nobody.
//  2. Nor does one that is not newer, by Seq, than what was heard of the same
//     boot: late duplicates prove nothing about now.
//  3. The shards are told of a peer when it is first heard or first believed
//     dead, and at each change after that; until then they know nothing.
type Detector struct {
	cfg   Config
	peers []peer // ascending by node, without the node itself
	seq   uint64 // of the last heartbeat sent
	// beatAtNs and silenceAtNs are what the timers are set to; silenceAtNs is 0
	// while no peer can fall silent.
	beatAtNs, silenceAtNs int64
}

type belief uint8

const (
	unheard belief = iota // since the start; silence counts from there
	alive
	dead
)

type peer struct {
	heardNs int64  // reading of NowNs at the last sign of life, or when the silence began to count
	seq     uint64 // of the last heartbeat of inc
	inc     kv.Incarnation
	node    kv.NodeID
	belief  belief
}

// New makes a detector for cfg, of which zero durations get their defaults.
func New(cfg Config) *Detector {
	d := &Detector{cfg: cfg.Defaults()}
	for _, n := range cfg.Peers {
		if n != cfg.Node {
			d.peers = append(d.peers, peer{node: n})
		}
	}
	// order: a node is a peer once
	slices.SortFunc(d.peers, func(a, b peer) int { return cmp.Compare(a.node, b.node) })
	return d
}

// Start sends the first heartbeats and sets the timers. Call it once.
func (d *Detector) Start(c *actors.Context) {
	d.restartSilence(c)
	d.beat(c)
}

// Alive reports whether node is believed alive. One never heard of is not.
func (d *Detector) Alive(node kv.NodeID) bool {
	if node == d.cfg.Node {
		return true
	}
	p := d.find(node)
	return p != nil && p.belief == alive
}

// Inc returns the newest incarnation heard of node, 0 if none.
func (d *Detector) Inc(node kv.NodeID) kv.Incarnation {
	if node == d.cfg.Node {
		return d.cfg.Inc
	}
	if p := d.find(node); p != nil {
		return p.inc
	}
	return 0
}

// Receive implements actors.Actor.
func (d *Detector) Receive(c *actors.Context, m actors.Message) {
	d.noticePause(c)
	switch m := m.(type) {
	case actors.Timer:
		d.timer(c, m.ID)
	case *msg.Heartbeat:
		d.heartbeat(c, m)
	case *msg.LinkDown:
		if p := d.find(m.Node); p != nil {
			d.suspect(c, p)
		}
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
		d.beat(c)
	case silenceTimer:
		d.checkSilence(c)
	default:
		panic(fmt.Sprintf("detector: timer %d was never set", id))
	}
}

// beat sends a heartbeat to every peer, the dead ones too: it is how both
// sides learn that they can hear each other again.
func (d *Detector) beat(c *actors.Context) {
	d.seq++
	for i := range d.peers {
		d.sendBeat(c, &d.peers[i])
	}
	// A jitter of ±10% keeps the nodes from beating in step.
	tenth := d.cfg.IntervalNs / 10
	d.beatAtNs = c.NowNs + d.cfg.IntervalNs - tenth + c.Rand.Int64N(2*tenth+1)
	c.SetTimer(beatTimer, d.beatAtNs)
}

func (d *Detector) sendBeat(c *actors.Context, p *peer) {
	to := actors.Address{Node: p.node, Kind: actors.Detector}
	c.Send(to, &msg.Heartbeat{Inc: d.cfg.Inc, Epoch: d.cfg.Epoch, Seq: d.seq})
}

func (d *Detector) heartbeat(c *actors.Context, m *msg.Heartbeat) {
	p := d.find(c.Sender.Node)
	if p == nil || m.Inc < p.inc || m.Inc == p.inc && m.Seq <= p.seq {
		return
	}
	failpoint.Inject("bug-48-suspicion-never-cleared", func() {
		if p.belief == dead {
			failpoint.Return()
		}
	})
	changed := p.belief != alive || m.Inc != p.inc
	p.inc, p.seq, p.heardNs = m.Inc, m.Seq, c.NowNs
	if !changed {
		return
	}
	p.belief = alive
	d.tell(c, p)
	// It may have just come up, or back: let it hear of this node before the next beat.
	d.seq++
	d.sendBeat(c, p)
	if d.silenceAtNs == 0 {
		d.setSilence(c, c.NowNs+d.cfg.SuspectNs)
	}
}

// suspect believes the peer dead until its next heartbeat.
func (d *Detector) suspect(c *actors.Context, p *peer) {
	if p.belief != dead {
		p.belief = dead
		d.tell(c, p)
	}
}

// tell announces a peer to the node's own shards.
func (d *Detector) tell(c *actors.Context, p *peer) {
	status := &msg.PeerStatus{Node: p.node, Inc: p.inc, Alive: p.belief == alive}
	for lane := range d.cfg.Lanes {
		c.Send(actors.Address{Node: d.cfg.Node, Kind: actors.Shard, Index: uint32(lane)}, status)
	}
}

// checkSilence suspects the peers that have been silent too long and sets the
// timer for the next one that may become so. Heartbeats do not move the timer:
// it finds out here how much later the silence began.
func (d *Detector) checkSilence(c *actors.Context) {
	next := int64(0)
	for i := range d.peers {
		p := &d.peers[i]
		if p.belief == dead {
			continue
		}
		at := p.heardNs + d.cfg.SuspectNs
		if at <= c.NowNs {
			d.suspect(c, p)
		} else if next == 0 || at < next {
			next = at
		}
	}
	d.setSilence(c, next)
}

func (d *Detector) setSilence(c *actors.Context, atNs int64) {
	d.silenceAtNs = atNs
	if atNs != 0 {
		c.SetTimer(silenceTimer, atNs)
	}
}

// noticePause restarts the silence of all peers when this node itself was away
// (stopped, swapped out, drowned in work): what they sent meanwhile is still in
// its queues, and it would else suspect everybody at once. The sign is an own
// heartbeat that is late by more than half of SuspectNs; a shorter pause leaves
// peers that beat regularly the other half. The price: a peer that died during
// the pause, or while lane 0 is overloaded, is noticed later.
func (d *Detector) noticePause(c *actors.Context) {
	if c.NowNs-d.beatAtNs <= d.cfg.SuspectNs/2 {
		return
	}
	d.restartSilence(c)
	d.beat(c) // the peers may have given this node up by now
}

func (d *Detector) restartSilence(c *actors.Context) {
	for i := range d.peers {
		d.peers[i].heardNs = c.NowNs
	}
	d.setSilence(c, c.NowNs+d.cfg.SuspectNs)
}

// find returns the peer of that name, nil for the node itself and for
// strangers, of whom the map of the cluster says nothing.
func (d *Detector) find(node kv.NodeID) *peer {
	i, ok := slices.BinarySearchFunc(d.peers, node, func(p peer, n kv.NodeID) int { return cmp.Compare(p.node, n) })
	if !ok {
		return nil
	}
	return &d.peers[i]
}
