package msg

import (
	"encoding/binary"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/wire"
)

// What fields are made of: numbers are uvarints (LEB128, as in encoding/binary),
// signed ones zigzag-coded; bytes have a uvarint length before them; digests are
// 8 bytes, little-endian. Ballots, versions and times are written as the
// difference from the one before them in the same message (codec_kv.go), so
// both sides carry it along.

// before is what the next ballot, version or time is compared with.
type before struct {
	ballot kv.Ballot
	seq    uint64
	timeMs int64
}

// writer appends to b.
type writer struct {
	b []byte
	before
}

func (w *writer) byte(v byte)      { w.b = append(w.b, v) }
func (w *writer) uvarint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }
func (w *writer) varint(v int64)   { w.b = binary.AppendVarint(w.b, v) }
func (w *writer) fixed64(v uint64) { w.b = binary.LittleEndian.AppendUint64(w.b, v) }

func (w *writer) bytes(v []byte) {
	w.b = binary.AppendUvarint(w.b, uint64(len(v)))
	w.b = append(w.b, v...)
}

func (w *writer) bool(v bool) { w.b = append(w.b, bit(v, 1)) }

// bit returns mask if v, for composing flag bytes.
func bit(v bool, mask byte) byte {
	if v {
		return mask
	}
	return 0
}

// reader is a wire.Reader that carries along what the writer did.
type reader struct {
	wire.Reader
	before
}

// newReader reads b from offset i on.
func newReader(b []byte, i int) reader { return reader{Reader: wire.Reader{B: b, I: i}} }

// end returns the failure, if any; bytes left over are one.
func (r *reader) end(name string) error { return r.End(ErrMalformed, name) }

// list makes the slice for items that count announced; nil for none.
func list[T any](n int) []T {
	if n == 0 {
		return nil
	}
	return make([]T, n)
}
