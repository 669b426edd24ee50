package detector

import (
	"cmp"
	"math"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// rumor is what gossip says of a peer. SWIM section 4.2 orders alive and suspect
// by incarnation and lets death win for good; here the dead can refute too, as
// they can when a partition heals.
type rumor struct {
	inc       kv.Incarnation
	gossipInc uint32
	state     msg.MemberState
}

func (r rumor) less(o rumor) bool {
	return cmp.Or(cmp.Compare(r.inc, o.inc), cmp.Compare(r.gossipInc, o.gossipInc), cmp.Compare(r.state, o.state)) < 0
}

// learn takes in one piece of gossip. Known to many already (told to a
// newcomer) it is not passed on.
func (d *Detector) learn(c *actors.Context, u *msg.Update, known bool) {
	if u.Node == d.cfg.Node {
		d.refute(u)
		return
	}
	i, ok := d.find(u.Node)
	if !ok {
		return
	}
	p := &d.peers[i]
	if u.Inc > p.rumor.inc || u.Inc == p.rumor.inc && u.LoadSeq > p.loadSeq {
		p.load, p.loadSeq = u.Load, u.LoadSeq
	}
	r := rumor{u.Inc, u.GossipInc, u.State}
	if !p.rumor.less(r) {
		return
	}
	d.adopt(c, i, r)
	if !known {
		d.enqueue(i)
	}
}

// refute contradicts what is said of this boot (SWIM section 4.2). The greater
// incarnation goes out with every message.
func (d *Detector) refute(u *msg.Update) {
	if u.Inc != d.cfg.Inc || u.State == msg.Alive || u.GossipInc < d.gossipInc || u.GossipInc == math.MaxUint32 {
		return
	}
	d.gossipInc = u.GossipInc + 1
	d.stats.Refutations++
	d.doubtSelf()
}

// accuse makes a peer a suspect for everybody.
func (d *Detector) accuse(c *actors.Context, i int) {
	p := &d.peers[i]
	if p.rumor.state > msg.Alive {
		return
	}
	d.stats.Suspicions++
	d.adopt(c, i, rumor{p.rumor.inc, p.rumor.gossipInc, msg.Suspect})
	d.enqueue(i)
}

// adopt replaces what gossip says of a peer by something greater.
func (d *Detector) adopt(c *actors.Context, i int, r rumor) {
	p := &d.peers[i]
	was := p.rumor
	p.rumor = r
	if was.inc == 0 && r.inc != 0 {
		d.unheard--
	}
	if was.state > msg.Alive && r.state == msg.Alive && was.inc == r.inc {
		d.stats.FalseSuspicions++
	}
	if was.state == msg.Suspect {
		d.suspects = without(d.suspects, i)
	}
	if r.state == msg.Suspect {
		d.suspects = append(d.suspects, i)
		p.deadNs = c.NowNs + d.suspicionNs()
		d.due(c, p.deadNs)
	}
	if !d.close {
		d.refresh(c, p)
		return
	}
	// Gossip convinces nobody here who can see for himself: so look.
	if p.is == alive && (r.state > msg.Alive || r.inc > p.inc) {
		d.lookNow(c, i)
	}
}

func (d *Detector) suspicionNs() int64 {
	return suspicionPeriods(len(d.peers)+1) * d.cfg.IntervalNs * (1 + d.health)
}

// checkSuspects ends the suspicions that nobody refuted in time.
func (d *Detector) checkSuspects(c *actors.Context) {
	for k := 0; k < len(d.suspects); {
		i := d.suspects[k]
		p := &d.peers[i]
		if c.NowNs < p.deadNs {
			d.due(c, p.deadNs)
			k++
			continue
		}
		r := p.rumor
		r.state = msg.Dead
		d.adopt(c, i, r) // takes it out of suspects
		d.enqueue(i)
	}
}
