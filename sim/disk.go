package sim

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/quoratedb/quorate/wal"
)

// The errors that a faulty disk gives.
var (
	errDisk      = errors.New("sim")
	errDiskFull  = fmt.Errorf("%w: no space left on device", errDisk)
	errDiskWrite = fmt.Errorf("%w: input/output error on write", errDisk)
	errDiskSync  = fmt.Errorf("%w: input/output error on fsync", errDisk)
	errNoFile    = errors.New("sim: no such file")
	errStale     = errors.New("sim: the file was opened before the last crash")
)

// Disk is a file system in memory that can forget. It implements wal.FS.
//
//  1. What was written to a file is durable after File.Sync, entries of a
//     directory after SyncDir. A crash with power loss keeps everything durable
//     and, of the rest, what the dice leave: see crash.go.
//  2. A file opened before a crash answers with an error after it.
//  3. A failed fsync drops the pages it should have written, as Linux does: they
//     read as before until the next power loss and no later fsync writes them.
type Disk struct {
	node    *node   // that it belongs to, or nil
	entries []entry // current, sorted by name
	durable []entry
	pending []dirChange // since the last SyncDir, in order
	life    uint32      // counts crashes

	// Faults, switched by the nemesis.
	failWrites, full bool
	failSyncs        int    // so many, from now on
	flips            []flip // bytes that are not what was written
	watch            bool   // some fault asks how old data is
	misdirect        int64  // so many writes, from now on
	stray            []stray
	coldRots, strays uint32 // how often these took place
	// stats for coverage marks
	syncs, errors, lostBytes, tornSectors uint64
}

// entry is a name of a file. Directories are implied by names.
type entry struct {
	name string
	node *inode
}

// inode is a file's content: what the process sees and what is on the platter.
type inode struct {
	data    []byte
	durable []byte
	dirty   []span // ranges of data that differ from durable, unordered
	lost    []span // ranges that a failed fsync dropped
	// older and newer are where the data ended at the latest two syncs, if the
	// disk keeps watch.
	older, newer int64
}

type span struct{ from, to int64 }

// dirChange is one change of the directory that SyncDir has not made durable.
type dirChange struct {
	name string // created, replaced or removed
	node *inode // nil: removed
	old  string // the other name of a rename, which it removes
}

// NewDisk returns an empty disk.
func NewDisk() *Disk { return &Disk{} }

var _ wal.FS = (*Disk)(nil)

func find(es []entry, name string) (int, bool) {
	return slices.BinarySearchFunc(es, name, func(e entry, n string) int { return strings.Compare(e.name, n) })
}

func set(es []entry, name string, n *inode) []entry {
	i, ok := find(es, name)
	switch {
	case n == nil && ok:
		return slices.Delete(es, i, i+1)
	case n == nil:
		return es
	case ok:
		es[i].node = n
		return es
	}
	return slices.Insert(es, i, entry{name, n})
}

func (d *Disk) change(c dirChange) {
	d.entries = c.apply(d.entries)
	d.pending = append(d.pending, c)
}

func (c dirChange) apply(es []entry) []entry {
	if c.old != "" {
		es = set(es, c.old, nil)
	}
	return set(es, c.name, c.node)
}

// Create implements wal.FS.
func (d *Disk) Create(name string) (wal.File, error) {
	if d.full {
		d.errors++
		return nil, fmt.Errorf("create %s: %w", name, errDiskFull)
	}
	n := &inode{}
	d.change(dirChange{name: name, node: n})
	d.tell(diskCreate, name, 0, nil, false)
	return &file{disk: d, node: n, name: name, life: d.life}, nil
}

// Open implements wal.FS.
func (d *Disk) Open(name string) (wal.File, error) {
	i, ok := find(d.entries, name)
	if !ok {
		return nil, fmt.Errorf("open %s: %w", name, errNoFile)
	}
	return &file{disk: d, node: d.entries[i].node, name: name, life: d.life}, nil
}

// Remove implements wal.FS.
func (d *Disk) Remove(name string) error {
	if _, ok := find(d.entries, name); !ok {
		return fmt.Errorf("remove %s: %w", name, errNoFile)
	}
	d.change(dirChange{name: name})
	d.tell(diskRemove, name, 0, nil, false)
	return nil
}

// Rename implements wal.FS.
func (d *Disk) Rename(oldName, newName string) error {
	i, ok := find(d.entries, oldName)
	if !ok {
		return fmt.Errorf("rename %s: %w", oldName, errNoFile)
	}
	d.change(dirChange{name: newName, node: d.entries[i].node, old: oldName})
	d.tell(diskRename, oldName, 0, []byte(newName), false)
	return nil
}

// List implements wal.FS.
func (d *Disk) List(dir string) ([]string, error) {
	var names []string
	for _, e := range d.entries {
		if path.Dir(e.name) == path.Clean(dir) {
			names = append(names, path.Base(e.name))
		}
	}
	return names, nil
}

// MkdirAll implements wal.FS.
func (d *Disk) MkdirAll(string) error { return nil }

// SyncDir implements wal.FS. There is one directory.
func (d *Disk) SyncDir(string) error {
	synced := d.maySync()
	d.tell(diskSyncDir, "", 0, nil, !synced)
	if !synced {
		return errDiskSync
	}
	for _, c := range d.pending {
		d.durable = c.apply(d.durable)
	}
	d.pending = d.pending[:0]
	return nil
}

// maySync counts an fsync and reports whether it succeeds.
func (d *Disk) maySync() bool {
	if d.failSyncs > 0 {
		d.failSyncs--
		d.errors++
		return false
	}
	d.syncs++
	return true
}
