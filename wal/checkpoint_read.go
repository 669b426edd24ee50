package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/pingcap/failpoint"
)

// checkpointReader walks through a checkpoint file.
type checkpointReader struct {
	name   string
	number uint64
	window *window
	codec  codec
	raw    []byte // scratch
	seen   checkpointTotals
}

// replayCheckpoint hands over every record of the checkpoint, all of which must be as written.
func (l *Log) replayCheckpoint(number uint64, replay func([]byte) error) error {
	r := &checkpointReader{name: checkpointName(l.o.Dir, number), number: number}
	f, err := l.fs.Open(r.name)
	if err != nil {
		return unreadable(r.name, 0, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	if r.window, err = newWindow(f); err != nil {
		return unreadable(r.name, 0, err)
	}
	defer r.codec.close()
	if err := r.replay(replay); err != nil {
		return err
	}
	l.stats.ReplayedCheckpoint = r.seen.records
	l.stats.CheckpointBytes = uint64(r.window.size)
	return nil
}

func (r *checkpointReader) replay(replay func([]byte) error) error {
	b, err := r.view(0, checkpointHeaderSize)
	if err != nil {
		return err
	}
	if r.codec.kind, err = readCheckpointHeader(r.name, b, r.number); err != nil {
		return err
	}
	end := r.window.size - checkpointFooterSize
	if end < checkpointHeaderSize {
		return corrupt(r.name, r.window.size, "it ends before its footer")
	}
	if b, err = r.view(end, checkpointFooterSize); err != nil {
		return err
	}
	totals, ok := readFooter(b, r.number, end)
	if !ok {
		return corrupt(r.name, end, "the footer is not as written")
	}
	for off := int64(checkpointHeaderSize); off < end; {
		if off, err = r.replayBlock(off, end, replay); err != nil {
			return err
		}
	}
	if r.seen != totals {
		return corrupt(r.name, end, "it holds %d records in %d blocks, the footer says %d in %d",
			r.seen.records, r.seen.blocks, totals.records, totals.blocks)
	}
	return nil
}

// replayBlock hands over the records of the block at off and returns where the next one is.
func (r *checkpointReader) replayBlock(off, end int64, replay func([]byte) error) (int64, error) {
	b, err := r.view(off, blockHeaderSize)
	if err != nil {
		return 0, err
	}
	if off+blockHeaderSize > end {
		return 0, corrupt(r.name, off, "a block header does not fit before the footer")
	}
	h, ok := readBlockHeader(b, r.number, off)
	next := off + blockHeaderSize + int64(h.stored)
	if !ok || next > end {
		return 0, corrupt(r.name, off, "the block's header is not as written")
	}
	if b, err = r.view(off+blockHeaderSize, h.stored); err != nil {
		return 0, err
	}
	if !checkpointBlockIntact(b, h) {
		return 0, corrupt(r.name, off, "the block's checksum is wrong")
	}
	raw, err := r.codec.unpack(r.raw, b, h.raw)
	if err != nil {
		return 0, corrupt(r.name, off, "the block can't be decompressed: %v", err)
	}
	if len(raw) > 0 && len(b) != h.raw {
		r.raw = raw
	}
	r.seen.blocks++
	r.seen.records += uint64(h.records)
	r.seen.rawBytes += uint64(h.raw)
	return next, r.replayRecords(off, raw, h.records, replay)
}

func checkpointBlockIntact(stored []byte, h blockHeader) bool {
	failpoint.Inject("bug-5-checksum-not-verified", func() {
		failpoint.Return(true)
	})
	return crc32.Checksum(stored, castagnoli) == h.crc
}

func (r *checkpointReader) replayRecords(off int64, raw []byte, records int, replay func([]byte) error) error {
	for range records {
		length, n := binary.Uvarint(raw)
		if n <= 0 || length == 0 || length > uint64(len(raw)-n) {
			return corrupt(r.name, off, "the block's records do not fit")
		}
		if err := replay(raw[n : n+int(length)]); err != nil {
			return fmt.Errorf("wal: record of the block at offset %d of %s: %w", off, r.name, err)
		}
		raw = raw[n+int(length):]
	}
	if len(raw) != 0 {
		return corrupt(r.name, off, "the block holds more than its records")
	}
	return nil
}

func (r *checkpointReader) view(off int64, n int) ([]byte, error) {
	b, err := r.window.view(off, n)
	if err != nil {
		return nil, unreadable(r.name, off, err)
	}
	return b, nil
}
