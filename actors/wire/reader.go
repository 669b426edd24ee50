// Package wire reads what encodings are made of: numbers as uvarints (LEB128, as
// in encoding/binary) of the shortest form, signed ones zigzag-coded, bytes with
// a uvarint length before them. Below the formats of package msg and causal.
package wire

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Reader takes fields off B from offset I on. After the first failure it
// returns zeros; End reports it.
type Reader struct {
	B    []byte
	I    int
	What string // why the input is malformed, "" while it is not
	At   int    // offset of that
}

// Fail notes the first failure and lets all further reads find nothing.
func (r *Reader) Fail(what string) {
	if r.What == "" {
		r.What, r.At = what, r.I
	}
	r.I = len(r.B)
}

// End returns the failure, if any, wrapped in malformed; bytes left over are
// one. Name says what was read.
func (r *Reader) End(malformed error, name string) error {
	if r.What == "" && r.I != len(r.B) {
		r.What, r.At = fmt.Sprintf("%d bytes left over", len(r.B)-r.I), r.I
	}
	return r.Err(malformed, name)
}

// Err is End for input that may go on.
func (r *Reader) Err(malformed error, name string) error {
	if r.What != "" {
		return fmt.Errorf("%w %s: %s at byte %d of %d", malformed, name, r.What, r.At, len(r.B))
	}
	return nil
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if r.I >= len(r.B) {
		r.Fail("cut short")
		return 0
	}
	v := r.B[r.I]
	r.I++
	return v
}

// Uvarint reads a number. One that is not of the shortest form is a failure, so
// that what has been read has one encoding only.
func (r *Reader) Uvarint() uint64 {
	if i := r.I; i < len(r.B) && r.B[i] < 0x80 {
		r.I = i + 1
		return uint64(r.B[i])
	}
	return r.longUvarint()
}

func (r *Reader) longUvarint() uint64 {
	v, n := binary.Uvarint(r.B[r.I:])
	if n <= 0 {
		r.Fail("a number that is cut short or above 64 bits")
		return 0
	}
	if n > 1 && r.B[r.I+n-1] == 0 {
		r.Fail("a number that is longer than it need be")
		return 0
	}
	r.I += n
	return v
}

// Varint reads a signed number.
func (r *Reader) Varint() int64 {
	u := r.Uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// UpTo reads a number that is at most limit.
func (r *Reader) UpTo(limit uint64) uint64 {
	v := r.Uvarint()
	if v > limit {
		r.Fail("a number above its limit")
		return 0
	}
	return v
}

// Within reads a number from low to high.
func (r *Reader) Within(low, high uint64) uint64 {
	v := r.Uvarint()
	if v < low || v > high {
		r.Fail(fmt.Sprintf("a number outside %d to %d", low, high))
		return 0
	}
	return v
}

// Uint16 reads a number of 16 bits.
func (r *Reader) Uint16() uint16 { return uint16(r.UpTo(math.MaxUint16)) }

// Uint32 reads a number of 32 bits.
func (r *Reader) Uint32() uint32 { return uint32(r.UpTo(math.MaxUint32)) }

// Fixed64 reads 8 bytes, little-endian.
func (r *Reader) Fixed64() uint64 {
	if len(r.B)-r.I < 8 {
		r.Fail("cut short")
		return 0
	}
	v := binary.LittleEndian.Uint64(r.B[r.I:])
	r.I += 8
	return v
}

// Bytes returns a part of the input, nil if it is empty.
func (r *Reader) Bytes() []byte {
	n := r.Uvarint()
	if n > uint64(len(r.B)-r.I) {
		r.Fail("bytes that are cut short")
		return nil
	}
	if n == 0 {
		return nil
	}
	start := r.I
	r.I += int(n)
	return r.B[start:r.I:r.I]
}

// Bool reads a flag.
func (r *Reader) Bool() bool {
	switch r.Byte() {
	case 0:
		return false
	case 1:
		return true
	}
	r.Fail("a flag that is neither 0 nor 1")
	return false
}

// Count reads the number of items that follow, each at least size bytes long,
// so that memory is only taken for what the input can hold.
func (r *Reader) Count(size int) int {
	n := r.Uvarint()
	if n > uint64(len(r.B)-r.I)/uint64(size) {
		r.Fail("more items than bytes")
		return 0
	}
	return int(n)
}
