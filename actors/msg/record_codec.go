package msg

import (
	"encoding/binary"
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
)

// The encoding of records: a kind byte; in the records of a lane's actors the partition, 2
// bytes little-endian, so that a host finds the lane without reading on; then
// the fields, made of what messages are made of (codec_wire.go).

// The kind bytes. They are the format of the log: none is ever given to another record.
const (
	KindPromise  byte = 1
	KindAccept   byte = 2
	KindDrop     byte = 3
	KindFloor    byte = 4
	KindClock    byte = 5
	KindObject   byte = 6
	KindForget   byte = 7
	KindHint     byte = 8
	KindHintDone byte = 9
	KindLife     byte = 10
	KindBoot     byte = 16
	KindPeer     byte = 17
	KindMap      byte = 18
)

// recordHead is the length of the kind and the partition of a lane's record.
const recordHead = 3

// RecordKind returns the kind byte of a record, 0 of none at all.
func RecordKind(b []byte) byte {
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

// RecordPartition returns the partition of a record of a lane's actor without
// reading the rest. Any other record is an error.
func RecordPartition(b []byte) (kv.Partition, error) {
	if k := RecordKind(b); k < KindPromise || k > KindLife {
		return 0, fmt.Errorf("%w record: kind %d is not a lane's (%d to %d)", ErrMalformed, k, KindPromise, KindLife)
	}
	if len(b) < recordHead {
		return 0, fmt.Errorf("%w record: %d bytes, at least %d are needed", ErrMalformed, len(b), recordHead)
	}
	return kv.Partition(binary.LittleEndian.Uint16(b[1:])), nil
}

// DecodeRecord reads a record of any kind. Its bytes alias b. Restoring many
// records is faster with DecodeFrom into one record of the right kind.
func DecodeRecord(b []byte) (actors.Record, error) {
	switch k := RecordKind(b); k {
	case KindPromise:
		d := new(PromiseRecord)
		return d, d.DecodeFrom(b)
	case KindAccept:
		d := new(AcceptRecord)
		return d, d.DecodeFrom(b)
	case KindDrop:
		d := new(DropRecord)
		return d, d.DecodeFrom(b)
	case KindFloor:
		d := new(FloorRecord)
		return d, d.DecodeFrom(b)
	case KindClock:
		d := new(ClockRecord)
		return d, d.DecodeFrom(b)
	case KindObject:
		d := new(ObjectRecord)
		return d, d.DecodeFrom(b)
	case KindForget:
		d := new(ForgetRecord)
		return d, d.DecodeFrom(b)
	case KindHint:
		d := new(HintRecord)
		return d, d.DecodeFrom(b)
	case KindHintDone:
		d := new(HintDoneRecord)
		return d, d.DecodeFrom(b)
	case KindLife:
		d := new(LifeRecord)
		return d, d.DecodeFrom(b)
	case KindBoot:
		d := new(BootRecord)
		return d, d.DecodeFrom(b)
	case KindMap:
		d := new(MapRecord)
		return d, d.DecodeFrom(b)
	case KindPeer:
		d := new(PeerRecord)
		return d, d.DecodeFrom(b)
	default:
		return nil, fmt.Errorf("%w record: unknown kind %d", ErrMalformed, k)
	}
}

func recordWriter(b []byte, kind byte, p kv.Partition) writer {
	return writer{b: append(b, kind, byte(p), byte(p>>8))}
}

// recordReader checks the kind and reads the partition.
func recordReader(b []byte, kind byte) (reader, kv.Partition, error) {
	if k := RecordKind(b); k != kind {
		return reader{}, 0, fmt.Errorf("%w record: kind %d where %d is wanted", ErrMalformed, k, kind)
	}
	p, err := RecordPartition(b)
	return newReader(b, recordHead), p, err
}

// AppendTo implements actors.Record.
func (d *PromiseRecord) AppendTo(b []byte) []byte {
	w := recordWriter(b, KindPromise, d.Partition)
	w.ballot(d.Ballot)
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed.
func (d *PromiseRecord) DecodeFrom(b []byte) error {
	r, p, err := recordReader(b, KindPromise)
	if err != nil {
		return err
	}
	*d = PromiseRecord{Partition: p, Ballot: r.ballot()}
	return r.end("promise record")
}

// AppendTo implements actors.Record.
func (d *AcceptRecord) AppendTo(b []byte) []byte {
	w := recordWriter(b, KindAccept, d.Partition)
	w.bytes(d.Key)
	w.register(&d.Register)
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed. Key and
// Register.Data alias b.
func (d *AcceptRecord) DecodeFrom(b []byte) error {
	r, p, err := recordReader(b, KindAccept)
	if err != nil {
		return err
	}
	*d = AcceptRecord{Partition: p, Key: r.Bytes()}
	r.register(&d.Register)
	if d.Register.Kind == kv.Absent {
		r.Fail("an absent register")
	}
	return r.end("accept record")
}

// AppendTo implements actors.Record.
func (d *DropRecord) AppendTo(b []byte) []byte {
	w := recordWriter(b, KindDrop, d.Partition)
	w.bytes(d.Key)
	w.version(d.Version)
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed. Key aliases b.
func (d *DropRecord) DecodeFrom(b []byte) error {
	r, p, err := recordReader(b, KindDrop)
	if err != nil {
		return err
	}
	*d = DropRecord{Partition: p, Key: r.Bytes()}
	d.Version = r.version()
	return r.end("drop record")
}

// AppendTo implements actors.Record.
func (d *FloorRecord) AppendTo(b []byte) []byte {
	w := recordWriter(b, KindFloor, d.Partition)
	w.version(d.Floor)
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed.
func (d *FloorRecord) DecodeFrom(b []byte) error {
	r, p, err := recordReader(b, KindFloor)
	if err != nil {
		return err
	}
	*d = FloorRecord{Partition: p, Floor: r.version()}
	return r.end("floor record")
}

// AppendTo implements actors.Record.
func (d *PeerRecord) AppendTo(b []byte) []byte {
	w := writer{b: append(b, KindPeer)}
	w.uvarint(uint64(d.Node))
	w.fixed64(d.Store)
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed.
func (d *PeerRecord) DecodeFrom(b []byte) error {
	if k := RecordKind(b); k != KindPeer {
		return fmt.Errorf("%w record: kind %d where %d is wanted", ErrMalformed, k, KindPeer)
	}
	r := newReader(b, 1)
	*d = PeerRecord{Node: kv.NodeID(r.Uint16())}
	d.Store = r.Fixed64()
	return r.end("peer record")
}

// AppendTo implements actors.Record.
func (d *BootRecord) AppendTo(b []byte) []byte {
	w := writer{b: append(b, KindBoot)}
	w.uvarint(uint64(d.Node))
	w.uvarint(uint64(d.Inc))
	w.fixed64(d.Store)
	w.bytes([]byte(d.Cluster))
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed.
func (d *BootRecord) DecodeFrom(b []byte) error {
	if k := RecordKind(b); k != KindBoot {
		return fmt.Errorf("%w record: kind %d where %d is wanted", ErrMalformed, k, KindBoot)
	}
	r := newReader(b, 1)
	*d = BootRecord{Node: kv.NodeID(r.Uint16()), Inc: kv.Incarnation(r.Uint32())}
	d.Store = r.Fixed64()
	d.Cluster = string(r.Bytes())
	return r.end("boot record")
}
