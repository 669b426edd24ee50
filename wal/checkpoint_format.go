package wal

import (
	"encoding/binary"
	"hash/crc32"
)

// A checkpoint file is a header, blocks, and a footer at its very end.
//
//	header  0  8  magic              block  0  4  stored bytes       footer  0  8  magic
//	        8  4  version                   4  4  raw bytes                  8  8  blocks
//	       12  4  compression               8  4  records                   16  8  records
//	       16  8  number                   12  4  CRC32C of the stored      24  8  raw bytes
//	       24  4  CRC32C                   16  8  check, with its place     32  8  check
//	       28  4  zero                     24  n  stored bytes
//
// The raw bytes of a block are records: length (uvarint), payload. Stored and raw bytes are the same if
// compression gains nothing. The checks cover the checkpoint's number and the offset as well, so that a
// block is valid only where it was written.
const (
	checkpointMagic      = "QUORCKP\n"
	checkpointEndMagic   = "QUOREND\n"
	checkpointHeaderSize = 32
	checkpointFooterSize = 40
	blockHeaderSize      = 24
	// maxCheckpointRaw bounds what one block may claim to hold: a full block and one more record.
	maxCheckpointRaw = maxCheckpointBlock + maxRecordBytes + binary.MaxVarintLen64
)

type blockHeader struct {
	stored  int
	raw     int
	records int
	crc     uint32
}

func putBlockHeader(b []byte, number uint64, offset int64, h blockHeader) {
	binary.LittleEndian.PutUint32(b[0:], uint32(h.stored))
	binary.LittleEndian.PutUint32(b[4:], uint32(h.raw))
	binary.LittleEndian.PutUint32(b[8:], uint32(h.records))
	binary.LittleEndian.PutUint32(b[12:], h.crc)
	binary.LittleEndian.PutUint64(b[16:], placeCheck(b[:16], number, offset))
}

func readBlockHeader(b []byte, number uint64, offset int64) (blockHeader, bool) {
	h := blockHeader{
		stored:  int(binary.LittleEndian.Uint32(b[0:])),
		raw:     int(binary.LittleEndian.Uint32(b[4:])),
		records: int(binary.LittleEndian.Uint32(b[8:])),
		crc:     binary.LittleEndian.Uint32(b[12:]),
	}
	ok := binary.LittleEndian.Uint64(b[16:]) == placeCheck(b[:16], number, offset)
	return h, ok && h.raw <= maxCheckpointRaw && h.stored <= h.raw
}

// checkpointTotals is what the footer says.
type checkpointTotals struct {
	blocks, records, rawBytes uint64
}

func putFooter(b []byte, number uint64, offset int64, t checkpointTotals) {
	copy(b, checkpointEndMagic)
	binary.LittleEndian.PutUint64(b[8:], t.blocks)
	binary.LittleEndian.PutUint64(b[16:], t.records)
	binary.LittleEndian.PutUint64(b[24:], t.rawBytes)
	binary.LittleEndian.PutUint64(b[32:], placeCheck(b[:32], number, offset))
}

func readFooter(b []byte, number uint64, offset int64) (checkpointTotals, bool) {
	t := checkpointTotals{
		blocks:   binary.LittleEndian.Uint64(b[8:]),
		records:  binary.LittleEndian.Uint64(b[16:]),
		rawBytes: binary.LittleEndian.Uint64(b[24:]),
	}
	ok := string(b[:8]) == checkpointEndMagic && binary.LittleEndian.Uint64(b[32:]) == placeCheck(b[:32], number, offset)
	return t, ok
}

func putCheckpointHeader(b []byte, number uint64, c Compression) {
	copy(b, checkpointMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint32(b[12:], uint32(c))
	binary.LittleEndian.PutUint64(b[16:], number)
	binary.LittleEndian.PutUint32(b[24:], crc32.Checksum(b[:24], castagnoli))
}

func readCheckpointHeader(name string, b []byte, number uint64) (Compression, error) {
	if err := checkMagic(name, b, checkpointMagic, checkpointHeaderSize); err != nil {
		return 0, err
	}
	if crc32.Checksum(b[:24], castagnoli) != binary.LittleEndian.Uint32(b[24:]) {
		return 0, corrupt(name, 0, "the header's checksum is wrong")
	}
	if n := binary.LittleEndian.Uint64(b[16:]); n != number {
		return 0, corrupt(name, 16, "it holds checkpoint %d", n)
	}
	c := binary.LittleEndian.Uint32(b[12:])
	if c > uint32(None) {
		return 0, corrupt(name, 12, "unknown compression %d", c)
	}
	return Compression(c), nil
}

// placeCheck hashes b, a multiple of 8 bytes, together with where it belongs.
func placeCheck(b []byte, number uint64, offset int64) uint64 {
	h := mix(number*0x9E3779B97F4A7C15 + uint64(offset) + 1)
	for ; len(b) >= 8; b = b[8:] {
		h = mix(h*0x9E3779B97F4A7C15 + binary.LittleEndian.Uint64(b))
	}
	return h
}
