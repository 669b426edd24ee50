package node

import (
	"time"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/msg"
)

// drain asks the shards to hand their partitions on, and waits until they have
// or the time is up: whoever is left then is taken over as after a crash.
func (n *Node) drain() {
	if len(n.lanes) == 0 || len(n.transport.peers) == 0 {
		return
	}
	out := newOutbox(n.router, true)
	for i := range n.lanes {
		self := actors.Address{Node: n.cfg.Node, Kind: actors.Shard, Index: uint32(i)}
		out.add(&actors.Envelope{Message: &msg.Drain{}, From: self, To: self}, 0)
	}
	out.send()
	deadline := time.NewTimer(n.cfg.Timing.Drain)
	defer deadline.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		owned := 0
		lanes := n.snapshots()
		for _, st := range lanes {
			owned += st.owned
		}
		if owned == 0 || len(lanes[0].alive) < 2 { // nobody else is there
			return
		}
		select {
		case <-again.C:
		case <-deadline.C:
			n.log.Warn("not all partitions were handed on in time", "left", owned)
			return
		case <-n.failed:
			return
		}
	}
}
