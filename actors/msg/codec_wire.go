package msg

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/quoratedb/quorate/actors/kv"
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

// reader takes fields off b from offset i on. After the first failure it
// returns zeros; end reports it.
type reader struct {
	b    []byte
	i    int
	what string // why the input is malformed, "" while it is not
	at   int    // offset of that
	before
}

// fail notes the first failure and lets all further reads find nothing.
func (r *reader) fail(what string) {
	if r.what == "" {
		r.what, r.at = what, r.i
	}
	r.i = len(r.b)
}

// end returns the failure, if any; bytes left over are one.
func (r *reader) end(name string) error {
	if r.what == "" && r.i != len(r.b) {
		r.what, r.at = fmt.Sprintf("%d bytes left over", len(r.b)-r.i), r.i
	}
	if r.what != "" {
		return fmt.Errorf("%w %s: %s at byte %d of %d", ErrMalformed, name, r.what, r.at, len(r.b))
	}
	return nil
}

func (r *reader) byte() byte {
	if r.i >= len(r.b) {
		r.fail("cut short")
		return 0
	}
	v := r.b[r.i]
	r.i++
	return v
}

func (r *reader) uvarint() uint64 {
	if i := r.i; i < len(r.b) && r.b[i] < 0x80 {
		r.i = i + 1
		return uint64(r.b[i])
	}
	return r.longUvarint()
}

func (r *reader) longUvarint() uint64 {
	v, n := binary.Uvarint(r.b[r.i:])
	if n <= 0 {
		r.fail("a number that is cut short or above 64 bits")
		return 0
	}
	r.i += n
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// upTo reads a number that is at most limit.
func (r *reader) upTo(limit uint64) uint64 {
	v := r.uvarint()
	if v > limit {
		r.fail("a number above its limit")
		return 0
	}
	return v
}

func (r *reader) uint16() uint16 { return uint16(r.upTo(math.MaxUint16)) }
func (r *reader) uint32() uint32 { return uint32(r.upTo(math.MaxUint32)) }

func (r *reader) fixed64() uint64 {
	if len(r.b)-r.i < 8 {
		r.fail("cut short")
		return 0
	}
	v := binary.LittleEndian.Uint64(r.b[r.i:])
	r.i += 8
	return v
}

// bytes returns a part of the input, nil if it is empty.
func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)-r.i) {
		r.fail("bytes that are cut short")
		return nil
	}
	if n == 0 {
		return nil
	}
	start := r.i
	r.i += int(n)
	return r.b[start:r.i:r.i]
}

func (r *reader) bool() bool {
	switch r.byte() {
	case 0:
		return false
	case 1:
		return true
	}
	r.fail("a flag that is neither 0 nor 1")
	return false
}

// count reads the number of items that follow, each at least size bytes long,
// so that memory is only taken for what the input can hold.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.b)-r.i)/uint64(size) {
		r.fail("more items than bytes")
		return 0
	}
	return int(n)
}

// list makes the slice for items that count announced; nil for none.
func list[T any](n int) []T {
	if n == 0 {
		return nil
	}
	return make([]T, n)
}
