package msg

import (
	"fmt"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
)

// The encoding of the messages of eventual.go that carry objects, field by
// field; codec_repair.go has those of anti-entropy. An object is its canonical
// encoding (causal.Object.Append), which knows where it ends.

func (w *writer) object(o *causal.Object) { w.b = o.Append(w.b) }

func (r *reader) object(o *causal.Object) {
	got, n, err := causal.ReadObject(r.B[r.I:])
	if err != nil {
		r.Fail(err.Error())
		return
	}
	*o = got
	r.I += n
}

func (w *writer) hash(h causal.Hash) {
	w.fixed64(h.Hi)
	w.fixed64(h.Lo)
}

func (r *reader) hash() causal.Hash {
	hi := r.Fixed64()
	return causal.Hash{Hi: hi, Lo: r.Fixed64()}
}

func (w *writer) putItems(items []*PutItem) {
	w.uvarint(uint64(len(items)))
	for _, it := range items {
		w.partition(it.Partition)
		w.bytes(it.Key)
		w.object(&it.Object)
	}
}

func (r *reader) putItems() []*PutItem {
	const size = 3 // bytes, at least
	slab := list[PutItem](r.Count(size))
	items := list[*PutItem](len(slab))
	for i := range slab {
		it := &slab[i]
		items[i] = it
		it.Partition = r.partition()
		it.Key = r.Bytes()
		r.object(&it.Object)
		if r.What != "" {
			return nil
		}
	}
	return items
}

func (w *writer) putRefusals(refused []PutRefusal) {
	w.uvarint(uint64(len(refused)))
	for _, x := range refused {
		if !x.Reason.Valid() {
			panic(fmt.Sprintf("msg: put refused for reason %d", x.Reason))
		}
		w.byte(byte(x.Reason))
		w.uvarint(uint64(x.Index))
	}
}

func (r *reader) putRefusals() []PutRefusal {
	const size = 2 // bytes, at least
	refused := list[PutRefusal](r.Count(size))
	for i := range refused {
		refused[i].Reason = PutReason(r.Byte())
		refused[i].Index = r.Uint32()
		if !refused[i].Reason.Valid() {
			r.Fail("an unknown reason of a refusal")
			return nil
		}
	}
	return refused
}

func (m *Put) encode(w *writer) {
	if !m.Why.Valid() {
		panic(fmt.Sprintf("msg: put for reason %d", m.Why))
	}
	w.uvarint(m.ID)
	w.varint(m.SentMs)
	w.uvarint(uint64(m.Epoch))
	w.byte(byte(m.Why))
	w.varint(m.BornMs)
	w.putItems(m.Items)
}

func (m *Put) decode(r *reader) {
	m.ID = r.Uvarint()
	m.SentMs = r.Varint()
	m.Epoch = kv.Epoch(r.Uint32())
	m.Why = Why(r.Byte())
	if !m.Why.Valid() {
		r.Fail("a put for an unknown reason")
		return
	}
	m.BornMs = r.Varint()
	m.Items = r.putItems()
}

func (m *Stored) encode(w *writer) {
	w.uvarint(m.ID)
	w.putRefusals(m.Refused)
}

func (m *Stored) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Refused = r.putRefusals()
}

func (m *Hint) encode(w *writer) {
	w.uvarint(m.ID)
	w.varint(m.SentMs)
	w.uvarint(uint64(m.Epoch))
	w.uvarint(uint64(m.Target))
	w.putItems(m.Items)
}

func (m *Hint) decode(r *reader) {
	m.ID = r.Uvarint()
	m.SentMs = r.Varint()
	m.Epoch = kv.Epoch(r.Uint32())
	m.Target = kv.NodeID(r.Uint16())
	m.Items = r.putItems()
}

func (m *Hinted) encode(w *writer) {
	w.uvarint(m.ID)
	w.putRefusals(m.Refused)
}

func (m *Hinted) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Refused = r.putRefusals()
}

// The byte before the key of a FetchItem.
const (
	fetchBlank byte = iota // Have is zero: nothing is known of the key
	fetchHave
)

func (m *Fetch) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(m.Epoch))
	w.uvarint(uint64(len(m.Items)))
	for i := range m.Items {
		it := &m.Items[i]
		w.partition(it.Partition)
		if it.Have == (causal.Hash{}) {
			w.byte(fetchBlank)
		} else {
			w.byte(fetchHave)
			w.hash(it.Have)
		}
		w.bytes(it.Key)
	}
}

func (m *Fetch) decode(r *reader) {
	const size = 3 // bytes, at least
	m.ID = r.Uvarint()
	m.Epoch = kv.Epoch(r.Uint32())
	m.Items = list[FetchItem](r.Count(size))
	for i := range m.Items {
		it := &m.Items[i]
		it.Partition = r.partition()
		switch r.Byte() {
		case fetchBlank:
		case fetchHave:
			it.Have = r.hash()
		default:
			r.Fail("a key to fetch that begins with an unknown byte")
			return
		}
		it.Key = r.Bytes()
	}
}

// The byte before a FetchedItem: nothing, an object, Same, or above those a reason.
const (
	fetchedAbsent byte = iota
	fetchedObject
	fetchedSame
	fetchedRefused
)

func (m *Fetched) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(len(m.Items)))
	for i := range m.Items {
		switch it := &m.Items[i]; {
		case it.Refused != 0:
			if !it.Refused.Valid() {
				panic(fmt.Sprintf("msg: fetch refused for reason %d", it.Refused))
			}
			w.byte(fetchedRefused + byte(it.Refused))
		case it.Same:
			w.byte(fetchedSame)
		case it.Object == nil:
			w.byte(fetchedAbsent)
		default:
			w.byte(fetchedObject)
			w.object(it.Object)
		}
	}
}

func (m *Fetched) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Items = list[FetchedItem](r.Count(1))
	for i := range m.Items {
		it := &m.Items[i]
		switch head := r.Byte(); head {
		case fetchedAbsent:
		case fetchedObject:
			it.Object = new(causal.Object)
			r.object(it.Object)
		case fetchedSame:
			it.Same = true
		default:
			if it.Refused = PutReason(head - fetchedRefused); !it.Refused.Valid() {
				r.Fail("a fetch refused for an unknown reason")
			}
		}
		if r.What != "" {
			return
		}
	}
}

func (m *MarkDurable) encode(w *writer) { w.varint(m.MarkMs) }

func (m *MarkDurable) decode(r *reader) { m.MarkMs = r.within(0, causal.MaxMs) }

// within reads a signed number from low to high.
func (r *reader) within(low, high int64) int64 {
	v := r.Varint()
	if v < low || v > high {
		r.Fail("a number outside its limits")
		return 0
	}
	return v
}
