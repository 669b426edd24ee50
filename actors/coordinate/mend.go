package coordinate

import (
	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// Read repair ("Dynamo", section 5): replicas that were found behind get what
// the read has merged. That goes out as it is. Stamped anew it would be a new
// write, and win over ones that came after it.

// mendFirst makes so many replicas level as the read asks for; then it answers.
func (s *Coordinator) mendFirst(c *actors.Context, rd *read) {
	s.stats.Behind++
	rd.phase, rd.grown = mending, false
	w := s.mendWrite(c, rd)
	w.rd, w.open, w.acks = rd, true, rd.same
	rd.mend = w
	for i, q := range rd.part.prefs {
		if !w.acks.Has(i) {
			s.sendMend(q, w, i)
		}
	}
}

// mended answers a read whose object is now where it has to be.
func (s *Coordinator) mended(c *actors.Context, rd *read) { s.answerRead(c, rd, &rd.mend.item.Object) }

// mendLate brings the replicas level that answered something else than what all
// answers together say. Those that did not answer are anti-entropy's.
func (s *Coordinator) mendLate(c *actors.Context, rd *read) {
	if rd.part.bucket.Repair == kv.RepairOff && rd.part.bucket.Mode != kv.ABD {
		return
	}
	behind := rd.acks &^ rd.same
	if behind == 0 || rd.mend != nil && !rd.grown { // they have been sent it
		return
	}
	if rd.mend == nil {
		s.stats.Behind++
	}
	w := s.mendWrite(c, rd)
	for i, q := range rd.part.prefs {
		if behind.Has(i) {
			s.sendMend(q, w, i)
		}
	}
}

func (s *Coordinator) mendWrite(c *actors.Context, rd *read) *write {
	it := &msg.PutItem{Key: rd.f.op().Key, Object: *rd.merged, Partition: rd.part.id}
	failpoint.Inject("bug-36-repair-stamps-anew", func() {
		if now, err := s.clock.Now(c.WallMs); err == nil && it.Object.Register.Kind == kv.Value {
			it.Object.Register.Stamp = now
		}
	})
	return &write{part: rd.part, need: rd.need, item: it}
}

func (s *Coordinator) sendMend(q *peer, w *write, pos int) {
	s.stats.Mended++
	q.out.put(msg.ForRead, target{w, pos})
}

// answerRead tells a client what its read has seen.
func (s *Coordinator) answerRead(c *actors.Context, rd *read, o *causal.Object) {
	rd.phase = over
	res := s.result(c, rd.part, rd.f.op(), o)
	if res.Causal != nil && len(res.Causal.Values) > 1 {
		s.stats.Siblings++
	}
	s.finish(c, rd.f, res)
}
