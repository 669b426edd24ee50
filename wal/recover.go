package wal

import (
	"fmt"
	"path"
	"strings"
)

// Open opens the log in o.Dir, makes it if the directory is empty, and hands every record to replay:
// first those of the newest checkpoint, then those of the segments after it. A payload is valid only
// during the call; an error from replay ends Open. When Open returns nil, everything it has handed over is
// durable. Damage that no torn write explains is a *CorruptError, and nothing was changed on disk
// (but for the removal of half-written *.tmp files).
func Open(fs FS, o Options, replay func(payload []byte) error) (*Log, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := fs.MkdirAll(o.Dir); err != nil {
		return nil, fmt.Errorf("wal: can't make the log directory: %w", err)
	}
	files, err := listFiles(fs, o.Dir)
	if err != nil {
		return nil, err
	}
	l := &Log{fs: fs, o: o}
	if err := l.recover(files, replay); err != nil {
		l.release()
		return nil, err
	}
	l.tail = place{segment: l.segment, offset: l.written, synced: l.synced}
	return l, nil
}

// fileList is what the log directory holds, numbers ascending.
type fileList struct {
	segments    []uint64
	checkpoints []uint64
	tmp         []string // with the directory
}

func listFiles(fs FS, dir string) (fileList, error) {
	var list fileList
	names, err := fs.List(dir)
	if err != nil {
		return list, fmt.Errorf("wal: can't list the log directory: %w", err)
	}
	for _, name := range names {
		base, isTmp := strings.CutSuffix(name, tmpSuffix)
		segment, isSegment := fileNumber(base, segmentSuffix)
		checkpoint, isCheckpoint := fileNumber(base, checkpointSuffix)
		switch {
		case !isSegment && !isCheckpoint:
			e := corrupt(path.Join(dir, name), 0, "it is not a file of the log")
			e.Remedy = remedyForeign
			return list, e
		case isTmp:
			list.tmp = append(list.tmp, path.Join(dir, name))
		case isSegment:
			list.segments = append(list.segments, segment)
		default:
			list.checkpoints = append(list.checkpoints, checkpoint)
		}
	}
	return list, nil
}

// recover reads checkpoint and segments, settles the tail, and removes what a crash left over. But for
// half-written files, nothing is changed before everything has been read and found good.
func (l *Log) recover(files fileList, replay func([]byte) error) error {
	base := uint64(0)
	if n := len(files.checkpoints); n > 0 {
		base = files.checkpoints[n-1]
	}
	l.base = base
	live, err := l.liveSegments(files.segments, base)
	if err != nil {
		return err
	}
	// A process that died between a rename and its SyncDir left names that a power failure can take back;
	// nothing may be built on them before.
	if err := l.fs.SyncDir(l.o.Dir); err != nil {
		return fmt.Errorf("wal: can't sync the log directory: %w", err)
	}
	if err := l.removeAll(files.tmp); err != nil {
		return err
	}
	if base > 0 {
		if err := l.replayCheckpoint(base, replay); err != nil {
			return err
		}
	}
	if len(live) > 0 {
		if err := l.replaySegments(live, base > 0, replay); err != nil {
			return err
		}
	}
	if err := l.removeAll(files.before(l.o.Dir, base)); err != nil {
		return err
	}
	if len(live) > 0 {
		return nil
	}
	f, err := createSegment(l.fs, l.o.Dir, 1, 0)
	if err != nil {
		return fmt.Errorf("wal: can't create the first segment: %w", err)
	}
	l.enter(f, 1)
	l.oldest = 1
	return nil
}

// liveSegments are the segments not covered by checkpoint base (0: there is none). They must be there
// without a gap.
func (l *Log) liveSegments(segments []uint64, base uint64) ([]uint64, error) {
	want := max(base, 1)
	for len(segments) > 0 && segments[0] < want {
		segments = segments[1:]
	}
	for i, n := range segments {
		if n == want+uint64(i) {
			continue
		}
		if i == 0 && base == 0 {
			e := corrupt(checkpointName(l.o.Dir, n), 0, "the file is missing: the oldest segment is %d, so a checkpoint had replaced those before it", n)
			return nil, e
		}
		return nil, corrupt(segmentName(l.o.Dir, want+uint64(i)), 0, "the file is missing, though segment %d exists", n)
	}
	if len(segments) == 0 && base > 0 {
		return nil, corrupt(segmentName(l.o.Dir, base), 0, "the file is missing, though checkpoint %d was made after it", base)
	}
	return segments, nil
}

// before returns the names of the segments and checkpoints that checkpoint number has replaced.
func (files fileList) before(dir string, number uint64) []string {
	var names []string
	for _, n := range files.checkpoints {
		if n < number {
			names = append(names, checkpointName(dir, n))
		}
	}
	for _, n := range files.segments {
		if n < number {
			names = append(names, segmentName(dir, n))
		}
	}
	return names
}

func (l *Log) removeAll(names []string) error {
	for _, name := range names {
		if err := l.fs.Remove(name); err != nil {
			return fmt.Errorf("wal: can't remove a leftover file: %w", err)
		}
	}
	return nil
}
