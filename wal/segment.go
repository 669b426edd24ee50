package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path"
	"strconv"
	"strings"

	"github.com/pingcap/failpoint"
)

// A segment begins with one header sector, which no frame shares:
//
//	  0  8  magic
//	  8  4  version
//	 12  4  zero
//	 16  8  the segment's number
//	 24  8  where the frames of the segment before it end (0: there was none); everything before was synced
//	 32  4  CRC32C of the above
//	480 16  voucher A
//	496 16  voucher B
//
// A voucher says up to where the segment is known to be on disk, and whether a next segment exists. There
// are two, written in turn, so that a torn write of one leaves the other.
const (
	segmentMagic      = "QUORWAL\n"
	formatVersion     = 1
	sectorSize        = 512
	segmentHeaderSize = sectorSize
	voucherSize       = 16
	voucherStart      = segmentHeaderSize - 2*voucherSize
	segmentSuffix     = ".wal"
	checkpointSuffix  = ".ckpt"
	tmpSuffix         = ".tmp"
)

// segmentHeader is what a valid header sector says.
type segmentHeader struct {
	number  uint64
	prevEnd int64
	vouched voucher
	slot    int // the voucher to write next
}

// voucher promises that the segment's bytes before end are durable.
type voucher struct {
	end    int64
	sealed bool // the next segment exists; end is where this one's frames end
}

func segmentName(dir string, number uint64) string {
	return path.Join(dir, fmt.Sprintf("%016d%s", number, segmentSuffix))
}

func checkpointName(dir string, number uint64) string {
	return path.Join(dir, fmt.Sprintf("%016d%s", number, checkpointSuffix))
}

// fileNumber parses a name made by segmentName or checkpointName, without the directory.
func fileNumber(name, suffix string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) < 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && n > 0 && fmt.Sprintf("%016d", n) == digits
}

func putSegmentHeader(b []byte, number uint64, prevEnd int64) {
	copy(b, segmentMagic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	binary.LittleEndian.PutUint64(b[16:], number)
	binary.LittleEndian.PutUint64(b[24:], uint64(prevEnd))
	binary.LittleEndian.PutUint32(b[32:], crc32.Checksum(b[:32], castagnoli))
	putVoucher(b[voucherStart:], number, voucher{end: segmentHeaderSize})
}

func putVoucher(b []byte, number uint64, v voucher) {
	word := uint64(v.end) << 1
	if v.sealed {
		word |= 1
	}
	binary.LittleEndian.PutUint64(b, word)
	binary.LittleEndian.PutUint64(b[8:], mix(mix(number+1)^word)|1)
}

func readVoucher(b []byte, number uint64) (voucher, bool) {
	word := binary.LittleEndian.Uint64(b)
	ok := binary.LittleEndian.Uint64(b[8:]) == mix(mix(number+1)^word)|1
	return voucher{end: int64(word >> 1), sealed: word&1 == 1}, ok
}

// readSegmentHeader checks the header sector b of the segment file name, which must have the given number.
func readSegmentHeader(name string, b []byte, number uint64) (segmentHeader, error) {
	if err := checkMagic(name, b, segmentMagic, segmentHeaderSize); err != nil {
		return segmentHeader{}, err
	}
	if crc32.Checksum(b[:32], castagnoli) != binary.LittleEndian.Uint32(b[32:]) {
		return segmentHeader{}, corrupt(name, 0, "the header's checksum is wrong")
	}
	h := segmentHeader{number: binary.LittleEndian.Uint64(b[16:]), prevEnd: int64(binary.LittleEndian.Uint64(b[24:]))}
	if h.number != number {
		return h, corrupt(name, 16, "it holds segment %d", h.number)
	}
	a, okA := readVoucher(b[voucherStart:], number)
	z, okZ := readVoucher(b[voucherStart+voucherSize:], number)
	switch {
	case !okA && !okZ:
		return h, corrupt(name, voucherStart, "neither voucher's checksum is right")
	case !okZ || okA && (a.end > z.end || a.end == z.end && a.sealed):
		h.vouched, h.slot = a, 1
	default:
		h.vouched, h.slot = z, 0
	}
	return h, nil
}

// checkMagic tells a damaged or foreign file from one that another release wrote.
func checkMagic(name string, b []byte, magic string, size int) error {
	if len(b) < size {
		return corrupt(name, int64(len(b)), "it ends within its header of %d bytes", size)
	}
	if string(b[:len(magic)]) != magic {
		return corrupt(name, 0, "it does not begin with %q", magic)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != formatVersion {
		e := corrupt(name, 8, "it has format version %d; this release reads version %d", v, formatVersion)
		e.Remedy = remedyVersion
		return e
	}
	return nil
}

// createSegment makes a segment under its real name, durably.
func createSegment(fs FS, dir string, number uint64, prevEnd int64) (File, error) {
	name := segmentName(dir, number)
	f, err := fs.Create(name + tmpSuffix)
	if err != nil {
		return nil, err
	}
	header := make([]byte, segmentHeaderSize)
	putSegmentHeader(header, number, prevEnd)
	if _, err = f.WriteAt(header, 0); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = publish(fs, dir, name)
	}
	if err != nil {
		_ = f.Close() // the first error is the one that counts
		return nil, err
	}
	return f, nil
}

// publish gives the synced file name.tmp its real name, durably.
func publish(fs FS, dir, name string) error {
	if err := fs.Rename(name+tmpSuffix, name); err != nil {
		return err
	}
	failpoint.Inject("bug-6-dir-not-synced-after-rename", func() {
		failpoint.Return(nil)
	})
	return fs.SyncDir(dir)
}
