package wal

import (
	"fmt"
	"math"

	"github.com/pingcap/failpoint"
)

// replayLast replays the last segment, decides what its end is, and makes everything up to there durable.
func (l *Log) replayLast(s *openSegment, replay func([]byte) error) error {
	end, synced, err := l.replayFrames(s, math.MaxInt64, replay)
	if err != nil {
		return err
	}
	synced = max(synced, s.header.vouched.end)
	behind, err := l.judgeTail(s, end, synced)
	if err != nil {
		return err
	}
	l.vouched, l.slot = s.header.vouched, s.header.slot
	l.written, l.synced, l.filled = end, end, max(end, s.window.size)
	return l.settleTail(s, min(synced, end), behind)
}

// judgeTail returns what lies behind end, the first offset without a valid frame, or a *CorruptError if no
// torn write explains it.
func (l *Log) judgeTail(s *openSegment, end, synced int64) (rest, error) {
	behind, err := scanRest(s.window, s.number, end)
	if err != nil {
		return behind, unreadable(s.name, end, err)
	}
	failpoint.Inject("bug-4-replay-stops-at-damage", func() {
		failpoint.Return(behind, nil)
	})
	if behind.claimed > end {
		return behind, corrupt(s.name, end, "no valid frame is there, though the frame at %d says that the segment was synced up to %d", behind.claimAt, behind.claimed)
	}
	if synced > end {
		return behind, corrupt(s.name, end, "no valid frame is there, though the segment was synced up to %d", synced)
	}
	if behind.blank {
		return behind, nil
	}
	torn, reason, err := explainTear(s.window, s.number, end)
	if err != nil {
		return behind, unreadable(s.name, end, err)
	}
	if !torn {
		return behind, corrupt(s.name, end, "%s", reason)
	}
	return behind, nil
}

// settleTail makes sure that what was replayed is durable, and ends the segment if a torn write follows.
//
// A frame that is valid may be so in memory only: the page cache outlives a killed process, and after a
// failed fsync it even hides that the disk has other bytes. So what nothing vouches for is written again,
// and then synced.
//
// A torn tail stays where it is. Zeroing it in place could be torn in its turn, and leave what no rule
// explains; instead a new segment begins, whose header says where this one ends. What lies behind that is
// never looked at again.
func (l *Log) settleTail(s *openSegment, synced int64, behind rest) error {
	if synced < l.written {
		if err := rewrite(s, synced, l.written); err != nil {
			return err
		}
		l.stats.RewrittenTailBytes = uint64(l.written - synced)
	}
	if behind.blank {
		return nil
	}
	l.stats.CutBytes = uint64(s.window.size - l.written)
	return l.roll()
}

// rewrite writes the bytes [from, to) of the segment once more, as they are, and syncs them.
func rewrite(s *openSegment, from, to int64) error {
	for off := from; off < to; {
		b, err := s.window.view(off, int(min(to-off, windowBytes)))
		if err != nil {
			return unreadable(s.name, off, err)
		}
		if _, err := s.file.WriteAt(b, off); err != nil {
			return fmt.Errorf("wal: can't write the tail of %s again: %w", s.name, err)
		}
		off += int64(len(b))
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("wal: can't sync the tail of %s: %w", s.name, err)
	}
	return nil
}
