package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/pierrec/lz4/v4"
	"github.com/pingcap/failpoint"
)

// Checkpoint is a checkpoint that is being written; see the package comment for what it must contain.
// Append and Finish touch nothing of the log but this checkpoint's own file, so a host may run them beside
// the log's calls; BeginCheckpoint, Commit and Abort are calls of the log like any other.
type Checkpoint struct {
	log    *Log
	number uint64 // the first segment that it does not replace
	mark   int64  // Log.total when it began
	name   string
	file   File
	codec  codec

	block    []byte // raw bytes of the block that is being gathered
	records  int    // in block
	packed   []byte // scratch
	offset   int64  // of the file
	synced   int64
	totals   checkpointTotals
	finished bool
	unsynced bool  // a sync has failed
	err      error // the first error, returned ever after
}

// syncEvery bounds how many bytes the disk has to take at once when a checkpoint ends: one large sync
// would hold up the log's own.
const syncEvery = 8 << 20

// BeginCheckpoint syncs the log, rolls to a new segment and begins a checkpoint, which will replace all
// segments before that one. ErrCheckpointRunning if there is one already.
func (l *Log) BeginCheckpoint() (*Checkpoint, error) {
	if l.err != nil {
		return nil, l.err
	}
	if l.checkpoint != nil {
		return nil, ErrCheckpointRunning
	}
	if err := l.Flush(); err != nil {
		return nil, err
	}
	if err := l.roll(); err != nil {
		return nil, err
	}
	l.tail = place{segment: l.segment, offset: l.written, synced: l.synced}
	c := &Checkpoint{log: l, number: l.segment, mark: l.total, name: checkpointName(l.o.Dir, l.segment)}
	c.codec.kind = l.o.Compression
	if c.codec.kind == LZ4 && l.lz4 == nil {
		l.lz4 = new(lz4.Compressor)
	}
	c.codec.lz4To = l.lz4
	f, err := l.fs.Create(c.name + tmpSuffix)
	if err != nil {
		return nil, fmt.Errorf("wal: can't create a checkpoint: %w", err)
	}
	c.file = f
	header := make([]byte, checkpointHeaderSize)
	putCheckpointHeader(header, c.number, c.codec.kind)
	c.write(header)
	l.checkpoint = c
	return c, nil
}

// Append adds a record. The payload is copied. After an error the checkpoint can only be aborted; the log
// itself is unharmed.
func (c *Checkpoint) Append(payload []byte) error {
	switch {
	case c.err != nil:
		return c.err
	case c.finished:
		return ErrCheckpointDone
	case len(payload) == 0:
		return ErrEmptyRecord
	case len(payload) > c.log.o.MaxRecordBytes:
		return fmt.Errorf("%w: %d bytes, %d are allowed", ErrRecordTooLarge, len(payload), c.log.o.MaxRecordBytes)
	}
	c.block = binary.AppendUvarint(c.block, uint64(len(payload)))
	c.block = append(c.block, payload...)
	c.records++
	if len(c.block) >= c.log.o.CheckpointBlockBytes {
		c.endBlock()
	}
	return c.err
}

// Finish writes what is left and syncs the file, under its temporary name. Commit does it too; calling it
// before keeps that long sync out of the log's way.
func (c *Checkpoint) Finish() error {
	if c.err != nil || c.finished {
		return c.err
	}
	c.finished = true
	if c.records > 0 {
		c.endBlock()
	}
	footer := make([]byte, checkpointFooterSize)
	putFooter(footer, c.number, c.offset, c.totals)
	c.write(footer)
	c.sync()
	return c.err
}

// Commit publishes the checkpoint, durably, and then removes the segments and checkpoints it replaces.
// If the checkpoint could not be written it is gone and the log goes on; after a failed sync, or an error
// from the rename on, the log is poisoned.
func (c *Checkpoint) Commit() error {
	l := c.log
	if l.checkpoint != c {
		return ErrCheckpointDone
	}
	if l.err != nil {
		return l.err
	}
	failpoint.Inject("bug-7-log-dropped-before-checkpoint-durable", func() {
		_ = l.dropBefore(c.number)
	})
	// The state in the checkpoint may reflect records which the log has not synced yet.
	err := l.Sync()
	if err == nil {
		err = c.Finish()
	}
	if err != nil {
		_ = c.Abort()
		if c.unsynced {
			return l.fail("checkpoint", err)
		}
		return err
	}
	c.closeFile()
	l.checkpoint = nil
	if err := publish(l.fs, l.o.Dir, c.name); err != nil {
		return l.fail("checkpoint", err)
	}
	l.mark = c.mark
	l.stats.Checkpoints++
	l.stats.CheckpointBytes = uint64(c.offset)
	return l.dropBefore(c.number)
}

// Abort gives the checkpoint up. The log goes on, and nothing is dropped.
func (c *Checkpoint) Abort() error {
	l := c.log
	if l.checkpoint != c {
		return ErrCheckpointDone
	}
	c.closeFile()
	l.checkpoint = nil
	if c.err == nil {
		c.err = ErrCheckpointDone
	}
	if l.err != nil {
		return l.err
	}
	if err := l.fs.Remove(c.name + tmpSuffix); err != nil {
		return fmt.Errorf("wal: can't remove an aborted checkpoint: %w", err)
	}
	return nil
}

func (c *Checkpoint) endBlock() {
	if c.err != nil {
		return
	}
	packed, err := c.codec.pack(append(c.packed[:0], make([]byte, blockHeaderSize)...), c.block)
	if err != nil {
		c.err = err
		return
	}
	c.packed = packed
	stored := packed[blockHeaderSize:]
	putBlockHeader(packed, c.number, c.offset, blockHeader{
		stored: len(stored), raw: len(c.block), records: c.records, crc: crc32.Checksum(stored, castagnoli)})
	c.totals.blocks++
	c.totals.records += uint64(c.records)
	c.totals.rawBytes += uint64(len(c.block))
	c.block, c.records = c.block[:0], 0
	c.write(packed)
	if c.offset-c.synced >= syncEvery {
		c.sync()
	}
}

func (c *Checkpoint) write(p []byte) {
	if c.err != nil {
		return
	}
	if _, err := c.file.WriteAt(p, c.offset); err != nil {
		c.err = fmt.Errorf("wal: can't write checkpoint %s: %w", c.name, err)
		return
	}
	c.offset += int64(len(p))
}

func (c *Checkpoint) sync() {
	if c.err != nil {
		return
	}
	if err := c.file.Sync(); err != nil {
		c.err = fmt.Errorf("wal: can't sync checkpoint %s: %w", c.name, err)
		c.unsynced = true
		return
	}
	c.synced = c.offset
}

func (c *Checkpoint) closeFile() {
	if c.file != nil {
		_ = c.file.Close() // it is synced, or given up
		c.file = nil
	}
	c.codec.close()
	c.block, c.packed = nil, nil
}

// dropBefore removes the segments and checkpoints which checkpoint number has replaced.
func (l *Log) dropBefore(number uint64) error {
	replaced := fileList{checkpoints: []uint64{l.base}}
	if l.base == 0 {
		replaced.checkpoints = nil
	}
	for n := l.oldest; n < number; n++ {
		replaced.segments = append(replaced.segments, n)
	}
	if err := l.removeAll(replaced.before(l.o.Dir, number)); err != nil {
		return l.fail("drop", err)
	}
	l.oldest, l.base = number, number
	return nil
}
