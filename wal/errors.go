package wal

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is returned by every call after Close.
	ErrClosed = errors.New("wal: the log is closed")
	// ErrEmptyRecord is returned for a payload of no bytes; it needs at least its kind byte.
	ErrEmptyRecord = errors.New("wal: a record needs at least one byte")
	// ErrRecordTooLarge is returned for a payload of more than Options.MaxRecordBytes.
	ErrRecordTooLarge = errors.New("wal: record too large")
	// ErrCheckpointRunning is returned by BeginCheckpoint while another checkpoint is being written.
	ErrCheckpointRunning = errors.New("wal: a checkpoint is already being written")
	// ErrCheckpointDone is returned by a checkpoint's calls after Commit or Abort.
	ErrCheckpointDone = errors.New("wal: the checkpoint is already committed or aborted")
)

// CorruptError says that a file of the log is not as it was written and that a torn write does not
// explain it. Nothing was changed on disk; the node must not start from this log.
type CorruptError struct {
	File   string // path of the file
	Offset int64  // byte offset in File where the damage begins
	Reason string
	Remedy string
	Err    error // the read error behind it, or nil
}

func (e *CorruptError) Error() string {
	s := fmt.Sprintf("wal: %s is damaged at offset %d: %s", e.File, e.Offset, e.Reason)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s + "; " + e.Remedy
}

func (e *CorruptError) Unwrap() error { return e.Err }

const (
	// An older copy and an empty directory have both forgotten what the node had promised.
	remedyLost = "treat the disk as lost, as docs/operating.md says; never truncate the file or put an older copy in its place, " +
		"that would take back acknowledged writes"
	remedyForeign = "move the file out of the log directory and start again"
	remedyVersion = "start the release that wrote the log"
)

func corrupt(file string, offset int64, format string, args ...any) *CorruptError {
	return &CorruptError{File: file, Offset: offset, Reason: fmt.Sprintf(format, args...), Remedy: remedyLost}
}

func unreadable(file string, offset int64, err error) *CorruptError {
	return &CorruptError{File: file, Offset: offset, Reason: "it can't be read", Remedy: remedyLost, Err: err}
}
