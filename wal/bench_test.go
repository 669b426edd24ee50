package wal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/quoratedb/quorate/wal"
	"github.com/quoratedb/quorate/wal/waltest"
)

// benchDir is a directory on a disk: the default temporary directory may be memory. WAL_BENCH_DIR
// overrides the package's own directory.
func benchDir(b *testing.B) string {
	parent := os.Getenv("WAL_BENCH_DIR")
	if parent == "" {
		parent = "."
	}
	d, err := os.MkdirTemp(parent, "bench-*.tmp")
	require.NoError(b, err)
	b.Cleanup(func() { _ = os.RemoveAll(d) })
	return d
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{16, 150, 1024} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			l, _ := mustOpen(b, discard{waltest.New()}, wal.Options{SegmentBytes: 16 << 30, PreallocateBytes: -1})
			p := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_ = l.Append(p)
				if i%1024 == 1023 {
					_ = l.Flush()
				}
			}
		})
	}
}

// discard is a file system whose files lose what is written to them.
type discard struct{ *waltest.FS }

type discardFile struct{ wal.File }

func (d discard) Create(name string) (wal.File, error) {
	f, err := d.FS.Create(name)
	return discardFile{f}, err
}

func (f discardFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

// BenchmarkSync is a group commit of n records of 200 bytes on the disk.
func BenchmarkSync(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("%drecords", n), func(b *testing.B) {
			l, _ := mustOpen(b, wal.OS(), wal.Options{Dir: filepath.Join(benchDir(b), "wal")})
			p := make([]byte, 200)
			b.ReportAllocs()
			for b.Loop() {
				for range n {
					_ = l.Append(p)
				}
				if err := l.Sync(); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, l.Close())
		})
	}
}

// BenchmarkRecover opens a log of a million records of 150 bytes.
func BenchmarkRecover(b *testing.B) {
	for _, compression := range []string{"log", "zstd", "lz4", "none"} {
		b.Run(compression, func(b *testing.B) {
			o := wal.Options{Dir: filepath.Join(benchDir(b), "wal")}
			if compression != "log" {
				o.Compression, _ = wal.ParseCompression(compression)
			}
			fillMillion(b, o, compression != "log")
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				l, err := wal.Open(wal.OS(), o, func([]byte) error { n++; return nil })
				require.NoError(b, err)
				require.Equal(b, 1_000_000, n)
				require.NoError(b, l.Close())
			}
		})
	}
}

func fillMillion(b *testing.B, o wal.Options, checkpoint bool) {
	l, _ := mustOpen(b, wal.OS(), o)
	add := l.Append
	if checkpoint {
		c, err := l.BeginCheckpoint()
		require.NoError(b, err)
		add = c.Append
		defer func() {
			require.NoError(b, c.Commit())
			b.ReportMetric(float64(l.Stats().CheckpointBytes)/1e6, "MB")
			require.NoError(b, l.Close())
		}()
	} else {
		defer func() { require.NoError(b, l.Close()) }()
	}
	for i := range 1_000_000 {
		require.NoError(b, add([]byte(record(i*7919%1000003, 150))))
		if i%1000 == 0 {
			require.NoError(b, l.Flush())
		}
	}
}

// BenchmarkSyncStrategy measures ways of making a small group commit durable, to choose
// Options.PreallocateBytes and between fdatasync and O_DSYNC. Best median of 4 runs, and its 99th
// percentile, in microseconds, on ext4 over a virtual disk with a write cache, two shared cores:
//
//	                        1 record of 200 B     64 records
//	plain                    29    86              39    96
//	fallocate 64 MiB         19   469              42   901
//	zeros 256 KiB ahead      20   582              21  1201
//	zeros 1 MiB ahead        21   102              30  1780
//	zeros 4 MiB ahead        26  1978              37    59
//	zeros 64 MiB at once     30  1555              27    43
//	zeros 1 MiB, O_DSYNC     21   627              32   323
//	plain, O_DSYNC           36   117              43  3994
//
// (The 99th percentiles are mostly the neighbours' syncs: in the quietest run 44 and 122 for 256 KiB, 44 and
// 330 for 1 MiB.) So a sync that changes neither size nor block map takes half to two thirds of the time; fallocate
// alone does not help a large batch, whose blocks still change from unwritten to written; O_DSYNC gains
// nothing over fdatasync; and the smaller the step, the smaller the sync that carries it.
func BenchmarkSyncStrategy(b *testing.B) {
	strategies := []struct {
		name   string
		flags  int
		ahead  int64 // zero-filled chunk
		falloc int64
	}{
		{name: "plain"},
		{name: "fallocate-64MiB", falloc: 64 << 20},
		{name: "zeros-256KiB", ahead: 256 << 10},
		{name: "zeros-1MiB", ahead: 1 << 20},
		{name: "zeros-4MiB", ahead: 4 << 20},
		{name: "zeros-1MiB-dsync", ahead: 1 << 20, flags: unix.O_DSYNC},
		{name: "plain-dsync", flags: unix.O_DSYNC},
		{name: "zeros-64MiB", ahead: 64 << 20},
	}
	for _, s := range strategies {
		for _, n := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/%drecords", s.name, n), func(b *testing.B) {
				benchStrategy(b, s.flags, s.ahead, s.falloc, n*224)
			})
		}
	}
}

func benchStrategy(b *testing.B, flags int, ahead, falloc int64, batch int) {
	name := filepath.Join(benchDir(b), "f")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|flags, 0o600)
	require.NoError(b, err)
	defer func() { _ = f.Close() }()
	if falloc > 0 {
		require.NoError(b, unix.Fallocate(int(f.Fd()), 0, 0, falloc))
		require.NoError(b, f.Sync())
	}
	if ahead == 64<<20 { // all of it before the clock starts: what a recycled segment would give
		_, err := f.WriteAt(make([]byte, ahead), 0)
		require.NoError(b, err)
		require.NoError(b, f.Sync())
	}
	p := make([]byte, batch, int64(batch)+ahead+1)
	for i := range p {
		p[i] = byte(i) | 1
	}
	off, filled := int64(0), ahead/(64<<20)*ahead
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		if off += int64(batch); off > 60<<20 {
			off = 0
		}
		w := p
		if end := off + int64(batch); ahead > 0 && end > filled {
			filled = (end/ahead + 1) * ahead
			w = p[:filled-off]
		}
		if _, err := f.WriteAt(w, off); err != nil {
			b.Fatal(err)
		}
		if flags == 0 {
			if err := unix.Fdatasync(int(f.Fd())); err != nil {
				b.Fatal(err)
			}
		}
		took = append(took, time.Since(start))
	}
	// The mean tells of the neighbours' load; these tell of the strategy.
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e3, "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100])/1e3, "p99-µs")
}
