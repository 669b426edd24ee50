package wal

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/pingcap/failpoint"
)

// A frame holds one record. It starts at a multiple of 16, so that its header lies in one sector and a
// search for frames tries few places.
//
//	 0  4  CRC32C of everything after the header
//	 4  4  payload length in bytes
//	 8  4  synced: the segment's bytes before this offset (in units of 16) were on disk when this was written
//	12  4  check of the above, the segment's number and the frame's offset; its last byte is never zero
//	16  n  payload
//	       zeros, then one end mark, so that the frame ends at a multiple of 16
//
// Invariants that damage.go rests on:
//  1. The last byte of a header and the last byte of a frame are not zero, and the space behind the last
//     frame is. A sector of which only a prefix was written therefore shows it.
//  2. A frame is valid only at the place it was written to: a copy elsewhere is not.
//  3. synced never exceeds the frame's own offset.
const (
	frameAlign      = 16
	frameHeaderSize = 16
	endMarks        = "\xE5\xE5\xE5\xE5\xE5\xE5\xE5\xE5\xE5\xE5\xE5\xE5\xE5\xE5\xE5\xE5"
)

// immutable: a table that package hash/crc32 shares and nobody writes to
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frameHeader is a header whose check is right.
type frameHeader struct {
	crc    uint32
	length int   // of the payload, bytes
	synced int64 // segment offset, bytes
}

// frameSize is the size in bytes, on disk, of a frame with n bytes of payload.
func frameSize(n int) int {
	return (frameHeaderSize + n + 1 + frameAlign - 1) &^ (frameAlign - 1)
}

// putFrame fills dst, which is frameSize(len(payload)) bytes long and belongs at offset of segment.
func putFrame(dst []byte, segment uint64, offset, synced int64, payload []byte) {
	n := frameHeaderSize + copy(dst[frameHeaderSize:], payload)
	copy(dst[n:], endMarks)
	crc := crc32.Update(0, castagnoli, dst[frameHeaderSize:])
	units := uint32(synced / frameAlign)
	binary.LittleEndian.PutUint32(dst[0:], crc)
	binary.LittleEndian.PutUint32(dst[4:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(dst[8:], units)
	binary.LittleEndian.PutUint32(dst[12:], frameCheck(segment, offset, crc, uint32(len(payload)), units))
}

// readFrameHeader reports whether b, at offset of segment, begins with a header that was written there.
func readFrameHeader(b []byte, segment uint64, offset int64) (frameHeader, bool) {
	if len(b) < frameHeaderSize {
		return frameHeader{}, false
	}
	crc := binary.LittleEndian.Uint32(b[0:])
	length := binary.LittleEndian.Uint32(b[4:])
	units := binary.LittleEndian.Uint32(b[8:])
	if binary.LittleEndian.Uint32(b[12:]) != frameCheck(segment, offset, crc, length, units) {
		return frameHeader{}, false
	}
	h := frameHeader{crc: crc, length: int(length), synced: int64(units) * frameAlign}
	return h, length >= 1 && length <= maxRecordBytes && h.synced >= segmentHeaderSize && h.synced <= offset
}

// framePayload returns the payload of the whole frame b, or false if it is not as written.
func framePayload(b []byte, h frameHeader) ([]byte, bool) {
	payload := b[frameHeaderSize : frameHeaderSize+h.length]
	failpoint.Inject("bug-5-checksum-not-verified", func() {
		failpoint.Return(payload, true)
	})
	return payload, crc32.Update(0, castagnoli, b[frameHeaderSize:]) == h.crc
}

// frameCheck hashes a header together with its place. It is not a CRC: a CRC of a CRC's neighbours is
// linear, and zeros must not check out.
func frameCheck(segment uint64, offset int64, crc, length, units uint32) uint32 {
	h := mix(segment*0x9E3779B97F4A7C15+uint64(offset)) ^ (uint64(crc)<<32 | uint64(length))
	h = mix(h + uint64(units)*0xC2B2AE3D27D4EB4F)
	return uint32(h>>32) | 1<<24
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014).
func mix(h uint64) uint64 {
	h ^= h >> 30
	h *= 0xBF58476D1CE4E5B9
	h ^= h >> 27
	h *= 0x94D049BB133111EB
	return h ^ h>>31
}
