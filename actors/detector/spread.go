package detector

import (
	"cmp"
	"slices"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// news is a peer of whom something is still to be passed on.
type news struct {
	peer int
	sent int // how often it was
}

// enqueue lets what is now known of a peer be passed on, again from the start.
func (d *Detector) enqueue(i int) {
	if d.peers[i].rumor.inc == 0 {
		return // of nobody's boot: it says nothing to others
	}
	d.queue = slices.DeleteFunc(d.queue, func(n news) bool { return n.peer == i })
	if len(d.queue) == maxQueue {
		d.queue = d.queue[:maxQueue-1] // the one that was sent most
	}
	d.queue = slices.Insert(d.queue, 0, news{peer: i})
}

// gossip begins a message to a peer.
func (d *Detector) gossip(to int) msg.Gossip {
	d.seq++
	return msg.Gossip{Inc: d.cfg.Inc, GossipInc: d.gossipInc, Seq: d.seq, Epoch: d.epoch, Load: d.load, Updates: d.pick(to)}
}

// pick chooses what to tell a peer: first what is said of itself if that is
// bad, so that it can refute (Lifeguard's buddy system), then the news that
// were passed on least often, then members in turn.
func (d *Detector) pick(to int) []msg.Update {
	out := d.slabs.room()
	if p := &d.peers[to]; p.rumor.state > msg.Alive && p.rumor.inc != 0 {
		out = append(out, about(p))
	}
	limit := retransmissions(len(d.peers) + 1)
	sorted := true
	for k := range d.queue {
		n := &d.queue[k]
		if len(out) == maxUpdates {
			break
		}
		if n.peer == to {
			continue
		}
		out = append(out, about(&d.peers[n.peer]))
		n.sent++
		sorted = false
	}
	if !sorted {
		d.queue = slices.DeleteFunc(d.queue, func(n news) bool { return n.sent >= limit })
		slices.SortStableFunc(d.queue, func(a, b news) int { return cmp.Compare(a.sent, b.sent) })
	}
	for range min(2*fillUpdates, len(d.peers)) {
		if len(out) >= fillUpdates {
			break
		}
		d.filled = (d.filled + 1) % len(d.peers)
		if p := &d.peers[d.filled]; d.filled != to && p.rumor.inc != 0 && !tells(out, p.node) {
			out = append(out, about(p))
		}
	}
	d.stats.UpdatesSent += uint64(len(out))
	d.slabs.used(len(out))
	return out[:len(out):len(out)]
}

func tells(updates []msg.Update, node kv.NodeID) bool {
	for i := range updates {
		if updates[i].Node == node {
			return true
		}
	}
	return false
}

// everything is for a newcomer, which would else learn of the others only as
// fast as messages are filled up.
func (d *Detector) everything() []msg.Update {
	var out []msg.Update
	for i := range d.peers {
		if p := &d.peers[i]; p.rumor.inc != 0 && len(out) < maxSync {
			out = append(out, about(p))
		}
	}
	d.stats.UpdatesSent += uint64(len(out))
	return out
}

func about(p *peer) msg.Update {
	return msg.Update{Node: p.node, Inc: p.rumor.inc, GossipInc: p.rumor.gossipInc, State: p.rumor.state, Load: p.load, LoadSeq: p.loadSeq}
}
