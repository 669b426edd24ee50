package shard

import (
	"cmp"
	"slices"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// forward is a batch of operations that another shard was asked to carry out.
type forward struct {
	id     uint64
	refs   []ref
	inc    kv.Incarnation // of the destination, which alone may act on it
	sentNs int64
	tries  uint8  // the most of its requests
	tried  []bool // by ref: it goes elsewhere, too; nil as long as none does
}

// patienceNs is how long reads wait before they are tried elsewhere, too: each time twice
// as long, as the copies before take room at the owner until their time is over.
func (fw *forward) patienceNs(s *Shard) int64 { return 4 * s.cfg.ResendNs << min(fw.tries, 16) }

// elsewhere reports whether an operation was tried elsewhere since.
func (fw *forward) elsewhere(i int) bool { return fw.tried != nil && fw.tried[i] }

// parted are the kin that were tried elsewhere and of which a late answer does not end
// all. It ends none of them then: what the other way says of the rest may be of an earlier
// or a later time, and they keep their order. Some may be in another message, of a large
// request.
func (fw *forward) parted(m *msg.Forwarded) map[*kin]bool {
	var parted map[*kin]bool
	var ends map[*kin]int
	for i, f := range fw.refs {
		if !fw.elsewhere(i) {
			continue
		}
		g, _ := f.kin()
		if len(g.ops) == 1 {
			continue
		}
		if parted == nil {
			parted, ends = map[*kin]bool{}, map[*kin]int{}
		}
		if !f.closed() && m.Results[i].Status != kv.NotOwner {
			ends[g]++
		}
		parted[g] = ends[g] < len(g.ops)
	}
	return parted
}

// forward gathers an operation for another shard. The destination must be
// known by its incarnation: a forward to "whoever runs there" could be carried
// out by two boots of it.
func (s *Shard) forward(c *actors.Context, to *peer, f ref) {
	if to.inc == 0 {
		s.delay(c, f)
		return
	}
	if !s.setsOut(c, f, to) {
		return
	}
	f.set(asked)
	if f.r.kinship != nil {
		g, _ := f.kin()
		g.gathered(s, to)
	}
	to.out.forward = append(to.out.forward, f)
}

func (s *Shard) flushForward(c *actors.Context, p *peer, refs []ref) {
	p.forwardSeq++
	fw := &forward{id: uint64(s.cfg.Inc)<<seqBits | p.forwardSeq, refs: refs, inc: p.inc, sentNs: c.NowNs}
	m := &msg.Forward{ID: fw.id, SrcInc: s.cfg.Inc, DestInc: p.inc, Epoch: s.cfg.Layout.Epoch(), Ops: make([]msg.Op, len(fw.refs))}
	var latest int64
	for i, f := range fw.refs {
		m.Ops[i] = *f.op()
		latest = max(latest, f.r.deadlineNs)
		fw.tries = max(fw.tries, f.r.tries)
	}
	m.TimeoutNs = max(latest-c.NowNs, 1)
	p.forwards = append(p.forwards, fw)
	s.stats.Forwards++
	c.Send(p.addrShard, m)
}

// seqBits is the part of an id that counts; the rest is the incarnation, so
// that no two boots use the same id.
const seqBits = 40

// takeForward acts on a forward, or refuses it, at most once.
func (s *Shard) takeForward(c *actors.Context, m *msg.Forward) {
	src := s.peerOf(c.Sender.Node)
	if src == nil {
		return
	}
	another := m.DestInc != s.cfg.Inc
	failpoint.Inject("bug-912-forward-meant-for-another-boot", func() { another = false })
	if another {
		c.Send(c.Sender, &msg.Forwarded{ID: m.ID, Inc: s.cfg.Inc, Refused: true})
		return
	}
	fresh := src.seen.First(m.SrcInc, m.ID&(1<<seqBits-1))
	failpoint.Inject("bug-53-forward-acted-on-twice", func() { fresh = true })
	if !fresh {
		return
	}
	timeout := min(m.TimeoutNs, s.cfg.RequestTimeoutNs)
	s.open(c, &request{reply: c.Sender, id: m.ID, deadlineNs: c.NowNs + timeout, ops: m.Ops, epoch: m.Epoch, forwarded: true})
}

// forwarded takes in the results of a forward.
func (s *Shard) forwarded(c *actors.Context, m *msg.Forwarded) {
	from := s.peerOf(c.Sender.Node)
	if from == nil {
		return
	}
	fw := from.answeredForward(m.ID)
	if fw == nil {
		return
	}
	if m.Refused || len(m.Results) != len(fw.refs) {
		// Another boot answers: this one never acts on it, but the boot that
		// it was meant for may have.
		from.inc = max(from.inc, m.Inc)
		s.stats.ForwardsRefused++
		s.giveForwardUp(c, fw)
		return
	}
	again, news := s.takeResults(c, fw, m)
	for i, f := range again {
		now := slices.Contains(news, f.op().Partition)
		failpoint.Inject("bug-65-first-of-several-sets-out", func() { now = now && i == 0 })
		if now {
			s.reroute(c, f)
		} else {
			s.delay(c, f)
		}
	}
}

// takeResults finishes what has a result. It returns the operations that the
// other shard did not carry out, and the partitions of which it knows a claim
// that was not known here, or that its own one is lost: all operations of one of
// these are routed again at once, those of the others later, so that they keep their order.
func (s *Shard) takeResults(c *actors.Context, fw *forward, m *msg.Forwarded) (again []ref, news []kv.Partition) {
	parted := fw.parted(m)
	for i, f := range fw.refs {
		res := m.Results[i]
		late := false // and f goes on elsewhere
		if parted != nil && fw.elsewhere(i) {
			g, _ := f.kin()
			late = parted[g]
			failpoint.Inject("bug-86-late-answer-parts-kin", func() { late = late && res.Status == kv.NotOwner })
		}
		if res.Status != kv.NotOwner {
			if !late {
				s.finish(c, f, res)
			}
			continue
		}
		if f.closed() {
			continue
		}
		if !late {
			f.set(waiting)
			again = append(again, f)
		}
		p, known := s.parts.At(f.op().Partition), res.Rev.Ballot
		switch {
		case p == nil:
		case p.seen.Less(known):
			p.seen = known
			news = append(news, p.id)
		case s.denied(c, p, known):
			news = append(news, p.id)
		}
	}
	return again, news
}

// doubtForward settles an operation whose forward will not be answered any
// more: a write may have been carried out, a read goes elsewhere.
func (s *Shard) doubtForward(c *actors.Context, f ref) {
	switch {
	case f.closed():
	case f.op().IsWrite():
		s.giveUp(c, f)
	default:
		s.delay(c, f)
	}
}

// recall routes again what was gathered for a peer that has died in the same
// batch: it has not left, and nothing has happened.
func (s *Shard) recall(c *actors.Context, p *peer) {
	gathered := p.out.forward
	p.out.forward = nil
	unplace(gathered)
	for _, f := range gathered {
		s.reroute(c, f)
	}
}

// doubtForwards deals with the forwards to a peer that is believed dead, or came
// back as another boot. What an earlier boot was asked, or what went over a
// connection that broke, will not be answered. A peer that is merely silent may
// answer yet: it is slow, or was stopped for a moment, or this node was. Its reads go
// elsewhere at once, its writes are given up only after a while (silenceNs).
func (s *Shard) doubtForwards(c *actors.Context, p *peer, cut bool) {
	p.forwards = slices.DeleteFunc(p.forwards, func(fw *forward) bool {
		if cut || fw.inc < p.inc {
			s.giveForwardUp(c, fw)
			return true
		}
		if p.dead {
			s.retryReads(c, fw)
		}
		return false
	})
}

func (s *Shard) giveForwardUp(c *actors.Context, fw *forward) {
	for i, f := range fw.refs {
		if !fw.elsewhere(i) {
			s.doubtForward(c, f)
		}
	}
}

// silenceNs is how long after its supposed death a silent peer may still answer.
func (s *Shard) silenceNs() int64 { return s.cfg.RequestTimeoutNs / 4 }

// checkForwards drops the forwards of which every operation has an answer, and
// those that left for a peer before it was believed dead, and nothing has come
// from it since. Of one without an answer for long, the reads are tried again;
// its writes can only wait.
func (s *Shard) checkForwards(c *actors.Context) {
	for _, p := range s.peers {
		silent := p.dead && c.NowNs >= p.deadAtNs+s.silenceNs()
		p.forwards = slices.DeleteFunc(p.forwards, func(fw *forward) bool {
			if silent && fw.sentNs <= p.deadAtNs {
				s.giveForwardUp(c, fw)
				return true
			}
			if fw.sentNs+fw.patienceNs(s) <= c.NowNs {
				s.retryReads(c, fw)
			}
			return !fw.wanted()
		})
	}
}

// wanted reports whether an operation of fw still waits for its answer. For a
// read that was tried again too, the late answer may be as good (parted).
func (fw *forward) wanted() bool {
	return slices.ContainsFunc(fw.refs, func(f ref) bool { return !f.closed() })
}

// retryReads tries the reads of a forward elsewhere, once.
func (s *Shard) retryReads(c *actors.Context, fw *forward) {
	if fw.tried != nil {
		return
	}
	fw.tried = make([]bool, len(fw.refs))
	for i, f := range fw.refs {
		if !f.closed() && !f.op().IsWrite() && !f.tied() {
			fw.tried[i] = true
			f.r.tries = max(f.r.tries, fw.tries+1)
			s.delay(c, f)
		}
	}
}

// answeredForward takes out the forward that an answer is about; nil if it is
// waited for no more.
func (p *peer) answeredForward(id uint64) *forward {
	i, found := slices.BinarySearchFunc(p.forwards, id, func(fw *forward, id uint64) int { return cmp.Compare(fw.id, id) })
	if !found {
		return nil
	}
	fw := p.forwards[i]
	p.forwards = slices.Delete(p.forwards, i, i+1)
	return fw
}

func (s *Shard) peerOf(n kv.NodeID) *peer {
	if int(n) < len(s.byID) {
		return s.byID[n]
	}
	return nil
}
