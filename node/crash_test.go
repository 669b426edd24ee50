package node

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/wal"
)

// badDisk fails every sync of a log segment from the moment it is told to.
type badDisk struct {
	wal.FS
	broken, full atomic.Bool
}

type badFile struct {
	wal.File
	disk *badDisk
}

func (d *badDisk) wrap(f wal.File, err error) (wal.File, error) { return &badFile{f, d}, err }

func (d *badDisk) Create(name string) (wal.File, error) { return d.wrap(d.FS.Create(name)) }
func (d *badDisk) Open(name string) (wal.File, error)   { return d.wrap(d.FS.Open(name)) }

func (f *badFile) Sync() error {
	if f.disk.broken.Load() {
		return errInjected
	}
	return f.File.Sync()
}

func (f *badFile) WriteAt(b []byte, off int64) (int, error) {
	if f.disk.full.Load() {
		return 0, errInjected
	}
	return f.File.WriteAt(b, off)
}

func TestALogErrorStopsTheNode(t *testing.T) {
	for name, breakIt := range map[string]func(*badDisk){
		"sync":  func(d *badDisk) { d.broken.Store(true) },
		"write": func(d *badDisk) { d.full.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			disk := &badDisk{FS: wal.OS()}
			c := newCluster(t, 1, func(_ int, c *Config) { c.FS, c.Timing.Request = disk, 300*time.Millisecond }).startAll()
			n := c.nodes[0]
			breakIt(disk)
			s := n.NewSession()
			defer s.Close()
			res := s.Do([]msg.Op{set("ready", "1")}) // its partition is owned
			require.Equal(t, kv.Unknown, res[0].Status, "never acknowledged")
			<-n.Failed()
			require.ErrorIs(t, n.Err(), errInjected)
			require.Equal(t, kv.Unavailable, s.Do([]msg.Op{set("a", "2")})[0].Status)
			ready, _ := n.Ready()
			require.False(t, ready)
			c.nodes[0] = nil
			require.ErrorIs(t, n.Close(), errInjected)
		})
	}
}

func TestAPanicStopsTheNode(t *testing.T) {
	c := newCluster(t, 1, nil).startAll()
	n := c.nodes[0]
	self := actors.Address{Node: 1, Kind: actors.Shard}
	n.router.send(0, &batch{envelopes: []actors.Envelope{{Message: &msg.Ping{}, From: self, To: self}}})
	<-n.Failed()
	require.ErrorContains(t, n.Err(), "lane 0 panicked")
	c.nodes[0] = nil
	require.ErrorContains(t, n.Close(), "lane 0 panicked")
}

func TestDataDirectoryIsLocked(t *testing.T) {
	c := newCluster(t, 1, nil).startAll()
	_, err := Start(c.cfgs[0])
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, fmt.Sprint("process ", os.Getpid()))
	c.close(0)
	// What a dead process leaves behind holds nobody up.
	require.NoError(t, os.WriteFile(filepath.Join(c.cfgs[0].DataDir, "LOCK"), []byte("1\n"), 0o600))
	c.start(0)
}

func TestDataOfAnotherNodeIsRefused(t *testing.T) {
	c := newCluster(t, 1, nil).startAll()
	c.close(0)
	other := c.cfgs[0]
	other.Cluster = "elsewhere"
	_, err := Start(other)
	require.ErrorContains(t, err, `belongs to node 1 of cluster "test"`)
	other = c.cfgs[0]
	other.Node = 2
	other.Members = []Member{{ID: 2, Weight: 1}}
	_, err = Start(other)
	require.ErrorContains(t, err, "configured is node 2")
	c.start(0)
}

// A node whose log was removed, and not the directory around it, has forgotten
// its promises: it must not begin anew under its id.
func TestALostLogIsRefused(t *testing.T) {
	c := newCluster(t, 1, nil).startAll()
	do(t, c.nodes[0], set("k", "v"))
	store := c.nodes[0].boot.Store
	c.close(0)
	dir := c.cfgs[0].DataDir
	log, aside, named := filepath.Join(dir, "wal"), filepath.Join(dir, "aside"), filepath.Join(dir, storeFile)
	text, err := os.ReadFile(named)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%016x\n", store), string(text))

	refused := func(why string) {
		t.Helper()
		_, err := Start(c.cfgs[0])
		require.ErrorContains(t, err, why)
	}
	missing := fmt.Sprintf("the log of store %016x is missing", store)
	require.NoError(t, os.Rename(log, aside))
	refused(missing)
	require.NoDirExists(t, log, "nothing is in the way of the right log")
	require.NoError(t, os.Mkdir(log, 0o750))
	refused(missing)
	empty, err := wal.Open(wal.OS(), wal.Options{Dir: log}, func([]byte) error { return nil })
	require.NoError(t, err)
	require.NoError(t, empty.Close())
	refused(missing)

	require.NoError(t, os.RemoveAll(log))
	require.NoError(t, os.Rename(aside, log))
	require.NoError(t, os.WriteFile(named, []byte("00000000000000aa\n"), 0o600))
	refused("names store 00000000000000aa: put back the log")
	require.NoError(t, os.WriteFile(named, []byte("what\n"), 0o600))
	refused("16 hexadecimal digits are expected")

	// A directory from before there was such a file is given one.
	require.NoError(t, os.Remove(named))
	c.start(0)
	require.Equal(t, "v", string(do(t, c.nodes[0], get("k"))[0].Data))
	c.close(0)
	again, err := os.ReadFile(named)
	require.NoError(t, err)
	require.Equal(t, text, again)

	// Without both it is a new node.
	require.NoError(t, os.RemoveAll(log))
	require.NoError(t, os.Remove(named))
	c.start(0)
	require.NotEqual(t, store, c.nodes[0].boot.Store)
}

