// Package waltest is a file system in memory that crashes, for testing what is built on wal.FS.
//
// It is harsher than most disks: of what was not synced a crash keeps, sector by sector, all, a prefix or
// nothing, and of the directory's changes the first few. A failed sync drops what it was to write and the
// next one succeeds (fsyncgate).
package waltest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/quoratedb/quorate/wal"
)

// ErrCrashed is what every operation returns after the crash.
var ErrCrashed = errors.New("waltest: the machine has crashed")

const sectorSize = 512

// FS is the file system. The zero value is not usable; see New.
type FS struct {
	ops     int
	crashAt int // operation at which the machine crashes, -1: never
	failAt  int // operation that fails with failErr, -1: none
	failErr error
	crashed bool
	failed  bool
	live    map[string]*inode
	durable map[string]*inode
	changes []change // of the directory, since the last SyncDir
}

type change struct {
	op       string // create, remove, rename
	from, to string
	node     *inode
}

type inode struct {
	data    []byte // what readers see
	synced  []byte // what survives for certain
	pending []write
}

// write is a change of a file that was not synced yet. A truncation has data nil.
type write struct {
	off  int64
	data []byte
}

// New returns an empty file system.
func New() *FS {
	return &FS{crashAt: -1, failAt: -1, live: map[string]*inode{}, durable: map[string]*inode{}}
}

// Ops is the number of operations that change something, so far.
func (f *FS) Ops() int { return f.ops }

// CrashAt lets the machine crash at operation n, counted from 0. The operation may take effect in part.
func (f *FS) CrashAt(n int) { f.crashAt = n }

// FailAt lets operation n fail with err, without effect.
func (f *FS) FailAt(n int, err error) { f.failAt, f.failErr = n, err }

// Failed reports whether the operation of FailAt has come.
func (f *FS) Failed() bool { return f.failed }

// Crashed reports whether the machine has crashed.
func (f *FS) Crashed() bool { return f.crashed }

// step counts an operation. It reports whether its effect takes place (a crashing operation's does, as
// something unsynced), and the error to return.
func (f *FS) step() (bool, error) {
	if f.crashed {
		return false, ErrCrashed
	}
	n := f.ops
	f.ops++
	switch n {
	case f.crashAt:
		f.crashed = true
		return true, ErrCrashed
	case f.failAt:
		f.failed = true
		return false, f.failErr
	}
	return true, nil
}

// Revive ends a crash as the death of the process alone: nothing is lost, and what was not synced still is not.
func (f *FS) Revive() { f.crashed, f.crashAt, f.failAt, f.failed = false, -1, -1, false }

// Chooser draws a number in [0, n).
type Chooser func(n int) int

// Restart returns what the disk holds after a crash. keep decides what of the unsynced survives: it is
// asked for the number of directory changes, and per sector for the number of bytes.
func (f *FS) Restart(choose Chooser) *FS {
	after := New()
	maps.Copy(after.live, f.durable)
	for _, c := range f.changes[:choose(len(f.changes)+1)] {
		c.apply(after.live)
	}
	for _, name := range sortedNames(after.live) {
		data := after.live[name].crash(choose)
		after.live[name] = &inode{data: data, synced: slices.Clone(data)}
	}
	maps.Copy(after.durable, after.live)
	return after
}

func (c change) apply(dir map[string]*inode) {
	switch c.op {
	case "create":
		dir[c.to] = c.node
	case "remove":
		delete(dir, c.from)
	case "rename":
		delete(dir, c.from)
		dir[c.to] = c.node
	}
}

// crash returns the content after a crash. The file's states since the last sync are versions; of each
// sector some version is on disk, or a prefix of one followed by the rest of an earlier one. (A sector is
// never a later write without an earlier one to the same sector: the page cache writes whole sectors.)
func (n *inode) crash(choose Chooser) []byte {
	versions := [][]byte{n.synced}
	for _, w := range n.pending {
		versions = append(versions, w.apply(slices.Clone(versions[len(versions)-1])))
	}
	size := len(versions[choose(len(versions))])
	data := make([]byte, size)
	for at := 0; at < size; at += sectorSize {
		end := min(at+sectorSize, size)
		newer := choose(len(versions))
		older := choose(newer + 1)
		tear := end
		if choose(2) == 1 {
			tear = at + choose(end-at+1)
		}
		copyRange(data, versions[newer], at, tear)
		copyRange(data, versions[older], tear, end)
	}
	return data
}

func (w write) apply(data []byte) []byte {
	if w.data == nil {
		return resize(data, w.off)
	}
	return overwrite(data, w.off, w.data)
}

