package wal_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/wal"
	"github.com/quoratedb/quorate/wal/waltest"
)

// The file layout, as the package comment states it; spelled out so that a change of it is noticed.
const (
	segment1  = dir + "/0000000000000001.wal"
	segment2  = dir + "/0000000000000002.wal"
	header    = 512
	frameOf60 = 80 // bytes on disk of a record of 60
)

// twoBatches is a log of records 0 to 3, synced in one batch, and 4 to 7 in another, as a crash leaves it
// (closed false) or a clean stop.
func twoBatches(t *testing.T, closed bool) *waltest.FS {
	fs := waltest.New()
	l, _ := mustOpen(t, fs, wal.Options{PreallocateBytes: 4096})
	for i := range 8 {
		require.NoError(t, l.Append([]byte(record(i, 60))))
		if i == 3 || i == 7 {
			require.NoError(t, l.Sync())
		}
	}
	if closed {
		require.NoError(t, l.Close())
	}
	return fs.Clone()
}

func records(n int) []string {
	var want []string
	for i := range n {
		want = append(want, record(i, 60))
	}
	return want
}

func requireCorrupt(t *testing.T, fs wal.FS, file string, offset int64, reason string) {
	t.Helper()
	_, _, err := reopen(fs, wal.Options{})
	var c *wal.CorruptError
	require.ErrorAs(t, err, &c)
	require.Equal(t, file, c.File)
	require.Equal(t, offset, c.Offset)
	require.Contains(t, c.Error(), reason)
	require.NotEmpty(t, c.Remedy)
}

func damage(fs *waltest.FS, name string, change func(b []byte) []byte) *waltest.FS {
	fs.Put(name, change(fs.Content(name)))
	return fs
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte { b[at] ^= 0x10; return b }
}

func zero(from, to int) func([]byte) []byte {
	return func(b []byte) []byte { clear(b[from:to]); return b }
}

// Damage before what a later frame knows to be synced is corruption, whatever it looks like.
func TestDamageInSyncedPart(t *testing.T) {
	second := header + frameOf60
	for _, change := range []func([]byte) []byte{
		flip(second + 30), flip(second), flip(second + 5), zero(second, second+frameOf60), zero(header+40, header+100),
	} {
		_, _, err := reopen(damage(twoBatches(t, false), segment1, change), wal.Options{})
		var c *wal.CorruptError
		require.ErrorAs(t, err, &c)
		require.Contains(t, c.Reason, "was synced up to 832")
	}
}

// Behind the last known sync, a flipped bit is no torn write; missing bytes are.
func TestDamageInLastBatch(t *testing.T) {
	last := header + 7*frameOf60
	requireCorrupt(t, damage(twoBatches(t, false), segment1, flip(last+30)), segment1, int64(last), "checksum is wrong though all")
	requireCorrupt(t, damage(twoBatches(t, false), segment1, flip(last+2)), segment1, int64(last), "header is not as written")
	// Record 5 can't be torn while record 6, which begins behind it in the same sector, is there.
	fifth := header + 5*frameOf60
	requireCorrupt(t, damage(twoBatches(t, false), segment1, zero(fifth, fifth+frameOf60)), segment1, int64(fifth), "header")

	fs := damage(twoBatches(t, false), segment1, zero(last+30, last+frameOf60))
	l, got := mustOpen(t, fs, wal.Options{})
	require.Equal(t, records(7), got)
	require.NotZero(t, l.Stats().CutBytes)
	require.NoError(t, l.Append([]byte("after")))
	require.NoError(t, l.Close())
	_, got = mustOpen(t, fs, wal.Options{})
	require.Equal(t, append(records(7), "after"), got, "the torn bytes must not come back")
}

// A clean stop vouches for everything: then even what looks like a torn write is corruption.
func TestDamageAfterCleanStop(t *testing.T) {
	last := header + 7*frameOf60
	requireCorrupt(t, damage(twoBatches(t, true), segment1, zero(last+30, last+frameOf60)), segment1, int64(last), "synced up to 1152")
	truncate := func(b []byte) []byte { return b[:last+10] }
	requireCorrupt(t, damage(twoBatches(t, true), segment1, truncate), segment1, int64(last), "synced up to 1152")
}

