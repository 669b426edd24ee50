package coordinate

import (
	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// write is an object on its way to the replicas of its key. It counts down to
// a client's operation, or to a read that waits until replicas are level.
type write struct {
	f    ref // zero in a read's
	part *part
	need *causal.Need
	item *msg.PutItem
	rd   *read // whose answer waits for this
	tally
	covered causal.Replicas // those for which somebody was asked to keep a hint
	keepers []*peer         // who was asked to stand in; a node stands in once
	begunNs int64           // when it first left; a client's
	open    bool            // the need is not met yet
}

// startWrites makes the objects of the writes that have gathered, and puts them
// on their way.
func (s *Coordinator) startWrites(c *actors.Context) {
	for len(s.writes) > 0 { // making one may end another's wait
		refs := s.writes
		s.writes = nil
		s.reserve(c)
		writes, items := make([]write, len(refs)), make([]msg.PutItem, len(refs))
		for i, f := range refs {
			if !f.closed() {
				s.startWrite(c, f, &writes[i], &items[i])
			}
		}
		clear(refs)
		if s.writes == nil {
			s.writes = refs[:0]
			break
		}
	}
	if len(s.unmarked) > 0 { // a stamp that was taken in since is above the mark that was asked for
		s.reserve(c)
	}
	clear(s.fresh)
}

func (s *Coordinator) startWrite(c *actors.Context, f ref, w *write, it *msg.PutItem) {
	op := f.op()
	p, need := s.admit(c, f, s.writeNeed)
	if p == nil {
		return
	}
	if c.NowNs < s.aheadTillNs && p.bucket.Mode == kv.Eventual && !f.r.forwarded {
		if to := s.nextHop(c, f, p); to != nil && to != s.self {
			s.stats.Skewed++
			s.passOn(c, f, p)
			return
		}
	}
	it.Key, it.Partition = op.Key, op.Partition
	if !s.make(c, f, p, it) {
		return
	}
	*w = write{f: f, part: p, need: need, item: it, begunNs: c.NowNs, open: true}
	f.r.progress[f.i] = left
	s.spread(c, w, msg.ForWrite)
}

// aheadNs is how long a node whose stamps most replicas have refused lets others
// write, before it tries again.
const aheadNs = int64(5e9)

// spread sends an object to every replica, this node's own among them, that has
// not acknowledged it. One that is believed dead gets it too: belief is a hint.
func (s *Coordinator) spread(c *actors.Context, w *write, why msg.Why) {
	for i, q := range w.part.prefs {
		if w.acks.Has(i) {
			continue
		}
		q.out.put(why, target{w, i})
		if q.dead && why == msg.ForWrite {
			s.cover(c, w, i)
		}
	}
	failpoint.Inject("bug-28-coordinator-counts-itself", func() {
		if w.part.self >= 0 {
			s.acked(c, w, w.part.self)
		}
	})
}

// acked counts a replica that has the object durably.
func (s *Coordinator) acked(c *actors.Context, w *write, pos int) {
	w.acks = w.acks.With(pos)
	s.progress(c, w)
}

// progress ends a write that has what it needs, or can't get it any more.
func (s *Coordinator) progress(c *actors.Context, w *write) {
	switch {
	case !w.open:
	case w.stored(w.need, w.part.sloppy()):
		w.open = false
		if w.rd != nil {
			s.mended(c, w.rd)
			return
		}
		s.settle(c, w.f)
	case w.need.Lost(w.refused &^ w.standIns):
		w.open = false
		if w.rd != nil {
			s.giveUp(c, w.rd.f)
			return
		}
		s.giveUp(c, w.f)
	}
}

// wanted reports whether somebody still waits for the write.
func (w *write) wanted() bool {
	if w.rd != nil {
		return w.open && !w.rd.f.closed()
	}
	return w.open && !w.f.closed()
}

// stored takes in a store's answer to a Put.
func (s *Coordinator) stored(c *actors.Context, m *msg.Stored) {
	x := s.sent[m.ID]
	if x == nil || x.put == nil || c.Sender != x.to.store {
		return
	}
	s.forget(x)
	refused := m.Refused
	for i, t := range x.put {
		if len(refused) > 0 && int(refused[0].Index) == i {
			s.refusedPut(c, t, refused[0].Reason)
			refused = refused[1:]
			continue
		}
		s.acked(c, t.w, t.pos)
	}
	s.release(c)
}

// refusedPut takes in that a replica did not take an object. Where its map is
// the reason it may take it later.
func (s *Coordinator) refusedPut(c *actors.Context, t target, why msg.PutReason) {
	if why == msg.ByMap && t.w.f.r != nil && t.w.wanted() {
		s.putAgain(t)
		return
	}
	t.w.refused = t.w.refused.With(t.pos)
	switch why {
	case msg.ByDrift:
		s.stats.Drift++
		if t.w.f.r != nil && 2*t.w.refused.Count() > len(t.w.part.prefs) {
			s.aheadTillNs = c.NowNs + aheadNs
		}
	case msg.ByPlace, msg.ByMap:
		if t.w.rd == nil {
			s.cover(c, t.w, t.pos)
		}
	}
	s.progress(c, t.w)
}
