package shard

import (
	"slices"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/quorum"
)

// Reads at an owner take their result from this node's copy when they arrive,
// and leave once a majority of replicas has said, in answer to messages that
// left after that, that it still promises the ballot.
//
// One message per peer asks for all partitions of the lane: see DESIGN, section
// 9, confirms. An answer from a replica covers the partitions whose stamp is the
// answer's own: since that stamp was taken, the replica has promised none of
// this owner's partitions away.

// pendingRead is a read with its result, waiting to be confirmed.
type pendingRead struct {
	f      ref
	res    kv.Result
	p      *partition
	ballot kv.Ballot
	votes  quorum.Tally
	seq    uint64 // of arrival
}

// readQueue holds the pending reads in order of arrival.
type readQueue struct {
	list []pendingRead
	seq  uint64
	mark uint64 // tells the messages apart for which partitions are gathered
}

// confirmState is the exchange with one peer: one request at a time, another
// one if its answer takes too long. Late answers count all the same, for the
// reads that they cover.
type confirmState struct {
	inFlight uint64           // id of the latest request, 0 if none is waited for
	asked    []confirmRequest // unanswered ones, oldest first
	sentNs   int64
	waitNs   int64     // for the answer to the latest
	last     msg.Stamp // of the latest answer
}

// confirmRequest is one of them. It left after the reads up to upTo had arrived.
type confirmRequest struct {
	id, upTo uint64
	checks   []msg.PartitionBallot
}

// maxConfirms bounds the requests to a peer whose answers still count.
const maxConfirms = 8

// answered takes the request with an id out of the list.
func (st *confirmState) answered(id uint64) (confirmRequest, bool) {
	for i, r := range st.asked {
		if r.id == id {
			st.asked = slices.Delete(st.asked, i, i+1)
			return r, true
		}
	}
	return confirmRequest{}, false
}

func (q *readQueue) add(p *partition, f ref, res kv.Result) {
	q.seq++
	r := pendingRead{f: f, res: res, p: p, ballot: p.ballot, votes: quorum.New(len(p.prefs)), seq: q.seq}
	r.votes.Yes(p.self) // checked again when the read leaves
	q.list = append(q.list, r)
}

// flushReads lets reads leave that need nobody else, and asks for the others.
func (s *Shard) flushReads(c *actors.Context) {
	if len(s.reads.list) == 0 {
		return
	}
	s.releaseReads(c)
	for _, m := range s.peers {
		if m != s.self && m.confirm.inFlight == 0 {
			s.sendConfirm(c, m)
		}
	}
}

// sendConfirm asks a peer on behalf of the reads that arrived since it was
// last asked, or that its answers did not cover.
func (s *Shard) sendConfirm(c *actors.Context, m *peer) {
	if m.dead && !s.needsDead() {
		return
	}
	wanted := false
	var checks []msg.PartitionBallot
	s.reads.mark++
	for i := range s.reads.list {
		r := &s.reads.list[i]
		at := r.p.indexOf(m.node)
		if at < 0 || r.p.ballot != r.ballot || r.votes.Voted(at) {
			continue
		}
		wanted = true
		if r.p.stamps[at] != m.confirm.last && r.p.leveling.checkMark != s.reads.mark {
			r.p.leveling.checkMark = s.reads.mark
			checks = append(checks, msg.PartitionBallot{Partition: r.p.id, Ballot: r.ballot})
		}
	}
	if !wanted {
		return
	}
	s.stats.Confirms++
	st := &m.confirm
	st.inFlight = s.newID()
	st.sentNs = c.NowNs
	st.waitNs = max(st.waitNs, s.cfg.ResendNs)
	if len(st.asked) == maxConfirms {
		st.asked = slices.Delete(st.asked, 0, 1)
	}
	st.asked = append(st.asked, confirmRequest{id: st.inFlight, upTo: s.reads.seq, checks: checks})
	c.Send(m.addrReplica, &msg.Confirm{ID: st.inFlight, Checks: checks})
}

// needsDead reports whether so many members seem dead that they must be asked too.
func (s *Shard) needsDead() bool {
	dead := 0
	for _, m := range s.peers {
		if m.dead {
			dead++
		}
	}
	return 2*dead >= len(s.peers)
}

// confirmed counts an answer for the reads that it covers.
func (s *Shard) confirmed(c *actors.Context, m *msg.Confirmed) {
	from := s.peerOf(c.Sender.Node)
	if from == nil {
		return
	}
	st := &from.confirm
	req, ok := st.answered(m.ID)
	if !ok {
		return
	}
	if st.inFlight == m.ID {
		st.inFlight, st.waitNs = 0, 0
	}
	stamp := m.Stamp
	failpoint.Inject("bug-63-stamped-when-the-request-left", func() { stamp = st.last })
	st.last = m.Stamp
	refused := m.Refused
	for i, asked := range req.checks {
		p := s.parts.At(asked.Partition)
		var no *msg.Refusal
		if len(refused) > 0 && int(refused[0].Index) == i {
			no, refused = &refused[0], refused[1:]
		}
		switch {
		case p == nil || p.ballot != asked.Ballot:
		case no == nil:
			p.stamps[p.indexOf(from.node)] = stamp
		case no.Promised.Less(p.ballot): // it missed the claim
			from.out.prepare = append(from.out.prepare, asked)
		default:
			s.contest(c, p, no.Promised, quorum.New(len(p.prefs)))
		}
	}
	for i := range s.reads.list {
		r := &s.reads.list[i]
		if r.seq > req.upTo {
			break
		}
		at := r.p.indexOf(from.node)
		if at < 0 || r.p.ballot != r.ballot {
			continue
		}
		covered := r.p.stamps[at] == stamp
		failpoint.Inject("bug-62-one-generation-for-all-partitions", func() {
			covered = r.p.stamps[at].Inc == stamp.Inc
		})
		if covered {
			r.votes.Yes(at)
		}
	}
	s.releaseReads(c)
}

// releaseReads answers the reads that a majority has confirmed, and routes
// those again whose ownership has ended.
func (s *Shard) releaseReads(c *actors.Context) {
	list := s.reads.list
	s.reads.list = nil
	kept := list[:0]
	var again []ref
	for i := range list {
		r := list[i]
		unconfirmed := true
		failpoint.Inject("bug-18-owner-reads-without-confirm", func() { unconfirmed = false })
		switch {
		case r.f.closed():
		case unconfirmed && (r.p.ballot != r.ballot || !s.isOwner(c, r.p)):
			again = append(again, r.f)
		case unconfirmed && r.votes.Outcome() != quorum.Won:
			kept = append(kept, r)
		default:
			s.finish(c, r.f, r.res)
		}
	}
	unplace(again)
	for _, f := range again {
		s.reroute(c, f)
	}
	added := s.reads.list // by reads that were routed again
	clear(list[len(kept):])
	s.reads.list = append(kept, added...)
}

// retryConfirms lets the next request leave where an answer takes too long.
func (s *Shard) retryConfirms(c *actors.Context) {
	for _, m := range s.peers {
		if st := &m.confirm; st.inFlight != 0 && st.sentNs+st.waitNs <= c.NowNs {
			st.inFlight = 0
			st.waitNs = min(2*st.waitNs, maxBackoff*s.cfg.ResendNs)
			failpoint.Inject("bug-50-retry-storm-without-backoff", func() { st.waitNs = s.cfg.ResendNs })
		}
	}
}
