package msg

import (
	"fmt"

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
	items := list[PartitionRoot](r.Count(size))
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
	m.ID = r.Uvarint()
	m.Epoch = kv.Epoch(r.Uint32())
	m.Items = r.roots()
}

func (m *Compared) encode(w *writer) {
	w.uvarint(m.ID)
	w.roots(m.Differs)
}

func (m *Compared) decode(r *reader) {
	m.ID = r.Uvarint()
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
	m.ID = r.Uvarint()
	m.Partition = r.partition()
	m.Nodes = list[causal.NodeRef](r.Count(size))
	for i := range m.Nodes {
		m.Nodes[i].Level = r.Byte()
		m.Nodes[i].Index = r.Uint32()
	}
}

// The hashes of TreeTold begin with a bit for each, set where it is not zero;
// only these follow. Where replicas differ much, one of them has empty buckets.
func (m *TreeTold) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(len(m.Hashes)))
	at := len(w.b)
	w.b = append(w.b, make([]byte, (len(m.Hashes)+7)/8)...)
	for i, h := range m.Hashes {
		if h != 0 {
			w.b[at+i/8] |= 1 << (i % 8)
			w.fixed64(h)
		}
	}
}

// maxHashes bounds TreeTold: zero hashes take less input than memory.
const maxHashes = 1 << 16

func (m *TreeTold) decode(r *reader) {
	m.ID = r.Uvarint()
	n := r.UpTo(maxHashes)
	size := (int(n) + 7) / 8
	if size > len(r.B)-r.I {
		r.Fail("more hashes than bytes")
		return
	}
	set := r.B[r.I : r.I+size]
	r.I += size
	if n%8 != 0 && set[size-1]>>(n%8) != 0 {
		r.Fail("a hash beyond the last")
		return
	}
	m.Hashes = list[uint64](int(n))
	for i := range m.Hashes {
		if set[i/8]>>(i%8)&1 == 0 {
			continue
		}
		if m.Hashes[i] = r.Fixed64(); m.Hashes[i] == 0 {
			r.Fail("a zero hash that is written out")
			return
		}
	}
}

// Numbers that ascend are written as the difference from the one before.
func (w *writer) ascending(numbers []uint32) {
	w.uvarint(uint64(len(numbers)))
	last := uint32(0)
	for _, n := range numbers {
		w.uvarint(uint64(n - last))
		last = n
	}
}

func (r *reader) ascending() []uint32 {
	numbers := list[uint32](r.Count(1))
	last := uint32(0)
	for i := range numbers {
		last += r.Uint32()
		numbers[i] = last
	}
	return numbers
}

func (m *ListBuckets) encode(w *writer) {
	w.uvarint(m.ID)
	w.partition(m.Partition)
	w.fixed64(m.Salt)
	w.ascending(m.Buckets)
	w.numbers(m.Counts)
	w.uvarint(uint64(len(m.States)))
	for _, v := range m.States {
		w.mark(v)
	}
}

func (m *ListBuckets) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Partition = r.partition()
	m.Salt = r.Fixed64()
	m.Buckets = r.ascending()
	m.Counts = r.numbers()
	m.States = list[uint32](r.Count(MarkBits / 8))
	for i := range m.States {
		m.States[i] = r.mark()
	}
}

func (w *writer) numbers(numbers []uint32) {
	w.uvarint(uint64(len(numbers)))
	for _, n := range numbers {
		w.uvarint(uint64(n))
	}
}

func (r *reader) numbers() []uint32 {
	numbers := list[uint32](r.Count(1))
	for i := range numbers {
		numbers[i] = r.Uint32()
	}
	return numbers
}

// mark writes a hash or a weight of a key.
func (w *writer) mark(v uint32) {
	if v >= 1<<MarkBits {
		panic(fmt.Sprintf("msg: a number of %d in a mark, allowed are %d bits", v, MarkBits))
	}
	w.b = append(w.b, byte(v), byte(v>>8), byte(v>>16))
}

func (r *reader) mark() uint32 {
	if len(r.B)-r.I < MarkBits/8 {
		r.Fail("cut short")
		return 0
	}
	b := r.B[r.I:]
	r.I += MarkBits / 8
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
}

func (m *BucketsListed) encode(w *writer) {
	w.uvarint(m.ID)
	w.numbers(m.Counts)
	w.uvarint(uint64(len(m.Marks)))
	for i := range m.Marks {
		w.mark(m.Marks[i].Name)
		w.mark(m.Marks[i].Weight)
	}
	w.bytes(m.Lacks)
}

func (m *BucketsListed) decode(r *reader) {
	const size = 2 * MarkBits / 8
	m.ID = r.Uvarint()
	m.Counts = r.numbers()
	m.Marks = list[KeyMark](r.Count(size))
	for i := range m.Marks {
		m.Marks[i] = KeyMark{Name: r.mark(), Weight: r.mark()}
	}
	m.Lacks = r.Bytes()
}

func (m *Want) encode(w *writer) {
	w.uvarint(m.ID)
	w.partition(m.Partition)
	w.fixed64(m.Salt)
	w.ascending(m.Whole)
	w.uvarint(uint64(len(m.Items)))
	last := uint32(0)
	for _, it := range m.Items {
		w.uvarint(uint64(it.Bucket - last))
		w.mark(it.Name)
		last = it.Bucket
	}
}

func (m *Want) decode(r *reader) {
	const size = 4 // bytes, at least
	m.ID = r.Uvarint()
	m.Partition = r.partition()
	m.Salt = r.Fixed64()
	m.Whole = r.ascending()
	m.Items = list[WantItem](r.Count(size))
	last := uint32(0)
	for i := range m.Items {
		last += r.Uint32()
		m.Items[i] = WantItem{Bucket: last, Name: r.mark()}
	}
}

func (m *Given) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(m.Answered))
	w.putItems(m.Items)
}

func (m *Given) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Answered = r.Uint32()
	m.Items = r.putItems()
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
	items := list[DeadItem](r.Count(size))
	for i := range items {
		items[i].Partition = r.partition()
		items[i].Key = r.Bytes()
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
	m.ID = r.Uvarint()
	m.Epoch = kv.Epoch(r.Uint32())
	m.Items = r.deadItems()
}

// The bits of a DeadAnswer.
const (
	deadHolds byte = 1 << iota
	deadHint
	deadGone
	deadUnknown
)

func (m *DeadTold) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(len(m.Items)))
	for _, a := range m.Items {
		w.byte(bit(a.Holds, deadHolds) | bit(a.HintPending, deadHint) | bit(a.Gone, deadGone))
	}
}

func (m *DeadTold) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Items = list[DeadAnswer](r.Count(1))
	for i := range m.Items {
		b := r.Byte()
		if b >= deadUnknown {
			r.Fail("an answer about a dead key of unknown bits")
			return
		}
		m.Items[i] = DeadAnswer{Holds: b&deadHolds != 0, HintPending: b&deadHint != 0, Gone: b&deadGone != 0}
	}
}

func (m *Forget) encode(w *writer) { w.deadItems(m.Items) }
func (m *Forget) decode(r *reader) { m.Items = r.deadItems() }

func (m *Leave) encode(w *writer) {
	w.uvarint(uint64(m.Epoch))
	w.partition(m.Partition)
}

func (m *Leave) decode(r *reader) {
	m.Epoch = kv.Epoch(r.Uint32())
	m.Partition = r.partition()
}
