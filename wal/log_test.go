package wal_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/wal"
	"github.com/quoratedb/quorate/wal/waltest"
)

const dir = "node/wal"

// reopen opens the log and returns it with copies of what it replayed.
func reopen(fs wal.FS, o wal.Options) (*wal.Log, []string, error) {
	if o.Dir == "" {
		o.Dir = dir
	}
	var got []string
	l, err := wal.Open(fs, o, func(p []byte) error {
		got = append(got, string(p))
		return nil
	})
	return l, got, err
}

func mustOpen(t testing.TB, fs wal.FS, o wal.Options) (*wal.Log, []string) {
	t.Helper()
	l, got, err := reopen(fs, o)
	require.NoError(t, err)
	return l, got
}

// record makes the i-th record of a test, of n bytes at least.
func record(i, n int) string {
	s := fmt.Sprintf("r%06d:", i)
	return s + string(bytes.Repeat([]byte{byte('a' + i%26)}, max(0, n-len(s))))
}

func TestRoundTrip(t *testing.T) {
	for _, size := range []int{1, 14, 15, 16, 17, 200, 511, 512, 513, 5000, 70000} {
		fs := waltest.New()
		l, got := mustOpen(t, fs, wal.Options{SegmentBytes: 64 << 10})
		require.Empty(t, got)
		var want []string
		for i := range 50 {
			want = append(want, record(i, size))
			require.NoError(t, l.Append([]byte(want[i])))
			if i%7 == 0 {
				require.NoError(t, l.Sync())
			}
		}
		require.NoError(t, l.Close())
		l, got = mustOpen(t, fs, wal.Options{SegmentBytes: 64 << 10})
		require.Equal(t, want, got)
		require.NoError(t, l.Close())
	}
}

func TestOSFileSystem(t *testing.T) {
	o := wal.Options{Dir: t.TempDir() + "/a/b/wal", SegmentBytes: 64 << 10, PreallocateBytes: 16 << 10}
	var want []string
	for run := range 3 {
		l, got := mustOpen(t, wal.OS(), o)
		require.Equal(t, want, got)
		for i := range 1000 {
			want = append(want, record(run*1000+i, 150))
			require.NoError(t, l.Append([]byte(want[len(want)-1])))
			if i%100 == 0 {
				require.NoError(t, l.Sync())
			}
		}
		require.NoError(t, l.Close())
	}
	l, _ := mustOpen(t, wal.OS(), o)
	c, err := l.BeginCheckpoint()
	require.NoError(t, err)
	for _, r := range want {
		require.NoError(t, c.Append([]byte(r)))
	}
	require.NoError(t, c.Commit())
	require.EqualValues(t, 1, l.Stats().Segments)
	require.NoError(t, l.Close())
	l, got := mustOpen(t, wal.OS(), o)
	require.Equal(t, want, got)
	require.NoError(t, l.Close())
}

// A batch is one write and one sync, however many records it has, and a Sync with nothing new does none.
func TestGroupCommit(t *testing.T) {
	l, _ := mustOpen(t, waltest.New(), wal.Options{})
	before := l.Stats()
	for i := range 1000 {
		require.NoError(t, l.Append([]byte(record(i, 100))))
	}
	require.NoError(t, l.Sync())
	require.NoError(t, l.Sync())
	after := l.Stats()
	require.EqualValues(t, 1, after.Writes-before.Writes)
	require.EqualValues(t, 1, after.Syncs-before.Syncs)
	require.EqualValues(t, 1000, after.Records)
	require.EqualValues(t, 1000*128, after.SyncedBytes)
}

func TestCheckpointReplacesLog(t *testing.T) {
	for _, compression := range []wal.Compression{wal.Zstd, wal.LZ4, wal.None} {
		fs := waltest.New()
		o := wal.Options{SegmentBytes: 4096, Compression: compression, CheckpointBlockBytes: 1000}
		l, _ := mustOpen(t, fs, o)
		for i := range 200 {
			require.NoError(t, l.Append([]byte(record(i, 100))))
		}
		require.NoError(t, l.Sync())
		require.Greater(t, l.Stats().Segments, uint64(5))
		c, err := l.BeginCheckpoint()
		require.NoError(t, err)
		_, err = l.BeginCheckpoint()
		require.ErrorIs(t, err, wal.ErrCheckpointRunning)
		var want []string
		for i := range 50 {
			want = append(want, record(1000+i, 10+i*20))
			require.NoError(t, c.Append([]byte(want[i])))
			if i < 5 { // the log goes on meanwhile
				require.NoError(t, l.Append([]byte(record(2000+i, 30))))
			}
		}
		for i := range 5 {
			want = append(want, record(2000+i, 30))
		}
		require.NoError(t, c.Commit())
		require.ErrorIs(t, c.Commit(), wal.ErrCheckpointDone)
		require.EqualValues(t, 1, l.Stats().Segments)
		require.EqualValues(t, 5*48, l.BytesSinceCheckpoint())
		require.NoError(t, l.Close())
		l, got := mustOpen(t, fs, o)
		require.Equal(t, want, got)
		require.EqualValues(t, 50, l.Stats().ReplayedCheckpoint)
		require.EqualValues(t, 5*48, l.BytesSinceCheckpoint())
	}
}

func TestAbortedCheckpointLeavesTheLog(t *testing.T) {
	fs := waltest.New()
	l, _ := mustOpen(t, fs, wal.Options{})
	require.NoError(t, l.Append([]byte("one")))
	c, err := l.BeginCheckpoint()
	require.NoError(t, err)
	require.NoError(t, c.Append([]byte("never")))
	require.NoError(t, c.Abort())
	require.ErrorIs(t, c.Append([]byte("x")), wal.ErrCheckpointDone)
	require.NoError(t, l.Append([]byte("two")))
	require.NoError(t, l.Close())
	_, got := mustOpen(t, fs, wal.Options{})
	require.Equal(t, []string{"one", "two"}, got)
	require.False(t, slices.ContainsFunc(fs.Names(), func(n string) bool { return bytes.HasSuffix([]byte(n), []byte(".tmp")) }))
}

func TestBadArguments(t *testing.T) {
	fs := waltest.New()
	l, _ := mustOpen(t, fs, wal.Options{MaxRecordBytes: 10})
	require.ErrorIs(t, l.Append(nil), wal.ErrEmptyRecord)
	require.ErrorIs(t, l.Append(make([]byte, 11)), wal.ErrRecordTooLarge)
	require.NoError(t, l.Append(make([]byte, 10)), "a refused record leaves the log usable")
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Append([]byte("x")), wal.ErrClosed)
	require.ErrorIs(t, l.Sync(), wal.ErrClosed)
	for _, o := range []wal.Options{
		{}, {Dir: dir, SegmentBytes: 1}, {Dir: dir, MaxRecordBytes: -1}, {Dir: dir, Compression: 9}, {Dir: dir, CheckpointBlockBytes: -5},
	} {
		_, err := wal.Open(fs, o, func([]byte) error { return nil })
		require.Error(t, err)
	}
	_, err := wal.ParseCompression("gzip")
	require.ErrorContains(t, err, "zstd, lz4 and none")
}
