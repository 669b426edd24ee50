package node

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/system"
	"github.com/quoratedb/quorate/wal"
)

// ErrLocked is wrapped by the error of Start when another process uses the
// data directory.
var ErrLocked = errors.New("the data directory is in use")

// lockDir locks a data directory until the file is closed or the process
// ends, however it ends. A lock file left behind means nothing.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("node: can't make the data directory: %w", err)
	}
	name := filepath.Join(dir, "LOCK")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("node: can't open the lock file: %w", err)
	}
	if free, err := tryLock(f); !free {
		pid, _ := os.ReadFile(name)
		_ = f.Close() // the lock's error is the one that counts
		if err != nil {
			return nil, fmt.Errorf("node: can't lock %s: %w", name, err)
		}
		return nil, fmt.Errorf("node: %w: process %s holds %s; stop it or choose another directory",
			ErrLocked, strings.TrimSpace(string(pid)), name)
	}
	if err := f.Truncate(0); err == nil {
		_, _ = fmt.Fprintf(f, "%d\n", os.Getpid()) // only for the message above
	}
	return f, nil
}

// identify finds the newest boot record of a log, before anything is restored:
// the actors must know their incarnation when they are made.
func identify(fs wal.FS, o wal.Options) (found bool, boot msg.BootRecord, err error) {
	other := false
	log, err := wal.Open(fs, o, func(payload []byte) error {
		if msg.RecordKind(payload) != msg.KindBoot {
			other = true
			return nil
		}
		found = true
		return boot.DecodeFrom(payload)
	})
	if err != nil {
		return false, boot, err
	}
	if other && !found {
		err = errors.New("node: the log holds records but does not say whose: it is not a node's")
	}
	return found, boot, errors.Join(err, log.Close())
}

// checkBoot compares whose data it is with who this node is told to be.
func checkBoot(c *Config, b *msg.BootRecord) error {
	if b.Cluster != c.Cluster || b.Node != c.Node {
		return fmt.Errorf("node: the data directory %s belongs to node %d of cluster %q (store %016x), configured is node %d of cluster %q; "+
			"correct the configuration, or choose the data directory of this node (an empty one only for a new cluster)",
			c.DataDir, b.Node, b.Cluster, b.Store, c.Node, c.Cluster)
	}
	return nil
}

// recoverLog opens the log, makes the actors with their state, and makes the
// new incarnation durable before anyone can use it.
func (n *Node) recoverLog() (*wal.Log, *system.Node, error) {
	o := n.cfg.WAL
	o.Dir = filepath.ToSlash(filepath.Join(n.cfg.DataDir, "wal"))
	store, named, err := readStore(n.cfg.DataDir)
	if err != nil {
		return nil, nil, err
	}
	if named && isEmpty(n.cfg.FS, o.Dir) { // before an empty log is made, which could get in the way of the right one
		return nil, nil, lostLog(n.cfg.DataDir, o.Dir, store)
	}
	found, boot, err := identify(n.cfg.FS, o)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case found:
		if err := checkBoot(&n.cfg, &boot); err != nil {
			return nil, nil, err
		}
		if named && boot.Store != store {
			return nil, nil, fmt.Errorf("node: the log in %s is of store %016x, but %s names store %016x: put back the log that belongs here",
				o.Dir, boot.Store, filepath.Join(n.cfg.DataDir, storeFile), store)
		}
	case named:
		return nil, nil, lostLog(n.cfg.DataDir, o.Dir, store)
	default:
		boot = msg.BootRecord{Cluster: n.cfg.Cluster, Node: n.cfg.Node, Store: rand.Uint64()}
	}
	boot.Inc++
	n.boot = boot
	sys := system.New(n.systemConfig())
	n.stores = map[kv.NodeID]uint64{}
	log, err := wal.Open(n.cfg.FS, o, func(payload []byte) error {
		switch msg.RecordKind(payload) {
		case msg.KindBoot:
			return nil
		case msg.KindPeer:
			var peer msg.PeerRecord
			err := peer.DecodeFrom(payload)
			n.stores[peer.Node] = peer.Store
			return err
		}
		return sys.Restore(payload)
	})
	if err != nil {
		return nil, nil, err
	}
	err = log.Append(boot.AppendTo(nil))
	if err == nil {
		err = log.Sync()
	}
	if err == nil && !named {
		err = writeStore(n.cfg.DataDir, boot.Store)
	}
	if err != nil {
		return nil, nil, errors.Join(err, log.Close())
	}
	return log, sys, nil
}

// systemConfig is what the actors are told.
func (n *Node) systemConfig() system.Config {
	c, t := &n.cfg, &n.cfg.Timing
	var s system.Config
	s.Seed = rand.Uint64()
	s.Shard.Layout, s.Shard.Node, s.Shard.Inc, s.Shard.Epoch = n.layout.Load(), c.Node, n.boot.Inc, epoch
	s.Shard.Lanes = c.Lanes
	s.Shard.RequestTimeoutNs = t.Request.Nanoseconds()
	s.Shard.ResendNs = t.Resend.Nanoseconds()
	s.Shard.BackoffNs = t.Backoff.Nanoseconds()
	s.Shard.LevelNs = t.Level.Nanoseconds()
	s.Shard.MaxPending = c.Limits.PendingOps
	s.Shard.KeepTouching = c.KeepTouching
	s.Coordinate.RequestTimeoutNs, s.Coordinate.ResendNs = t.Request.Nanoseconds(), t.Resend.Nanoseconds()
	s.Coordinate.MaxPending = c.Limits.PendingOps
	e := &c.Eventual
	s.Coordinate.HintAfterNs, s.Coordinate.Clock.CapMs = e.HintAfter.Nanoseconds(), e.ClockCap.Milliseconds()
	if c.Sync.Mode == SyncInterval {
		s.Coordinate.Clock.SyncMs = c.Sync.Every.Milliseconds() + 1
	}
	s.Handoff.HintTTLMs, s.Handoff.CapMs = e.HintTTL.Milliseconds(), e.ClockCap.Milliseconds()
	s.Handoff.TargetBytes, s.Handoff.TotalBytes = e.HintBytes, e.HintTotal
	s.Repair.IntervalNs, s.Repair.SettleNs, s.Repair.CollectNs = e.RepairEvery.Nanoseconds(), e.RepairWait.Nanoseconds(), e.Collect.Nanoseconds()
	s.Repair.RateBytes = e.RepairRate
	s.Cluster.TimeoutNs = mapPatience.Nanoseconds()
	s.Detector.Node, s.Detector.Inc, s.Detector.Epoch, s.Detector.Lanes = c.Node, n.boot.Inc, epoch, c.Lanes
	s.Detector.IntervalNs = t.Heartbeat.Nanoseconds()
	s.Detector.SuspectNs = t.Suspect.Nanoseconds()
	for _, m := range c.Members {
		s.Detector.Peers = append(s.Detector.Peers, m.ID)
	}
	return s
}
