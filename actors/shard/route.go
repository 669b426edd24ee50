package shard

import (
	"slices"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// delayed is an operation that is routed again at atNs.
type delayed struct {
	f    ref
	atNs int64
}

// route sends an operation to where it can be carried out. Its progress is waiting.
func (s *Shard) route(c *actors.Context, f ref) {
	p := s.parts.At(f.op().Partition)
	switch p.role {
	case owner:
		s.admit(c, p, f)
		return
	case preparing, draining:
		p.queue = append(p.queue, f)
		return
	}
	target := s.target(c, p, f.r.forwarded)
	switch {
	case target == s.self:
		p.queue = append(p.queue, f)
		s.prepare(c, p)
	case f.r.forwarded:
		s.finish(c, f, kv.Result{Status: kv.NotOwner, Rev: kv.Version{Ballot: s.claimOf(p)}})
	case target.dead && !target.gone(c): // it will soon be one or the other
		s.delay(c, f)
	case f.op().Kind == kv.OpGet && p.self >= 0 && !f.r.mixed:
		s.readMajority(c, p, target, f)
	default:
		s.forward(c, target, f)
	}
}

// claimOf is the highest claim on p that is known here.
func (s *Shard) claimOf(p *partition) kv.Ballot {
	b := p.seen
	if p.self >= 0 {
		if l := s.local.Promised(p.id); b.Less(l) {
			b = l
		}
	}
	if b.Node == 0 {
		return kv.Ballot{} // a copy that has promised nothing but to be as new as its bucket
	}
	return b
}

// target is the member to turn to for p: the heir of a hand-over that is under
// way, else the one with the highest known claim, else, if that is lost, the first of
// the preference list that seems alive. A wrong guess costs time, not safety.
//
// Nodes don't send each other in circles. A shard knows the claims of its own boot
// and those that it has yielded to, so following claims leads to higher ones, up to
// one that is lost. A replica that knows such a one claims p itself when another shard
// asks, or when who was asked knows of nothing higher (denied): a lower claim, maybe,
// of a node that works on under it, or does not know that it was replaced.
func (s *Shard) target(c *actors.Context, p *partition, forwarded bool) *peer {
	if p.heir != nil {
		if c.NowNs < p.heirTillNs && !p.heir.dead {
			return p.heir
		}
		p.heir = nil
	}
	b := s.claimOf(p)
	switch {
	case !s.lost(c, p, b):
		return s.byID[b.Node]
	case p.self >= 0 && !b.IsZero() && (forwarded || b == p.void):
		return s.self
	}
	return p.firstAlive()
}

// lost reports whether nobody acts under a claim on p any more: its claimant
// seems dead, or was another boot. So is none at all.
func (s *Shard) lost(c *actors.Context, p *partition, b kv.Ballot) bool {
	claimant := s.peerOf(b.Node)
	if claimant == nil || claimant.gone(c) || !p.holds(claimant) {
		return true
	}
	over := b.Inc < claimant.inc
	failpoint.Inject("bug-83-claim-outlives-its-boot", func() { over = false })
	return over
}

// denied takes in that who was asked does not own p and knows of no claim above known,
// and reports whether that ends a search: the highest one known here is lost, and
// unknown there. Who knows it, too, may think its claimant alive, and be right.
func (s *Shard) denied(c *actors.Context, p *partition, known kv.Ballot) bool {
	b := s.claimOf(p)
	ends := known.Less(b) && s.lost(c, p, b)
	failpoint.Inject("bug-84-denied-and-asked-again", func() { ends = false })
	if !ends {
		return false
	}
	if p.void = b; p.self < 0 {
		p.seen = known
	}
	return true
}

// firstAlive is the first member of the preference list that seems alive, or
// the first of all.
func (p *partition) firstAlive() *peer {
	for _, m := range p.prefs {
		if !m.dead {
			return m
		}
	}
	return p.prefs[0]
}

func (p *partition) holds(m *peer) bool {
	for _, q := range p.prefs {
		if q == m {
			return true
		}
	}
	return false
}

// indexOf is the position of a node in the preference list, -1 if it has none.
func (p *partition) indexOf(node kv.NodeID) int {
	for i, q := range p.prefs {
		if q.node == node {
			return i
		}
	}
	return -1
}

// reroute routes an operation that has not been carried out again, unless it
// came from another shard: that one decides where to turn.
func (s *Shard) reroute(c *actors.Context, f ref) {
	if f.closed() {
		return
	}
	f.set(waiting)
	f.r.again = true
	if f.r.forwarded {
		p := s.parts.At(f.op().Partition)
		s.finish(c, f, kv.Result{Status: kv.NotOwner, Rev: kv.Version{Ballot: s.claimOf(p)}})
		return
	}
	s.route(c, f)
}

// delay routes an operation again after a jittered wait: nobody to turn to was
// found, or who was asked is not the owner and knows no better.
func (s *Shard) delay(c *actors.Context, f ref) {
	if f.closed() {
		return
	}
	f.set(waiting)
	f.r.again = true
	at := c.NowNs + s.cfg.BackoffNs/8 + c.Rand.Int64N(s.cfg.BackoffNs/4+1)
	if n := len(s.delayed); n > 0 && s.delayed[n-1].f.r == f.r {
		at = s.delayed[n-1].atNs // operations of one request keep their order
	}
	if len(s.delayed) == 0 || at < s.retryNs {
		s.retryNs = at
	}
	s.delayed = append(s.delayed, delayed{f, at})
}

func (s *Shard) retryDelayed(c *actors.Context) {
	if len(s.delayed) == 0 || c.NowNs < s.retryNs {
		return
	}
	waiting := s.delayed
	s.delayed = nil
	for _, d := range waiting {
		switch {
		case d.f.closed():
		case d.atNs > c.NowNs:
			if len(s.delayed) == 0 || d.atNs < s.retryNs {
				s.retryNs = d.atNs
			}
			s.delayed = append(s.delayed, d)
		default:
			s.reroute(c, d.f)
		}
	}
}

// outbox gathers what leaves for one peer at the next flush.
type outbox struct {
	forward    []ref
	prepare    []msg.PartitionBallot
	touch      []msg.TouchItem
	touchFor   []keyRound
	accept     []*msg.AcceptItem
	acceptFor  []keyRound
	accepts    int        // so many items, about, left with the last flush that had any
	spareFor   []keyRound // to go on with as acceptFor
	versions   []msg.KeyRef
	versionFor []*majorityRead
}

// keyRound names a round of a key, so that an answer to an earlier one is
// recognised. A nil key wants no answer.
type keyRound struct {
	k     *key
	round uint64
}

// sent is a request to a replica that has not been answered. Exactly one of
// the lists is set; it runs beside the items of the request.
type sent struct {
	to       *peer
	atNs     int64
	prepare  []msg.PartitionBallot
	touch    []keyRound
	accept   []keyRound
	versions []*majorityRead
	level    *levelJob
	graves   *graveJob
}

// remember keeps a request until it is answered or too old to matter.
func (s *Shard) remember(c *actors.Context, request sent) uint64 {
	id := s.newID()
	if len(s.sentSlab) == 0 {
		s.sentSlab = make([]sent, 16)
	}
	x := &s.sentSlab[0]
	s.sentSlab = s.sentSlab[1:]
	*x = request
	x.atNs = c.NowNs
	s.sent[id] = x
	s.sentFIFO = append(s.sentFIFO, id)
	return id
}

// answered finds the request of a reply and forgets it; nil if the reply comes
// twice, late, or from somebody who was not asked.
func (s *Shard) answered(c *actors.Context, id uint64) *sent {
	x := s.sent[id]
	if x == nil || x.to.node != c.Sender.Node {
		return nil
	}
	delete(s.sent, id)
	return x
}

// forgetSent drops requests that were never answered. Rounds repeat what they
// still need under new ids.
func (s *Shard) forgetSent(c *actors.Context) {
	oldest := c.NowNs - max(8*s.cfg.ResendNs, s.cfg.RequestTimeoutNs)
	n := 0
	for ; n < len(s.sentFIFO); n++ {
		x := s.sent[s.sentFIFO[n]]
		if x == nil {
			continue
		}
		if x.atNs > oldest {
			break
		}
		delete(s.sent, s.sentFIFO[n])
		s.unanswered(x)
	}
	s.sentFIFO = append(s.sentFIFO[:0], s.sentFIFO[n:]...)
}

// flushPeer sends what was gathered for one peer.
func (s *Shard) flushPeer(c *actors.Context, p *peer) {
	o := &p.out
	if len(o.prepare) > 0 {
		id := s.remember(c, sent{to: p, prepare: o.prepare})
		c.Send(p.addrReplica, &msg.Prepare{ID: id, Items: o.prepare})
		o.prepare = nil
	}
	for len(o.touch) > 0 {
		n := msg.Fitting(o.touch, func(it *msg.TouchItem) int { return len(it.Key) })
		id := s.remember(c, sent{to: p, touch: o.touchFor[:n:n]})
		c.Send(p.addrReplica, &msg.Touch{ID: id, Items: o.touch[:n:n]})
		o.touch, o.touchFor = o.touch[n:], o.touchFor[n:]
	}
	if len(o.accept) > 0 {
		o.accepts = len(o.accept)
	}
	for len(o.accept) > 0 {
		n := msg.Fitting(o.accept, func(it **msg.AcceptItem) int { return len((*it).Key) + len((*it).Register.Data) })
		id := s.remember(c, sent{to: p, accept: o.acceptFor[:n:n]})
		c.Send(p.addrReplica, &msg.Accept{ID: id, Items: o.accept[:n:n]})
		o.accept, o.acceptFor = o.accept[n:], o.acceptFor[n:]
	}
	for len(o.versions) > 0 {
		n := msg.Fitting(o.versions, func(it *msg.KeyRef) int { return len(it.Key) })
		if n < len(o.versions) { // answers to several messages come in any order
			o.versionFor[n-1].f.r.again, o.versionFor[n].f.r.again = true, true
		}
		id := s.remember(c, sent{to: p, versions: o.versionFor[:n:n]})
		c.Send(p.addrReplica, &msg.ReadVersions{ID: id, Epoch: s.cfg.Layout.Epoch(), Keys: o.versions[:n:n]})
		o.versions, o.versionFor = o.versions[n:], o.versionFor[n:]
	}
	// What has been answered since must not happen under a newer map.
	o.forward = slices.DeleteFunc(o.forward, ref.closed)
	for len(o.forward) > 0 {
		n := msg.Fitting(o.forward, func(f *ref) int { return len(f.op().Key) + len(f.op().Value) + len(f.op().Expected) })
		s.flushForward(c, p, o.forward[:n:n])
		o.forward = o.forward[n:]
	}
	o.touch, o.touchFor, o.accept, o.acceptFor = nil, nil, nil, nil
	o.versions, o.versionFor, o.forward = nil, nil, nil
}
