package sim

// queue is a 4-ary heap of events ordered by (time, sequence). The heap holds
// small keys only; what an event is about lies in a slab with a free list, so
// that neither pushing nor popping allocates once the slab has grown.
type queue struct {
	heap []queueKey
	slab []event
	free []uint32
	seq  uint64
}

type queueKey struct {
	atNs int64
	seq  uint64
	slot uint32
}

func (k queueKey) before(o queueKey) bool {
	return k.atNs < o.atNs || k.atNs == o.atNs && k.seq < o.seq
}

func (q *queue) len() int { return len(q.heap) }

// push schedules e at atNs. Events of one time come in the order of pushing.
func (q *queue) push(atNs int64, e event) {
	var slot uint32
	if n := len(q.free); n > 0 {
		slot = q.free[n-1]
		q.free = q.free[:n-1]
		q.slab[slot] = e
	} else {
		slot = uint32(len(q.slab))
		q.slab = append(q.slab, e)
	}
	q.seq++
	k := queueKey{atNs: atNs, seq: q.seq, slot: slot}
	q.heap = append(q.heap, k)
	i := len(q.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !k.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = k
}

// each calls f for every event that is scheduled, in no order that means anything.
func (q *queue) each(f func(*event)) {
	for _, k := range q.heap {
		f(&q.slab[k.slot])
	}
}

// pop takes the earliest event. It panics if there is none.
func (q *queue) pop() (int64, event) {
	top := q.heap[0]
	last := len(q.heap) - 1
	k := q.heap[last]
	q.heap = q.heap[:last]
	if last > 0 {
		q.sink(k)
	}
	e := q.slab[top.slot]
	q.slab[top.slot] = event{}
	q.free = append(q.free, top.slot)
	return top.atNs, e
}

// sink places k from the root downwards.
func (q *queue) sink(k queueKey) {
	n, i := len(q.heap), 0
	for {
		first := 4*i + 1
		if first >= n {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, n); c++ {
			if q.heap[c].before(q.heap[least]) {
				least = c
			}
		}
		if !q.heap[least].before(k) {
			break
		}
		q.heap[i] = q.heap[least]
		i = least
	}
	q.heap[i] = k
}
