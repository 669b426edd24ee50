package node

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// logBuffer is a log that a test reads.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) contains(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.b.String(), s)
}

func (l *logBuffer) log() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func eventually(t *testing.T, f func() bool) {
	t.Helper()
	require.Eventually(t, f, 10*time.Second, 5*time.Millisecond)
}

func TestGarbageOnThePeerPort(t *testing.T) {
	var log logBuffer
	c := newCluster(t, 3, func(i int, c *Config) {
		if i == 0 {
			c.Log = log.log()
			c.Timing.Handshake = 200 * time.Millisecond
			c.Limits.Handshakes = 4
		}
	}).startAll()
	addr := c.cfgs[0].PeerListen
	for _, garbage := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "*1\r\n$4\r\nPING\r\n", "QRTP", "QRTP\x01\x00\xff\xff", "QRTP\x09\x00\x00\x00",
		strings.Repeat("\x00", 4096), "",
	} {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		_, err = conn.Write([]byte(garbage))
		require.NoError(t, err)
		// It is closed, whether or not an answer comes first. A reset counts too.
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
		_, err = io.Copy(io.Discard, conn)
		if ne, ok := err.(net.Error); ok {
			require.False(t, ne.Timeout(), "still open after %q", garbage)
		}
		conn.Close()
	}
	require.True(t, log.contains("not their protocol"))

	// Many that say nothing: only so many wait at a time.
	for range 20 {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer conn.Close()
	}
	eventually(t, func() bool { return c.nodes[0].transport.refused.Load() >= 16 })
	do(t, c.nodes[0], set("still", "here"))
	do(t, c.nodes[1], get("still"))
}

func TestWrongKeyIsRefusedAndSaid(t *testing.T) {
	var log logBuffer
	c := newCluster(t, 3, func(i int, c *Config) {
		if i == 2 {
			c.Key, c.Log = []byte("another"), log.log()
		}
	})
	c.start(0, 1, 2)
	c.waitReady(0) // two of three are a majority
	eventually(t, func() bool { return log.contains("holds another shared key") })
	require.Nil(t, c.nodes[2].transport.byID[1].inbound.Load())
	require.Nil(t, c.nodes[0].transport.byID[3].inbound.Load())
	families, err := c.nodes[2].Registry().Gather()
	require.NoError(t, err)
	found := false
	for _, f := range families {
		found = found || f.GetName() == "quorate_peer_handshake_failures_total"
	}
	require.True(t, found)
}

func TestAPeerThatComesBackIsReachedAtOnce(t *testing.T) {
	c := newCluster(t, 3, func(_ int, c *Config) {
		// Without a hint the pause would be longer than the test's patience.
		c.Timing.RedialMin, c.Timing.RedialMax = 20*time.Second, 20*time.Second
	})
	c.start(0)
	c.start(1) // node 2 dials node 1, whose own dial has failed before
	c.waitReady(0)
	c.start(2)
	for i := range c.nodes {
		c.waitReady(i)
	}
	c.close(2)
	do(t, c.nodes[0], set("a", "1"))
	c.start(2)
	c.waitReady(2)
	require.Equal(t, "1", string(do(t, c.nodes[2], get("a"))[0].Data))
	eventually(t, func() bool { return c.nodes[0].transport.byID[3].connected.Load() })
}

func TestAnOlderIncarnationIsRefused(t *testing.T) {
	var log logBuffer
	c := newCluster(t, 3, func(i int, c *Config) {
		if i == 0 {
			c.Log = log.log()
		}
	}).startAll()
	c.nodes[0].transport.byID[2].inc.Store(1 << 20)
	// What arrives from the open connection is of an incarnation that is over, and so is what dials next.
	eventually(t, func() bool { return log.contains("of node 2 is over") })
	eventually(t, func() bool { return log.contains("1048576 has been seen") })
}

// blackhole accepts connections as the system does and never says a word.
func blackhole(t *testing.T, addr string) {
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
}

func TestABlackHoleDelaysNobody(t *testing.T) {
	c := newCluster(t, 3, nil)
	blackhole(t, c.cfgs[2].PeerListen)
	c.start(0, 1)
	c.waitReady(0)
	c.waitReady(1)
	// Until all partitions have found an owner among the two, clients wait for takeovers.
	for k := range 100 {
		do(t, c.nodes[k%2], set(key(k), "v"))
	}
	worst := time.Duration(0)
	for k := range 300 {
		begin := time.Now()
		do(t, c.nodes[k%2], set(key(k%100), "w"))
		worst = max(worst, time.Since(begin))
	}
	// A synchronous dial would cost the handshake's time-out, two seconds.
	require.Less(t, worst, time.Second)
	t.Logf("the slowest of 300 writes beside a black hole took %v", worst)
}

