package handoff

import "github.com/quoratedb/quorate/actors"

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
func (h *Handoff) old(n *hint) bool { return h.wallMs-n.bornMs > h.cfg.HintTTLMs }

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
			if h.old(n) {
				h.expire(c, n)
			}
		}
	}
}

// expire drops a hint that is too old to be delivered. Anti-entropy has had
// hours to bring the target what it holds.
func (h *Handoff) expire(c *actors.Context, n *hint) {
	h.counts.expired++
	h.delete(c, n)
}
