package msg

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
)

// mapFormat is the first byte of an encoded map.
const mapFormat = 1

// AppendMap appends the encoding of a map: the value of MapKey.
func AppendMap(b []byte, m *kv.Map) []byte {
	w := writer{b: b}
	w.clusterMap(m)
	return w.b
}

// DecodeMap reads what AppendMap wrote; any error wraps ErrMalformed.
func DecodeMap(b []byte) (*kv.Map, error) {
	r := newReader(b, 0)
	m := r.clusterMap()
	return m, r.end("cluster map")
}

func (w *writer) clusterMap(m *kv.Map) {
	w.byte(mapFormat)
	w.uvarint(uint64(m.Epoch))
	w.uvarint(uint64(len(m.Buckets)))
	for i := range m.Buckets {
		w.bucket(&m.Buckets[i])
	}
	w.uvarint(uint64(len(m.Retired)))
	for _, s := range m.Retired {
		w.uvarint(uint64(s.Slot))
		w.uvarint(uint64(s.At))
	}
	w.uvarint(uint64(len(m.Changes)))
	for _, c := range m.Changes {
		w.uvarint(c.Seq)
		w.uvarint(uint64(c.Inc))
		w.uvarint(uint64(c.Node))
	}
}

func (r *reader) clusterMap() *kv.Map {
	if f := r.Byte(); f != mapFormat {
		r.Fail(fmt.Sprintf("a map of format %d, this program knows %d", f, mapFormat))
	}
	m := &kv.Map{Epoch: kv.Epoch(r.Uint32())}
	m.Buckets = list[kv.Bucket](r.Count(minBucket))
	for i := range m.Buckets {
		r.bucket(&m.Buckets[i])
	}
	m.Retired = list[kv.Retired](r.Count(2))
	for i := range m.Retired {
		m.Retired[i].Slot = r.Uint16()
		m.Retired[i].At = kv.Epoch(r.Uint32())
	}
	m.Changes = list[kv.ChangeID](r.Count(3))
	for i := range m.Changes {
		c := &m.Changes[i]
		c.Seq, c.Inc = r.Uvarint(), kv.Incarnation(r.Uint32())
		c.Node = kv.NodeID(r.Uint16())
	}
	return m
}

const minBucket = 15 // bytes

func (w *writer) bucket(b *kv.Bucket) {
	w.bytes([]byte(b.Name))
	w.uvarint(uint64(b.Slot))
	w.uvarint(uint64(b.Created))
	w.byte(byte(b.Mode))
	w.byte(b.N)
	w.byte(byte(b.Had))
	w.byte(byte(b.Policy))
	w.byte(byte(b.Repair))
	w.bool(b.Sloppy)
	w.ask(b.R)
	w.ask(b.W)
	w.varint(b.TTLMs)
	w.varint(b.GraceMs)
}

func (r *reader) bucket(b *kv.Bucket) {
	b.Name = string(r.Bytes())
	b.Slot, b.Created = r.Uint16(), kv.Epoch(r.Uint32())
	b.Mode, b.N = kv.Mode(r.Byte()), r.Byte()
	b.Had = kv.Sizes(r.Byte())
	b.Policy, b.Repair = kv.Policy(r.Byte()), kv.Repair(r.Byte())
	b.Sloppy = r.Bool()
	b.R, b.W = r.ask(), r.ask()
	b.TTLMs, b.GraceMs = r.Varint(), r.Varint()
}

func (w *writer) change(c *kv.Change) {
	w.byte(byte(c.Kind))
	w.uvarint(uint64(c.Given))
	w.bucket(&c.Bucket)
}

func (r *reader) change(c *kv.Change) {
	c.Kind, c.Given = kv.ChangeKind(r.Byte()), kv.Fields(r.Uint16())
	r.bucket(&c.Bucket)
}

func (m *MapChange) encode(w *writer) {
	w.uvarint(m.ID)
	w.varint(m.TimeoutNs)
	w.change(&m.Change)
}

func (m *MapChange) decode(r *reader) {
	m.ID, m.TimeoutNs = r.Uvarint(), r.Varint()
	r.change(&m.Change)
}

func (m *MapChanged) encode(w *writer) {
	w.uvarint(m.ID)
	w.uvarint(uint64(m.Epoch))
	w.byte(byte(m.Status))
	w.byte(byte(m.Why))
	w.bytes([]byte(m.Text))
}

func (m *MapChanged) decode(r *reader) {
	m.ID, m.Epoch = r.Uvarint(), kv.Epoch(r.Uint32())
	m.Status, m.Why = kv.Status(r.Byte()), kv.Refusal(r.Byte())
	m.Text = string(r.Bytes())
}

// AppendTo implements actors.Record.
func (d *MapRecord) AppendTo(b []byte) []byte {
	w := writer{b: append(b, KindMap)}
	w.uvarint(uint64(d.From))
	w.clusterMap(d.Map)
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed.
func (d *MapRecord) DecodeFrom(b []byte) error {
	if k := RecordKind(b); k != KindMap {
		return fmt.Errorf("%w record: kind %d where %d is wanted", ErrMalformed, k, KindMap)
	}
	r := newReader(b, 1)
	*d = MapRecord{From: kv.Epoch(r.Uint32())}
	d.Map = r.clusterMap()
	return r.end("map record")
}

// aboutMap writes a message of map.go, and reports false if it is not one of these.
func (w *writer) aboutMap(m actors.Message) bool {
	switch m := m.(type) {
	case *MapChange:
		w.byte(typeMapChange)
		m.encode(w)
	case *MapChanged:
		w.byte(typeMapChanged)
		m.encode(w)
	case *MapAsk:
		w.byte(typeMapAsk)
		w.uvarint(uint64(m.Have))
	case *MapTold:
		w.byte(typeMapTold)
		w.clusterMap(m.Map)
	case *MapSeen:
		w.byte(typeMapSeen)
		w.uvarint(uint64(m.Epoch))
	case *LaneMap:
		w.byte(typeLaneMap)
		w.clusterMap(m.Map)
	case *LaneMapped:
		w.byte(typeLaneMapped)
		w.uvarint(uint64(m.Epoch))
	default:
		return false
	}
	return true
}

// aboutMap reads the fields of a message of type t; nil if there is none such.
func (r *reader) aboutMap(t byte) actors.Message {
	switch t {
	case typeMapChange:
		m := new(MapChange)
		m.decode(r)
		return m
	case typeMapChanged:
		m := new(MapChanged)
		m.decode(r)
		return m
	case typeMapAsk:
		return &MapAsk{Have: kv.Epoch(r.Uint32())}
	case typeMapTold:
		return &MapTold{Map: r.clusterMap()}
	case typeMapSeen:
		return &MapSeen{Epoch: kv.Epoch(r.Uint32())}
	case typeLaneMap:
		return &LaneMap{Map: r.clusterMap()}
	case typeLaneMapped:
		return &LaneMapped{Epoch: kv.Epoch(r.Uint32())}
	}
	return nil
}
