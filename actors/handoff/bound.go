package handoff

import (
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
)

// fits reports whether the bounds allow a hint of this size for t, in place of
// n if that is not nil.
func (h *Handoff) fits(t *target, n *hint, keyBytes int, to *measured) bool {
	grows, memory := int64(keyBytes+to.size), int64(hintBytes)
	if n != nil {
		grows, memory = grows-n.bytes(), 0
	}
	lanes := int64(h.cfg.Lanes)
	return grows+memory <= 0 || t.bytes+grows <= h.cfg.TargetBytes/lanes && h.bytes+grows+memory <= h.cfg.TotalBytes/lanes
}

// old reports whether a hint has outlived its time: it is neither delivered nor shown.
func (h *Handoff) old(n *hint, wallMs int64) bool {
	age := wallMs - n.bornMs
	return age > h.cfg.HintTTLMs && age > h.lifeMs(h.cfg.Layout.Bucket(n.partition))
}

// lifeMs is how old a hint in a bucket may become. In a strict one as many
// replicas have the object as its client asked for, and anti-entropy has had hours
// to bring it to the others. In a sloppy one a hint may be all that there is of an
// acknowledged write: it stays for as long as no tombstone can have gone that it
// might bring back from below, by clocks that drift and messages that take their time.
func (h *Handoff) lifeMs(b *kv.Bucket) int64 {
	if b == nil || !b.Sloppy {
		return h.cfg.HintTTLMs
	}
	return max(b.GraceMs-h.cfg.MessageTTLMs-2*h.cfg.CapMs, h.cfg.HintTTLMs)
}

// overdue reports whether the target of a hint has been away for longer than
// HintTTL: then any other replica will do.
func (h *Handoff) overdue(n *hint, wallMs int64) bool {
	return n.target.dead && wallMs-n.bornMs > h.cfg.HintTTLMs
}

// How often hints are looked over for old ones, and in how many steps all are.
const (
	sweepEveryNs = int64(1e9)
	sweepSteps   = 60
)

// sweep looks at a part of the hints of each target and drops the old ones, so
// that a minute sees them all and no batch has to.
func (h *Handoff) sweep(c *actors.Context) {
	if c.NowNs < h.sweepNs {
		return
	}
	h.sweepNs = c.NowNs + sweepEveryNs
	for _, t := range h.targets {
		for range t.count/sweepSteps + 1 {
			if t.looked == nil {
				t.looked = t.head
			}
			n := t.looked
			if n == nil {
				break
			}
			t.looked = n.next
			switch {
			case h.old(n, c.WallMs):
				h.expire(c, n)
			case h.overdue(n, c.WallMs):
				h.handOn(c, n)
			}
		}
	}
}

// handOn gives a hint whose target stays away to a replica that lives, if there
// is one: what it holds is then where anti-entropy finds it.
func (h *Handoff) handOn(c *actors.Context, n *hint) {
	to := h.heir(n.partition)
	if t := h.find(to); to == 0 || t != nil && t.dead || !h.place(c, n) {
		return
	}
	h.move(c, n, h.target(to))
}

// expire drops a hint that is too old to be delivered.
func (h *Handoff) expire(c *actors.Context, n *hint) {
	h.counts.expired++
	h.delete(c, n)
}
