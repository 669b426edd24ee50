package shard

import (
	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/quorum"
)

// prepare claims a partition: phase 1a, to all of its replicas.
func (s *Shard) prepare(c *actors.Context, p *partition) {
	round := max(s.local.Promised(p.id).Round, p.seen.Round) + 1
	inc := s.cfg.Inc
	failpoint.Inject("bug-11-ballot-reused-after-restart", func() {
		round, inc = max(round-1, 1), 1
	})
	epoch := max(s.cfg.Epoch, p.born)
	failpoint.Inject("bug-79-claim-below-the-birth-of-a-bucket", func() { epoch = s.cfg.Epoch })
	p.ballot = kv.Ballot{Epoch: epoch, Round: round, Node: s.cfg.Node, Inc: inc}
	p.seen = p.ballot
	p.role = preparing
	p.sinceNs = c.NowNs
	p.takeAtNs = 0
	p.votes = quorum.New(len(p.prefs))
	p.stamps = make([]msg.Stamp, len(p.prefs))
	p.sums = make([]msg.Sum, len(p.prefs))
	s.preparing = append(s.preparing, p)
	for _, m := range p.prefs {
		m.out.prepare = append(m.out.prepare, msg.PartitionBallot{Partition: p.id, Ballot: p.ballot})
	}
}

// promises tallies phase 1b.
func (s *Shard) promises(c *actors.Context, m *msg.Promises) {
	x := s.answered(c, m.ID)
	if x == nil || len(m.Items) != len(x.prepare) {
		return
	}
	for i, asked := range x.prepare {
		p := s.parts.At(asked.Partition)
		if p == nil || p.role == follower || p.ballot != asked.Ballot {
			continue
		}
		at, it := p.indexOf(x.to.node), &m.Items[i]
		if !it.OK {
			if it.Promised != asked.Ballot { // else the promise was given to another copy of the request
				s.refusedClaim(c, p, at, it.Promised)
			}
			continue
		}
		p.stamps[at], p.sums[at] = it.Stamp, it.Sum
		p.votes.Yes(at)
		switch {
		case p.role != preparing: // the majority was there already
			p.whole = p.whole || s.touchedWhole(p)
		case p.votes.Outcome() == quorum.Won:
			s.own(c, p)
		}
	}
}

// refusedClaim handles a replica that has promised a higher ballot.
func (s *Shard) refusedClaim(c *actors.Context, p *partition, at int, promised kv.Ballot) {
	if p.seen.Less(promised) {
		p.seen = promised
	}
	if p.role != preparing {
		return // one replica alone does not end an ownership; refused rounds do
	}
	p.votes.No(at)
	if p.votes.Outcome() == quorum.Lost || at == p.self {
		s.stepDown(c, p, true)
	}
}

// own begins an ownership. Its first touches are spared where they would tell
// nothing: if a majority promised the ballot while holding the very versions
// that this node holds, every key has been seen at a majority under it.
func (s *Shard) own(c *actors.Context, p *partition) {
	if s.local.Promised(p.id) != p.ballot {
		s.stepDown(c, p, true)
		return
	}
	p.role = owner
	p.sinceNs = c.NowNs
	p.failed = 0
	p.seq = 0
	p.touched = map[string]struct{}{}
	p.whole = s.touchedWhole(p)
	p.leveling = partLevel{dirty: true, levelled: make([]bool, len(p.prefs))}
	s.stats.Takeovers++
	queue := p.queue
	p.queue = nil
	for _, f := range queue {
		if !f.closed() {
			s.admit(c, p, f)
		}
	}
}

// touchedWhole reports whether a majority promised with this node's own digest.
func (s *Shard) touchedWhole(p *partition) bool {
	if s.cfg.KeepTouching || !p.votes.Agreed(p.self) {
		return false
	}
	n := 0
	for i := range p.prefs {
		if p.votes.Agreed(i) && p.sums[i] == p.sums[p.self] {
			n++
		}
	}
	return n >= quorum.Majority(len(p.prefs))
}

// isOwner reports whether this shard may act under p.ballot as far as its own
// replica knows, and steps down if not.
func (s *Shard) isOwner(c *actors.Context, p *partition) bool {
	if p.role != owner && p.role != draining {
		return false
	}
	if s.local.Promised(p.id) == p.ballot {
		return true
	}
	s.lose(c, p, s.local.Promised(p.id))
	return false
}

// lose ends an ownership, or a claim, because promised is higher.
func (s *Shard) lose(c *actors.Context, p *partition, promised kv.Ballot) {
	if p.seen.Less(promised) {
		p.seen = promised
	}
	if p.role == follower {
		return
	}
	s.stats.Lost++
	s.stepDown(c, p, false)
}

// contest handles a replica that promised a higher ballot than this owner's.
// The ownership ends in good order if it can: rounds under way may still win
// the votes of the others; what comes next goes to the claimant.
func (s *Shard) contest(c *actors.Context, p *partition, promised kv.Ballot, votes quorum.Tally) {
	if votes.Outcome() == quorum.Lost {
		s.lose(c, p, promised)
		return
	}
	if p.seen.Less(promised) {
		p.seen = promised
	}
	if p.role != owner {
		return
	}
	if claimant := s.peerOf(p.seen.Node); claimant != nil && claimant != s.self && !claimant.dead && p.holds(claimant) {
		p.heir, p.heirTillNs = claimant, c.NowNs+4*s.cfg.ResendNs
	}
	s.drain(c, p)
}

