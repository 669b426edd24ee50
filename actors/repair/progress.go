package repair

import "github.com/quoratedb/quorate/actors/kv"

// counts are of this boot.
type counts struct {
	rounds, sessions, abandoned, busy, unanswered, refused uint64
	sentKeys, sentBytes, gotKeys, gotBytes                 uint64
	collected, kept, left                                  uint64
}

// Stats tells how far anti-entropy is and what it has done in this boot.
type Stats struct {
	// Done of All pairs of a partition and a peer are known to be equal, as of
	// the last comparison or made so since.
	Done, All int
	// LastFullMs is when, Unix milliseconds, all pairs had last been found
	// equal, or made so; 0: not yet under a map that places as the present one does. TookMs is how long the slowest took.
	LastFullMs int64
	TookMs     int64
	Queued     int // differing partitions that wait for their session
	InSession  bool

	Rounds     uint64 // answers to comparisons of all shared partitions
	Sessions   uint64 // begun
	Abandoned  uint64 // sessions that ended without equality
	Busy       uint64 // partitions left to another session
	Unanswered uint64 // questions
	Refused    uint64 // objects that a store did not take
	SentKeys   uint64
	SentBytes  uint64 // an estimate
	GotKeys    uint64
	GotBytes   uint64 // an estimate
	Collected  uint64 // dead objects that this node told all replicas to forget
	KeptDead   uint64 // times that one had to stay
	Left       uint64 // copies delivered to the replicas of another N, and dropped
	Leaving    int    // copies that are still to be
	Peers      []PeerStats
}

// PeerStats tells of a peer.
type PeerStats struct {
	Node       kv.NodeID
	Shared     int   // partitions
	Left       int   // of which so many are not known to be equal
	ComparedMs int64 // when roots were last compared, Unix milliseconds
	DoneMs     int64 // when all were last equal
	Dead       bool
}

// Stats returns a copy.
func (r *Repair) Stats() Stats {
	n := &r.counts
	s := Stats{
		Queued: len(r.queue), InSession: r.session != nil, Rounds: n.rounds, Sessions: n.sessions, Abandoned: n.abandoned, Busy: n.busy,
		Unanswered: n.unanswered, Refused: n.refused, SentKeys: n.sentKeys, SentBytes: n.sentBytes, GotKeys: n.gotKeys, GotBytes: n.gotBytes,
		Collected: n.collected, KeptDead: n.kept, Left: n.left, Leaving: len(r.leaving.jobs),
	}
	first := true
	for i := range r.peers {
		p := &r.peers[i]
		if len(p.shared) == 0 {
			continue
		}
		s.All += len(p.shared)
		s.Done += len(p.shared) - p.left
		if first || p.doneMs < s.LastFullMs {
			s.LastFullMs = p.doneMs
		}
		s.TookMs = max(s.TookMs, p.tookMs)
		first = false
		s.Peers = append(s.Peers, PeerStats{Node: p.node, Shared: len(p.shared), Left: p.left, ComparedMs: p.comparedMs, DoneMs: p.doneMs, Dead: p.dead})
	}
	return s
}
