package handoff

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
)

// hint is an object that a target has yet to take.
type hint struct {
	key        []byte
	object     causal.Object
	digest     causal.Hash // of key and object
	bornMs     int64       // wall clock at which the oldest part of it was sent here
	size       int         // bytes of the object's encoding
	created    kv.Epoch    // of the life of the bucket that it belongs to
	target     *target
	prev, next *hint // in the target's queue
	partition  kv.Partition
	gone       bool
}

// hintBytes is about what a hint takes in memory besides its key and its data.
const hintBytes = 256

func (n *hint) bytes() int64 { return int64(len(n.key) + n.size) }

// before orders the index.
func (n *hint) before(o *hint) bool {
	return cmp.Or(cmp.Compare(n.partition, o.partition), bytes.Compare(n.key, o.key), cmp.Compare(n.target.node, o.target.node)) < 0
}

// target is a node that hints are kept for.
type target struct {
	head, tail *hint // the queue, in the order of delivery
	looked     *hint // where the look for old hints goes on, nil: at the head
	bytes      int64 // of keys and objects
	count      int
	refused    uint64
	flight     flight
	failures   uint  // deliveries in a row of which nothing was taken
	unanswered uint  // deliveries in a row without an answer
	roundNs    int64 // what the last answer took
	nextNs     int64 // no delivery before
	node       kv.NodeID
	inc        kv.Incarnation
	dead       bool // as the detector believes
	heard      bool // an answer has come since it began to believe that
}

func (t *target) push(n *hint) {
	n.prev, n.next = t.tail, nil
	if t.tail == nil {
		t.head = n
	} else {
		t.tail.next = n
	}
	t.tail = n
}

func (t *target) unlink(n *hint) {
	if t.looked == n {
		t.looked = n.next
	}
	if n.prev == nil {
		t.head = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		t.tail = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.prev, n.next = nil, nil
}

// later moves a hint to the end of the queue, so that the others have their turn.
func (t *target) later(n *hint) {
	t.unlink(n)
	t.push(n)
}

func (h *Handoff) find(node kv.NodeID) *target {
	i, ok := h.search(node)
	if !ok {
		return nil
	}
	return h.targets[i]
}

func (h *Handoff) search(node kv.NodeID) (int, bool) {
	return slices.BinarySearchFunc(h.targets, node, func(t *target, n kv.NodeID) int { return cmp.Compare(t.node, n) })
}

// target returns the node's entry, and makes it if need be.
func (h *Handoff) target(node kv.NodeID) *target {
	i, ok := h.search(node)
	if !ok {
		h.targets = slices.Insert(h.targets, i, &target{node: node})
	}
	return h.targets[i]
}

// get returns the hint for a target, nil if there is none.
func (h *Handoff) get(p kv.Partition, key []byte, t *target) *hint {
	if t == nil || t.count == 0 {
		return nil
	}
	n, _ := h.index.Get(&hint{partition: p, key: key, target: t})
	return n
}

// each calls f for the hints of a key, whoever they are for. f changes nothing.
func (h *Handoff) each(p kv.Partition, key []byte, f func(*hint)) {
	if h.index.Len() == 0 {
		return
	}
	h.pivot = hint{partition: p, key: key, target: &h.lowest}
	h.index.Ascend(&h.pivot, func(n *hint) bool {
		if n.partition != p || !bytes.Equal(n.key, key) {
			return false
		}
		f(n)
		return true
	})
}

// set puts a state into a hint, new or there already.
func (h *Handoff) set(n *hint, to *measured) {
	t := n.target
	grows := int64(to.size - n.size)
	n.object, n.digest, n.size = to.object, to.digest, to.size
	t.bytes += grows
	h.bytes += grows
}

// insert makes a hint.
func (h *Handoff) insert(t *target, p kv.Partition, key []byte, created kv.Epoch, bornMs int64, to *measured) *hint {
	n := &hint{partition: p, key: key, target: t, created: created, bornMs: bornMs}
	t.bytes += n.bytes()
	h.bytes += n.bytes() + hintBytes
	h.set(n, to)
	t.push(n)
	t.count++
	h.index.Set(n)
	return n
}

// remove takes a hint out of memory.
func (h *Handoff) remove(n *hint) {
	t := n.target
	t.unlink(n)
	t.count--
	t.bytes -= n.bytes()
	h.bytes -= n.bytes() + hintBytes
	h.index.Delete(n)
	n.gone = true
	h.counts.deleted++
}

// measured is an object with what follows from its encoding.
type measured struct {
	object causal.Object
	digest causal.Hash
	size   int
}

func (h *Handoff) measure(key []byte, o causal.Object) measured {
	h.scratch.enc = o.Append(h.scratch.enc[:0])
	return measured{object: o, digest: causal.Digest(key, h.scratch.enc), size: len(h.scratch.enc)}
}