func copyRange(dst, src []byte, from, to int) {
	if from < len(src) {
		copy(dst[from:to], src[from:])
	}
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

func overwrite(data []byte, off int64, p []byte) []byte {
	if end := off + int64(len(p)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[off:], p)
	return data
}

// Names returns the paths of all files, sorted.
func (f *FS) Names() []string { return sortedNames(f.live) }

// Content returns a copy of a file's bytes.
func (f *FS) Content(name string) []byte { return slices.Clone(f.live[name].data) }

// Put sets a file's content, durably: damage, or a backup. nil removes the file.
func (f *FS) Put(name string, data []byte) {
	if data == nil {
		delete(f.live, name)
		delete(f.durable, name)
		return
	}
	node := &inode{data: slices.Clone(data), synced: slices.Clone(data)}
	f.live[name], f.durable[name] = node, node
}

// Clone returns a copy of the file system as readers see it, all of it durable.
func (f *FS) Clone() *FS {
	c := New()
	for _, name := range f.Names() {
		c.Put(name, f.live[name].data)
	}
	return c
}

func sortedNames(dir map[string]*inode) []string { return slices.Sorted(maps.Keys(dir)) }

// Create implements wal.FS.
func (f *FS) Create(name string) (wal.File, error) {
	ok, err := f.step()
	node := &inode{data: []byte{}}
	if ok {
		f.live[name] = node
		f.changes = append(f.changes, change{op: "create", to: name, node: node})
	}
	if err != nil {
		return nil, err
	}
	return &file{fs: f, node: node, name: name}, nil
}

// Open implements wal.FS.
func (f *FS) Open(name string) (wal.File, error) {
	if f.crashed {
		return nil, ErrCrashed
	}
	node := f.live[name]
	if node == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{fs: f, node: node, name: name}, nil
}

// Remove implements wal.FS.
func (f *FS) Remove(name string) error {
	if f.live[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	ok, err := f.step()
	if ok {
		f.change(change{op: "remove", from: name})
	}
	return err
}

// Rename implements wal.FS.
func (f *FS) Rename(oldName, newName string) error {
	node := f.live[oldName]
	if node == nil {
		return &fs.PathError{Op: "rename", Path: oldName, Err: fs.ErrNotExist}
	}
	ok, err := f.step()
	if ok {
		f.change(change{op: "rename", from: oldName, to: newName, node: node})
	}
	return err
}

func (f *FS) change(c change) {
	c.apply(f.live)
	f.changes = append(f.changes, c)
}

// List implements wal.FS.
func (f *FS) List(dir string) ([]string, error) {
	if f.crashed {
		return nil, ErrCrashed
	}
	var names []string
	for _, name := range f.Names() {
		if path.Dir(name) == path.Clean(dir) {
			names = append(names, path.Base(name))
		}
	}
	return names, nil
}

// MkdirAll implements wal.FS; directories need not exist here.
func (f *FS) MkdirAll(string) error {
	if f.crashed {
		return ErrCrashed
	}
	return nil
}

// SyncDir implements wal.FS.
func (f *FS) SyncDir(string) error {
	ok, err := f.step()
	if !ok || err != nil {
		return err
	}
	for _, c := range f.changes {
		c.apply(f.durable)
	}
	f.changes = nil
	return nil
}

type file struct {
	fs   *FS
	node *inode
	name string
}

func (h *file) ReadAt(p []byte, off int64) (int, error) {
	if h.fs.crashed {
		return 0, ErrCrashed
	}
	if off >= int64(len(h.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *file) WriteAt(p []byte, off int64) (int, error) {
	ok, err := h.fs.step()
	if ok {
		h.node.data = overwrite(h.node.data, off, p)
		h.node.pending = append(h.node.pending, write{off, append([]byte{}, p...)})
	}
	if err != nil {
		return 0, fmt.Errorf("write %s: %w", h.name, err)
	}
	return len(p), nil
}

func (h *file) Size() (int64, error) { return int64(len(h.node.data)), nil }

func (h *file) Truncate(size int64) error {
	ok, err := h.fs.step()
	if ok {
		h.node.data = resize(h.node.data, size)
		h.node.pending = append(h.node.pending, write{off: size})
	}
	return err
}

func (h *file) Allocate(int64, int64) error { return nil }

// Sync makes the pending writes durable. If it fails, they are forgotten: a later Sync does not write them.
func (h *file) Sync() error {
	ok, err := h.fs.step()
	if err != nil {
		if !ok {
			h.node.pending = nil
		}
		return fmt.Errorf("sync %s: %w", h.name, err)
	}
	for _, w := range h.node.pending {
		h.node.synced = w.apply(h.node.synced)
	}
	h.node.pending = nil
	return nil
}

func (h *file) Close() error { return nil }
