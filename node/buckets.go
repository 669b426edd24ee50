package node

import (
	"context"
	"time"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door"
)

// Bucket implements door.Host.
func (n *Node) Bucket(name string) *kv.Bucket { return n.layout.Load().Named(name) }

// Buckets implements door.Host.
func (n *Node) Buckets() ([]kv.Bucket, kv.Epoch) {
	l := n.layout.Load()
	var all []kv.Bucket
	for _, b := range l.Buckets() {
		if b != nil {
			all = append(all, *b)
		}
	}
	return all, l.Epoch()
}

// publish lets the edges place keys by the newest map on which all lanes act.
// It belongs to lane 0's goroutine.
func (l *lane) publish() {
	if l.actors.Cluster == nil {
		return
	}
	if p := l.actors.Cluster.Published(); p != l.node.layout.Load() {
		l.node.layout.Store(p)
		l.node.log.Info("acts on a newer map of the cluster", "epoch", p.Epoch(), "buckets", len(p.Buckets()))
	}
}

// mapPatience is how long a change of the map may take, if the caller does not
// give up before.
const mapPatience = 10 * time.Second

// ChangeBuckets implements door.Host.
func (n *Node) ChangeBuckets(ctx context.Context, change *kv.Change) (kv.Epoch, error) {
	s := newSession(n)
	defer s.Close()
	if s.refuse {
		return 0, door.ErrMapBusy
	}
	if n.stopping() {
		return 0, door.ErrMapUnavailable
	}
	timeout := mapPatience
	if at, ok := ctx.Deadline(); ok {
		timeout = min(timeout, max(time.Until(at), time.Millisecond))
	}
	m := &msg.MapChange{TimeoutNs: timeout.Nanoseconds(), Change: *change}
	m.ID = s.begin(1, n.edge.beats.Load()+sweepsIn(timeout+n.cfg.Timing.Request))
	s.out.envelopes[0] = actors.Envelope{
		Message: m,
		From:    actors.Address{Node: n.cfg.Node, Kind: actors.Client, Index: s.slot},
		To:      actors.Address{Node: n.cfg.Node, Kind: actors.Cluster},
	}
	n.router.send(0, &s.out)
	s.out.envelopes[0].Message = nil
	if s.out.refused {
		s.refused(0)
	}
	if n.edge.closed.Load() {
		s.giveUp(0) // the node was closed in the meantime
	}
	stop := context.AfterFunc(ctx, func() { s.giveUp(0) })
	answer := s.wait()[0]
	stop()
	return changed(answer)
}

func changed(answer actors.Message) (kv.Epoch, error) {
	switch m := answer.(type) {
	case noAnswer:
		return 0, door.ErrMapBusy
	case *msg.MapChanged:
		switch m.Status {
		case kv.OK:
			return m.Epoch, nil
		case kv.BadRequest:
			return 0, m.Why.Err(m.Text)
		case kv.Busy:
			return 0, door.ErrMapBusy
		case kv.Unavailable:
			return 0, door.ErrMapUnavailable
		}
	}
	return 0, door.ErrMapUnknown
}
