package sim

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/wal"
)

func mustWrite(t *testing.T, f wal.File, s string, off int64) {
	t.Helper()
	_, err := f.WriteAt([]byte(s), off)
	require.NoError(t, err)
}

func content(t *testing.T, d *Disk, name string) string {
	t.Helper()
	f, err := d.Open(name)
	require.NoError(t, err)
	size, err := f.Size()
	require.NoError(t, err)
	b := make([]byte, size)
	if size > 0 {
		_, err = f.ReadAt(b, 0)
		require.NoError(t, err)
	}
	return string(b)
}

func TestDiskKeepsWhatWasSynced(t *testing.T) {
	for seed := range 200 {
		d := NewDisk()
		f, err := d.Create("w/a")
		require.NoError(t, err)
		mustWrite(t, f, "durable", 0)
		require.NoError(t, f.Sync())
		require.NoError(t, d.SyncDir("w"))
		mustWrite(t, f, "-lost?", 7)
		roll := dice(seed)
		d.powerLoss(&roll)

		_, err = f.WriteAt([]byte("x"), 0)
		require.ErrorIs(t, err, errStale, "a file handle does not survive a crash")
		got := content(t, d, "w/a")
		require.True(t, len(got) >= 7 && got[:7] == "durable", "%q", got)
		for i := 7; i < len(got); i++ {
			require.Contains(t, []byte{0, "durable-lost?"[i]}, got[i])
		}
	}
}

func TestDiskCrashLeavesEveryKindOfTear(t *testing.T) {
	old, new := bytes.Repeat([]byte{'o'}, 4*sectorBytes), bytes.Repeat([]byte{'n'}, 4*sectorBytes)
	var none, all, torn, reordered int
	for seed := range 400 {
		d := NewDisk()
		f, err := d.Create("a")
		require.NoError(t, err)
		mustWrite(t, f, string(old), 0)
		require.NoError(t, f.Sync())
		require.NoError(t, d.SyncDir("."))
		mustWrite(t, f, string(new), 0)
		roll := dice(seed)
		d.powerLoss(&roll)
		got := content(t, d, "a")
		require.Len(t, got, len(old))
		n := bytes.Count([]byte(got), []byte{'n'})
		prefix := got[:n] == string(new[:n])
		switch {
		case n == 0:
			none++
		case n == len(new):
			all++
		case prefix && n%sectorBytes != 0:
			torn++
		case !prefix:
			require.Zero(t, n%sectorBytes, "sectors are reordered as wholes")
			reordered++
		}
	}
	for _, n := range []int{none, all, torn, reordered} {
		require.Greater(t, n, 20)
	}
}

func TestDiskForgetsDirectoryEntriesInOrder(t *testing.T) {
	seen := map[string]bool{}
	for seed := range 100 {
		d := NewDisk()
		f, err := d.Create("a.tmp")
		require.NoError(t, err)
		mustWrite(t, f, "x", 0)
		require.NoError(t, f.Sync())
		require.NoError(t, d.SyncDir("."))
		require.NoError(t, d.Rename("a.tmp", "a"))
		_, err = d.Create("b")
		require.NoError(t, err)
		roll := dice(seed)
		d.powerLoss(&roll)
		names, err := d.List(".")
		require.NoError(t, err)
		state := ""
		for _, n := range names {
			state += n + " "
		}
		seen[state] = true
	}
	require.Equal(t, map[string]bool{"a.tmp ": true, "a ": true, "a b ": true}, seen)
}

func TestKilledProcessLosesNothingWritten(t *testing.T) {
	d := NewDisk()
	f, err := d.Create("a")
	require.NoError(t, err)
	mustWrite(t, f, "written", 0)
	d.kill()
	require.Equal(t, "written", content(t, d, "a"))
}

func TestFailedFsyncDropsThePages(t *testing.T) {
	d := NewDisk()
	f, err := d.Create("a")
	require.NoError(t, err)
	require.NoError(t, d.SyncDir("."))
	mustWrite(t, f, "gone", 0)
	d.failSyncs = 1
	require.ErrorIs(t, f.Sync(), errDiskSync)
	require.NoError(t, f.Sync(), "the second fsync reports success")
	require.Equal(t, "gone", content(t, d, "a"), "still in the page cache")
	roll := dice(1)
	d.powerLoss(&roll)
	require.Equal(t, "\x00\x00\x00\x00", content(t, d, "a"))
}

// TestLogOnADiskThatForgets runs the real log on the disk: whatever the crash
// leaves, every synced record comes back, in order, and nothing that was never
// written does.
func TestLogOnADiskThatForgets(t *testing.T) {
	for seed := range 300 {
		rng := source(uint64(seed), 1)
		d := NewDisk()
		written, synced := 0, 0
		for range 4 {
			got := 0
			l, err := wal.Open(d, wal.Options{Dir: "w", SegmentBytes: 4096, PreallocateBytes: -1}, func(p []byte) error {
				require.Equal(t, recordOf(got), p)
				got++
				return nil
			})
			require.NoError(t, err, "seed %d", seed)
			require.GreaterOrEqual(t, got, synced, "seed %d", seed)
			require.LessOrEqual(t, got, written, "seed %d", seed)
			written, synced = got, got
			for range rng.IntN(30) {
				require.NoError(t, l.Append(recordOf(written)))
				written++
				if rng.IntN(3) == 0 {
					require.NoError(t, l.Flush())
				}
				if rng.IntN(4) == 0 {
					require.NoError(t, l.Sync())
					synced = written
				}
			}
			roll := dice(rng.Uint64())
			d.powerLoss(&roll)
		}
	}
}

func recordOf(i int) []byte { return bytes.Repeat([]byte{byte(i + 1)}, 1+i*37%900) }
