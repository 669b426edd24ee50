package node

import (
	"errors"
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door"
)

var _ door.Host = (*Node)(nil)

// NewSession implements door.Host. If too many are open, everything it is
// asked is answered with Busy.
func (n *Node) NewSession() door.Session { return newSession(n) }

// NewGate implements door.Host.
func (n *Node) NewGate(wake func()) door.Gate { return newGate(n, wake) }

// Partition implements door.Host.
func (n *Node) Partition(b *kv.Bucket, key []byte) kv.Partition {
	return n.layout.Load().PartitionOf(b, key)
}

// Limits implements door.Host.
func (n *Node) Limits() door.Limits {
	l := &n.cfg.Limits
	return door.Limits{KeyBytes: l.KeyBytes, ValueBytes: l.ValueBytes, BatchOps: l.BatchOps}
}

// Route implements door.Host. The owner is the node that holds the highest
// promise here, or this one; 0 where this node holds no copy.
func (n *Node) Route(b *kv.Bucket, key []byte) door.Route {
	layout := n.layout.Load()
	p := layout.PartitionOf(b, key)
	r := door.Route{Partition: p, Preference: layout.Preference(p), Epoch: layout.Epoch(), Addresses: map[kv.NodeID]door.Endpoints{}}
	for _, id := range r.Preference {
		r.Addresses[id] = n.cfg.member(id).Endpoints
	}
	r.Owner = n.snapshots()[actors.LaneOf(p, n.cfg.Lanes)].owner[p]
	return r
}

// Ready implements door.Host: enough members seem alive to make a majority.
func (n *Node) Ready() (bool, string) {
	if n.Err() != nil {
		return false, "the node has failed"
	}
	if n.stopping() {
		return false, "the node is shutting down"
	}
	alive := n.snapshots()[0].alive
	for p := range n.cfg.Partitions {
		prefs := n.layout.Load().Preference(kv.Partition(p))
		up := 0
		for _, id := range prefs {
			if _, ok := alive[id]; ok {
				up++
			}
		}
		if need := len(prefs)/2 + 1; up < need {
			return false, fmt.Sprintf("partition %d has %d of %d replicas alive, %d are needed", p, up, len(prefs), need)
		}
	}
	return true, ""
}

// ErrCount is returned by CountKeys when not all nodes that were asked answered.
var ErrCount = errors.New("node: not all nodes answered in time, so the keys were not counted")

// CountKeys implements door.Host: the first live member of each preference
// list counts its copy.
func (n *Node) CountKeys(b *kv.Bucket) (keys, bytes uint64, err error) {
	s := newSession(n)
	defer s.Close()
	if s.refuse || n.stopping() {
		return 0, 0, ErrCount
	}
	questions := n.countQuestions(b, s.slot)
	if len(questions) == 0 || len(questions) > 1<<partBits {
		return 0, 0, ErrCount
	}
	first := s.begin(len(questions), n.edge.beats.Load()+n.patience)
	out := newOutbox(n.router, true)
	for i := range questions {
		questions[i].Message.(*msg.Count).ID = first + uint64(i)
		out.add(&questions[i], 0)
	}
	out.send()
	for _, a := range s.wait() {
		c, ok := a.(*msg.Counted)
		if !ok {
			return 0, 0, ErrCount
		}
		keys, bytes = keys+c.Keys, bytes+c.Bytes
	}
	return keys, bytes, nil
}

// countQuestions makes one question per replica lane that has something to count.
func (n *Node) countQuestions(b *kv.Bucket, slot uint32) []actors.Envelope {
	alive, layout := n.snapshots()[0].alive, n.layout.Load()
	first, kind := 0, actors.Replica
	if b != nil {
		first = int(b.Slot) * n.cfg.Partitions
	}
	if b != nil && b.Mode != kv.Strong {
		kind = actors.Store
	}
	at := map[actors.Address]*msg.Count{}
	var questions []actors.Envelope
	for i := range n.cfg.Partitions {
		p := kv.Partition(first + i)
		prefs := layout.Preference(p)
		if len(prefs) == 0 { // the bucket has gone
			return nil
		}
		who := prefs[0]
		for _, id := range prefs {
			if _, ok := alive[id]; ok {
				who = id
				break
			}
		}
		to := actors.Address{Node: who, Kind: kind, Index: actors.LaneOf(p, n.cfg.Lanes)}
		if at[to] == nil {
			at[to] = &msg.Count{}
			from := actors.Address{Node: n.cfg.Node, Kind: actors.Client, Index: slot}
			questions = append(questions, actors.Envelope{Message: at[to], From: from, To: to})
		}
		at[to].Partitions = append(at[to].Partitions, p)
	}
	return questions
}