func TestForeignAndMissingFiles(t *testing.T) {
	fs := twoBatches(t, true)
	fs.Put(dir+"/notes.txt", []byte("hello"))
	requireCorrupt(t, fs, dir+"/notes.txt", 0, "not a file of the log")

	l, _ := mustOpen(t, twoBatches(t, true), wal.Options{})
	require.NoError(t, l.Close())

	fs = threeSegments(t)
	fs.Put(segment2, nil)
	requireCorrupt(t, fs, segment2, 0, "missing")
	fs = threeSegments(t)
	fs.Put(segment1, nil)
	requireCorrupt(t, fs, dir+"/0000000000000002.ckpt", 0, "missing")
	fs = threeSegments(t)
	fs.Put(dir+"/0000000000000003.wal", nil)
	requireCorrupt(t, fs, dir+"/0000000000000003.wal", 0, "segment 2 says that it existed")
	fs = threeSegments(t)
	fs.Put(segment1, fs.Content(segment2))
	requireCorrupt(t, fs, segment1, 16, "it holds segment 2")
	fs = damage(threeSegments(t), segment2, func(b []byte) []byte { b[8] = 9; return b })
	requireCorrupt(t, fs, segment2, 8, "format version 9")
	fs = damage(threeSegments(t), segment2, func(b []byte) []byte { return b[:100] })
	requireCorrupt(t, fs, segment2, 100, "ends within its header")
	fs = damage(threeSegments(t), segment1, func(b []byte) []byte { return b[:len(b)/2] })
	requireCorrupt(t, fs, segment1, 1952, "the frames end at 4032")

	fs = checkpointed(t)
	fs.Put(dir+"/0000000000000002.ckpt", nil)
	requireCorrupt(t, fs, dir+"/0000000000000002.ckpt", 0, "missing")
	fs = checkpointed(t)
	fs.Put(segment2, nil)
	requireCorrupt(t, fs, segment2, 0, "missing, though checkpoint 2")
	fs = checkpointed(t)
	requireCorrupt(t, damage(fs, dir+"/0000000000000002.ckpt", flip(70)), dir+"/0000000000000002.ckpt", 32, "checksum")
}

func threeSegments(t *testing.T) *waltest.FS {
	fs := waltest.New()
	l, _ := mustOpen(t, fs, wal.Options{SegmentBytes: 4096})
	for i := range 100 {
		require.NoError(t, l.Append([]byte(record(i, 60))))
	}
	require.NoError(t, l.Close())
	require.Len(t, fs.Names(), 3)
	return fs
}

func checkpointed(t *testing.T) *waltest.FS {
	fs := waltest.New()
	l, _ := mustOpen(t, fs, wal.Options{})
	c, err := l.BeginCheckpoint()
	require.NoError(t, err)
	require.NoError(t, c.Append([]byte(record(1, 300))))
	require.NoError(t, c.Commit())
	require.NoError(t, l.Close())
	require.Len(t, fs.Names(), 2)
	return fs
}

// A replay that refuses a record ends Open with the place of that record.
func TestReplayError(t *testing.T) {
	refused := errors.New("unknown kind")
	_, err := wal.Open(twoBatches(t, true), wal.Options{Dir: dir}, func(p []byte) error {
		if strings.HasPrefix(string(p), "r000002") {
			return refused
		}
		return nil
	})
	require.ErrorIs(t, err, refused)
	require.ErrorContains(t, err, "offset 672 of "+segment1)
}

// Half-written files of a crash go away; a checkpoint's leftovers too.
func TestLeftoversAreRemoved(t *testing.T) {
	fs := checkpointed(t)
	fs.Put(dir+"/0000000000000003.wal.tmp", []byte("half"))
	fs.Put(dir+"/0000000000000003.ckpt.tmp", []byte("half"))
	fs.Put(segment1, []byte("whatever: checkpoint 2 has replaced it"))
	fs.Put(dir+"/0000000000000001.ckpt", []byte("whatever"))
	l, _ := mustOpen(t, fs, wal.Options{})
	require.NoError(t, l.Close())
	require.Equal(t, []string{dir + "/0000000000000002.ckpt", segment2}, fs.Names())
}
