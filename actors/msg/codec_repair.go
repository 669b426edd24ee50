package msg

import (
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
)

// The encoding of the messages of anti-entropy and of collection, field by field.

func (w *writer) roots(items []PartitionRoot) {
	w.uvarint(uint64(len(items)))
	for i := range items {
		w.partition(items[i].Partition)
		w.hash(items[i].Root)
	}
}

func (r *reader) roots() []PartitionRoot {
	const size = 1 + causal.HashBytes // bytes, at least
	items := list[PartitionRoot](r.count(size))
	for i := range items {
		items[i].Partition = r.partition()
		items[i].Root = r.hash()
	}
	return items
}

func (m *Compare) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(m.Epoch))
	w.roots(m.Items)
}

func (m *Compare) decode(r *reader) {
	m.ID = r.uvarint()
	m.Epoch = kv.Epoch(r.uint32())
	m.Items = r.roots()
}

func (m *Compared) encode(w *writer) {
	w.uvarint(m.ID)
	w.roots(m.Differs)
}

func (m *Compared) decode(r *reader) {
	m.ID = r.uvarint()
	m.Differs = r.roots()
}

func (m *TreeAsk) encode(w *writer) {
	w.uvarint(m.ID)
	w.partition(m.Partition)
	w.uvarint(uint64(len(m.Nodes)))
	for _, n := range m.Nodes {
		w.byte(n.Level)
		w.uvarint(uint64(n.Index))
	}
}

func (m *TreeAsk) decode(r *reader) {
	const size = 2 // bytes, at least
	m.ID = r.uvarint()
	m.Partition = r.partition()
	m.Nodes = list[causal.NodeRef](r.count(size))
	for i := range m.Nodes {
		m.Nodes[i].Level = r.byte()
		m.Nodes[i].Index = r.uint32()
	}
}

func (m *TreeTold) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(len(m.Hashes)))
	for _, h := range m.Hashes {
		w.hash(h)
	}
}

func (m *TreeTold) decode(r *reader) {
	m.ID = r.uvarint()
	m.Hashes = list[causal.Hash](r.count(causal.HashBytes))
	for i := range m.Hashes {
		m.Hashes[i] = r.hash()
	}
}

func (m *ListBucket) encode(w *writer) {
	w.uvarint(m.ID)
	w.partition(m.Partition)
	w.uvarint(uint64(m.Bucket))
	w.uvarint(uint64(m.Limit))
	w.bytes(m.After)
}

func (m *ListBucket) decode(r *reader) {
	m.ID = r.uvarint()
	m.Partition = r.partition()
	m.Bucket = r.uint32()
	m.Limit = r.uint32()
	m.After = r.bytes()
}

func (m *BucketListed) encode(w *writer) {
	w.uvarint(m.ID)
	w.bool(m.More)
	w.uvarint(uint64(len(m.Keys)))
	for i := range m.Keys {
		w.bytes(m.Keys[i].Key)
		w.hash(m.Keys[i].Digest)
	}
}

func (m *BucketListed) decode(r *reader) {
	const size = 1 + causal.HashBytes // bytes, at least
	m.ID = r.uvarint()
	m.More = r.bool()
	m.Keys = list[causal.KeyDigest](r.count(size))
	for i := range m.Keys {
		m.Keys[i].Key = r.bytes()
		m.Keys[i].Digest = r.hash()
	}
}

func (w *writer) deadItems(items []DeadItem) {
	w.uvarint(uint64(len(items)))
	for i := range items {
		w.partition(items[i].Partition)
		w.bytes(items[i].Key)
		w.hash(items[i].Digest)
	}
}

func (r *reader) deadItems() []DeadItem {
	const size = 2 + causal.HashBytes // bytes, at least
	items := list[DeadItem](r.count(size))
	for i := range items {
		items[i].Partition = r.partition()
		items[i].Key = r.bytes()
		items[i].Digest = r.hash()
	}
	return items
}

func (m *AskDead) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(m.Epoch))
	w.deadItems(m.Items)
}

func (m *AskDead) decode(r *reader) {
	m.ID = r.uvarint()
	m.Epoch = kv.Epoch(r.uint32())
	m.Items = r.deadItems()
}

// The bits of a DeadAnswer.
const (
	deadHolds byte = 1 << iota
	deadHint
	deadUnknown
)

func (m *DeadTold) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(len(m.Items)))
	for _, a := range m.Items {
		w.byte(bit(a.Holds, deadHolds) | bit(a.HintPending, deadHint))
	}
}

func (m *DeadTold) decode(r *reader) {
	m.ID = r.uvarint()
	m.Items = list[DeadAnswer](r.count(1))
	for i := range m.Items {
		b := r.byte()
		if b >= deadUnknown {
			r.fail("an answer about a dead key of unknown bits")
			return
		}
		m.Items[i] = DeadAnswer{Holds: b&deadHolds != 0, HintPending: b&deadHint != 0}
	}
}

func (m *Forget) encode(w *writer) { w.deadItems(m.Items) }
func (m *Forget) decode(r *reader) { m.Items = r.deadItems() }
