//go:build !linux

package wal

// Sync is the platform's full file sync.
func (f *osFile) Sync() error { return f.File.Sync() }

// Allocate does nothing: it is a hint.
func (f *osFile) Allocate(offset, size int64) error { return nil }
