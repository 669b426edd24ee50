package cluster

import (
	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// learn takes a map in if it is newer than the one held: first it becomes
// durable, then the lanes act on it, then the others are told.
func (cl *Cluster) learn(c *actors.Context, m *kv.Map) {
	if m.Epoch <= cl.held.Epoch {
		return
	}
	layout, err := cl.layout.With(m.Epoch, m.Buckets)
	if err != nil {
		return // a peer's that is not ours: nothing that was decided is ever like this
	}
	persist := true
	failpoint.Inject("bug-71-map-not-persisted", func() { persist = false })
	if persist {
		c.Persist(&msg.MapRecord{From: cl.held.Epoch, Map: m})
	}
	cl.held, cl.layout = m, layout
	cl.stats.Adopted++
	cl.spread(c)
}

// spread has every lane act on the map held, once it is durable.
func (cl *Cluster) spread(c *actors.Context) {
	clear(cl.mapped)
	for i := range cl.cfg.Lanes {
		c.SendDurable(actors.Address{Node: cl.cfg.Node, Kind: actors.Cluster, Index: uint32(i)}, &msg.LaneMap{Map: cl.held})
	}
}

// laneMapped notes that a lane acts on a map. With the last one the whole node does.
func (cl *Cluster) laneMapped(c *actors.Context, lane uint32, e kv.Epoch) {
	if e != cl.held.Epoch || int(lane) >= len(cl.mapped) || cl.acting == e {
		return // of an earlier map
	}
	cl.mapped[lane] = true
	for _, done := range cl.mapped {
		if !done {
			return
		}
	}
	cl.acting, cl.published = e, cl.layout
	cl.gossip.SetEpoch(e)
	cl.tellActing(c)
	cl.tellMade(c)
}

// Restore implements actors.Restorer.
func (cl *Cluster) Restore(payload []byte) error {
	var rec msg.MapRecord
	if err := rec.DecodeFrom(payload); err != nil {
		return err
	}
	if rec.Map.Epoch <= cl.held.Epoch {
		return nil
	}
	layout, err := cl.layout.With(rec.Map.Epoch, rec.Map.Buckets)
	if err != nil {
		return err
	}
	cl.held, cl.layout, cl.published = rec.Map, layout, layout
	return nil
}

// Layout is that of the map held: after restoring, what the lanes begin with.
func (cl *Cluster) Layout() *ring.Layout { return cl.layout }

// Checkpoint implements actors.Restorer.
func (cl *Cluster) Checkpoint(c *actors.Context, _ *actors.Cursor, _ int) *actors.Cursor {
	if cl.held.Epoch > cl.cfg.Layout.Epoch() {
		c.Persist(&msg.MapRecord{From: cl.held.Epoch, Map: cl.held})
	}
	return nil
}
