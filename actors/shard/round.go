package shard

import (
	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/quorum"
)

// execute carries out what waits on top of base, the key's newest register. If
// settled, base is known to be chosen; if not, it must be accepted under this
// ballot before anybody may see it. Operations that change nothing are answered
// at once if the touch that has just ended left after they had come, else after
// a confirm.
func (s *Shard) execute(c *actors.Context, k *key, base kv.Register, settled bool) {
	p := k.p
	k.running = k.running[:0]
	next := base
	for i, f := range k.waiting {
		if f.closed() {
			continue
		}
		res, wrote := apply(&f.op().Op, &next)
		if wrote {
			p.seq++
			next.Rev = kv.Version{Ballot: p.ballot, Seq: p.seq}
			next.TimeMs = c.WallMs
			next.Version = next.Rev
			res.Rev, res.TimeMs = next.Rev, next.TimeMs
			if next.Kind == kv.Tombstone {
				res.Rev = kv.Version{}
			}
		}
		k.running = append(k.running, execution{f, res, i < k.askedFor})
	}
	clear(k.waiting)
	k.waiting = k.waiting[:0]
	refresh := k.refresh
	k.refresh = false
	changed := next.Version != base.Version
	switch {
	case changed:
	case !settled, refresh && (base.Version.Ballot != p.ballot || base.Version.Compare(s.local.Floor(p.id)) <= 0):
		p.seq++
		next.Version = kv.Version{Ballot: p.ballot, Seq: p.seq}
		if next.Kind == kv.Absent { // only a refresh writes over nothing: see level.go
			next.Kind, next.Rev, next.TimeMs = kv.Tombstone, next.Version, c.WallMs
		}
	case refresh: // the same version once more
	default:
		s.settle(c, k)
		return
	}
	k.reg, k.best = next, base
	s.sendRound(c, k)
}

// settle answers a fold that changed nothing.
func (s *Shard) settle(c *actors.Context, k *key) {
	for i := range k.running {
		x := &k.running[i]
		failpoint.Inject("noop-902-touch-answers-nothing", func() { x.shown = false })
		failpoint.Inject("bug-55-failed-cas-without-confirm", func() { x.shown = x.shown || x.res.Status == kv.CondFailed })
		if x.shown {
			s.finish(c, x.f, x.res)
		} else {
			s.reads.add(k.p, x.f, x.res)
		}
	}
	s.roundDone(c, k)
}

// sendRound sends k.reg to the replicas: phase 2a. From here on its
// operations may take effect.
func (s *Shard) sendRound(c *actors.Context, k *key) {
	s.stats.Rounds++
	s.stats.Folded += uint64(len(k.running))
	for i := range k.running {
		if f := k.running[i].f; f.op().IsWrite() && !f.closed() && k.running[i].res.Status == kv.OK {
			f.set(left)
		}
	}
	k.phase = accepting
	item := s.newItem()
	*item = msg.AcceptItem{Key: k.raw, Register: k.reg, Partition: k.p.id}
	s.ask(c, k, func(m *peer) { s.sendAccept(k, m, item) })
}

func (s *Shard) sendAccept(k *key, m *peer, item *msg.AcceptItem) {
	o := &m.out
	if o.accept == nil {
		o.accept = make([]*msg.AcceptItem, 0, o.accepts+o.accepts/4+1)
		o.acceptFor, o.spareFor = o.spareFor, nil
	}
	o.accept = append(o.accept, item)
	o.acceptFor = append(o.acceptFor, keyRound{k, k.round})
}

// newItem takes the items of messages from slabs.
func (s *Shard) newItem() *msg.AcceptItem {
	if len(s.items) == 0 {
		s.items = make([]msg.AcceptItem, 32)
	}
	item := &s.items[0]
	s.items = s.items[1:]
	return item
}

