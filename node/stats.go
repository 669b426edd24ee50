package node

import (
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/system"
	"github.com/quoratedb/quorate/node/door"
)

// laneStats is what a lane says of itself. It is made on the lane's goroutine
// and never changed.
type laneStats struct {
	owned, copies, keys, tombstones int
	bytes                           uint64
	rounds, resends, takeovers      uint64
	confirms, forwards, folded      uint64
	owner                           map[kv.Partition]kv.NodeID // believed; of the lane's partitions
	alive                           map[kv.NodeID]kv.Incarnation
	gossip                          *system.DetectorStats // lane 0 only
	eventual                        eventualStats
}

// measure runs on the lane's goroutine.
func (l *lane) measure() *laneStats {
	n := l.node
	sh, rp := l.actors.Shard.Stats(), l.actors.Replica.Stats()
	st := &laneStats{
		owned: sh.Owned, copies: rp.Partitions, keys: rp.Keys, tombstones: rp.Tombstones, bytes: rp.Bytes,
		rounds: sh.Rounds, resends: sh.Resends, takeovers: sh.Takeovers,
		confirms: sh.Confirms, forwards: sh.Forwards, folded: sh.Folded,
		owner: map[kv.Partition]kv.NodeID{}, alive: map[kv.NodeID]kv.Incarnation{},
	}
	st.eventual = l.measureEventual()
	layout := l.actors.Layout()
	layout.Each(func(p kv.Partition) {
		if layout.Mode(p) != kv.Strong || actors.LaneOf(p, n.cfg.Lanes) != uint32(l.index) {
			return
		}
		if _, own := l.actors.Shard.Owns(p); own {
			st.owner[p] = n.cfg.Node
		} else if b := l.actors.Replica.Promised(p); b.Node != n.cfg.Node {
			st.owner[p] = b.Node
		}
	})
	if d := l.actors.Detector; d != nil {
		now, _ := n.now()
		gossip := d.Stats(now)
		st.gossip = &gossip
		for _, m := range n.cfg.Members {
			if d.Alive(m.ID) {
				st.alive[m.ID] = d.Inc(m.ID)
			}
		}
	}
	return st
}

// queryTimeout bounds how long a caller waits for lanes that are busy; their
// last snapshots have to do then.
const queryTimeout = 500 * time.Millisecond

// snapshots asks every lane to measure itself.
func (n *Node) snapshots() []*laneStats {
	fresh := make(chan struct{}, len(n.lanes))
	for _, l := range n.lanes {
		l.ask(func() {
			l.snapshot.Store(l.measure())
			fresh <- struct{}{}
		})
	}
	late := time.NewTimer(queryTimeout)
	defer late.Stop()
	waiting := len(n.lanes)
	for waiting > 0 {
		select {
		case <-fresh:
			waiting--
		case <-late.C:
			waiting = 0
		case <-n.quit:
			waiting = 0
		}
	}
	all := make([]*laneStats, len(n.lanes))
	for i, l := range n.lanes {
		all[i] = l.snapshot.Load()
	}
	return all
}

// Stats implements door.Host.
func (n *Node) Stats() door.Stats {
	lanes := n.snapshots()
	w := n.journal.stats.Load()
	s := door.Stats{
		Node: n.cfg.Node, Cluster: n.cfg.Cluster, Version: n.cfg.Version,
		Inc: n.boot.Inc, Epoch: n.layout.Load().Epoch(), UptimeSeconds: time.Since(n.started).Seconds(),
		Partitions: n.cfg.Partitions, Lanes: n.cfg.Lanes, Replicas: n.cfg.Replicas,
		WALBytes: w.SinceCheckpoint, WALSegments: int(w.Segments), WALSyncs: w.Syncs,
		HeapBytes: heapBytes(), Goroutines: runtime.NumGoroutine(),
	}
	for _, l := range lanes {
		s.Owned += l.owned
		s.Replicated += l.copies
		s.Keys += uint64(l.keys)
		s.DataBytes += l.bytes
		s.Tombstones += uint64(l.tombstones)
	}
	s.Ops, s.Outcomes = n.metrics.operations()
	alive := lanes[0].alive
	for i := range n.cfg.Members {
		m := &n.cfg.Members[i]
		inc, up := alive[m.ID]
		if p := n.transport.byID[m.ID]; p != nil {
			inc = max(inc, kv.Incarnation(p.inc.Load()))
		}
		s.Peers = append(s.Peers, door.PeerState{Node: m.ID, Endpoints: m.Endpoints, Zone: m.Zone, Alive: up, Inc: inc})
	}
	if g := lanes[0].gossip; g != nil {
		addGossip(&s, g)
	}
	for _, l := range lanes {
		l.eventual.addTo(&s.Eventual)
	}
	return s
}

// addGossip adds what the detector knows.
func addGossip(s *door.Stats, g *system.DetectorStats) {
	s.Gossip = door.Gossip{
		Pings: g.Pings, PingReqs: g.PingReqs, Acks: g.Acks, Updates: g.UpdatesSent, Suspicions: g.Suspicions,
		Refutations: g.Refutations, RefutedSuspicions: g.FalseSuspicions, Epoch: g.Epoch, Health: g.Health,
	}
	for i := range g.Peers {
		p := &g.Peers[i]
		for k := range s.Peers {
			if s.Peers[k].Node == p.Node {
				s.Peers[k].Gossip = &door.PeerGossip{Inc: p.Inc, GossipInc: p.GossipInc, State: p.State.String(), Dead: p.Dead, Phi: p.Phi,
					Silence: time.Duration(p.SilenceNs), Load: p.Load}
			}
		}
	}
}

// heapBytes reads the heap's size without stopping the world.
func heapBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
