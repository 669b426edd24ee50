package coordinate

import (
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/msg"
)

// A bucket is known to the node that was asked for it first, and used there at
// once: the others hear of it a moment later, and until then refuse what they are
// sent for it. So as long as a client waits such a replica is asked again, with
// every tick; it counts as having refused only when nobody waits any more.

// again is a question to a replica that did not know the bucket: put or get.
type again struct {
	put target
	get asked
}

// putAgain notes a write that a replica is to be sent again.
func (s *Coordinator) putAgain(t target) { s.again = append(s.again, again{put: t}) }

// getAgain notes a read that a replica is to be asked again.
func (s *Coordinator) getAgain(a asked) { s.again = append(s.again, again{get: a}) }

// askAgain does what was noted since the last tick.
func (s *Coordinator) askAgain(c *actors.Context) {
	now := s.again
	s.again = nil
	for _, x := range now {
		if x.get.rd != nil {
			s.getOnceMore(c, x.get)
		} else {
			s.putOnceMore(c, x.put)
		}
	}
}

func (s *Coordinator) putOnceMore(c *actors.Context, t target) {
	if t.w.acks.Has(t.pos) {
		return
	}
	wanted := t.w.wanted()
	if !wanted || c.NowNs-t.w.begunNs >= s.cfg.HintAfterNs {
		s.cover(c, t.w, t.pos) // it is to have the object in any case
	}
	if wanted {
		s.stats.Resends++
		t.w.part.prefs[t.pos].out.put(msg.ForWrite, t)
	}
}

func (s *Coordinator) getOnceMore(c *actors.Context, a asked) {
	if a.rd.wanted() {
		s.stats.Resends++
		a.again(a.rd.part.prefs[a.pos], true)
		return
	}
	a.rd.open--
	s.advance(c, a.rd)
}
