package wal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/wal"
	"github.com/quoratedb/quorate/wal/waltest"
)

// counter is the smallest actor whose records are idempotent: record i takes it from i to i+1, and a
// checkpoint holds the number it has reached, and padding.
type counter struct {
	next  int // the state
	acked int // what a Sync has acknowledged
}

func (c *counter) payload(i int) []byte {
	return []byte(fmt.Sprintf("r%d:%s", i, record(i, i*i*37%900)))
}

func (c *counter) apply(p []byte) error {
	kind, rest := p[0], string(p[1:])
	for i := range rest {
		if rest[i] == ':' {
			if kind == 'r' && string(c.payload(atoi(rest[:i]))) != string(p) {
				return errors.New("a record came back changed")
			}
			rest = rest[:i]
			break
		}
	}
	i := atoi(rest)
	switch kind {
	case 's':
		c.next = max(c.next, i)
	case 'r':
		if i > c.next {
			return fmt.Errorf("record %d follows %d", i, c.next)
		}
		c.next = max(c.next, i+1)
	default:
		return fmt.Errorf("record of unknown kind %q", kind)
	}
	return nil
}

func atoi(s string) int {
	i, err := strconv.Atoi(s)
	if err != nil {
		return 1 << 30
	}
	return i
}

// workload drives a log until it fails: batches of records, checkpoints that the log outruns, now and
// then an unsynced flush, and a clean restart. It returns the first error.
func (c *counter) workload(fs wal.FS, o wal.Options, seed uint64, batches int) error {
	rng := rand.New(rand.NewPCG(seed, 1))
	l, err := wal.Open(fs, o, c.apply)
	if err != nil {
		return err
	}
	var cp *wal.Checkpoint
	for range batches {
		for range rng.IntN(6) {
			if err := l.Append(c.payload(c.next)); err != nil {
				return err
			}
			c.next++
		}
		switch {
		case cp == nil && rng.IntN(6) == 0:
			cp, err = l.BeginCheckpoint()
		case cp != nil && rng.IntN(3) == 0:
			for i := 0; i < 40 && err == nil; i++ {
				err = cp.Append([]byte("s0:" + record(i, 50)))
			}
			if err == nil {
				err = cp.Append([]byte(fmt.Sprintf("s%d", c.next)))
			}
			if err == nil {
				err, cp = cp.Commit(), nil
			}
		case rng.IntN(4) == 0:
			err = l.Flush()
		case cp == nil && rng.IntN(12) == 0:
			if err = l.Close(); err == nil {
				c.acked = c.next
				l, err = wal.Open(fs, o, c.apply)
			}
		default:
			if err = l.Sync(); err == nil {
				c.acked = c.next
			}
		}
		if err != nil {
			return err
		}
	}
	if err = l.Close(); err == nil {
		c.acked = c.next
	}
	return err
}

// check reopens the log after a crash: every acknowledged record is there, and none after a gap.
func (c *counter) check(t *testing.T, fs *waltest.FS, o wal.Options, at string) *counter {
	t.Helper()
	after := &counter{}
	l, err := wal.Open(fs, o, after.apply)
	require.NoError(t, err, at)
	require.GreaterOrEqual(t, after.next, c.acked, "%s: acknowledged records are lost", at)
	require.LessOrEqual(t, after.next, c.next, at)
	require.NoError(t, l.Close())
	after.acked = after.next
	return after
}

// requireStopped allows no error at all too: the last Close need not remove an aborted checkpoint.
func requireStopped(t *testing.T, err, want error, at string) {
	t.Helper()
	if err != nil {
		require.ErrorIs(t, err, want, at)
	}
}

func smallSegments(seed uint64) wal.Options {
	return wal.Options{
		Dir: dir, SegmentBytes: 4096 + int64(seed%3)*3000, PreallocateBytes: []int64{-1, 1024, 8192}[seed%3],
		Compression: wal.Compression(seed % 3), CheckpointBlockBytes: 512,
	}
}

// Every operation of a run is the last one before a power failure, once with each of several choices of
// what reaches the disk; then the node works on, and fails again.
func TestCrashAtEveryOperation(t *testing.T) {
	for seed := range uint64(3) {
		o := smallSegments(seed)
		dry := waltest.New()
		require.NoError(t, (&counter{}).workload(dry, o, seed, 60))
		require.Greater(t, dry.Ops(), 100)
		for n := range dry.Ops() {
			for variant := range uint64(4) {
				at := fmt.Sprintf("seed %d, crash at operation %d, variant %d", seed, n, variant)
				rng := rand.New(rand.NewPCG(seed<<32|uint64(n), variant))
				fs, c := waltest.New(), &counter{}
				fs.CrashAt(n)
				requireStopped(t, c.workload(fs, o, seed, 60), waltest.ErrCrashed, at)
				fs = fs.Restart(rng.IntN)
				// Crash once more, in recovery or soon after it.
				again := &counter{acked: c.acked}
				fs.CrashAt(rng.IntN(12))
				err := again.workload(fs, o, seed+100, 10)
				requireStopped(t, err, waltest.ErrCrashed, at)
				again.next = max(again.next, c.next)
				fs = fs.Restart(rng.IntN)
				last := again.check(t, fs, o, at)
				require.NoError(t, last.workload(fs, o, seed+200, 10), at)
				last.check(t, fs, o, at)
			}
		}
	}
}

