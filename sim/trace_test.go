package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/wal"
)

// TestTraceEndsWithTheHash: the last line carries the hash that the result has.
func TestTraceEndsWithTheHash(t *testing.T) {
	for seed := range uint64(5) {
		r := mustRun(t, Draw(seed, scenario(t, "default")), Options{Record: true})
		last := r.Trace[len(r.Trace)-1]
		require.Equal(t, TraceEntry{AtNs: r.VirtualNs, Hash: hex(r.TraceHash), What: "end", Event: r.Events}, last)
	}
}

// TestTraceCoversTheDisk: two runs in which disks are treated differently have
// other hashes, whatever the difference is.
func TestTraceCoversTheDisk(t *testing.T) {
	write := func(d *Disk, name, text string, at int64) wal.File {
		f, err := d.Create(name)
		require.NoError(t, err)
		mustWrite(t, f, text, at)
		return f
	}
	cases := map[string]func(w *World, d *Disk){
		"nothing":       func(*World, *Disk) {},
		"a file":        func(_ *World, d *Disk) { _, err := d.Create("a"); require.NoError(t, err) },
		"a write":       func(_ *World, d *Disk) { write(d, "a", "text", 0) },
		"another text":  func(_ *World, d *Disk) { write(d, "a", "test", 0) },
		"another place": func(_ *World, d *Disk) { write(d, "a", "text", 1) },
		"another file":  func(_ *World, d *Disk) { write(d, "b", "text", 0) },
		"another node":  func(w *World, _ *Disk) { write(w.nodes[1].disk, "a", "text", 0) },
		"written twice": func(_ *World, d *Disk) { mustWrite(t, write(d, "a", "text", 0), "text", 0) },
		"a sync":        func(_ *World, d *Disk) { require.NoError(t, write(d, "a", "text", 0).Sync()) },
		"a sync that fails": func(_ *World, d *Disk) {
			d.failSyncs = 1
			require.Error(t, write(d, "a", "text", 0).Sync())
		},
		"a sync of the directory": func(_ *World, d *Disk) {
			write(d, "a", "text", 0)
			require.NoError(t, d.SyncDir("."))
		},
		"a sync of the directory that fails": func(_ *World, d *Disk) {
			write(d, "a", "text", 0)
			d.failSyncs = 1
			require.Error(t, d.SyncDir("."))
		},
		"a write that fails": func(_ *World, d *Disk) {
			f, err := d.Create("a")
			require.NoError(t, err)
			d.failWrites = true
			_, err = f.WriteAt([]byte("text"), 0)
			require.ErrorIs(t, err, errDiskWrite)
		},
		"rotten": func(_ *World, d *Disk) {
			require.NoError(t, write(d, "a", "text", 0).Sync())
			roll := dice(1)
			d.rot(&roll, 1)
			require.Len(t, d.flips, 1)
		},
		"rotten where nothing is written any more": func(_ *World, d *Disk) {
			require.NoError(t, write(d, "a", "text", 0).Sync())
			d.corrupt(d.entries[0].node, 0, 'x')
		},
		"cut":     func(_ *World, d *Disk) { require.NoError(t, write(d, "a", "text", 0).Truncate(2)) },
		"renamed": func(_ *World, d *Disk) { write(d, "a", "text", 0); require.NoError(t, d.Rename("a", "c")) },
		"removed": func(_ *World, d *Disk) { write(d, "a", "text", 0); require.NoError(t, d.Remove("a")) },
		"all synced": func(_ *World, d *Disk) {
			require.NoError(t, write(d, "a", "text", 0).Sync())
			require.NoError(t, d.SyncDir("."))
		},
		"power lost": func(_ *World, d *Disk) {
			require.NoError(t, write(d, "a", "text", 0).Sync())
			require.NoError(t, d.SyncDir("."))
			roll := dice(1)
			d.powerLoss(&roll)
		},
		"full": func(_ *World, d *Disk) {
			f, err := d.Create("a")
			require.NoError(t, err)
			d.full = true
			_, err = f.WriteAt([]byte("text"), 0)
			require.ErrorIs(t, err, errDiskFull)
		},
	}
	seen := map[uint64]string{}
	for name, do := range cases {
		for range 2 {
			w, err := newWorld(Draw(3, scenario(t, "quiet")), Options{Record: true})
			require.NoError(t, err)
			do(w, w.nodes[0].disk)
			if was, taken := seen[w.trace.sum]; taken {
				require.Equal(t, name, was)
			}
			seen[w.trace.sum] = name
		}
	}
	require.Len(t, seen, len(cases), "each has one hash, twice")
}

// TestTraceShowsARecordTooMany: the log gets one record more, which changes no
// message and no answer. The trace names the event in which it is written.
func TestTraceShowsARecordTooMany(t *testing.T) {
	run := func(extra bool) *World {
		w, err := newWorld(Draw(3, scenario(t, "quiet")), Options{Record: true})
		require.NoError(t, err)
		n := w.nodes[0]
		n.boot()
		if extra {
			boot := msg.BootRecord{Cluster: "sim", Store: uint64(n.id), Node: n.id, Inc: n.inc}
			require.NoError(t, n.journal.log.Append(boot.AppendTo(nil)))
		}
		w.run()
		return w
	}
	one, two := run(false), run(true)
	require.Equal(t, one.events, two.events)
	require.Equal(t, one.history.History(), two.history.History())
	require.NotEqual(t, one.trace.sum, two.trace.sum)
	at := 0
	for one.trace.entries[at].Hash == two.trace.entries[at].Hash {
		at++
	}
	a, b := one.trace.entries[at], two.trace.entries[at]
	require.Equal(t, "write", a.What)
	require.Equal(t, 1, a.Node)
	require.Less(t, a.Bytes, b.Bytes)
	require.NotEqual(t, a.Digest, b.Digest)
	require.NotZero(t, a.Event)
	require.Contains(t, []string{"run", "done", "synced"}, a.During)
	require.Equal(t, a.Event, b.Event)
}
