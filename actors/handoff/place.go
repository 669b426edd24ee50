package handoff

import (
	"bytes"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
)

// placeAll looks at all hints under a new map.
func (h *Handoff) placeAll(c *actors.Context) {
	var all []*hint
	h.index.Scan(func(n *hint) bool {
		all = append(all, n)
		return true
	})
	for _, n := range all {
		if !n.gone {
			h.place(c, n)
		}
	}
}

// place reports whether a hint may be delivered to its target. If its bucket is
// gone, or has another life, so is the hint. If its target holds the partition
// no more, the hint goes to one that does: nobody else may have it.
func (h *Handoff) place(c *actors.Context, n *hint) bool {
	b := h.cfg.Layout.Bucket(n.partition)
	switch {
	case n.created > h.cfg.Layout.Epoch():
		n.target.later(n) // made under a map that this boot has yet to hear of
		return false
	case b == nil || b.Created != n.created:
		h.counts.dropped++
		h.delete(c, n)
		return false
	case h.cfg.Layout.IndexOf(n.partition, n.target.node) >= 0:
		return true
	}
	if to := h.heir(n.partition); to != 0 {
		h.move(c, n, h.target(to))
	}
	return false
}

// heir returns the first replica of a partition that may be alive, which may be
// this node itself.
func (h *Handoff) heir(p kv.Partition) kv.NodeID {
	list := h.cfg.Layout.Preference(p)
	for _, node := range list {
		if t := h.find(node); t == nil || !t.dead {
			return node
		}
	}
	if len(list) > 0 {
		return list[0]
	}
	return 0
}

// move gives a hint to another target. Bounds don't hold it up: it is here already.
func (h *Handoff) move(c *actors.Context, n *hint, to *target) {
	h.counts.moved++
	if there := h.get(n.partition, n.key, to); there != nil {
		h.merge(c, there, n)
	} else {
		state := measured{object: n.object, digest: n.digest, size: n.size}
		h.persist(c, h.insert(to, n.partition, bytes.Clone(n.key), n.created, n.bornMs, &state))
	}
	h.delete(c, n)
}

// merge takes what another hint of the key knows into one. Only what is taken brings its
// age with it: who holds all of it already lives on for as long as it would have.
func (h *Handoff) merge(c *actors.Context, n, other *hint) {
	switch n.object.Compare(&other.object) {
	case causal.Equal, causal.After:
		return
	case causal.Before:
		n.bornMs = other.bornMs
	default:
		n.bornMs = min(n.bornMs, other.bornMs)
	}
	merged := h.measure(n.key, n.object.Merge(&other.object))
	h.set(n, &merged)
	h.persist(c, n)
}