// A write or sync that fails poisons the log; after a restart of the process alone, everything that
// recovery hands over survives a power failure, though a failed sync has dropped it from the disk's queue.
func TestFailureAtEveryOperation(t *testing.T) {
	broken := errors.New("input/output error")
	for seed := range uint64(3) {
		o := smallSegments(seed)
		dry := waltest.New()
		require.NoError(t, (&counter{}).workload(dry, o, seed, 60))
		for n := range dry.Ops() {
			at := fmt.Sprintf("seed %d, failure at operation %d", seed, n)
			rng := rand.New(rand.NewPCG(seed, uint64(n)))
			fs, c := waltest.New(), &counter{}
			fs.FailAt(n, broken)
			requireStopped(t, c.workload(fs, o, seed, 60), broken, at)
			if n%2 == 0 {
				fs.Revive()
				c.check(t, fs, o, at)
			}
			c.check(t, fs.Restart(rng.IntN), o, at)
		}
	}
}

// What a restarted process has read it may act on, so it must be on disk, although the process before
// never synced it.
func TestRecoveredIsDurable(t *testing.T) {
	for n := range 20 {
		rng := rand.New(rand.NewPCG(7, uint64(n)))
		fs, c := waltest.New(), &counter{}
		l, err := wal.Open(fs, smallSegments(1), c.apply)
		require.NoError(t, err)
		for range n + 1 {
			require.NoError(t, l.Append(c.payload(c.next)))
			c.next++
		}
		require.NoError(t, l.Flush())
		fs.Revive() // killed: no sync, no Close
		after := &counter{}
		_, err = wal.Open(fs, smallSegments(1), after.apply)
		require.NoError(t, err)
		require.Equal(t, n+1, after.next)
		after.acked = after.next
		after.check(t, fs.Restart(rng.IntN), smallSegments(1), "power failure after recovery")
	}
}

func TestPoisonedForEver(t *testing.T) {
	broken := errors.New("no space left on device")
	fs := waltest.New()
	l, _ := mustOpen(t, fs, wal.Options{PreallocateBytes: -1})
	require.NoError(t, l.Append([]byte("a")))
	fs.FailAt(fs.Ops()+1, broken) // the sync after the write
	require.ErrorIs(t, l.Sync(), broken)
	require.True(t, fs.Failed())
	require.ErrorIs(t, l.Sync(), broken, "a second try must not succeed")
	require.ErrorIs(t, l.Append([]byte("b")), broken)
	require.ErrorIs(t, l.Flush(), broken)
	_, err := l.BeginCheckpoint()
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, l.Close(), broken)
}

// A checkpoint that can't be written is given up; the log goes on.
func TestCheckpointWriteFails(t *testing.T) {
	broken := errors.New("no space left on device")
	fs := waltest.New()
	l, _ := mustOpen(t, fs, wal.Options{CheckpointBlockBytes: 10})
	require.NoError(t, l.Append([]byte("a")))
	c, err := l.BeginCheckpoint()
	require.NoError(t, err)
	fs.FailAt(fs.Ops(), broken)
	require.ErrorIs(t, c.Append([]byte("more than ten bytes")), broken)
	require.ErrorIs(t, c.Commit(), broken)
	require.NoError(t, l.Append([]byte("b")))
	require.NoError(t, l.Close())
	_, got := mustOpen(t, fs, wal.Options{})
	require.Equal(t, []string{"a", "b"}, got)
}

// A checkpoint whose sync fails is given up too, but a disk that fails to sync stops the node.
func TestCheckpointSyncFails(t *testing.T) {
	broken := errors.New("input/output error")
	fs := waltest.New()
	l, _ := mustOpen(t, fs, wal.Options{})
	c, err := l.BeginCheckpoint()
	require.NoError(t, err)
	fs.FailAt(fs.Ops()+1, broken) // the footer is written before
	require.ErrorIs(t, c.Commit(), broken)
	require.ErrorIs(t, l.Append([]byte("b")), broken)
}
