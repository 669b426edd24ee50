package wal_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/wal"
	"github.com/quoratedb/quorate/wal/waltest"
)

// fuzzLog is a log of a checkpoint and three segments, and the records in it. It was stopped cleanly, or
// it crashed after its last sync.
func fuzzLog(t testing.TB, closed bool, compression wal.Compression) (fs *waltest.FS, want []string) {
	fs = waltest.New()
	o := wal.Options{SegmentBytes: 4096, PreallocateBytes: 1024, Compression: compression, CheckpointBlockBytes: 400}
	l, _ := mustOpen(t, fs, o)
	require.NoError(t, l.Append([]byte("dropped by the checkpoint")))
	c, err := l.BeginCheckpoint()
	require.NoError(t, err)
	for i := range 12 {
		want = append(want, record(i, 20*i))
		require.NoError(t, c.Append([]byte(want[i])))
	}
	require.NoError(t, c.Commit())
	for i := 12; i < 45; i++ {
		want = append(want, record(i, i*131%700))
		require.NoError(t, l.Append([]byte(want[i])))
		if i%4 == 0 {
			require.NoError(t, l.Sync())
		}
	}
	require.NoError(t, l.Sync())
	if closed {
		require.NoError(t, l.Close())
	}
	return fs.Clone(), want
}

// damageBytes changes n bytes of b from offset at on, or its length.
func damageBytes(b []byte, kind uint8, at, n uint32, with []byte) []byte {
	from := int(at) % (len(b) + 1)
	to := min(len(b), from+int(n)%2048)
	switch kind % 6 {
	case 0: // one bit
		if from < len(b) {
			b[from] ^= 1 << (n % 8)
		}
	case 1:
		clear(b[from:to])
	case 2:
		b = b[:from]
	case 3:
		copy(b[from:], with)
	case 4:
		b = slices.Insert(b, from, with...)
	case 5:
		copy(b[from:to], b) // a block that went to the wrong place
	}
	return b
}

// Whatever is done to one file: the log opens with exactly what was acknowledged, or says which file is
// damaged and where. It never panics.
func FuzzRecover(f *testing.F) {
	for kind := range uint8(6) {
		for file := range uint8(4) {
			f.Add(file, kind, kind%2 == 0, uint32(600), uint32(77), []byte("garbage"))
			f.Add(file, kind, kind%2 == 1, uint32(3), uint32(2047), []byte{0})
		}
	}
	type original struct {
		fs       *waltest.FS
		want     []string
		notInEnd int // records before the last segment
	}
	var logs [2][3]original
	for i := range 6 {
		fs, want := fuzzLog(f, i%2 == 0, wal.Compression(i/2))
		short := fs.Clone()
		last := short.Names()[len(short.Names())-1]
		short.Put(last, short.Content(last)[:header])
		_, got, _ := reopen(short, wal.Options{SegmentBytes: 4096})
		logs[i%2][i/2] = original{fs, want, len(got)}
	}
	f.Fuzz(func(t *testing.T, file, kind uint8, closed bool, at, n uint32, with []byte) {
		log := logs[0][kind/6%3]
		certain := len(log.want)
		fs := log.fs.Clone()
		names := fs.Names()
		name := names[int(file)%len(names)]
		if !closed {
			log = logs[1][kind/6%3]
			fs = log.fs.Clone()
			// Who erases the end of a log that was not stopped cleanly erases what tells of it as well.
			if kind%6 != 0 && name == names[len(names)-1] {
				certain = log.notInEnd
			}
		}
		fs.Put(name, damageBytes(fs.Content(name), kind, at, n, with))
		l, got, err := reopen(fs, wal.Options{SegmentBytes: 4096})
		if err != nil {
			var c *wal.CorruptError
			require.True(t, errors.As(err, &c), "%v", err)
			require.NotEmpty(t, c.File)
			return
		}
		require.GreaterOrEqual(t, len(got), certain)
		require.Equal(t, log.want[:len(got)], got)
		require.NoError(t, l.Append([]byte("more")))
		require.NoError(t, l.Close())
		_, again := mustOpen(t, fs, wal.Options{SegmentBytes: 4096})
		require.Equal(t, append(got, "more"), again)
	})
}

// Files of arbitrary content under the log's names.
func FuzzForeignContent(f *testing.F) {
	fs, _ := fuzzLog(f, true, wal.Zstd)
	for _, name := range fs.Names() {
		f.Add(fs.Content(name), fs.Content(name))
	}
	f.Fuzz(func(t *testing.T, segment, checkpoint []byte) {
		fs := waltest.New()
		fs.Put(dir+"/0000000000000002.wal", append([]byte{}, segment...))
		fs.Put(dir+"/0000000000000002.ckpt", append([]byte{}, checkpoint...))
		if l, _, err := reopen(fs, wal.Options{}); err == nil {
			require.NoError(t, l.Close())
		}
	})
}
