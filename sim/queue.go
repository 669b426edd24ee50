package sim

import "math/bits"

// queue is a 4-ary heap of events ordered by (time, sequence). The heap holds
// small keys only; what an event is about lies in a slab with a free list, so
// that neither pushing nor popping allocates once the slab has grown. What an
// event brings about is often what comes next: such a key waits in front of the
// heap and never enters it.
type queue struct {
	front   queueKey // before all of the heap, if fronted
	heap    []queueKey
	slab    []event
	free    []uint32
	seq     uint64
	fronted bool
}

// queueKey has the sequence number and the slot in one word: of one time, the
// numbers decide, since no two events have the same.
type queueKey struct {
	atNs  int64 // not negative
	order uint64
}

const slotBits = 24

func (k queueKey) slot() uint32 { return uint32(k.order & (1<<slotBits - 1)) }

// before compares both words as one number, without a branch that nobody can predict.
func (k queueKey) before(o queueKey) bool {
	_, borrow := bits.Sub64(k.order, o.order, 0)
	_, borrow = bits.Sub64(uint64(k.atNs), uint64(o.atNs), borrow)
	return borrow != 0
}

func (q *queue) len() int {
	if q.fronted {
		return len(q.heap) + 1
	}
	return len(q.heap)
}

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
	k := queueKey{atNs: atNs, order: q.seq<<slotBits | uint64(slot)}
	switch {
	case q.fronted && k.before(q.front):
		k, q.front = q.front, k
	case !q.fronted && (len(q.heap) == 0 || k.before(q.heap[0])):
		q.front, q.fronted = k, true
		return
	}
	q.heap = append(q.heap, k)
	q.rise(len(q.heap)-1, k)
}

// each calls f for every event that is scheduled, in no order that means anything.
func (q *queue) each(f func(*event)) {
	if q.fronted {
		f(&q.slab[q.front.slot()])
	}
	for _, k := range q.heap {
		f(&q.slab[k.slot()])
	}
}

// pop takes the earliest event. It panics if there is none.
func (q *queue) pop() (int64, event) {
	top := q.front
	if q.fronted {
		q.fronted = false
	} else {
		top = q.popHeap()
	}
	slot := top.slot()
	e := q.slab[slot]
	q.slab[slot] = event{}
	q.free = append(q.free, slot)
	return top.atNs, e
}

func (q *queue) popHeap() queueKey {
	top := q.heap[0]
	last := len(q.heap) - 1
	k := q.heap[last]
	q.heap = q.heap[:last]
	if last > 0 {
		q.sink(k)
	}
	return top
}

// sink places k, which comes from the end of the heap and mostly belongs there: the
// hole at the root goes down to a leaf first, and k from there upwards.
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
		q.heap[i] = q.heap[least]
		i = least
	}
	q.rise(i, k)
}

// rise places k at i or above.
func (q *queue) rise(i int, k queueKey) {
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
