package sim

import (
	"fmt"
	"io"
	"slices"
)

// file is an open file of a Disk.
type file struct {
	disk *Disk
	node *inode
	name string
	life uint32
}

func (f *file) check() error {
	if f.life != f.disk.life {
		return fmt.Errorf("%s: %w", f.name, errStale)
	}
	return nil
}

// ReadAt implements wal.File.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check(); err != nil {
		return 0, err
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements wal.File. A disk that fills up takes the first half.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	if err := f.check(); err != nil {
		return 0, err
	}
	if f.disk.failWrites {
		f.disk.errors++
		f.disk.tell(diskWrite, f.name, off, nil, true)
		return 0, fmt.Errorf("%s: %w", f.name, errDiskWrite)
	}
	if f.disk.full {
		f.disk.errors++
		f.disk.tell(diskWrite, f.name, off, p[:len(p)/2], true)
		f.node.write(p[:len(p)/2], off)
		return len(p) / 2, fmt.Errorf("%s: %w", f.name, errDiskFull)
	}
	f.disk.tell(diskWrite, f.name, off, p, false)
	f.disk.notice(f.node, p, off)
	f.node.write(p, off)
	return len(p), nil
}

func (n *inode) write(p []byte, off int64) {
	end := off + int64(len(p))
	from := min(off, int64(len(n.data))) // a gap is written too, with zeros
	if end > int64(len(n.data)) {
		n.resize(end)
	}
	copy(n.data[off:], p)
	n.mark(span{from, end})
}

func (n *inode) resize(size int64) {
	if size <= int64(len(n.data)) {
		n.data = n.data[:size]
		return
	}
	old := len(n.data)
	n.data = slices.Grow(n.data, int(size)-old)[:size]
	clear(n.data[old:])
}

// mark remembers a dirty range, joined with the last one where they touch.
func (n *inode) mark(s span) {
	if k := len(n.dirty); k > 0 && s.from <= n.dirty[k-1].to && s.to >= n.dirty[k-1].from {
		n.dirty[k-1] = span{min(s.from, n.dirty[k-1].from), max(s.to, n.dirty[k-1].to)}
		return
	}
	n.dirty = append(n.dirty, s)
}

// Size implements wal.File.
func (f *file) Size() (int64, error) { return int64(len(f.node.data)), f.check() }

// Truncate implements wal.File. A cut range is dirty, so a crash may bring it back.
func (f *file) Truncate(size int64) error {
	if err := f.check(); err != nil {
		return err
	}
	f.disk.tell(diskTruncate, f.name, size, nil, false)
	from, to := min(size, int64(len(f.node.data))), max(size, int64(len(f.node.data)))
	f.node.resize(size)
	f.node.mark(span{from, to})
	return nil
}

// Allocate implements wal.File: a hint, ignored.
func (f *file) Allocate(_, _ int64) error { return f.check() }

// Sync implements wal.File.
func (f *file) Sync() error {
	if err := f.check(); err != nil {
		return err
	}
	n := f.node
	synced := f.disk.maySync()
	f.disk.tell(diskSync, f.name, int64(len(n.data)), nil, !synced)
	if !synced {
		n.lost = append(n.lost, n.dirty...)
		n.dirty = n.dirty[:0]
		return fmt.Errorf("%s: %w", f.name, errDiskSync)
	}
	n.flush(n.dirty)
	n.dirty = n.dirty[:0]
	if f.disk.watch {
		n.synced()
		f.disk.strayed(n)
	}
	return nil
}

// flush makes ranges, and the size, durable.
func (n *inode) flush(spans []span) {
	size := len(n.data)
	if len(n.durable) > size {
		n.durable = n.durable[:size]
	} else if old := len(n.durable); old < size {
		n.durable = slices.Grow(n.durable, cap(n.data)-old)[:size]
		clear(n.durable[old:])
	}
	for _, s := range spans {
		to := min(s.to, int64(size))
		if s.from < to {
			copy(n.durable[s.from:to], n.data[s.from:to])
		}
	}
}

// Close implements wal.File.
func (f *file) Close() error { return nil }
