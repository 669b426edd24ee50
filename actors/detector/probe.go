package detector

import (
	"math"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// probe is a wait for an answer, directly or through others.
type probe struct {
	seq    uint64 // of the first ping, 0: there is none
	asked  int    // how often helpers were asked
	askNs  int64  // when to ask (again)
	failNs int64  // when to give up
}

// maxAsks is how often helpers are asked within one probe. The second time
// makes up for lost messages and costs nothing while none are lost.
const maxAsks = 2

// period pings the next members (SWIM section 4.3: in an order that is shuffled
// after each round, so that nobody waits for more than two rounds), or all of
// them, which a node does when it starts and when it wakes.
func (d *Detector) period(c *actors.Context, all bool) {
	n := fanout(len(d.peers))
	if all {
		n = len(d.peers)
	}
	for range n {
		d.look(c, d.nextTarget(c))
	}
	if d.cuts > 0 && !d.close {
		d.lookAtCut(c)
	}
	d.syncs = max(d.syncs-1, 0)
	// A jitter of ±10% keeps the nodes from beating in step.
	tenth := d.cfg.IntervalNs / 10
	d.beatAtNs = c.NowNs + d.cfg.IntervalNs - tenth + c.Rand.Int64N(2*tenth+1)
	c.SetTimer(beatTimer, d.beatAtNs)
	d.check(c)
}

// nextTarget takes turns; the dead have theirs too: it is how both sides learn
// that they can hear each other again.
func (d *Detector) nextTarget(c *actors.Context) int {
	if d.turn >= len(d.order) {
		d.turn = 0
		c.Rand.Shuffle(len(d.order), func(i, j int) { d.order[i], d.order[j] = d.order[j], d.order[i] })
	}
	d.turn++
	return d.order[d.turn-1]
}

// lookAtCut pings one more peer of those that only a broken link makes dead:
// their turn may be many periods away.
func (d *Detector) lookAtCut(c *actors.Context) {
	start := c.Rand.IntN(len(d.peers))
	for k := range d.peers {
		i := (start + k) % len(d.peers)
		if p := &d.peers[i]; p.cut && p.rumor.state != msg.Dead {
			d.look(c, i)
			return
		}
	}
}

// look pings a peer, and waits for its answer unless it is given up anyway.
func (d *Detector) look(c *actors.Context, i int) {
	p := &d.peers[i]
	seq := d.sendPing(c, i, 0, 0)
	if p.probe.seq != 0 || p.rumor.state > msg.Alive && p.is != alive {
		return
	}
	wait := d.cfg.IntervalNs * (1 + d.health)
	p.probe = probe{seq: seq, askNs: c.NowNs + wait/2, failNs: c.NowNs + 2*wait}
	d.probing = append(d.probing, i)
	d.probeDue(c, p.probe.askNs)
}

// lookNow pings a peer out of turn, unless that was done a moment ago.
func (d *Detector) lookNow(c *actors.Context, i int) {
	if p := &d.peers[i]; p.probe.seq == 0 && c.NowNs >= p.lookNs {
		p.lookNs = c.NowNs + 2*d.cfg.IntervalNs
		d.look(c, i)
	}
}

func (d *Detector) sendPing(c *actors.Context, i int, relay kv.NodeID, relaySeq uint64) uint64 {
	m := d.slabs.ping()
	p := &d.peers[i]
	*m = msg.Ping{Gossip: d.gossip(i), Relay: relay, RelaySeq: relaySeq, Sync: d.syncs > 0, Hears: p.seen && c.NowNs-p.heardNs <= d.cfg.SuspectNs}
	c.Send(d.detectorOf(i), m)
	d.stats.Pings++
	d.pinged(c, p)
	return m.Seq
}

func (d *Detector) detectorOf(i int) actors.Address {
	return actors.Address{Node: d.peers[i].node, Kind: actors.Detector}
}

func (d *Detector) ping(c *actors.Context, m *msg.Ping) {
	i, ok := d.take(c, &m.Gossip)
	if !ok {
		return
	}
	if m.Hears {
		d.listens(c, i)
	}
	a := d.slabs.ack()
	*a = msg.Ack{Of: m.Seq, Relay: m.Relay, RelaySeq: m.RelaySeq}
	if a.Gossip = d.gossip(i); m.Sync {
		a.Updates = d.everything()
	}
	c.Send(d.detectorOf(i), a)
	d.stats.Acks++
}

// pingReq pings in somebody else's name. Nothing is kept of it: ping and ack
// carry the name.
func (d *Detector) pingReq(c *actors.Context, m *msg.PingReq) {
	if _, ok := d.take(c, &m.Gossip); !ok {
		return
	}
	if t, ok := d.find(m.Target); ok {
		d.sendPing(c, t, c.Sender.Node, m.Of)
	}
}

func (d *Detector) ack(c *actors.Context, m *msg.Ack) {
	i, ok := d.take(c, &m.Gossip)
	if !ok {
		return
	}
	if d.syncs > 0 && d.unheard == 0 {
		d.syncs = 0
	}
	if m.About != 0 {
		if t, ok := d.find(m.About); ok && m.AboutInc >= d.peers[t].inc {
			d.answered(c, t, m.Of)
			if d.close {
				d.due(c, c.NowNs) // how long a silence may last depends on the probe
			}
		}
		return
	}
	d.listens(c, i)
	d.answered(c, i, m.Of)
	if to, ok := d.find(m.Relay); ok {
		c.Send(d.detectorOf(to), &msg.Ack{Gossip: d.gossip(to), Of: m.RelaySeq, About: c.Sender.Node, AboutInc: m.Inc})
		d.stats.Acks++
	}
}

// answered ends the probe that a ping with that seq belongs to.
func (d *Detector) answered(c *actors.Context, i int, of uint64) {
	if p := &d.peers[i]; of >= p.probe.seq {
		p.failed = false
		d.endProbe(c, i)
	}
	d.health = max(d.health-1, 0)
}

func (d *Detector) endProbe(c *actors.Context, i int) {
	if d.peers[i].probe.seq == 0 {
		return
	}
	d.peers[i].probe = probe{}
	d.probing = without(d.probing, i)
	if len(d.probing) == 0 && d.probeAtNs != 0 {
		d.probeAtNs = 0
		c.CancelTimer(probeTimer)
	}
}

// probeDue makes sure that checkProbes runs at atNs or before.
func (d *Detector) probeDue(c *actors.Context, atNs int64) {
	if d.probeAtNs == 0 || atNs < d.probeAtNs {
		d.probeAtNs = atNs
		c.SetTimer(probeTimer, atNs)
	}
}

func (d *Detector) checkProbes(c *actors.Context) {
	d.probeAtNs = 0
	for k := 0; k < len(d.probing); {
		i := d.probing[k]
		p := &d.peers[i]
		if c.NowNs >= p.probe.failNs {
			d.endProbe(c, i)
			d.probeFailed(c, i)
			continue
		}
		if c.NowNs >= p.probe.askNs {
			d.ask(c, i)
		}
		d.probeDue(c, min(p.probe.askNs, p.probe.failNs))
		k++
	}
}

// ask pings once more and lets helpers ping, chosen at random among those that
// seem alive (SWIM section 3.1).
func (d *Detector) ask(c *actors.Context, i int) {
	p := &d.peers[i]
	p.probe.asked++
	p.probe.askNs = math.MaxInt64
	if p.probe.asked < maxAsks {
		p.probe.askNs = c.NowNs + d.cfg.IntervalNs*(1+d.health)/2
	}
	d.sendPing(c, i, 0, 0)
	want := min(d.cfg.Helpers, len(d.peers)-1)
	var chosen []int
	for range 8 * want {
		if len(chosen) == want {
			return
		}
		h := c.Rand.IntN(len(d.peers))
		if h == i || d.peers[h].is != alive || contains(chosen, h) {
			continue
		}
		chosen = append(chosen, h)
		c.Send(d.detectorOf(h), &msg.PingReq{Gossip: d.gossip(h), Target: p.node, Of: p.probe.seq})
		d.stats.PingReqs++
	}
}

func (d *Detector) probeFailed(c *actors.Context, i int) {
	p := &d.peers[i]
	p.failed = true
	// The fault may as well be here (Lifeguard section 3.1).
	d.doubtSelf()
	switch {
	case !d.close:
		d.accuse(c, i)
	case p.is == dead:
		d.accuse(c, i) // silence had it believed dead already; now others did not hear it either
	default:
		if !d.judge(c, i) {
			d.due(c, p.heardNs+d.certainNs(p))
		}
	}
}

func (d *Detector) doubtSelf() { d.health = min(d.health+1, maxHealth) }

func contains(list []int, i int) bool {
	for _, v := range list {
		if v == i {
			return true
		}
	}
	return false
}

// without takes i out of list, keeping the order.
func without(list []int, i int) []int {
	for k, v := range list {
		if v == i {
			return append(list[:k], list[k+1:]...)
		}
	}
	return list
}
