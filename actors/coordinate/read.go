package coordinate

import (
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// read asks all replicas of a key and merges what they answer.
//
//  1. merged is the join of all answers counted so far, and of nothing else; nil
//     before the first.
//  2. same are the replicas whose answer equals merged.
type read struct {
	f          ref
	part       *part
	need       *causal.Need
	have       causal.Object // the own store's when the read began: what Same means
	haveDigest causal.Hash
	merged     *causal.Object
	tally
	same    causal.Replicas
	empty   causal.Replicas // those whose stand-in keeps nothing of the key
	keepers []*peer         // stand-ins asked
	open    int8            // answers outstanding
	grown   bool            // merged has changed since mend began
	phase   phase
	mend    *write // the write that its answer waits, or waited, for
}

// wanted reports whether a client waits for answers to the read.
func (rd *read) wanted() bool { return rd.phase == asking && !rd.f.closed() }

// phase is how far a read has come.
type phase uint8

const (
	asking  phase = iota
	mending       // the answer waits until replicas are level
	over          // answered; answers may still come
)

// startReads asks for the reads that have gathered.
func (s *Coordinator) startReads(c *actors.Context) {
	if len(s.reads) == 0 {
		return
	}
	reads := make([]read, len(s.reads))
	s.store.Warm(len(s.reads), func(i int) (kv.Partition, []byte) { return s.reads[i].op().Partition, s.reads[i].op().Key })
	for i, f := range s.reads {
		if !f.closed() {
			s.startRead(c, f, &reads[i])
		}
	}
	clear(s.reads)
	s.reads = s.reads[:0]
}

func (s *Coordinator) startRead(c *actors.Context, f ref, rd *read) {
	op := f.op()
	p, need := s.admit(c, f, s.readNeed)
	if p == nil {
		return
	}
	rd.f, rd.part, rd.need, rd.open = f, p, need, int8(len(p.prefs))
	if p.self >= 0 {
		rd.have, rd.haveDigest = s.store.Lookup(p.id, op.Key)
	}
	for i, q := range p.prefs {
		q.out.get(p.id, asked{rd, i})
		if q.dead {
			s.askStandIn(rd, i)
		}
	}
}

// askStandIn asks what is kept for a replica that does not answer.
func (s *Coordinator) askStandIn(rd *read, pos int) {
	if !asksStandIns(rd.part.sloppy()) || rd.phase == over {
		return
	}
	if q := standIn(rd.part, rd.part.prefs[pos], rd.keepers); q != nil {
		rd.keepers = append(rd.keepers, q)
		rd.open++
		q.out.stand(rd.part.id, asked{rd, pos})
	}
}

// fetched takes in answers to a Fetch.
func (s *Coordinator) fetched(c *actors.Context, m *msg.Fetched) {
	x := s.sent[m.ID]
	if x == nil || x.get == nil || c.Sender != x.address || len(m.Items) != len(x.get) {
		return
	}
	s.forget(x)
	direct := x.address.Kind == actors.Store
	for i, a := range x.get {
		switch it := &m.Items[i]; {
		case it.Refused == msg.ByFull: // the answer was long enough without it
			a.again(x.to, direct)
			continue
		case it.Refused == msg.ByMap && direct && a.rd.wanted():
			s.getAgain(a)
			continue
		case it.Refused != 0:
			if direct {
				a.rd.refused = a.rd.refused.With(a.pos)
			}
		case it.Same:
			a.rd.take(a.pos, &a.rd.have, direct)
		default:
			a.rd.take(a.pos, it.Object, direct)
		}
		a.rd.open--
		s.advance(c, a.rd)
	}
}

// again asks the same question at the next flush.
func (a asked) again(q *peer, direct bool) {
	if direct {
		q.out.get(a.rd.part.id, a)
	} else {
		q.out.stand(a.rd.part.id, a)
	}
}

// take merges an answer of a replica, or of one that stands in for it.
func (rd *read) take(pos int, o *causal.Object, direct bool) {
	var bit causal.Replicas
	if direct {
		if rd.acks.Has(pos) {
			return
		}
		bit = bit.With(pos)
		rd.acks |= bit
	} else if o == nil {
		rd.empty = rd.empty.With(pos)
		return
	} else {
		rd.standIns = rd.standIns.With(pos)
	}
	if o == nil {
		o = &causal.Object{}
	}
	if rd.merged == nil {
		rd.merged, rd.same = o, bit
		return
	}
	switch rd.merged.Compare(o) {
	case causal.Equal:
		rd.same |= bit
	case causal.Before:
		rd.merged, rd.same, rd.grown = o, bit, true
	case causal.Concurrent:
		merged := rd.merged.Merge(o)
		rd.merged, rd.same, rd.grown = &merged, 0, true
	}
}

// advance ends a read that has what it needs, or can't get it any more, and
// mends what it has found once nobody else will answer.
func (s *Coordinator) advance(c *actors.Context, rd *read) {
	if rd.phase == asking {
		switch {
		case rd.f.closed():
			rd.phase = over
		case rd.seen(rd.need, rd.part.sloppy()):
			s.seenEnough(c, rd)
		case rd.seenAtLast():
			s.seenEnough(c, rd)
		case rd.need.Lost(rd.refused &^ rd.standIns):
			rd.phase = over
			s.giveUp(c, rd.f)
		}
	}
	if rd.open == 0 {
		s.mendLate(c, rd)
	}
}

// seenAtLast reports whether a read has what it needs with the stand-ins that
// keep nothing. What a replica had before it died they do not know, so they count
// only when no living replica is left to answer; then it is they or nobody.
func (rd *read) seenAtLast() bool {
	if rd.empty == 0 {
		return false
	}
	for i, q := range rd.part.prefs {
		if !q.dead && !rd.acks.Has(i) && !rd.refused.Has(i) {
			return false
		}
	}
	all := rd.tally
	all.standIns |= rd.empty
	if !all.seen(rd.need, rd.part.sloppy()) {
		return false
	}
	if rd.merged == nil {
		rd.merged = &causal.Object{}
	}
	return true
}

// seenEnough answers, or makes replicas level first.
func (s *Coordinator) seenEnough(c *actors.Context, rd *read) {
	if rd.part.bucket.Mode == kv.ABD {
		if rd.f.op().IsWrite() {
			rd.phase = over
			s.writeTag(c, rd)
			return
		}
	} else if rd.part.bucket.Repair != kv.RepairBlocking {
		s.answerRead(c, rd, rd.merged)
		return
	}
	// What a reader has been shown, later readers must see: so many must hold it
	// as are asked (abd: the write-back phase).
	if rd.need.Met(rd.same) {
		s.answerRead(c, rd, rd.merged)
		return
	}
	s.mendFirst(c, rd)
}
