package wal

import (
	"fmt"
	"slices"

	"github.com/pierrec/lz4/v4"
	"github.com/pingcap/failpoint"
)

// Log is an open log. Its calls must not overlap.
type Log struct {
	fs  FS
	o   Options
	err error           // set once, returned ever after
	lz4 *lz4.Compressor // of the checkpoint under way, 400 KB to make: kept for the next; nil before the first

	// The current segment. Offsets are in bytes from its begin: synced <= written <= filled.
	file    File
	segment uint64
	vouched voucher
	slot    int   // the voucher to write next
	pledged bool  // a voucher was written since the last sync
	synced  int64 // known to be on disk up to here
	written int64 // frames end here
	filled  int64 // zeros were written up to here

	// Frames not yet written. splits are the positions in buf at which a new segment begins.
	buf    []byte
	splits []int
	tail   place // where the next frame goes

	oldest     uint64 // oldest segment on disk
	base       uint64 // the checkpoint on disk, 0: none
	checkpoint *Checkpoint
	total      int64 // bytes of frames since Open, and those replayed
	mark       int64 // total at the begin of the newest committed checkpoint
	stats      Stats
}

// place is where Append puts the next frame.
type place struct {
	segment uint64
	offset  int64
	synced  int64 // what the frame says about the bytes before it
}

// Stats counts since Open.
type Stats struct {
	Records     uint64 // appended
	Writes      uint64 // WriteAt calls for frames
	Syncs       uint64 // fsyncs of segments
	SyncedBytes uint64 // bytes of frames made durable
	Segments    uint64 // on disk now

	Checkpoints        uint64 // committed
	CheckpointBytes    uint64 // size of the newest checkpoint on disk
	ReplayedRecords    uint64 // handed over by Open from segments
	ReplayedCheckpoint uint64 // handed over by Open from the checkpoint
	CutBytes           uint64 // length of the torn tail that Open left behind
	ReplayedBytes      uint64 // bytes of frames that Open read
	RewrittenTailBytes uint64 // bytes that Open wrote and synced again, as nothing said they were durable
}

// Append frames the payload into the buffer. It does no I/O: the record is durable once Sync has returned
// nil. The payload is copied. An error other than the log's own (ErrEmptyRecord, ErrRecordTooLarge) means
// that the log is poisoned.
func (l *Log) Append(payload []byte) error {
	if l.err != nil {
		return l.err
	}
	if len(payload) == 0 {
		return ErrEmptyRecord
	}
	if len(payload) > l.o.MaxRecordBytes {
		return fmt.Errorf("%w: %d bytes, %d are allowed", ErrRecordTooLarge, len(payload), l.o.MaxRecordBytes)
	}
	size := frameSize(len(payload))
	if l.tail.offset+int64(size) > l.o.SegmentBytes && l.tail.offset > segmentHeaderSize {
		l.splits = append(l.splits, len(l.buf))
		l.tail = place{segment: l.tail.segment + 1, offset: segmentHeaderSize, synced: segmentHeaderSize}
	}
	at := len(l.buf)
	l.buf = slices.Grow(l.buf, size)[:at+size]
	putFrame(l.buf[at:], l.tail.segment, l.tail.offset, l.tail.synced, payload)
	l.tail.offset += int64(size)
	l.total += int64(size)
	l.stats.Records++
	return nil
}

// Flush hands what is buffered to the operating system, in one write unless a segment fills up.
func (l *Log) Flush() error {
	if l.err != nil {
		return l.err
	}
	from := 0
	for _, to := range l.splits {
		if err := l.write(l.buf[from:to], to-from); err != nil {
			return err
		}
		if err := l.roll(); err != nil {
			return err
		}
		from = to
	}
	l.splits = l.splits[:0]
	if len(l.buf) > from {
		frames := len(l.buf) - from
		p := l.withZerosAhead(from)
		if err := l.write(p, frames); err != nil {
			return err
		}
		if len(p) > frames {
			if err := l.vouch(voucher{end: l.synced}); err != nil {
				return err
			}
		}
	}
	l.resetBuffer()
	return nil
}

// Sync makes every appended record durable: Flush, and one fsync if anything was written since the last.
func (l *Log) Sync() error {
	if err := l.Flush(); err != nil {
		return err
	}
	if l.written == l.synced {
		return nil
	}
	return l.fsync()
}

// BytesSinceCheckpoint is how many bytes of log Open would have to replay, about.
func (l *Log) BytesSinceCheckpoint() int64 { return l.total - l.mark }

// Stats returns the counters.
func (l *Log) Stats() Stats {
	s := l.stats
	s.Segments = l.segment - l.oldest + 1
	return s
}

