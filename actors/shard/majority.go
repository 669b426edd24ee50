package shard

import (
	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/quorum"
)

// majorityRead is a read by a shard that does not own the key but holds a copy:
// if a majority of replicas, this one among them, holds the same version, that
// version is chosen and no newer one was when the read arrived. No ballot is
// needed. If they differ, the owner decides.
type majorityRead struct {
	f       ref
	p       *partition
	target  *peer // whom to turn to if the replicas differ
	version kv.Version
	votes   quorum.Tally
	sentNs  int64
	ended   bool
}

// readMajority asks this node's replica and so many others that they make a
// majority, the presumed owner first.
func (s *Shard) readMajority(c *actors.Context, p *partition, target *peer, f ref) {
	s.stats.MajorityReads++
	m := &majorityRead{f: f, p: p, target: target, votes: quorum.New(len(p.prefs)), sentNs: c.NowNs}
	s.majority = append(s.majority, m)
	s.askVersion(m, s.self)
	asked := 1
	need := quorum.Majority(len(p.prefs))
	if asked < need && target != s.self && p.holds(target) {
		s.askVersion(m, target)
		asked++
	}
	for i := 1; i <= len(p.prefs) && asked < need; i++ {
		q := p.prefs[(p.self+i)%len(p.prefs)]
		if q == s.self || q == target || q.dead {
			continue
		}
		s.askVersion(m, q)
		asked++
	}
	if asked < need {
		s.endMajority(c, m, false)
	}
}

func (s *Shard) askVersion(m *majorityRead, q *peer) {
	q.out.versions = append(q.out.versions, msg.KeyRef{Key: m.f.op().Key, Partition: m.p.id})
	q.out.versionFor = append(q.out.versionFor, m)
}

// versions takes in what a replica holds.
func (s *Shard) versions(c *actors.Context, m *msg.Versions) {
	x := s.answered(c, m.ID)
	if x == nil {
		return
	}
	if x.graves != nil {
		s.gravesSeen(c, x, m)
		return
	}
	if len(m.Versions) != len(x.versions) {
		for _, r := range x.versions {
			s.endMajority(c, r, false)
		}
		return
	}
	for i, r := range x.versions {
		if r.ended {
			continue
		}
		if first := r.votes.Missing() == len(r.p.prefs); first {
			r.version = m.Versions[i]
		} else if r.version != m.Versions[i] {
			s.endMajority(c, r, false)
			continue
		}
		r.votes.Yes(r.p.indexOf(x.to.node))
		if r.votes.Outcome() == quorum.Won {
			s.endMajority(c, r, true)
		}
	}
}

// endMajority answers the read from this node's copy, if the copy still is at
// the version that was agreed on and nothing has overtaken the read, or turns to the owner.
func (s *Shard) endMajority(c *actors.Context, r *majorityRead, agreed bool) {
	if r.ended {
		return
	}
	r.ended = true
	if r.f.closed() {
		return
	}
	r.f.r.again = r.f.r.again || !agreed
	reg := s.local.Lookup(r.p.id, r.f.op().Key)
	inOrder := r.f.inOrder()
	failpoint.Inject("bug-82-majority-read-overtaken", func() { inOrder = true })
	if agreed && reg.Version == r.version && inOrder {
		s.finish(c, r.f, readResult(&r.f.op().Op, &reg))
		return
	}
	if r.target == s.self || r.target.dead || r.p.role != follower {
		s.reroute(c, r.f)
		return
	}
	s.forward(c, r.target, r.f)
}

// retryMajority turns to the owner where answers stay out.
func (s *Shard) retryMajority(c *actors.Context) {
	list := s.majority
	s.majority = nil
	kept := list[:0]
	for _, r := range list {
		if !r.ended && r.sentNs+s.cfg.ResendNs <= c.NowNs {
			s.endMajority(c, r, false)
		}
		if !r.ended {
			kept = append(kept, r)
		}
	}
	clear(list[len(kept):])
	s.majority = append(kept, s.majority...)
}
