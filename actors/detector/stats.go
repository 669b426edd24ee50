package detector

import (
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// Counters count since the start.
type Counters struct {
	Pings, PingReqs, Acks uint64 // sent
	Suspicions            uint64 // begun by this node
	Refutations           uint64 // of what others said of this node
	FalseSuspicions       uint64 // held by this node, whoever began them, and refuted
	UpdatesSent           uint64
}

// Stats is what a detector says of itself.
type Stats struct {
	Counters
	Epoch     kv.Epoch // the newest one heard of
	GossipInc uint32
	Health    int // 0 to 4: by how much this node stretches its own time-outs
	Queued    int // news to be passed on
	Peers     []PeerStats
}

// PeerStats is what a detector knows of a peer.
type PeerStats struct {
	Node      kv.NodeID
	Inc       kv.Incarnation // by gossip
	GossipInc uint32
	State     msg.MemberState // by gossip
	Alive     bool            // what the shards are told
	Dead      string          // why not alive: unheard, cut, deaf, silent or gossip; else empty
	Phi       float64         // 0 while too little was heard
	SilenceNs int64           // since it was last heard directly; -1: never
	Load      uint32
}

// Stats returns the counters, and the peers in ascending order, as of nowNs.
func (d *Detector) Stats(nowNs int64) Stats {
	s := Stats{Counters: d.stats, Epoch: d.epoch, GossipInc: d.gossipInc, Health: int(d.health), Queued: len(d.queue)}
	for i := range d.peers {
		p := &d.peers[i]
		ps := PeerStats{
			Node: p.node, Inc: p.rumor.inc, GossipInc: p.rumor.gossipInc, State: p.rumor.state,
			Alive: p.is == alive, Dead: d.why(p), SilenceNs: -1, Load: p.load,
		}
		if p.seen {
			ps.SilenceNs = max(nowNs-p.heardNs, 0)
			ps.Phi = p.gaps.phi(ps.SilenceNs, d.cfg.IntervalNs)
		}
		s.Peers = append(s.Peers, ps)
	}
	return s
}

// why is the reason for not believing a peer alive: it was never heard, its connection
// broke or was refused, it does not hear this node, it is silent, or others say so.
func (d *Detector) why(p *peer) string {
	switch {
	case p.is == alive:
		return ""
	case p.is == unheard:
		return "unheard"
	case p.cut:
		return "cut"
	case d.close && p.deaf && !p.silent:
		return "deaf"
	case d.close:
		return "silent"
	}
	return "gossip"
}
