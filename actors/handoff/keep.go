package handoff

import (
	"bytes"

	"github.com/pingcap/failpoint"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// keep takes hints in. The answer is durable even if nothing is new in them:
// what it answers for may still be on its way to the disk.
func (h *Handoff) keep(c *actors.Context, m *msg.Hint) {
	reply := &msg.Hinted{ID: m.ID}
	for i, it := range m.Items {
		if reason := h.keepOne(c, m, it); reason != 0 {
			reply.Refused = append(reply.Refused, msg.PutRefusal{Index: uint32(i), Reason: reason})
		}
	}
	c.SendDurable(c.Sender, reply)
}

// keepOne returns why an item is refused, 0 if it is not.
func (h *Handoff) keepOne(c *actors.Context, m *msg.Hint, it *msg.PutItem) msg.PutReason {
	b := h.cfg.Layout.Bucket(it.Partition)
	old := b != nil && m.Epoch < b.Created
	failpoint.Inject("bug-42-stale-epoch-kept", func() { old = false })
	switch {
	case c.WallMs-m.SentMs > h.cfg.MessageTTLMs:
		return msg.ByAge
	case b == nil || b.Mode == kv.Strong || old:
		return msg.ByMap
	case !h.mine(it.Partition) || m.Target == h.cfg.Node || h.cfg.Layout.IndexOf(it.Partition, m.Target) < 0:
		return msg.ByPlace
	case it.Object.Newest().Ms-c.WallMs > h.cfg.CapMs:
		return msg.ByDrift
	}
	t := h.target(m.Target)
	n := h.get(it.Partition, it.Key, t)
	bornMs := min(m.SentMs, c.WallMs)
	// The message may be part of a larger buffer: what is kept is copied.
	object := it.Object.Clone()
	if n != nil {
		switch n.object.Compare(&object) {
		case causal.Equal, causal.After:
			h.counts.kept++
			return 0
		case causal.Before:
			object = n.object.Merge(&object)
		default:
			// A part of the older one stays, and with it its age (rule 4).
			object, bornMs = n.object.Merge(&object), min(bornMs, n.bornMs)
		}
	}
	to := h.measure(it.Key, object)
	if !h.fits(t, n, len(it.Key), &to) {
		return h.full(t)
	}
	if n == nil {
		n = h.insert(t, it.Partition, bytes.Clone(it.Key), b.Created, bornMs, &to)
	} else {
		n.bornMs = bornMs
		h.set(n, &to)
	}
	h.counts.kept++
	h.persist(c, n)
	return 0
}

// full counts a hint that the bounds don't allow, and returns the reason to tell.
func (h *Handoff) full(t *target) msg.PutReason {
	reason := msg.ByFull
	failpoint.Inject("bug-41-hint-overflow-in-silence", func() { reason = 0 })
	if reason != 0 {
		h.counts.refused++
		t.refused++
	}
	return reason
}

func (h *Handoff) mine(p kv.Partition) bool { return actors.LaneOf(p, h.cfg.Lanes) == h.cfg.Lane }

// Lookup returns what the hints of a key know together at a time, whoever they are for;
// false if there are none.
func (h *Handoff) Lookup(p kv.Partition, key []byte, wallMs int64) (object causal.Object, ok bool) {
	h.each(p, key, func(n *hint) {
		if h.old(n, wallMs) {
			return
		}
		if !ok {
			object, ok = n.object, true
		} else {
			object = object.Merge(&n.object)
		}
	})
	return object, ok
}

// Each calls f for what is kept of a key, ascending by target, too old ones included:
// bornMs is the age of the oldest part. f changes nothing.
func (h *Handoff) Each(p kv.Partition, key []byte, f func(target kv.NodeID, object *causal.Object, bornMs int64)) {
	h.each(p, key, func(n *hint) { f(n.target.node, &n.object, n.bornMs) })
}

// Waits reports whether a hint of a key is here, too old ones included: they
// may be on their way still.
func (h *Handoff) Waits(p kv.Partition, key []byte) (waits bool) {
	h.each(p, key, func(*hint) { waits = true })
	return waits
}

// fetch answers a sloppy read from what is kept for others.
func (h *Handoff) fetch(c *actors.Context, m *msg.Fetch) {
	reply := &msg.Fetched{ID: m.ID, Items: make([]msg.FetchedItem, len(m.Items))}
	for i := range m.Items {
		it, out := &m.Items[i], &reply.Items[i]
		switch b := h.cfg.Layout.Bucket(it.Partition); {
		case b == nil || b.Mode == kv.Strong || m.Epoch < b.Created:
			out.Refused = msg.ByMap
			continue
		case !h.mine(it.Partition):
			out.Refused = msg.ByPlace
			continue
		}
		object, ok := h.Lookup(it.Partition, it.Key, c.WallMs)
		if !ok {
			continue
		}
		if to := h.measure(it.Key, object); to.digest == it.Have {
			out.Same = true
		} else {
			out.Object = &object
		}
	}
	c.SendDurable(c.Sender, reply)
}