// accepted tallies phase 2b.
func (s *Shard) accepted(c *actors.Context, m *msg.Accepted) {
	x := s.answered(c, m.ID)
	if x == nil {
		return
	}
	refused := m.Refused
	for i, kr := range x.accept {
		var ref *msg.Refusal
		if len(refused) > 0 && int(refused[0].Index) == i {
			ref, refused = &refused[0], refused[1:]
		}
		k := kr.k
		if k == nil || k.phase != accepting {
			continue
		}
		late := k.round != kr.round
		failpoint.Inject("bug-20-reply-to-earlier-request", func() { late = false })
		if late {
			continue
		}
		switch {
		case ref == nil:
			k.votes.Yes(k.p.indexOf(x.to.node))
			s.checkChosen(c, k)
		case ref.Reason == msg.ByFloor:
			s.renumber(c, k)
		default:
			k.votes.No(k.p.indexOf(x.to.node))
			s.contest(c, k.p, ref.Promised, k.votes)
		}
	}
	if o := &x.to.out; cap(x.accept) > cap(o.spareFor) && cap(x.accept) <= mostSpareFor {
		clear(x.accept)
		o.spareFor = x.accept[:0]
	}
}

// mostSpareFor bounds what is kept for the next batch of rounds.
const mostSpareFor = 1 << 12

// renumber sends a round again under a new seq: a tombstone collected meanwhile
// raised a floor above the old one.
func (s *Shard) renumber(c *actors.Context, k *key) {
	k.p.seq++
	k.reg.Version.Seq = k.p.seq
	s.sendRound(c, k)
}

// checkChosen ends a round once a majority has accepted it and this node's own
// copy, from which reads are served, holds it.
func (s *Shard) checkChosen(c *actors.Context, k *key) {
	if k.votes.Outcome() != quorum.Won || !s.isOwner(c, k.p) {
		return
	}
	if !k.votes.Agreed(k.p.self) && s.local.Lookup(k.p.id, k.raw).Version != k.reg.Version {
		return
	}
	for i := range k.running {
		s.finish(c, k.running[i].f, k.running[i].res)
	}
	s.roundDone(c, k)
}

// roundDone goes on with what has waited, or forgets the key.
func (s *Shard) roundDone(c *actors.Context, k *key) {
	if k.gone {
		return // lost meanwhile
	}
	clear(k.running)
	k.running = k.running[:0]
	refresh := k.refresh
	s.release(k)
	k.refresh = refresh
	if len(k.waiting) > 0 || refresh {
		s.makeReady(k)
		return
	}
	s.forget(k)
	if k.p.role == draining && len(k.p.order) == 0 {
		s.drained(c, k.p)
	}
}

// maxBackoff bounds how long a repetition waits, in multiples of ResendNs.
// Repetitions that come faster than answers can would only delay them further.
const maxBackoff = 8

// resend repeats what rounds under way still miss.
func (s *Shard) resend(c *actors.Context) {
	for _, k := range s.active {
		if k.sentNs+k.waitNs > c.NowNs {
			continue
		}
		k.waitNs = min(2*k.waitNs, maxBackoff*s.cfg.ResendNs) + c.Rand.Int64N(s.cfg.ResendNs/4+1)
		failpoint.Inject("bug-50-retry-storm-without-backoff", func() { k.waitNs = s.cfg.ResendNs })
		s.stats.Resends++
		k.sentNs = c.NowNs
		k.dropClosed()
		failpoint.Inject("bug-19-doubtful-accept-abandoned", func() {
			if k.phase == accepting && k.best.Kind == kv.Value {
				k.p.seq++
				k.reg = k.best
				k.reg.Version = kv.Version{Ballot: k.p.ballot, Seq: k.p.seq}
				k.round++
				k.votes = quorum.New(len(k.p.prefs))
				for i := range k.running {
					s.giveUp(c, k.running[i].f)
				}
			}
		})
		item := &msg.AcceptItem{Key: k.raw, Register: k.reg, Partition: k.p.id}
		for i, m := range k.p.prefs {
			switch {
			case k.votes.Voted(i):
			case k.phase == touching:
				s.sendTouch(k, m)
			case k.phase == accepting:
				s.sendAccept(k, m, item)
			}
		}
	}
}

// dropClosed forgets waiting operations that have been answered, so that a
// round without end does not keep them.
func (k *key) dropClosed() {
	kept := k.waiting[:0]
	asked := 0
	for i, f := range k.waiting {
		if !f.closed() {
			kept = append(kept, f)
			if i < k.askedFor {
				asked++
			}
		}
	}
	clear(k.waiting[len(kept):])
	k.waiting = kept
	k.askedFor = asked
}

// hurry repeats rounds soon that were waiting for a peer that has come back.
func (s *Shard) hurry() {
	for _, k := range s.active {
		k.waitNs = s.cfg.ResendNs
	}
}
