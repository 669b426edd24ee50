package lab

import "github.com/quoratedb/quorate/actors"

// queue is the messages on their way, a binary heap by time and then by the
// order in which they left.
type queue struct {
	heap []entry
	sent uint64
}

type entry struct {
	env  actors.Envelope
	atNs int64
	seq  uint64
}

func (a *entry) before(b *entry) bool { return a.atNs < b.atNs || a.atNs == b.atNs && a.seq < b.seq }

// next is the time of the first.
func (q *queue) next() (int64, bool) {
	if len(q.heap) == 0 {
		return 0, false
	}
	return q.heap[0].atNs, true
}

func (q *queue) push(atNs int64, e *actors.Envelope) {
	q.sent++
	q.heap = append(q.heap, entry{env: *e, atNs: atNs, seq: q.sent})
	h := q.heap
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if h[up].before(&h[i]) {
			break
		}
		h[up], h[i] = h[i], h[up]
		i = up
	}
}

func (q *queue) pop() actors.Envelope {
	h := q.heap
	e := h[0].env
	last := len(h) - 1
	h[0] = h[last]
	h[last] = entry{}
	h = h[:last]
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			break
		}
		if right := down + 1; right < last && h[right].before(&h[down]) {
			down = right
		}
		if h[i].before(&h[down]) {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
	q.heap = h
	return e
}
