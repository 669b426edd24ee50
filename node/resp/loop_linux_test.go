package resp

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door/doortest"
)

// TestEndOfStream: what came before the end is answered, and the end is noticed
// however it comes together with the rest.
func TestEndOfStream(t *testing.T) {
	s, addr := serve(t, doortest.New(), nil)
	for size := range 200 {
		c := dial(t, addr).(*net.TCPConn)
		value := strings.Repeat("v", size*397%baseBuffer)
		_, err := c.Write([]byte(cmd("SET", "k", value) + cmd("GET", "k") + "*1\r\n$4\r\nPI"))
		require.NoError(t, err)
		require.NoError(t, c.CloseWrite())
		out, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, "+OK\r\n"+bulk(value), string(out))
	}
	require.Eventually(t, func() bool { return len(s.clients()) == 0 }, 10*time.Second, time.Millisecond)
}

// TestManyWait: connections that wait for the store at the same time are
// answered as their results come, in any order.
func TestManyWait(t *testing.T) {
	h := doortest.New()
	gates := make([]chan struct{}, 50)
	for i := range gates {
		gates[i] = make(chan struct{})
	}
	h.Before = func(ops []msg.Op) {
		var i int
		if _, err := fmt.Sscanf(string(ops[0].Key), "slow%d", &i); err == nil {
			<-gates[i]
		}
	}
	_, addr := serve(t, h, nil)
	conns := make([]net.Conn, len(gates))
	for i := range conns {
		conns[i] = dial(t, addr)
		_, err := conns[i].Write([]byte(cmd("GET", fmt.Sprint("slow", i)) + cmd("PING")))
		require.NoError(t, err)
	}
	for i := range conns {
		i = (i*37 + 11) % len(conns)
		close(gates[i])
		ask(t, conns[i], "", "$-1\r\n+PONG\r\n")
	}
}

// TestShutdownCutsOff: a connection that waits for the store beyond the time
// that Shutdown has is closed at once, and forgotten when the store has answered.
func TestShutdownCutsOff(t *testing.T) {
	h := doortest.New()
	started, release := make(chan struct{}), make(chan struct{})
	h.Before = func([]msg.Op) { close(started); <-release }
	s := New(Config{Host: h})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	c := dial(t, l.Addr().String())
	_, err = c.Write([]byte(cmd("SET", "a", "b")))
	require.NoError(t, err)
	<-started
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(ctx) }()
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.Len(t, s.clients(), 1)
	close(release)
	require.ErrorIs(t, <-down, context.Canceled)
	require.ErrorIs(t, <-served, ErrClosed)
	assert.Zero(t, h.Sessions.Load())
}

// flood keeps the loop busy with what needs nothing of the store until the test ends.
func flood(t *testing.T, addr string) {
	c := dial(t, addr)
	var both sync.WaitGroup
	t.Cleanup(func() { c.Close(); both.Wait() })
	both.Go(func() { _, _ = io.Copy(io.Discard, c) })
	both.Go(func() {
		for s := []byte(strings.Repeat(cmd("PING"), 1000)); ; {
			if _, err := c.Write(s); err != nil {
				return
			}
		}
	})
}

// TestDeadlinesOfABusyLoop: an alarm that rings in the middle of a turn counts.
func TestDeadlinesOfABusyLoop(t *testing.T) {
	_, addr := serve(t, doortest.New(), func(c *Config) { c.ReadTimeout = 20 * time.Millisecond })
	flood(t, addr)
	for i := range 20 {
		stalled := dial(t, addr)
		ask(t, stalled, cmd("PING")+"*2\r\n$3\r\nGE", "+PONG\r\n")
		_, err := stalled.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "stalled connection %d", i)
	}
}

// TestNobodyWaitsForACrowdThatIsGone: after many were busy, what is left does
// not wait for them while something else keeps the loop busy.
func TestNobodyWaitsForACrowdThatIsGone(t *testing.T) {
	_, _, addr := realNode(t)
	var crowd sync.WaitGroup
	for range 40 {
		c := dial(t, addr)
		crowd.Go(func() {
			for range 100 {
				ask(t, c, cmd("SET", "k", "v"), "+OK\r\n")
			}
		})
	}
	flood(t, addr)
	crowd.Wait()
	alone := dial(t, addr)
	for range 20 {
		ask(t, alone, cmd("GET", "k"), bulk("v"))
	}
}

func TestCrowd(t *testing.T) {
	c := newCrowd()
	now := time.Unix(1, 0)
	seen := make([]uint32, 60)
	c.add(&seen[0], now)
	require.True(t, c.enough(now), "the first request leaves at once")
	c.sent(now)
	for range 3 { // all of them, again and again
		for i := range seen {
			c.add(&seen[i], now)
		}
		now = now.Add(crowdWindow)
		c.sent(now)
	}
	require.Equal(t, 20, c.want)
	for i := range 20 {
		assert.False(t, c.enough(now), i)
		c.add(&seen[0], now)
	}
	assert.True(t, c.enough(now))
	c.gathered = 0
	c.add(&seen[0], now)
	assert.False(t, c.enough(now.Add(mostPatience-1)))
	assert.True(t, c.enough(now.Add(mostPatience)), "one that has waited for long enough")
	now = now.Add(crowdWindow)
	c.sent(now)
	assert.Equal(t, 1, c.want, "one connection is alone now")
}
