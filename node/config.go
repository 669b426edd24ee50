package node

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/node/door"
	"github.com/quoratedb/quorate/ring"
	"github.com/quoratedb/quorate/wal"
)

// Config is everything a node is told. Zero fields take the defaults written
// beside them.
type Config struct {
	// Who this node is. All members must agree on Cluster and Key.
	Cluster string    // cluster id, "quorate"
	Node    kv.NodeID // one of Members
	Key     []byte    // shared secret of the peer handshake; empty: anyone may join (development)
	Version string    // of the program, as shown in Stats

	// Fixed for the life of a cluster; the handshake compares them.
	Members    []Member
	Partitions int // ring.DefaultPartitions
	VNodes     int // ring.DefaultVNodes
	Replicas   int // N; 3, or the number of members if these are fewer
	Lanes      int // units of concurrency per node; 1, which keeps about two cores busy

	// The disk.
	DataDir         string
	Sync            SyncPolicy
	FS              wal.FS      // the operating system's
	WAL             wal.Options // Dir is set by the node
	CheckpointBytes int64       // log size that begins a checkpoint; 256 MiB, and at least twice the last checkpoint

	// Listening. A listener that is given is used in place of its address.
	PeerListen   string // host:port; "" with one member: none
	PeerListener net.Listener
	AdminListen  string // pprof and metrics; "": off
	Doors        []Door

	Timing   Timing
	Limits   Limits
	Eventual Eventual

	Log     *slog.Logger         // slog.Default()
	Metrics *prometheus.Registry // a new one
	// ClockOffset is added to the wall clock, for tests; nil adds nothing. Any
	// goroutine of the node may call it. Nothing may depend on its being right.
	ClockOffset func() time.Duration
	// KeepTouching is shard.Config's; for tests.
	KeepTouching bool
}

// Door starts a front door on a node that serves. Its Closer stops accepting,
// lets running requests end and returns.
type Door func(door.Host) (io.Closer, error)

// Member is one node of the cluster.
type Member struct {
	ID        kv.NodeID
	Endpoints door.Endpoints // Peer is where this node dials
	Zone      string
	Weight    int // 0 holds nothing, and the default is for config to set
}

// SyncPolicy says when an acknowledged write is on disk.
type SyncPolicy struct {
	Mode  SyncMode
	Every time.Duration // of SyncInterval; 1 s
}

// SyncMode is a kind of SyncPolicy.
type SyncMode uint8

// The modes. Only SyncAlways survives a power loss without losing acknowledged
// writes; all survive the death of the process.
const (
	SyncAlways   SyncMode = iota // before every acknowledgement, one sync per batch
	SyncInterval                 // every SyncPolicy.Every
	SyncNever                    // when the operating system likes
)

func (m SyncMode) String() string {
	switch m {
	case SyncAlways:
		return "always"
	case SyncInterval:
		return "interval"
	case SyncNever:
		return "never"
	}
	return fmt.Sprintf("sync mode(%d)", uint8(m))
}

// Timing holds the durations; zero takes the default.
type Timing struct {
	Request   time.Duration // an operation, in its shard; 2 s
	Resend    time.Duration // an unanswered protocol message; 100 ms
	Backoff   time.Duration // bound of the jitter between takeovers; 40 ms
	Level     time.Duration // between background rounds; 5 s
	Heartbeat time.Duration // 50 ms
	Suspect   time.Duration // silence after which a peer seems dead; 500 ms
	Dial      time.Duration // 1 s
	Handshake time.Duration // 2 s
	Write     time.Duration // one write to a peer; 5 s
	Idle      time.Duration // silence after which an inbound connection is closed; 15 s
	RedialMin time.Duration // first pause after a failed dial; 20 ms
	RedialMax time.Duration // last; 1 s
	Drain     time.Duration // bound of handing ownership on at shutdown; 2 s
}

// Eventual is about buckets that are not strong. Zero takes the default of the
// actor that it is for. HintTTL and ClockCap must be the same on all nodes.
type Eventual struct {
	HintAfter   time.Duration // silence of a replica after which a hint is kept for it; 200 ms
	HintTTL     time.Duration // life of a hint; 3 h
	HintBytes   int64         // hints kept for one node; 64 MiB
	HintTotal   int64         // hints kept in all; 256 MiB
	RepairEvery time.Duration // between two comparisons with a peer; 10 s
	RepairWait  time.Duration // for which a node that came back is left to hints; 10 s
	RepairRate  int64         // bytes per second that anti-entropy moves; 16 MiB
	Collect     time.Duration // in which all tombstones are looked at once; 10 min
	ClockCap    time.Duration // how far a stamp may be ahead of a node's clock; 500 ms
}