// A peer that shakes hands and then stops reading fills its own queue, not the node.
func TestASlowPeerHasABoundedQueue(t *testing.T) {
	c := newCluster(t, 2, func(_ int, c *Config) {
		c.Limits.PeerBytes, c.Limits.PeerMessages = 1<<20, 1000
	})
	l, err := net.Listen("tcp", c.cfgs[1].PeerListen)
	require.NoError(t, err)
	defer l.Close()
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			cfg := c.cfgs[1]
			cfg.Replicas = 2
			_, _ = shakeIn(conn, &cfg, &msg.BootRecord{Inc: 1, Store: 1}, func(*hello) error { return nil })
			accepted <- conn
		}
	}()
	c.start(0)
	n := c.nodes[0]
	p := n.transport.byID[2]
	eventually(t, p.connected.Load)
	big := actors.Envelope{
		Message: &msg.ListKeys{After: make([]byte, 32<<10)},
		From:    actors.Address{Node: 1, Kind: actors.Shard}, To: actors.Address{Node: 2, Kind: actors.Replica},
	}
	eventually(t, func() bool {
		for range 1000 {
			p.enqueue([]actors.Envelope{big})
		}
		return p.dropped.Load() > 1000
	})
	p.mu.Lock()
	require.LessOrEqual(t, len(p.pending.buf), 1<<20+64<<10)
	p.mu.Unlock()
	l.Close()
	for conn := range accepted {
		conn.Close()
	}
}

func TestUnknownMessagesAreSkippedOneByOne(t *testing.T) {
	c := newCluster(t, 2, nil)
	c.start(0)
	n := c.nodes[0]
	cfg := c.cfgs[1]
	cfg.Replicas = 2
	conn, err := net.Dial("tcp", c.cfgs[0].PeerListen)
	require.NoError(t, err)
	defer conn.Close()
	_, err = shakeOut(conn, &cfg, &msg.BootRecord{Inc: 1, Store: 2}, 1)
	require.NoError(t, err)

	var f frames
	from, to := actors.Address{Node: 2, Kind: actors.Client}, actors.Address{Node: 1, Kind: actors.Replica}
	require.True(t, f.add(&actors.Envelope{Message: &msg.Count{}, From: from, To: to}, 1<<20))
	mark := len(f.buf)
	require.True(t, f.add(&actors.Envelope{Message: &msg.Count{}, From: from, To: to}, 1<<20))
	f.buf[mark+envelopeHeader+3] = 250                                                           // the type, after kinds and two indexes
	require.True(t, f.add(&actors.Envelope{Message: &msg.Counted{}, From: from, To: to}, 1<<20)) // to no such place
	require.True(t, f.add(beat(1), 1<<20))
	f.seal()
	_, err = conn.Write(f.buf)
	require.NoError(t, err)
	// The heartbeat behind them arrives, on the same connection.
	eventually(t, func() bool { return n.transport.receivedMessages.Load() == 2 })
	require.EqualValues(t, 2, n.transport.skipped.Load())

	// Nonsense inside a known message is another matter.
	f.reset()
	require.True(t, f.add(&actors.Envelope{Message: &msg.Count{Partitions: []kv.Partition{1}}, From: from, To: to}, 1<<20))
	f.buf[len(f.buf)-1] = 0xff
	f.seal()
	_, err = conn.Write(f.buf)
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	_, err = io.ReadFull(conn, make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestRunEndsWithItsContext(t *testing.T) {
	c := newCluster(t, 1, nil)
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- Run(ctx, c.cfgs[0]) }()
	cancel()
	require.NoError(t, <-result)
}

// A member that comes back with an empty directory has forgotten its promises
// and the writes that it acknowledged. It must not take part under its old id,
// not even after the others have restarted.
func TestAMemberThatLostItsDataIsRefused(t *testing.T) {
	c := newCluster(t, 3, nil).startAll()
	require.Eventually(t, func() bool { return len(c.nodes[0].transport.stores()) == 2 }, 10*time.Second, time.Millisecond)
	c.close(2)
	c.cfgs[2].DataDir = t.TempDir()
	for i := range 2 {
		c.close(i)
		c.start(i)
	}
	c.start(2)
	refusals := func(i int) float64 { return testutil.ToFloat64(c.nodes[i].metrics.handshakes.WithLabelValues("store")) }
	require.Eventually(t, func() bool { return refusals(0) > 0 && refusals(1) > 0 }, 10*time.Second, time.Millisecond)
	for i := range 2 {
		c.waitReady(i)
		require.False(t, c.nodes[i].transport.byID[3].connected.Load())
	}
	require.False(t, c.nodes[2].transport.byID[1].connected.Load())
}
