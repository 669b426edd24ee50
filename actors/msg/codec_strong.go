package msg

import (
	"fmt"

	"github.com/quoratedb/quorate/actors/kv"
)

// The encoding of the messages of strong.go that carry ballots and registers,
// field by field; codec_level.go has those that compare replicas.

func (w *writer) stamp(s Stamp) {
	w.uvarint(uint64(s.Inc))
	w.uvarint(s.Gen)
}

func (r *reader) stamp() Stamp {
	inc := kv.Incarnation(r.Uint32())
	return Stamp{Inc: inc, Gen: r.Uvarint()}
}

func (w *writer) sum(s Sum) {
	w.fixed64(s.Hi)
	w.fixed64(s.Lo)
}

func (r *reader) sum() Sum {
	hi := r.Fixed64()
	return Sum{Hi: hi, Lo: r.Fixed64()}
}

func (w *writer) partitionBallots(items []PartitionBallot) {
	w.uvarint(uint64(len(items)))
	for i := range items {
		w.partition(items[i].Partition)
		w.ballot(items[i].Ballot)
	}
}

func (r *reader) partitionBallots() []PartitionBallot {
	const size = 2 // bytes, at least
	items := list[PartitionBallot](r.Count(size))
	for i := range items {
		items[i].Partition = r.partition()
		items[i].Ballot = r.ballot()
	}
	return items
}

func (m *Prepare) encode(w *writer) {
	w.uvarint(m.ID)
	w.partitionBallots(m.Items)
}

func (m *Prepare) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Items = r.partitionBallots()
}

func (m *Promises) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(len(m.Items)))
	for i := range m.Items {
		p := &m.Items[i]
		w.bool(p.OK)
		w.ballot(p.Promised)
		w.sum(p.Sum)
		w.stamp(p.Stamp)
	}
}

func (m *Promises) decode(r *reader) {
	const size = 20 // bytes, at least
	m.ID = r.Uvarint()
	m.Items = list[Promise](r.Count(size))
	for i := range m.Items {
		p := &m.Items[i]
		p.OK = r.Bool()
		p.Promised = r.ballot()
		p.Sum = r.sum()
		p.Stamp = r.stamp()
	}
}

func (m *Touch) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(len(m.Items)))
	for i := range m.Items {
		t := &m.Items[i]
		w.partition(t.Partition)
		w.ballot(t.Ballot)
		w.version(t.Have)
		w.bytes(t.Key)
	}
}

func (m *Touch) decode(r *reader) {
	const size = 5 // bytes, at least
	m.ID = r.Uvarint()
	m.Items = list[TouchItem](r.Count(size))
	for i := range m.Items {
		t := &m.Items[i]
		t.Partition = r.partition()
		t.Ballot = r.ballot()
		t.Have = r.version()
		t.Key = r.Bytes()
	}
}

func (m *Touched) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(len(m.Items)))
	for i := range m.Items {
		t := &m.Items[i]
		w.bool(t.Refused)
		w.ballot(t.Promised)
		w.register(&t.Register)
	}
}

func (m *Touched) decode(r *reader) {
	const size = 2 + minRegister // bytes, at least
	m.ID = r.Uvarint()
	m.Items = list[TouchedItem](r.Count(size))
	for i := range m.Items {
		t := &m.Items[i]
		t.Refused = r.Bool()
		t.Promised = r.ballot()
		r.register(&t.Register)
	}
}

func (m *Accept) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(len(m.Items)))
	for _, a := range m.Items {
		if a.Register.Kind == kv.Absent {
			panic("msg: an absent register to accept")
		}
		w.partition(a.Partition)
		w.bytes(a.Key)
		w.register(&a.Register)
	}
}

// decode refuses an item that is no value and no tombstone.
func (m *Accept) decode(r *reader) {
	const size = 2 + minRegister // bytes, at least
	m.ID = r.Uvarint()
	items := list[AcceptItem](r.Count(size))
	m.Items = list[*AcceptItem](len(items))
	for i := range items {
		a := &items[i]
		m.Items[i] = a
		a.Partition = r.partition()
		a.Key = r.Bytes()
		r.register(&a.Register)
		if a.Register.Kind == kv.Absent {
			r.Fail("an absent register to accept")
			return
		}
	}
}

func (x Reason) valid() bool { return x >= ByPromise && x <= ByFloor }

func (w *writer) refusals(refused []Refusal) {
	w.uvarint(uint64(len(refused)))
	for i := range refused {
		if !refused[i].Reason.valid() {
			panic(fmt.Sprintf("msg: refusal for reason %d", refused[i].Reason))
		}
		w.byte(byte(refused[i].Reason))
		w.uvarint(uint64(refused[i].Index))
		w.ballot(refused[i].Promised)
	}
}

func (r *reader) refusals() []Refusal {
	const size = 3 // bytes, at least
	refused := list[Refusal](r.Count(size))
	for i := range refused {
		reason := Reason(r.Byte())
		if !reason.valid() {
			r.Fail("an unknown reason of a refusal")
			return nil
		}
		refused[i].Reason = reason
		refused[i].Index = r.Uint32()
		refused[i].Promised = r.ballot()
	}
	return refused
}

func (m *Accepted) encode(w *writer) {
	w.uvarint(m.ID)
	w.refusals(m.Refused)
}

func (m *Accepted) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Refused = r.refusals()
}

func (m *Confirm) encode(w *writer) {
	w.uvarint(m.ID)
	w.partitionBallots(m.Checks)
}

func (m *Confirm) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Checks = r.partitionBallots()
}

func (m *Confirmed) encode(w *writer) {
	w.uvarint(m.ID)
	w.stamp(m.Stamp)
	w.refusals(m.Refused)
}

func (m *Confirmed) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Stamp = r.stamp()
	m.Refused = r.refusals()
}

func (m *HandOver) encode(w *writer) { w.partitionBallots(m.Items) }
func (m *HandOver) decode(r *reader) { m.Items = r.partitionBallots() }