// Limits bounds memory.
type Limits struct {
	KeyBytes        int // 64 KiB
	ValueBytes      int // 8 MiB
	BatchOps        int // of one Do; 65536
	Sessions        int // open at a time; 65536
	PendingOps      int // in one shard; 65536
	MailboxMessages int // of one lane; 65536
	MailboxBytes    int // of one lane; 128 MiB
	PeerMessages    int // queued for one peer; 65536
	PeerBytes       int // queued for one peer; 64 MiB
	MessageBytes    int // one message between nodes; 64 MiB
	JournalBytes    int // records waiting for the disk; a lane pauses above; 128 MiB
	Handshakes      int // unproven inbound connections at a time; 64
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// withDefaults fills in what is zero and checks the rest.
func (c Config) withDefaults() (Config, error) {
	orDefault(&c.Cluster, "quorate")
	orDefault(&c.Version, "dev")
	orDefault(&c.Partitions, ring.DefaultPartitions)
	orDefault(&c.VNodes, ring.DefaultVNodes)
	orDefault(&c.Replicas, min(3, len(c.Members)))
	orDefault(&c.Lanes, 1)
	orDefault(&c.Sync.Every, time.Second)
	orDefault(&c.CheckpointBytes, 256<<20)
	c.Timing.setDefaults()
	c.Limits.setDefaults()
	if c.FS == nil {
		c.FS = wal.OS()
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	return c, c.check()
}

// maxLanes is what one byte of a request id can tell apart.
const maxLanes = 256

func (c *Config) check() error {
	ids := map[kv.NodeID]bool{}
	for _, m := range c.Members {
		if ids[m.ID] {
			return fmt.Errorf("node: member %d appears twice, ids must be distinct", m.ID)
		}
		ids[m.ID] = true
		if m.ID != c.Node && m.Endpoints.Peer == "" {
			return fmt.Errorf("node: member %d has no peer address, host:port is needed", m.ID)
		}
	}
	switch {
	case c.DataDir == "":
		return errors.New("node: the data directory is empty, a path is needed")
	case !ids[c.Node]:
		return fmt.Errorf("node: this node is %d, which is not among the members", c.Node)
	case len(c.Cluster) > 255:
		return fmt.Errorf("node: a cluster id of %d bytes, allowed are at most 255", len(c.Cluster))
	case c.Lanes < 1 || c.Lanes > maxLanes:
		return fmt.Errorf("node: %d lanes, allowed are 1 to %d", c.Lanes, maxLanes)
	case c.Sync.Mode > SyncNever:
		return fmt.Errorf("node: unknown sync mode %d: always, interval and never are allowed", c.Sync.Mode)
	case c.Sync.Mode == SyncInterval && c.Sync.Every < time.Millisecond:
		return fmt.Errorf("node: a sync interval of %v, allowed is 1ms and more", c.Sync.Every)
	case len(c.Members) > 1 && c.PeerListen == "" && c.PeerListener == nil:
		return errors.New("node: no peer listen address, host:port is needed with more than one member")
	case c.Limits.KeyBytes > maxKeyBytes:
		return fmt.Errorf("node: a key limit of %d bytes, the format allows %d", c.Limits.KeyBytes, maxKeyBytes)
	case c.Limits.ValueBytes > c.Limits.MessageBytes/4:
		return fmt.Errorf("node: a value limit of %d bytes, allowed is a quarter of the message limit of %d", c.Limits.ValueBytes, c.Limits.MessageBytes)
	}
	return nil
}

// maxKeyBytes is the largest key of the format.
const maxKeyBytes = 64 << 10

func (t *Timing) setDefaults() {
	orDefault(&t.Request, 2*time.Second)
	orDefault(&t.Resend, 100*time.Millisecond)
	orDefault(&t.Backoff, 40*time.Millisecond)
	orDefault(&t.Level, 5*time.Second)
	orDefault(&t.Heartbeat, 50*time.Millisecond)
	orDefault(&t.Suspect, 500*time.Millisecond)
	orDefault(&t.Dial, time.Second)
	orDefault(&t.Handshake, 2*time.Second)
	orDefault(&t.Write, 5*time.Second)
	orDefault(&t.Idle, 15*time.Second)
	orDefault(&t.RedialMin, 20*time.Millisecond)
	orDefault(&t.RedialMax, time.Second)
	orDefault(&t.Drain, 2*time.Second)
}

func (l *Limits) setDefaults() {
	orDefault(&l.KeyBytes, maxKeyBytes)
	orDefault(&l.ValueBytes, 8<<20)
	orDefault(&l.BatchOps, 1<<16)
	orDefault(&l.Sessions, 1<<16)
	orDefault(&l.PendingOps, 1<<16)
	orDefault(&l.MailboxMessages, 1<<16)
	orDefault(&l.MailboxBytes, 128<<20)
	orDefault(&l.PeerMessages, 1<<16)
	orDefault(&l.PeerBytes, 64<<20)
	orDefault(&l.MessageBytes, 64<<20)
	orDefault(&l.JournalBytes, 128<<20)
	orDefault(&l.Handshakes, 64)
}

// member returns the member with the given id, or nil.
func (c *Config) member(id kv.NodeID) *Member {
	i := slices.IndexFunc(c.Members, func(m Member) bool { return m.ID == id })
	if i < 0 {
		return nil
	}
	return &c.Members[i]
}