// Close syncs, vouches for all of the log and closes it. A checkpoint that is being written is aborted.
// On a poisoned log it only lets go of the files and returns the log's error.
func (l *Log) Close() error {
	if l.err != nil {
		err := l.err
		l.release()
		return err
	}
	if l.checkpoint != nil {
		_ = l.checkpoint.Abort() // what is left is a tmp file, which Open removes
	}
	err := l.Sync()
	if err == nil && l.vouched.end < l.synced {
		if err = l.vouch(voucher{end: l.synced}); err == nil {
			err = l.fsync()
		}
	}
	l.release()
	l.err = ErrClosed
	return err
}

func (l *Log) release() {
	if l.checkpoint != nil {
		l.checkpoint.closeFile()
		l.checkpoint = nil
	}
	if l.file != nil {
		_ = l.file.Close() // everything that matters was synced
		l.file = nil
	}
}

// write appends p to the current segment: whole frames in its first n bytes, then zeros.
func (l *Log) write(p []byte, n int) error {
	if _, err := l.file.WriteAt(p, l.written); err != nil {
		return l.fail("write", err)
	}
	l.stats.Writes++
	l.filled = max(l.filled, l.written+int64(len(p)))
	l.written += int64(n)
	return nil
}

// fsync makes what was written to the current segment durable.
func (l *Log) fsync() error {
	err := l.file.Sync()
	failpoint.Inject("bug-2-fsync-error-retried", func() {
		if err != nil {
			err = l.file.Sync()
		}
	})
	if err != nil {
		return l.fail("sync", err)
	}
	l.stats.Syncs++
	l.stats.SyncedBytes += uint64(l.written - l.synced)
	l.synced, l.pledged = l.written, false
	if l.tail.segment == l.segment {
		l.tail.synced = l.synced
	}
	return nil
}

// vouch writes to the segment's header what is known to be durable. It does not sync, and does nothing if
// the voucher before was not synced yet: a crash could tear both.
func (l *Log) vouch(v voucher) error {
	if l.pledged {
		return nil
	}
	b := make([]byte, voucherSize)
	putVoucher(b, l.segment, v)
	if _, err := l.file.WriteAt(b, int64(voucherStart+l.slot*voucherSize)); err != nil {
		return l.fail("write", err)
	}
	l.vouched, l.slot, l.pledged = v, 1-l.slot, true
	return nil
}

// roll ends the current segment and begins the next. Its order matters to recovery: the segment is durable
// before the next one exists, and says so only after.
func (l *Log) roll() error {
	if l.written > l.synced || l.pledged {
		if err := l.fsync(); err != nil {
			return err
		}
	}
	next, err := createSegment(l.fs, l.o.Dir, l.segment+1, l.written)
	if err != nil {
		return l.fail("create", err)
	}
	if err := l.vouch(voucher{end: l.written, sealed: true}); err != nil {
		_ = next.Close()
		return err
	}
	if err := l.fsync(); err != nil {
		_ = next.Close()
		return err
	}
	if err := l.file.Close(); err != nil {
		_ = next.Close()
		return l.fail("close", err)
	}
	l.enter(next, l.segment+1)
	return nil
}

// enter makes an empty segment the current one.
func (l *Log) enter(f File, number uint64) {
	l.file, l.segment = f, number
	l.vouched, l.slot, l.pledged = voucher{end: segmentHeaderSize}, 1, false
	l.synced, l.written, l.filled = segmentHeaderSize, segmentHeaderSize, segmentHeaderSize
}

// fail poisons the log.
func (l *Log) fail(op string, err error) error {
	l.err = fmt.Errorf("wal: %s of segment %s failed, the log has stopped: %w", op, segmentName(l.o.Dir, l.segment), err)
	return l.err
}

// keepBuffer is the size above which a buffer that one large batch has grown is given back.
const keepBuffer = 16 << 20

func (l *Log) resetBuffer() {
	if cap(l.buf) > keepBuffer {
		l.buf = nil
	}
	l.buf = l.buf[:0]
}

// withZerosAhead returns the frames from position from of the buffer on, followed by zeros up to the next
// multiple of Options.PreallocateBytes if the frames reach beyond what is filled already.
func (l *Log) withZerosAhead(from int) []byte {
	ahead := l.o.PreallocateBytes
	end := l.written + int64(len(l.buf)-from)
	if ahead <= 0 || end <= l.filled {
		return l.buf[from:]
	}
	fill := int(max(min((end/ahead+1)*ahead, l.o.SegmentBytes)-end, 0))
	frames := len(l.buf)
	l.buf = slices.Grow(l.buf, fill)[:frames+fill]
	clear(l.buf[frames:])
	return l.buf[from:]
}
