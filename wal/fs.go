package wal

import "io"

// FS is all that the log asks of a file system. Names are slash-separated paths.
//
// A change of the directory (Create, Rename, Remove) is durable only after SyncDir; what was written to a
// file, and its size, only after File.Sync. Until then a crash may leave of each 512-byte sector the new
// bytes, the old ones, or a prefix of the new and the rest of the old, and recovery relies on nothing more:
// in particular a sector never has a later write without an earlier one to the same sector (a page cache
// writes whole sectors).
type FS interface {
	// Create makes an empty file, or empties the one that exists.
	Create(name string) (File, error)
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)
	// Remove unlinks a file.
	Remove(name string) error
	// Rename replaces newName, if it exists, atomically.
	Rename(oldName, newName string) error
	// List returns the names (without the directory) of what is in dir, sorted.
	List(dir string) ([]string, error)
	// MkdirAll makes dir and its missing parents, durably.
	MkdirAll(dir string) error
	// SyncDir makes the directory's entries durable.
	SyncDir(dir string) error
}

// File is an open file. ReadAt and WriteAt follow io.ReaderAt and io.WriterAt. A write beyond the end
// fills the gap with zeros.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Size is the file's size in bytes.
	Size() (int64, error)
	// Truncate sets the size; bytes gained are zero.
	Truncate(size int64) error
	// Allocate is a hint that [offset, offset+size) will be written soon; it changes neither content nor size.
	Allocate(offset, size int64) error
	// Sync makes content and size durable (fdatasync where there is one).
	Sync() error
	Close() error
}
