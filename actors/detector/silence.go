package detector

import (
	"github.com/pingcap/failpoint"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// take takes in what every message between detectors carries, and returns the
// sender; not if that is a stranger, or was in a former boot.
func (d *Detector) take(c *actors.Context, g *msg.Gossip) (int, bool) {
	i, ok := d.find(c.Sender.Node)
	if !ok || g.Inc < d.peers[i].inc {
		return 0, false
	}
	d.heard(c, i, g)
	d.epoch = max(d.epoch, g.Epoch)
	for k := range g.Updates {
		d.learn(c, &g.Updates[k], len(g.Updates) > maxUpdates)
	}
	return i, true
}

// heard notes a direct sign of life, if it is one.
func (d *Detector) heard(c *actors.Context, i int, g *msg.Gossip) {
	p := &d.peers[i]
	if g.Inc == p.inc && g.Seq <= p.seq {
		return
	}
	if g.Inc != p.inc || c.NowNs-p.heardNs > deafSuspects/2*d.cfg.SuspectNs {
		p.mayListen(c) // it was away, and has had no time to answer
	}
	switch {
	case g.Inc != p.inc:
		p.gaps.reset()
	case p.gapNs != 0 && p.is == alive:
		p.gaps.add(c.NowNs - p.gapNs)
	}
	p.inc, p.seq, p.heardNs, p.gapNs, p.wordNs = g.Inc, g.Seq, c.NowNs, c.NowNs, c.NowNs
	p.seen, p.silent, p.failed = true, false, false
	if p.cut {
		p.cut = false
		d.cuts--
	}
	d.endProbe(c, i)
	d.learn(c, &msg.Update{Node: p.node, Inc: g.Inc, GossipInc: g.GossipInc, State: msg.Alive, Load: g.Load, LoadSeq: g.Seq}, false)
	d.refresh(c, p)
	if d.close {
		d.due(c, p.heardNs+d.doubtNs(p))
	}
}

// A peer may be heard and hear nothing: a firewall lets it connect to others, say, and
// nobody to it. What is asked of it is lost, so it is as good as dead. It is taken for
// deaf when for so long, in multiples of SuspectNs, and so many pings, it has neither
// answered nor said that it hears this node; answers may wait behind large messages.
const (
	deafSuspects = 10
	deafPings    = 6
)

// pinged counts a ping to a peer of a close cluster.
func (d *Detector) pinged(c *actors.Context, p *peer) {
	p.unanswered++
	if !d.close || p.deaf || p.unanswered <= deafPings || c.NowNs-p.listensNs < deafSuspects*d.cfg.SuspectNs {
		return
	}
	failpoint.Inject("bug-85-deaf-peer-taken-for-alive", func() { failpoint.Return() })
	p.deaf = true
	d.refresh(c, p)
}

// listens takes in that a peer hears this node.
func (d *Detector) listens(c *actors.Context, i int) {
	p := &d.peers[i]
	p.mayListen(c)
	d.refresh(c, p)
}

// mayListen begins the wait for a sign that it does.
func (p *peer) mayListen(c *actors.Context) { p.listensNs, p.unanswered, p.deaf = c.NowNs, 0, false }

// linkDown believes the peer dead until it is heard itself, and asks others.
func (d *Detector) linkDown(c *actors.Context, node kv.NodeID) {
	i, ok := d.find(node)
	if !ok {
		return
	}
	p := &d.peers[i]
	if p.cut {
		return
	}
	p.cut = true
	d.cuts++
	d.refresh(c, p)
	d.look(c, i)
}

// busySuspects is for how long, in multiples of SuspectNs, a peer may be silent
// while large messages from it arrive.
const busySuspects = 4

// linkBusy takes a part of a large message for a sign of life: what the peer's
// detector says waits behind it. So does not count for ever what a peer sends
// whose detector has nothing to say any more.
func (d *Detector) linkBusy(c *actors.Context, m *msg.LinkBusy) {
	i, ok := d.find(m.Node)
	if !ok {
		return
	}
	p := &d.peers[i]
	if m.Inc != p.inc || p.is != alive || c.NowNs-p.wordNs > busySuspects*d.cfg.SuspectNs {
		return
	}
	p.heardNs, p.gapNs, p.failed = c.NowNs, 0, false
	d.endProbe(c, i)
	if d.close {
		d.due(c, p.heardNs+d.doubtNs(p))
	}
}

// doubtNs is the silence after which a peer of a close cluster is pinged out of
// turn; certainNs the one after which, if a probe has failed, it is believed dead.
func (d *Detector) doubtNs(p *peer) int64 { return min(d.certainNs(p), d.cfg.SuspectNs/2) }

func (d *Detector) certainNs(p *peer) int64 {
	return min(p.gaps.doubtful(d.cfg.IntervalNs, d.milliDeviates), d.cfg.SuspectNs)
}

// checkSilence looks at the peers of a close cluster that have been silent.
func (d *Detector) checkSilence(c *actors.Context) {
	for i := range d.peers {
		p := &d.peers[i]
		if p.silent || p.cut || d.judge(c, i) {
			continue
		}
		at := p.heardNs + d.doubtNs(p)
		if p.failed {
			at = p.heardNs + d.certainNs(p)
		} else if p.probe.seq != 0 {
			at = p.heardNs + d.cfg.SuspectNs // or when the probe ends
		} else if at = max(at, p.lookNs); at <= c.NowNs {
			d.lookNow(c, i)
			at = p.heardNs + d.cfg.SuspectNs
		}
		d.due(c, min(at, p.heardNs+d.cfg.SuspectNs))
	}
}

// judge believes a peer of a close cluster dead if its silence is too long, or
// suspicious while nobody else hears it either.
func (d *Detector) judge(c *actors.Context, i int) bool {
	p := &d.peers[i]
	silence := c.NowNs - p.heardNs
	if silence < d.cfg.SuspectNs && !(p.failed && silence >= d.certainNs(p)) {
		return false
	}
	p.silent = true
	d.refresh(c, p)
	if p.failed {
		d.accuse(c, i)
	} else {
		d.look(c, i)
	}
	return true
}

// refresh derives what to believe of a peer, and tells the shards of a change.
func (d *Detector) refresh(c *actors.Context, p *peer) {
	is, inc := d.view(p), d.incOf(p)
	if is == unheard || is == p.is && inc == p.told && p.cut == p.toldCut {
		return
	}
	failpoint.Inject("bug-48-suspicion-never-cleared", func() {
		if p.is == dead {
			failpoint.Return()
		}
	})
	p.is, p.told, p.toldCut = is, inc, p.cut
	status := &msg.PeerStatus{Node: p.node, Inc: inc, Alive: is == alive, Cut: p.cut}
	for lane := range d.cfg.Lanes {
		c.Send(actors.Address{Node: d.cfg.Node, Kind: actors.Shard, Index: uint32(lane)}, status)
	}
}

func (d *Detector) view(p *peer) belief {
	switch {
	case p.cut || d.close && (p.silent || p.deaf):
		return dead
	case d.close && p.seen:
		return alive
	case d.close:
		return unheard
	}
	switch p.rumor.state {
	case msg.Alive:
		return alive
	case msg.Dead:
		return dead
	}
	return p.is // a suspect may still refute
}

func (d *Detector) incOf(p *peer) kv.Incarnation {
	if d.close {
		return p.inc
	}
	return p.rumor.inc
}

// noticePause restarts the silence of all peers when this node itself was away
// (stopped, swapped out, drowned in work): what they sent meanwhile is still in
// its queues, and it would else suspect everybody at once. The sign is an own
// period that is late by more than half of SuspectNs; a shorter pause leaves
// peers that ping regularly the other half. The price: a peer that died during
// the pause, or while lane 0 is overloaded, is noticed later.
func (d *Detector) noticePause(c *actors.Context) {
	late := c.NowNs - d.beatAtNs
	if late <= d.cfg.SuspectNs/2 {
		return
	}
	d.doubtSelf()
	d.restartSilence(c)
	d.period(c, d.close) // the peers may have given this node up by now
}

func (d *Detector) restartSilence(c *actors.Context) {
	for len(d.probing) > 0 {
		d.endProbe(c, d.probing[0])
	}
	for i := range d.peers {
		p := &d.peers[i]
		p.heardNs, p.gapNs, p.failed = c.NowNs, 0, false
		p.mayListen(c)
	}
	for _, i := range d.suspects {
		p := &d.peers[i]
		p.deadNs = max(p.deadNs, c.NowNs+d.suspicionNs())
	}
	if d.close && len(d.peers) > 0 {
		d.due(c, c.NowNs+d.cfg.SuspectNs/2)
	}
	if len(d.suspects) > 0 {
		d.due(c, c.NowNs+d.suspicionNs())
	}
}
