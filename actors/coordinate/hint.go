package coordinate

import (
	"slices"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// cover finds somebody to keep a write's object for a replica that is dead,
// silent, or refuses: hinted handoff ("Dynamo", section 4.6). In a sloppy bucket
// that is the next node of the ring, which then counts as a stand-in; else, and
// when no such node is left, this node's own handoff, where it counts for nothing.
// A late acknowledgement of the replica cancels nothing: replay is a merge.
func (s *Coordinator) cover(c *actors.Context, w *write, pos int) {
	if w.f.r == nil || w.covered.Has(pos) || w.acks.Has(pos) {
		return
	}
	w.covered = w.covered.With(pos)
	s.keep(w, pos)
}

// keep asks the next who may keep it.
func (s *Coordinator) keep(w *write, pos int) {
	s.stats.Hints++
	if w.part.sloppy() {
		q := standIn(w.part, w.part.prefs[pos], w.keepers)
		first := w.part.self < 0 && w.part.bucket.Policy != kv.LWW && len(w.keepers) == 0
		failpoint.Inject("bug-67-stand-in-forgets-its-events", func() { first = false })
		if first { // the next event here must be made on top of this one
			q = s.self
		}
		if q != nil {
			w.keepers = append(w.keepers, q)
			q.out.hints = append(q.out.hints, kept{w, pos, true})
			return
		}
	}
	s.self.out.hints = append(s.self.out.hints, kept{w, pos, !w.part.sloppy()})
}

// standIn is the next node to stand in for a replica: one of its zone first.
func standIn(p *part, replica *peer, used []*peer) *peer {
	var other *peer
	for _, q := range p.fallbacks {
		switch {
		case q.dead || slices.Contains(used, q):
		case q.zone == replica.zone:
			return q
		case other == nil:
			other = q
		}
	}
	return other
}

// flushHints sends what one node is to keep, a message for each target.
func (s *Coordinator) flushHints(c *actors.Context, p *peer) {
	slices.SortStableFunc(p.out.hints, func(a, b kept) int { return int(a.target().node) - int(b.target().node) })
	for rest := p.out.hints; len(rest) > 0; {
		n := 1
		bytes := putSize(&rest[0].w.item)
		epoch := rest[0].w.part.epoch
		for n < len(rest) && rest[n].target() == rest[0].target() && rest[n].w.part.epoch == epoch && bytes < msg.BatchBytes {
			bytes += putSize(&rest[n].w.item)
			n++
		}
		m := &msg.Hint{ID: s.newID(), SentMs: c.WallMs, Epoch: epoch, Target: rest[0].target().node}
		for _, k := range rest[:n] {
			m.Items = append(m.Items, k.w.item)
		}
		s.send(c, &sent{id: m.ID, to: p, address: p.handoff, message: m, hint: rest[:n:n], target: m.Target})
		rest = rest[n:]
	}
	p.out.hints = nil
}

func (k kept) target() *peer { return k.w.part.prefs[k.pos] }

// hinted takes in a handoff's answer: what it keeps, it keeps durably.
func (s *Coordinator) hinted(c *actors.Context, m *msg.Hinted) {
	x := s.sent[m.ID]
	if x == nil || x.hint == nil || c.Sender != x.address {
		return
	}
	s.forget(x)
	refused := m.Refused
	for i, k := range x.hint {
		if len(refused) > 0 && int(refused[0].Index) == i {
			refused = refused[1:]
			s.keepElsewhere(x, k)
			continue
		}
		if k.counts {
			k.w.standIns = k.w.standIns.With(k.pos)
			s.progress(c, k.w)
		}
	}
}

// keepElsewhere asks another node. That the last one refuses is counted: from
// now on anti-entropy alone brings the replica level.
func (s *Coordinator) keepElsewhere(x *sent, k kept) {
	if x.to == s.self && !(k.counts && k.w.part.sloppy()) {
		s.stats.HintsRefused++
		return
	}
	s.keep(k.w, k.pos)
}

// silence deals at once with what a peer that is believed dead has not answered.
func (s *Coordinator) silence(c *actors.Context, p *peer) {
	for _, x := range s.fifo {
		if x.to == p && !x.over && !x.covered {
			s.coverSent(c, x)
		}
	}
}

// coverSent deals with the silence of whom a request went to.
func (s *Coordinator) coverSent(c *actors.Context, x *sent) {
	if x.hint != nil && x.to == s.self {
		return // a slow disk: there is no better keeper
	}
	x.covered = true
	for _, t := range x.put {
		s.cover(c, t.w, t.pos)
	}
	for _, k := range x.hint {
		s.keepElsewhere(x, k)
	}
	if x.address.Kind == actors.Store {
		for _, a := range x.get {
			s.askStandIn(a.rd, a.pos)
			s.advance(c, a.rd)
		}
	}
}