// A store that never became durable is not named: the next start begins anew.
func TestAFailedFirstBootNamesNoStore(t *testing.T) {
	disk := &badDisk{FS: wal.OS()}
	c := newCluster(t, 1, func(_ int, c *Config) { c.FS = disk })
	disk.broken.Store(true)
	_, err := Start(c.cfgs[0])
	require.ErrorIs(t, err, errInjected)
	require.NoFileExists(t, filepath.Join(c.cfgs[0].DataDir, storeFile))
	disk.broken.Store(false)
	c.startAll()
	require.FileExists(t, filepath.Join(c.cfgs[0].DataDir, storeFile))
}

func TestConfigIsChecked(t *testing.T) {
	c := newCluster(t, 2, nil)
	for want, change := range map[string]func(*Config){
		"data directory":      func(c *Config) { c.DataDir = "" },
		"not among":           func(c *Config) { c.Node = 9 },
		"300 lanes":           func(c *Config) { c.Lanes = 300 },
		"power of two":        func(c *Config) { c.Partitions = 10 },
		"appears twice":       func(c *Config) { c.Members = append(c.Members[:1:1], c.Members[0]) },
		"no peer address":     func(c *Config) { c.Members = append(c.Members[:2:2], Member{ID: 3, Weight: 1}) },
		"no peer listen":      func(c *Config) { c.PeerListen = "" },
		"a key limit":         func(c *Config) { c.Limits.KeyBytes = 1 << 20 },
		"a value limit":       func(c *Config) { c.Limits.ValueBytes = 1 << 30 },
		"sync interval":       func(c *Config) { c.Sync = SyncPolicy{Mode: SyncInterval, Every: 1} },
		"unknown sync mode":   func(c *Config) { c.Sync.Mode = 9 },
		"cluster id":          func(c *Config) { c.Cluster = strings.Repeat("c", 256) },
		"can't listen for pe": func(c *Config) { c.PeerListen = "256.0.0.1:1" },
	} {
		cfg := c.cfgs[0]
		change(&cfg)
		_, err := Start(cfg)
		require.ErrorContains(t, err, want)
	}
}

// A log that has been replaced by checkpoints, while writes went on, restores everything.
func TestCheckpointsUnderWrites(t *testing.T) {
	c := newCluster(t, 1, func(_ int, c *Config) {
		c.CheckpointBytes = 64 << 10
		c.WAL.SegmentBytes = 32 << 10
	}).startAll()
	n := c.nodes[0]
	last := map[string]string{}
	s := n.NewSession()
	for round := 0; n.journal.stats.Load().Checkpoints < 3; round++ {
		var ops []msg.Op
		for i := range 50 {
			k, v := key(round*7+i), fmt.Sprintf("%d-%d", round, i)
			ops = append(ops, set(k, v))
			last[k] = v
		}
		for _, r := range s.Do(ops) {
			require.Equal(t, kv.OK, r.Status)
		}
	}
	s.Close()
	c.close(0)
	c.start(0)
	for k, v := range last {
		require.Equal(t, v, string(do(t, c.nodes[0], get(k))[0].Data))
	}
	require.Positive(t, c.nodes[0].journal.stats.Load().ReplayedCheckpoint)
	require.EqualValues(t, 2, c.nodes[0].boot.Inc)
}

// checkpointWatch tells when a checkpoint is begun.
type checkpointWatch struct {
	wal.FS
	begun chan struct{} // 1-buffered
}

func (w *checkpointWatch) Create(name string) (wal.File, error) {
	if strings.Contains(name, ".ckpt") {
		select {
		case w.begun <- struct{}{}:
		default:
		}
	}
	return w.FS.Create(name)
}

