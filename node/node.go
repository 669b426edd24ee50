package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anthdm/hollywood/actor"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// epoch is that of the members, which come from the configuration and stay:
// ballots begin with it.
const epoch kv.Epoch = 1

// Node is a running node. It is a door.Host.
type Node struct {
	cfg     Config
	log     *slog.Logger
	layout  atomic.Pointer[ring.Layout] // that the edges place keys by
	boot    msg.BootRecord
	stores  map[kv.NodeID]uint64 // of members met in earlier runs; for the transport's start
	started time.Time

	lock       *os.File
	engine     *actor.Engine
	router     *router
	lanes      []*lane
	edge       *edge
	journal    *journal
	transport  *transport
	metrics    *nodeMetrics
	admin      io.Closer
	doors      []io.Closer
	deadCount  atomic.Uint64  // batches for processes that are not there
	background sync.WaitGroup // checkpoints

	patience   uint64 // sweeps that a session waits for its shards
	complaints limiter

	leaving atomic.Bool   // no new operations
	quit    chan struct{} // background work ends
	closing sync.Once
	closed  error

	failing sync.Once
	failure error
	failed  chan struct{}
}

// settleTime bounds how long the last messages may take to leave at Close.
const settleTime = 200 * time.Millisecond

var errMiscounted = errors.New("node: a shard answered another number of operations than it was asked")

// Run starts a node and keeps it until ctx is done, then closes it in order.
// An error means that the node could not start, or has failed: the process
// should end with exit code 1.
func Run(ctx context.Context, cfg Config) error {
	n, err := Start(cfg)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		begin := time.Now()
		n.log.Info("stopping")
		if err := n.Close(); err != nil {
			return err
		}
		n.log.Info("stopped", "took", time.Since(begin).Round(time.Millisecond))
		return nil
	case <-n.failed:
		// Crash-only: no draining, no goodbye. What is durable is on disk.
		return n.failure
	}
}

