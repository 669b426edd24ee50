package msg

import "github.com/quoratedb/quorate/actors/kv"

// The encoding of the messages of client.go, field by field. Those that stay
// on one node are here too, for the simulator's mode in which every message
// goes through the codec.

func (m *Ops) encode(w *writer) {
	w.uvarint(m.ID)
	w.varint(m.TimeoutNs)
	w.uvarint(uint64(m.Epoch))
	w.ops(m.Ops)
}

func (m *Ops) decode(r *reader) {
	m.ID = r.Uvarint()
	m.TimeoutNs = r.Varint()
	m.Epoch = kv.Epoch(r.Uint32())
	m.Ops = r.ops()
}

func (w *writer) ops(ops []Op) {
	w.uvarint(uint64(len(ops)))
	for i := range ops {
		w.op(&ops[i])
	}
}

func (r *reader) ops() []Op {
	ops := list[Op](r.Count(minOp))
	for i := range ops {
		r.op(&ops[i])
	}
	return ops
}

func (m *Results) encode(w *writer) {
	w.uvarint(m.ID)
	w.results(m.Results)
}

func (m *Results) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Results = r.results()
}

func (w *writer) results(results []kv.Result) {
	w.uvarint(uint64(len(results)))
	for i := range results {
		w.result(&results[i])
	}
}

func (r *reader) results() []kv.Result {
	results := list[kv.Result](r.Count(minResult))
	for i := range results {
		r.result(&results[i])
	}
	return results
}

func (m *Forward) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(m.SrcInc))
	w.uvarint(uint64(m.DestInc))
	w.varint(m.TimeoutNs)
	w.uvarint(uint64(m.Epoch))
	w.ops(m.Ops)
}

func (m *Forward) decode(r *reader) {
	m.ID = r.Uvarint()
	m.SrcInc = kv.Incarnation(r.Uint32())
	m.DestInc = kv.Incarnation(r.Uint32())
	m.TimeoutNs = r.Varint()
	m.Epoch = kv.Epoch(r.Uint32())
	m.Ops = r.ops()
}

func (m *Forwarded) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(m.Inc))
	w.bool(m.Refused)
	w.results(m.Results)
}

func (m *Forwarded) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Inc = kv.Incarnation(r.Uint32())
	m.Refused = r.Bool()
	m.Results = r.results()
}

func (m *Count) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(len(m.Partitions)))
	for _, p := range m.Partitions {
		w.partition(p)
	}
}

func (m *Count) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Partitions = list[kv.Partition](r.Count(1))
	for i := range m.Partitions {
		m.Partitions[i] = r.partition()
	}
}

func (m *Counted) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(m.Keys)
	w.uvarint(m.Bytes)
}

func (m *Counted) decode(r *reader) {
	m.ID = r.Uvarint()
	m.Keys = r.Uvarint()
	m.Bytes = r.Uvarint()
}

func (m *PeerStatus) encode(w *writer) {
	w.uvarint(uint64(m.Node))
	w.uvarint(uint64(m.Inc))
	w.bool(m.Alive)
	w.bool(m.Cut)
}

func (m *PeerStatus) decode(r *reader) {
	m.Node = kv.NodeID(r.Uint16())
	m.Inc = kv.Incarnation(r.Uint32())
	m.Alive = r.Bool()
	m.Cut = r.Bool()
}

func (m *LinkDown) encode(w *writer) { w.uvarint(uint64(m.Node)) }
func (m *LinkDown) decode(r *reader) { m.Node = kv.NodeID(r.Uint16()) }

func (m *LinkBusy) encode(w *writer) {
	w.uvarint(uint64(m.Node))
	w.uvarint(uint64(m.Inc))
}

func (m *LinkBusy) decode(r *reader) {
	m.Node = kv.NodeID(r.Uint16())
	m.Inc = kv.Incarnation(r.Uint32())
}
