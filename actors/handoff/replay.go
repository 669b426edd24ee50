package handoff

import (
	"github.com/pingcap/failpoint"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// flight is the one delivery to a target that waits for its answer.
type flight struct {
	id         uint64 // 0: none
	sentNs     int64
	deadlineNs int64
	items      []sent
}

// sent is a hint in the state in which it left.
type sent struct {
	hint   *hint
	digest causal.Hash
}

// peerStatus hears from the detector. A node that is back gets its hints at
// once; what it has not answered its former boot never will.
func (h *Handoff) peerStatus(c *actors.Context, m *msg.PeerStatus) {
	t := h.target(m.Node)
	back := m.Alive && (t.dead || m.Inc != t.inc)
	died := !m.Alive && !t.dead
	t.dead, t.inc = !m.Alive, m.Inc
	switch {
	case back:
		t.flight, t.failures, t.unanswered, t.roundNs = flight{}, 0, 0, 0
		t.nextNs = c.NowNs + c.Rand.Int64N(h.cfg.BackoffNs)
	case died:
		t.heard = false
		t.nextNs = c.NowNs + h.pauseNs(c, t)
	}
}

// pauseNs is how long to wait before the next delivery to a target that did not
// take the last one: exponential, with jitter.
func (h *Handoff) pauseNs(c *actors.Context, t *target) int64 {
	d := h.cfg.ProbeNs
	if !t.dead || t.heard {
		d = min(h.cfg.BackoffNs<<min(t.failures, 16), h.cfg.MaxBackoffNs)
	}
	return d/2 + c.Rand.Int64N(d/2+1)
}

// answerNs is how long to wait for the answer to a delivery: twice what the last one
// took, and twice as long again each time that none came, so that it comes in time in
// the end, however long a target takes. Beyond the cap it would not have taken the
// message for its age.
func (h *Handoff) answerNs(t *target) int64 {
	most := max(4*h.cfg.AnswerNs, 2*h.cfg.MessageTTLMs*1e6)
	d := min(max(h.cfg.AnswerNs, 2*t.roundNs), most)
	for range t.unanswered {
		if d = min(2*d, most); d == most {
			break
		}
	}
	return d
}

// pump does what is due for a target, and returns when to look again, 0 for never.
func (h *Handoff) pump(c *actors.Context, t *target) int64 {
	if t.flight.id != 0 {
		if c.NowNs < t.flight.deadlineNs {
			return t.flight.deadlineNs
		}
		t.heard = false
		t.unanswered++
		h.missed(c, t)
	}
	if t.count == 0 {
		return 0
	}
	if c.NowNs < t.nextNs {
		return t.nextNs
	}
	if !h.deliver(c, t) {
		t.nextNs = c.NowNs + h.cfg.MaxBackoffNs // nothing that may leave now
		return t.nextNs
	}
	return t.flight.deadlineNs
}

// missed ends a delivery of which nothing was taken.
func (h *Handoff) missed(c *actors.Context, t *target) {
	t.flight = flight{}
	t.failures++
	h.counts.failed++
	t.nextNs = c.NowNs + h.pauseNs(c, t)
}

// maxSkipped bounds how many hints that may not leave are passed over for one delivery.
const maxSkipped = 1024

// deliver sends the first hints of the queue; false if there are none to send.
func (h *Handoff) deliver(c *actors.Context, t *target) bool {
	limit := h.cfg.PutItems
	if t.dead && !t.heard {
		limit = 1
	}
	put := &msg.Put{SentMs: c.WallMs, BornMs: c.WallMs, Epoch: h.cfg.Layout.Epoch(), Why: msg.ForHint}
	var items []sent
	bytes, skipped := 0, 0
	for n := t.head; n != nil && len(items) < limit && skipped < maxSkipped; {
		next := n.next
		switch {
		case h.old(n, c.WallMs):
			h.expire(c, n)
			skipped++
		case !h.place(c, n):
			skipped++
		case len(items) > 0 && bytes+len(n.key)+n.size > h.cfg.PutBytes:
			next = nil
		default:
			bytes += len(n.key) + n.size
			put.BornMs = min(put.BornMs, n.bornMs)
			items = append(items, sent{n, n.digest})
			put.Items = append(put.Items, &msg.PutItem{Partition: n.partition, Key: n.key, Object: n.object})
		}
		n = next
	}
	if len(items) == 0 {
		return false
	}
	h.lastID++
	put.ID = h.lastID
	t.flight = flight{id: put.ID, items: items, sentNs: c.NowNs, deadlineNs: c.NowNs + h.answerNs(t)}
	h.counts.puts++
	c.Send(h.store(t.node), put)
	failpoint.Inject("bug-37-hint-deleted-before-ack", func() {
		for i := range items {
			h.delete(c, items[i].hint)
		}
	})
	return true
}

func (h *Handoff) store(node kv.NodeID) actors.Address {
	return actors.Address{Node: node, Kind: actors.Store, Index: h.cfg.Lane}
}

// stored hears from a target what it has made durable. A hint that has changed
// since it left stays: what was stored is not all of it.
func (h *Handoff) stored(c *actors.Context, m *msg.Stored) {
	t := h.find(c.Sender.Node)
	if t == nil || t.flight.id == 0 || t.flight.id != m.ID {
		return
	}
	t.heard, t.unanswered, t.roundNs = true, 0, c.NowNs-t.flight.sentNs
	items := t.flight.items
	refused := make([]bool, len(items))
	taken := len(items)
	for _, r := range m.Refused {
		if int(r.Index) < len(items) && !refused[r.Index] {
			refused[r.Index] = true
			taken--
		}
	}
	for i := range items {
		n := items[i].hint
		switch {
		case n.gone:
		case refused[i]:
			h.refused(c, n)
		case n.digest == items[i].digest:
			h.counts.delivered++
			h.delete(c, n)
		}
	}
	if taken == 0 {
		h.missed(c, t)
		return
	}
	t.flight, t.failures, t.nextNs = flight{}, 0, c.NowNs
}

// refused puts off a hint that its target did not take, for whatever reason:
// its clock or this one is wrong, the message was late, or one of the two maps
// is old. If by the own map the bucket is gone or the target no replica, place
// has settled that.
func (h *Handoff) refused(c *actors.Context, n *hint) {
	failpoint.Inject("bug-80-refused-hint-deleted", func() {
		h.delete(c, n)
		failpoint.Return()
	})
	if h.place(c, n) {
		n.target.later(n)
	}
}

// delete drops a hint, durably.
func (h *Handoff) delete(c *actors.Context, n *hint) {
	if n.gone {
		return
	}
	h.scratch.done = msg.HintDoneRecord{Partition: n.partition, Target: n.target.node, Key: n.key, Digest: n.digest}
	c.Persist(&h.scratch.done)
	h.remove(n)
}
