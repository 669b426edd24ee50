package system

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// mappable is an actor that places partitions.
type mappable interface {
	// SetLayout tells an actor of the newest cluster map: before Start, and
	// whenever there is a newer one. It lets go of what belongs to buckets that are
	// gone or were created anew; what it persists is durable before the node says
	// that they are gone.
	SetLayout(c *actors.Context, l *ring.Layout)
}

// Published is the layout by which the edges of the node place keys. It belongs
// to lane 0, as the map itself does.
func (n *Node) Published() *ring.Layout { return n.Lanes[0].Cluster.Published() }

// takeMap has the lane act on a newer map, and tells the cluster actor.
func (l *Lane) takeMap(c *actors.Context, from actors.Address, m *kv.Map) {
	if m.Epoch > l.layout.Epoch() {
		layout, err := l.layout.With(m.Epoch, m.Buckets)
		if err != nil {
			panic(fmt.Sprintf("system: the map of epoch %d can't be acted on: %v", m.Epoch, err))
		}
		l.layout = layout
		l.tellLayout(c)
		l.startEventual(c)
	}
	c.Self = actors.Address{Node: l.node, Kind: actors.Cluster, Index: l.index}
	c.SendDurable(from, &msg.LaneMapped{Epoch: l.layout.Epoch()})
}

func (l *Lane) tellLayout(c *actors.Context) {
	for i := range l.all {
		if a, ok := l.all[i].actor.(mappable); ok {
			c.Self = l.all[i].self
			a.SetLayout(c, l.layout)
		}
	}
}

// keeper stands for the cluster actor on the lanes that have none: maps are all
// that is sent there, and those are the lane's own business.
type keeper struct{}

// Receive implements actors.Actor.
func (keeper) Receive(_ *actors.Context, m actors.Message) {
	panic(fmt.Sprintf("system: unexpected message %T", m))
}

// Flush implements actors.Actor.
func (keeper) Flush(*actors.Context) {}

// restoreMap takes back that the node went from one map to another. What the
// lanes have restored so far of the slots whose bucket is new was written before
// it, or comes again after it: it goes. A checkpoint may be newer than the log
// that follows it, so this holds for a map that is not the newest, too.
func (n *Node) restoreMap(payload []byte) error {
	var rec msg.MapRecord
	if err := rec.DecodeFrom(payload); err != nil {
		return err
	}
	first := n.Lanes[0].Cluster
	if err := first.Restore(payload); err != nil {
		return err
	}
	layout := first.Layout()
	var old []kv.Bucket
	for _, b := range layout.Buckets() {
		if b != nil && (b.Created <= rec.From || b.Created > rec.Map.Epoch) {
			old = append(old, *b)
		}
	}
	without, err := layout.With(layout.Epoch(), old)
	if err != nil {
		return err
	}
	var discard actors.Context // a replica persists nothing about maps
	for _, l := range n.Lanes {
		l.Replica.SetLayout(&discard, without)
		l.Replica.SetLayout(&discard, layout)
		l.layout = layout
	}
	return nil
}