// slowAfterRecovery gives a checkpoint that begins too early the time to do its harm:
// it holds a start up where the log has been recovered.
type slowAfterRecovery struct {
	slog.Handler
	watch *checkpointWatch
}

func (h *slowAfterRecovery) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h *slowAfterRecovery) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "recovered" {
		select {
		case <-h.watch.begun:
			time.Sleep(50 * time.Millisecond)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// A log that is due for a checkpoint when it is opened is not replaced by one of a node
// whose actors are not there yet, or never will be because the start fails.
func TestCheckpointAtOnceAfterAStart(t *testing.T) {
	watch := &checkpointWatch{FS: wal.OS(), begun: make(chan struct{}, 1)}
	c := newCluster(t, 1, func(_ int, c *Config) { c.FS = watch }).startAll()
	for i := range 20 {
		do(t, c.nodes[0], set(key(i), "v"))
	}
	c.close(0)
	cfg := &c.cfgs[0]
	cfg.CheckpointBytes = 1
	cfg.Log = slog.New(&slowAfterRecovery{slog.NewTextHandler(io.Discard, nil), watch})
	failing := *cfg
	failing.PeerListen = "256.0.0.1:1"
	_, err := Start(failing)
	require.ErrorContains(t, err, "can't listen for peers")
	for range 2 {
		c.start(0)
		eventually(t, func() bool { return c.nodes[0].journal.stats.Load().Checkpoints > 0 })
		for i := range 20 {
			require.Equal(t, "v", string(do(t, c.nodes[0], get(key(i)))[0].Data))
		}
		c.close(0)
	}
}

func TestSyncPolicies(t *testing.T) {
	for _, policy := range []SyncPolicy{{Mode: SyncInterval, Every: 20 * time.Millisecond}, {Mode: SyncNever}} {
		t.Run(policy.Mode.String(), func(t *testing.T) {
			c := newCluster(t, 1, func(_ int, c *Config) { c.Sync = policy }).startAll()
			before := c.nodes[0].journal.stats.Load().Syncs
			for i := range 100 {
				do(t, c.nodes[0], set(key(i), "v"))
			}
			syncs := c.nodes[0].journal.stats.Load().Syncs - before
			require.Less(t, syncs, uint64(50))
			if policy.Mode == SyncInterval {
				eventually(t, func() bool { return c.nodes[0].journal.stats.Load().Syncs > before })
			}
			c.close(0)
			c.start(0)
			require.Equal(t, "v", string(do(t, c.nodes[0], get(key(99)))[0].Data))
		})
	}
}

func TestARestartOfEachNodeKeepsEverything(t *testing.T) {
	c := newCluster(t, 3, nil).startAll()
	for i := range c.nodes {
		for k := range 40 {
			do(t, c.nodes[i], set(key(k), fmt.Sprint(i, k)))
		}
		c.close(i)
		other := c.nodes[(i+1)%3]
		for k := range 40 {
			require.Equal(t, fmt.Sprint(i, k), string(do(t, other, get(key(k)))[0].Data))
		}
		c.start(i)
		c.waitReady(i)
	}
	for i := range c.nodes {
		c.close(i)
	}
	c.startAll()
	for k := range 40 {
		require.Equal(t, fmt.Sprint(2, k), string(do(t, c.nodes[0], get(key(k)))[0].Data))
	}
}

// A node that shuts down hands its partitions on: nobody has to notice its absence.
func TestCloseHandsOwnershipOn(t *testing.T) {
	c := newCluster(t, 3, nil).startAll()
	for k := range 100 {
		do(t, c.nodes[0], set(key(k), "v"))
	}
	require.Positive(t, c.nodes[0].Stats().Owned)
	c.nodes[0].drain()
	require.Zero(t, c.nodes[0].Stats().Owned)
	for k := range 100 {
		require.Equal(t, "v", string(do(t, c.nodes[1], get(key(k)))[0].Data))
	}
}

func TestCountKeys(t *testing.T) {
	c := newCluster(t, 3, nil).startAll()
	for k := range 30 {
		do(t, c.nodes[0], set(key(k), "12345"))
	}
	for _, n := range c.nodes {
		eventually(t, func() bool {
			keys, bytes, err := n.CountKeys(nil)
			return err == nil && keys == 31 && bytes > 31*5
		})
		r := n.Route(nil, []byte(key(1)))
		require.Len(t, r.Preference, 3)
		require.NotZero(t, r.Owner)
		require.Len(t, r.Addresses, 3)
		ready, why := n.Ready()
		require.True(t, ready, why)
		st := n.Stats()
		require.Equal(t, 3, len(st.Peers))
		require.Positive(t, st.WALSyncs)
		require.EqualValues(t, 31, st.Keys)
	}
}
