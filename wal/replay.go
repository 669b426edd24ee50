package wal

import (
	"fmt"
	"math"

	"github.com/pingcap/failpoint"
)

// openSegment is a segment that is being read.
type openSegment struct {
	name   string
	number uint64
	file   File
	window *window
	header segmentHeader
}

func (l *Log) openSegment(number uint64) (*openSegment, error) {
	s := &openSegment{name: segmentName(l.o.Dir, number), number: number}
	var err error
	if s.file, err = l.fs.Open(s.name); err != nil {
		return nil, unreadable(s.name, 0, err)
	}
	if err = s.readHeader(); err != nil {
		_ = s.file.Close()
		return nil, err
	}
	return s, nil
}

func (s *openSegment) readHeader() error {
	var err error
	if s.window, err = newWindow(s.file); err != nil {
		return unreadable(s.name, 0, err)
	}
	b, err := s.window.view(0, segmentHeaderSize)
	if err != nil {
		return unreadable(s.name, 0, err)
	}
	s.header, err = readSegmentHeader(s.name, b, s.number)
	return err
}

// replaySegments replays the segments and leaves the last one open as the current one. The first one's
// word on where its predecessor ends counts for nothing if a checkpoint has replaced that.
func (l *Log) replaySegments(numbers []uint64, afterCheckpoint bool, replay func([]byte) error) error {
	s, err := l.openSegment(numbers[0])
	if err != nil {
		return err
	}
	if !afterCheckpoint && s.header.prevEnd != 0 {
		_ = s.file.Close()
		return corrupt(s.name, 24, "the first segment names a predecessor")
	}
	l.oldest = numbers[0]
	var unsealed uint64
	for _, n := range numbers[1:] {
		next, err := l.openSegment(n)
		if err == nil {
			err = l.replayWhole(s, next.header.prevEnd, replay)
		}
		_ = s.file.Close() // it was only read
		if err != nil {
			if next != nil {
				_ = next.file.Close()
			}
			return err
		}
		if !s.header.vouched.sealed {
			unsealed = s.number
		}
		s = next
	}
	l.file, l.segment = s.file, s.number
	if s.header.vouched.sealed {
		return corrupt(segmentName(l.o.Dir, s.number+1), 0, "the file is missing: segment %d says that it existed", s.number)
	}
	if err := l.replayLast(s, replay); err != nil {
		return err
	}
	if unsealed == 0 {
		return nil
	}
	return l.reseal(unsealed)
}

// replayWhole replays a segment which has a successor: all of it was durable before that was created.
func (l *Log) replayWhole(s *openSegment, end int64, replay func([]byte) error) error {
	reached, _, err := l.replayFrames(s, end, replay)
	if err != nil {
		return err
	}
	if reached != end {
		failpoint.Inject("bug-4-replay-stops-at-damage", func() {
			failpoint.Return(nil)
		})
		return corrupt(s.name, reached, "no valid frame is there, though the next segment says that the frames end at %d", end)
	}
	return nil
}

// replayFrames replays valid frames until the first offset where there is none, at most up to limit. It
// returns that offset, and the highest offset which a frame says was synced.
func (l *Log) replayFrames(s *openSegment, limit int64, replay func([]byte) error) (reached, synced int64, err error) {
	off := int64(segmentHeaderSize)
	synced = off
	for off < limit {
		b, err := s.window.view(off, frameHeaderSize)
		if err != nil {
			return off, synced, unreadable(s.name, off, err)
		}
		h, ok := readFrameHeader(b, s.number, off)
		if !ok {
			break
		}
		size := frameSize(h.length)
		if b, err = s.window.view(off, size); err != nil {
			return off, synced, unreadable(s.name, off, err)
		}
		if len(b) < size {
			break
		}
		payload, ok := framePayload(b, h)
		failpoint.Inject("bug-3-torn-tail-accepted", func() {
			ok = ok || limit == math.MaxInt64
		})
		if !ok {
			break
		}
		if err := replay(payload); err != nil {
			return off, synced, fmt.Errorf("wal: record at offset %d of %s: %w", off, s.name, err)
		}
		synced = max(synced, h.synced)
		off += int64(size)
		l.total += int64(size)
		l.stats.ReplayedRecords++
		l.stats.ReplayedBytes += uint64(size)
	}
	return off, synced, nil
}

// reseal finishes a roll which a crash interrupted: the segment has a successor but does not say so.
func (l *Log) reseal(number uint64) error {
	s, err := l.openSegment(number)
	if err != nil {
		return err
	}
	next, err := l.openSegment(number + 1)
	if err != nil {
		_ = s.file.Close()
		return err
	}
	b := make([]byte, voucherSize)
	putVoucher(b, number, voucher{end: next.header.prevEnd, sealed: true})
	_, err = s.file.WriteAt(b, int64(voucherStart+s.header.slot*voucherSize))
	if err == nil {
		err = s.file.Sync()
	}
	_, _ = s.file.Close(), next.file.Close() // synced, and only read
	if err != nil {
		return fmt.Errorf("wal: can't seal %s: %w", s.name, err)
	}
	return nil
}
