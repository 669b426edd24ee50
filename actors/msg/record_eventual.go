package msg

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
)

// The records of the buckets that are not strong. Each begins as those of
// record_codec.go do.

// ClockRecord: no stamp above MarkMs has been given out by this lane's clock.
// Partition is the lane's first one: it says whose record this is.
type ClockRecord struct {
	MarkMs    int64
	Partition kv.Partition
}

// LifeRecord: what the store holds of the partition belongs to the bucket that
// the map got at epoch Created. What earlier records say of the partition
// belongs to an earlier bucket, and is gone.
type LifeRecord struct {
	Created   kv.Epoch
	Partition kv.Partition
}

// ObjectRecord: the store's object of the key became Object.
type ObjectRecord struct {
	Key       []byte
	Object    causal.Object
	Partition kv.Partition
}

// ForgetRecord: the store dropped the object of that digest.
type ForgetRecord struct {
	Key       []byte
	Digest    causal.Hash
	Partition kv.Partition
}

// HintRecord: the hint of Key for Target became Object. BornMs is the wall clock
// of its oldest part; Created says to which life of the bucket it belongs.
type HintRecord struct {
	Key       []byte
	Object    causal.Object
	BornMs    int64
	Created   kv.Epoch
	Target    kv.NodeID
	Partition kv.Partition
}

// HintDoneRecord: the hint of that digest is gone: delivered, or too old.
type HintDoneRecord struct {
	Key       []byte
	Digest    causal.Hash
	Target    kv.NodeID
	Partition kv.Partition
}

// AppendTo implements actors.Record.
func (d *ClockRecord) AppendTo(b []byte) []byte {
	w := recordWriter(b, KindClock, d.Partition)
	w.varint(d.MarkMs)
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed.
func (d *ClockRecord) DecodeFrom(b []byte) error {
	r, p, err := recordReader(b, KindClock)
	if err != nil {
		return err
	}
	*d = ClockRecord{Partition: p, MarkMs: r.within(0, causal.MaxMs)}
	return r.end("clock record")
}

// AppendTo implements actors.Record.
func (d *LifeRecord) AppendTo(b []byte) []byte {
	w := recordWriter(b, KindLife, d.Partition)
	w.uvarint(uint64(d.Created))
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed.
func (d *LifeRecord) DecodeFrom(b []byte) error {
	r, p, err := recordReader(b, KindLife)
	if err != nil {
		return err
	}
	*d = LifeRecord{Partition: p, Created: kv.Epoch(r.Uint32())}
	return r.end("life record")
}

// AppendTo implements actors.Record. The object's encoding is its end.
func (d *ObjectRecord) AppendTo(b []byte) []byte {
	w := recordWriter(b, KindObject, d.Partition)
	w.bytes(d.Key)
	w.object(&d.Object)
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed. Key and
// the data of Object alias b.
func (d *ObjectRecord) DecodeFrom(b []byte) error {
	r, p, err := recordReader(b, KindObject)
	if err != nil {
		return err
	}
	*d = ObjectRecord{Partition: p, Key: r.Bytes()}
	r.object(&d.Object)
	return r.end("object record")
}

// ObjectEncoding returns the part of an ObjectRecord that AppendTo wrote which
// is the object's encoding: what causal.Digest asks for.
func ObjectEncoding(record []byte) []byte {
	r := newReader(record, recordHead)
	r.Bytes()
	return record[r.I:]
}

// AppendTo implements actors.Record.
func (d *ForgetRecord) AppendTo(b []byte) []byte {
	w := recordWriter(b, KindForget, d.Partition)
	w.bytes(d.Key)
	w.hash(d.Digest)
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed. Key aliases b.
func (d *ForgetRecord) DecodeFrom(b []byte) error {
	r, p, err := recordReader(b, KindForget)
	if err != nil {
		return err
	}
	*d = ForgetRecord{Partition: p, Key: r.Bytes(), Digest: r.hash()}
	return r.end("forget record")
}

// AppendTo implements actors.Record.
func (d *HintRecord) AppendTo(b []byte) []byte {
	w := recordWriter(b, KindHint, d.Partition)
	w.uvarint(uint64(d.Target))
	w.varint(d.BornMs)
	w.uvarint(uint64(d.Created))
	w.bytes(d.Key)
	w.object(&d.Object)
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed. Key and
// the data of Object alias b.
func (d *HintRecord) DecodeFrom(b []byte) error {
	r, p, err := recordReader(b, KindHint)
	if err != nil {
		return err
	}
	*d = HintRecord{Partition: p, Target: kv.NodeID(r.Uint16()), BornMs: r.Varint()}
	d.Created = kv.Epoch(r.Uint32())
	d.Key = r.Bytes()
	r.object(&d.Object)
	return r.end("hint record")
}

// AppendTo implements actors.Record.
func (d *HintDoneRecord) AppendTo(b []byte) []byte {
	w := recordWriter(b, KindHintDone, d.Partition)
	w.uvarint(uint64(d.Target))
	w.bytes(d.Key)
	w.hash(d.Digest)
	return w.b
}

// DecodeFrom reads what AppendTo wrote; any error wraps ErrMalformed. Key aliases b.
func (d *HintDoneRecord) DecodeFrom(b []byte) error {
	r, p, err := recordReader(b, KindHintDone)
	if err != nil {
		return err
	}
	*d = HintDoneRecord{Partition: p, Target: kv.NodeID(r.Uint16()), Key: r.Bytes()}
	d.Digest = r.hash()
	return r.end("hint-done record")
}

// OwnerOf says which actor of a lane wrote a record. The error wraps
// ErrMalformed: no actor writes records of that kind.
func OwnerOf(b []byte) (actors.Kind, error) {
	switch k := RecordKind(b); k {
	case KindPromise, KindAccept, KindDrop, KindFloor:
		return actors.Replica, nil
	case KindClock:
		return actors.Coordinator, nil
	case KindObject, KindForget, KindLife:
		return actors.Store, nil
	case KindHint, KindHintDone:
		return actors.Handoff, nil
	default:
		return 0, fmt.Errorf("%w record: kind %d belongs to no actor of a lane", ErrMalformed, k)
	}
}