// drain lets an owner finish its rounds and take nothing new.
func (s *Shard) drain(c *actors.Context, p *partition) {
	if p.role != owner {
		return
	}
	p.role = draining
	p.sinceNs = c.NowNs
	s.drains = append(s.drains, p)
	if len(p.order) == 0 {
		s.drained(c, p)
	}
}

// drained ends an ownership of which nothing is under way any more: the heir,
// if there is one, is invited to claim it.
func (s *Shard) drained(c *actors.Context, p *partition) {
	ballot := p.seen // at least p.ballot
	s.stepDown(c, p, false)
	switch {
	case p.role != follower: // an operation that was waiting has made it claim the partition again
	case p.heir != nil:
		s.stats.HandOvers++
		c.Send(p.heir.addrShard, &msg.HandOver{Items: []msg.PartitionBallot{{Partition: p.id, Ballot: ballot}}})
	case s.target(c, p, false) == s.self:
		s.prepare(c, p)
	}
}

// checkDrains ends ownerships whose last rounds don't come to an end.
func (s *Shard) checkDrains(c *actors.Context) {
	drains := s.drains
	s.drains = nil
	for _, p := range drains {
		switch {
		case p.role != draining:
		case p.sinceNs+4*s.cfg.ResendNs > c.NowNs:
			s.drains = append(s.drains, p)
		default:
			s.stepDown(c, p, false)
		}
	}
}

// drainAll hands everything over to whoever else seems alive.
func (s *Shard) drainAll(c *actors.Context) {
	s.leaving = true
	for _, p := range s.parts.All() {
		if p.role != owner {
			continue
		}
		for _, m := range p.prefs {
			if m != s.self && !m.dead {
				p.heir, p.heirTillNs = m, c.NowNs+4*s.cfg.ResendNs
				s.drain(c, p)
				break
			}
		}
	}
}

// stepDown makes this shard a follower of p. Operations whose effect has left
// end as Unknown; the others are routed again, after a wait if the claim failed.
func (s *Shard) stepDown(c *actors.Context, p *partition, wait bool) {
	p.role = follower
	p.sinceNs = c.NowNs
	p.touched, p.whole = nil, false
	failpoint.Inject("bug-49-takeover-duel-without-backoff", func() { wait = false })
	keys, queue := p.order, p.queue
	p.order, p.byName, p.queue = nil, nil, nil
	var again []ref // in the order in which they came
	for _, k := range keys {
		k.gone = true
		s.release(k)
		for i := range k.running {
			f := k.running[i].f
			doubtful := f.r.progress[f.i] == left
			failpoint.Inject("bug-16-doubtful-write-repeated", func() { doubtful = false })
			if doubtful {
				s.giveUp(c, f)
			} else {
				again = append(again, f)
			}
		}
		again = append(again, k.waiting...)
	}
	again = append(again, queue...)
	unplace(again)
	for _, f := range again {
		if wait {
			s.delay(c, f)
		} else {
			s.reroute(c, f)
		}
	}
}

// planTakeovers schedules claims on what a dead peer owned, where this node
// comes first among the living. The jitter keeps duels rare; a duel is safe.
func (s *Shard) planTakeovers(c *actors.Context, dead *peer) {
	for _, p := range s.parts.All() {
		if p.self < 0 || p.role != follower {
			continue
		}
		if s.claimOf(p).Node == dead.node && p.firstAlive() == s.self {
			p.takeAtNs = dead.goneAtNs + 1 + c.Rand.Int64N(s.cfg.BackoffNs/8+1)
			s.takeovers = append(s.takeovers, p)
		}
	}
}

// winnable reports whether a majority of the replicas seems alive. Who hears nobody
// claims nothing unless a client asks: it can't win, and would trouble the owner if
// it is heard.
func (p *partition) winnable() bool {
	alive := 0
	for _, m := range p.prefs {
		if !m.dead {
			alive++
		}
	}
	return alive >= quorum.Majority(len(p.prefs))
}

// runTakeovers claims what is due, and gives claims up that got no majority.
func (s *Shard) runTakeovers(c *actors.Context) {
	kept := s.takeovers[:0]
	for _, p := range s.takeovers {
		switch {
		case p.takeAtNs == 0 || p.role != follower || p.gone:
		case p.takeAtNs > c.NowNs:
			kept = append(kept, p)
		default:
			if p.winnable() && s.target(c, p, false) == s.self {
				s.prepare(c, p)
			}
			p.takeAtNs = 0
		}
	}
	s.takeovers = kept

	claims := s.preparing
	s.preparing = s.sparePreparing[:0]
	for _, p := range claims {
		// Twice as long after each failure, at least up to a request's time-out: a network
		// that takes that long to answer takes longer than anybody waits.
		patience := min(s.cfg.ResendNs<<min(p.failed+1, 16), max(s.cfg.ResendNs<<5, s.cfg.RequestTimeoutNs))
		failpoint.Inject("bug-49-takeover-duel-without-backoff", func() { patience = s.cfg.ResendNs })
		switch {
		case p.role != preparing:
		case p.sinceNs+patience > c.NowNs:
			s.preparing = append(s.preparing, p)
		default:
			p.failed++
			s.stepDown(c, p, true)
		}
	}
	clear(claims)
	s.sparePreparing = claims
}

// handOver claims partitions that their owner has drained for this node.
func (s *Shard) handOver(c *actors.Context, m *msg.HandOver) {
	for _, it := range m.Items {
		p := s.parts.At(it.Partition)
		if p == nil { // of another map
			continue
		}
		if s.leaving || p.self < 0 || p.role != follower || it.Ballot.Less(s.claimOf(p)) {
			continue // late: somebody has claimed it since
		}
		p.seen = it.Ballot
		s.prepare(c, p)
	}
}