// Start recovers the data directory and brings a node up.
func Start(cfg Config) (*Node, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &Node{
		cfg: cfg, log: cfg.Log.With("node", int(cfg.Node)), started: time.Now(),
		quit: make(chan struct{}), failed: make(chan struct{}),
		patience: sweepsIn(cfg.Timing.Request + cfg.Timing.Request/2 + 500*time.Millisecond),
	}
	layout, err := ring.First(cfg.ringConfig())
	if err != nil {
		return nil, err
	}
	n.layout.Store(layout)
	if n.lock, err = lockDir(cfg.DataDir); err != nil {
		return nil, err
	}
	if err := n.bringUp(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (c *Config) ringConfig() ring.Config {
	r := ring.Config{Partitions: c.Partitions, VNodes: c.VNodes, N: c.Replicas}
	for _, m := range c.Members {
		r.Nodes = append(r.Nodes, ring.Node{ID: m.ID, Weight: m.Weight, Zone: m.Zone})
	}
	return r
}

// bringUp does what Start promises. What it has done when it fails, Close undoes.
func (n *Node) bringUp() error {
	begin := time.Now()
	log, sys, err := n.recoverLog()
	if err != nil {
		return err
	}
	n.layout.Store(sys.Published())
	n.router = newRouter(&n.cfg)
	n.metrics = newMetrics(n)
	n.journal = newJournal(n, log)
	st := log.Stats()
	n.log.Info("recovered", "cluster", n.boot.Cluster, "store", fmt.Sprintf("%016x", n.boot.Store), "inc", n.boot.Inc,
		"records", st.ReplayedRecords+st.ReplayedCheckpoint, "took", time.Since(begin).Round(time.Millisecond))

	peers := n.cfg.PeerListener
	if peers == nil && n.cfg.PeerListen != "" {
		if peers, err = net.Listen("tcp", n.cfg.PeerListen); err != nil {
			return fmt.Errorf("node: can't listen for peers: %w", err)
		}
	}
	n.transport = newTransport(n, peers)
	// The engine starts its remoter on its way up. Ours does nothing yet: it
	// accepts only once the engine is there (launch, below).
	if n.engine, err = actor.NewEngine(actor.NewEngineConfig().WithRemote(n.transport)); err != nil {
		return fmt.Errorf("node: can't make the engine: %w", err)
	}
	n.router.engine = n.engine
	n.spawnDeadLetters()
	n.edge = newEdge(n)
	n.engine.SpawnProc(n.edge)
	for i, a := range sys.Lanes {
		l := newLane(n, i, a)
		n.lanes = append(n.lanes, l)
		n.engine.SpawnProc(l)
	}
	n.metrics.register(n)
	// Only now: a log that has outgrown its limit is replaced at once by a
	// checkpoint of the lanes, and what is not there yet would be missing in it.
	n.journal.launch()
	n.transport.launch()
	for _, l := range n.lanes {
		l.launch()
	}
	if err := n.openAdmin(); err != nil {
		return err
	}
	for _, open := range n.cfg.Doors {
		d, err := open(n)
		if err != nil {
			return err
		}
		n.doors = append(n.doors, d)
	}
	return nil
}

// Failed is closed when the node has failed and must not go on.
func (n *Node) Failed() <-chan struct{} { return n.failed }

// Err says why the node failed, nil as long as it has not.
func (n *Node) Err() error {
	select {
	case <-n.failed:
		return n.failure
	default:
		return nil
	}
}

// Close shuts the node down in order: the doors finish what they have begun,
// ownership is handed on, the log is synced and closed, connections end. It
// returns the first error, or why the node had failed before.
func (n *Node) Close() error {
	n.closing.Do(func() { n.closed = n.close() })
	return n.closed
}

func (n *Node) close() error {
	var errs []error
	for _, d := range n.doors {
		errs = append(errs, d.Close())
	}
	n.leaving.Store(true)
	if n.Err() == nil {
		n.drain()
	}
	close(n.quit)
	n.background.Wait()
	if n.admin != nil {
		errs = append(errs, n.admin.Close())
	}
	if n.journal != nil {
		// Lanes first: what they have handed over is then queued. A lane that
		// waits for room is let go by the journal, which goes on until then.
		for _, l := range n.lanes {
			l.Shutdown()
		}
		n.journal.close()
		if err := n.journal.log.Close(); n.Err() == nil {
			errs = append(errs, err)
		}
	}
	if n.edge != nil {
		n.edge.Shutdown()
	}
	if n.transport != nil {
		n.transport.settle(settleTime)
		n.transport.Stop().Wait()
	}
	if n.metrics != nil {
		n.metrics.unregister()
	}
	errs = append(errs, n.lock.Close(), n.Err())
	return errors.Join(errs...)
}

// fail stops the node for good; the first reason is the one that counts.
func (n *Node) fail(err error) {
	n.failing.Do(func() {
		n.failure = err
		n.leaving.Store(true)
		close(n.failed)
		n.log.Error("the node stops", "err", err)
	})
}

// stopping reports whether new work should be turned away.
func (n *Node) stopping() bool { return n.leaving.Load() }

// stopOnPanic is deferred by every goroutine of the node: a broken invariant
// anywhere ends all of it.
func (n *Node) stopOnPanic(what string, index int) {
	if r := recover(); r != nil {
		n.fail(fmt.Errorf("node: %s %d panicked: %v\n%s", what, index, r, debug.Stack()))
	}
}

// now reads both clocks: nanoseconds since the start, and Unix milliseconds.
func (n *Node) now() (monotonicNs, wallMs int64) {
	t := time.Now()
	wall := t
	if n.cfg.ClockOffset != nil {
		wall = t.Add(n.cfg.ClockOffset())
	}
	// Timers take 0 for "not set", so the first reading is not 0.
	return t.Sub(n.started).Nanoseconds() + 1, wall.UnixMilli()
}

// Registry is where the node's metrics are.
func (n *Node) Registry() *prometheus.Registry { return n.cfg.Metrics }

// limiter lets one thing per second pass.
type limiter struct{ next atomic.Int64 }

func (l *limiter) allow() bool {
	now := time.Now().UnixNano()
	next := l.next.Load()
	return now >= next && l.next.CompareAndSwap(next, now+time.Second.Nanoseconds())
}
