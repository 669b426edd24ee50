//go:build unix

package resp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door/doortest"
)

func TestMalformed(t *testing.T) {
	_, addr := serve(t, doortest.New(), nil)
	for _, tc := range []struct{ send, want string }{
		{"*1\r\n$9223372036854775807\r\nabc\r\n", "invalid bulk length"},
		{"*1\r\n$-1\r\n", "invalid bulk length"},
		{"*1\r\n$1x\r\n", "invalid bulk length"},
		{"*1\r\n$536870912\r\n", "invalid bulk length 536870912, a command has at most 34603008 bytes"},
		{"*1\r\n$3\r\nabcd\r\n", "an argument is longer than its bulk length"},
		{"*3000000000\r\n$1\r\na\r\n", "invalid multibulk length"},
		{"*1000000\r\n$1\r\na\r\n", "invalid multibulk length 1000000, at most 131072 arguments are allowed"},
		{"*abc\r\n", "invalid multibulk length"},
		{"*1\n", "invalid multibulk length"},
		{"*" + strings.Repeat("1", 40), "too big multibulk count string"},
		{"*1\r\n$" + strings.Repeat("1", 40), "too big bulk count string"},
		{"*1\r\n:1\r\n", "expected '$', got ':'"},
		{"*1\r\n\x00", "expected '$', got '\\x00'"},
		{"GET \"a\r\n", "unbalanced quotes in request"},
		{"GET \"a\"b\r\n", "unbalanced quotes in request"},
		{strings.Repeat("x", 70_000), "too big inline request"},
		{"POST / HTTP/1.1\r\nHost: x\r\n\r\n", "this port speaks the Redis protocol, not HTTP"},
	} {
		c := dial(t, addr)
		// What came before is answered first.
		ask(t, c, cmd("PING")+tc.send, "+PONG\r\n-ERR Protocol error: "+tc.want)
		rest, err := io.ReadAll(c)
		require.NoError(t, err, "%q: a clean close, not a reset", tc.send[:min(len(tc.send), 40)])
		assert.True(t, strings.HasSuffix(string(rest), "\r\n"))
	}
	ask(t, dial(t, addr), cmd("PING"), "+PONG\r\n")
}

// TestAnnouncedLength: memory follows what arrives, not what is announced.
func TestAnnouncedLength(t *testing.T) {
	s, addr := serve(t, doortest.New(), nil)
	before := heap()
	for range 50 {
		c := dial(t, addr)
		_, err := c.Write([]byte("*100000\r\n$30000000\r\nabc"))
		require.NoError(t, err)
	}
	ask(t, dial(t, addr), cmd("PING"), "+PONG\r\n")
	assert.Less(t, heap()-before, int64(16<<20))
	assert.Zero(t, s.big.Load())
}

// TestBufferBudget: large commands in the making share a bound.
func TestBufferBudget(t *testing.T) {
	s, addr := serve(t, doortest.New(), func(c *Config) { c.BufferBytes = 5 << 20 })
	part := cmd("SET", "k", strings.Repeat("v", 2<<20))
	first := dial(t, addr)
	_, err := first.Write([]byte(part[:1<<20+1]))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.big.Load() >= 2<<20 }, 10*time.Second, time.Millisecond)
	second := dial(t, addr)
	go func() { _, _ = second.Write([]byte(part)) }()
	ask(t, second, "", "-ERR Protocol error: the node is taking in too many large commands")
	require.Eventually(t, func() bool { return s.big.Load() == 2<<20 }, 10*time.Second, time.Millisecond)
	go func() { _, _ = first.Write([]byte(part[1<<20+1:])) }()
	ask(t, first, "", "+OK\r\n")
}

func TestStalledCommand(t *testing.T) {
	s, addr := serve(t, doortest.New(), func(c *Config) { c.ReadTimeout = 50 * time.Millisecond })
	idle, stalled := dial(t, addr), dial(t, addr)
	ask(t, idle, cmd("PING"), "+PONG\r\n")
	ask(t, stalled, cmd("PING")+"*2\r\n$3\r\nGE", "+PONG\r\n")
	_, err := stalled.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	assert.EqualValues(t, 1, s.slow.Load())
	ask(t, idle, cmd("PING"), "+PONG\r\n") // silence between commands is allowed
}

// TestSlowReader: a client that asks and never reads is cut off, and what waits
// for it is bounded.
func TestSlowReader(t *testing.T) {
	h := doortest.New()
	s, addr := serve(t, h, func(c *Config) { c.WriteTimeout = 100 * time.Millisecond })
	c := dial(t, addr)
	big := strings.Repeat("v", 4<<20)
	go func() { _, _ = c.Write([]byte(cmd("SET", "k", big))) }()
	ask(t, c, "", "+OK\r\n")
	before := heap()
	var err error
	for range 10_000 { // until the server stops reading, and then hangs up
		if _, err = c.Write([]byte(cmd("GET", "k"))); err != nil {
			break
		}
		if s.slow.Load() > 0 {
			break
		}
		assert.Less(t, heap()-before, int64(32<<20))
		time.Sleep(time.Millisecond)
	}
	require.Eventually(t, func() bool { return s.slow.Load() == 1 && len(s.clients()) == 0 }, 10*time.Second, time.Millisecond)
}

// TestHeavyBatches: after a batch of large values the next ones are small.
func TestHeavyBatches(t *testing.T) {
	h := doortest.New()
	var mu sync.Mutex
	most := 0
	h.Before = func(ops []msg.Op) {
		mu.Lock()
		defer mu.Unlock()
		most = max(most, len(ops))
	}
	_, addr := serve(t, h, nil)
	c := dial(t, addr)
	big := strings.Repeat("v", 4<<20)
	go func() { _, _ = c.Write([]byte(cmd("SET", "k", big))) }()
	ask(t, c, "", "+OK\r\n")
	ask(t, c, cmd("GET", "k"), bulk(big))
	go func() { _, _ = c.Write([]byte(strings.Repeat(cmd("GET", "k"), 40))) }()
	ask(t, c, "", strings.Repeat(bulk(big), 40))
	mu.Lock()
	defer mu.Unlock()
	assert.LessOrEqual(t, most, 4)
}

// TestIdleConnections: an idle connection costs no more than its record, also
// after it has moved large commands.
func TestIdleConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("opens thousands of connections")
	}
	count := idleConnections(t)
	s, addr := serve(t, doortest.New(), nil)
	before := memory()
	conns := make([]net.Conn, 0, count)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	value := strings.Repeat("v", 100_000)
	for i := range count {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		conns = append(conns, c)
		if i%10 == 0 {
			go func() { _, _ = c.Write([]byte(cmd("SET", "k", value))) }()
			ask(t, c, "", "+OK\r\n")
		} else {
			ask(t, c, cmd("PING"), "+PONG\r\n")
		}
	}
	require.Len(t, s.clients(), count)
	each := (memory() - before) / int64(count)
	t.Logf("%d idle connections, %d bytes each (both ends)", count, each)
	assert.Less(t, each, int64(20<<10))
	ask(t, conns[0], cmd("GET", "k"), bulk(value))
}

// idleConnections is 10,000, or what the limit of open files allows for both ends.
func idleConnections(t *testing.T) int {
	var lim syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim))
	return min(10_000, int(lim.Cur)/2-200)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// memory is heap and stacks in use.
func memory() int64 {
	runtime.GC()
	runtime.GC() // sync.Pool gives way at the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// TestSlowBatchKeepsOthersGoing: a connection that waits for the store holds up no other.
func TestSlowBatchKeepsOthersGoing(t *testing.T) {
	h := doortest.New()
	release := make(chan struct{})
	h.Before = func(ops []msg.Op) {
		if string(ops[0].Key) == "slow" {
			<-release
		}
	}
	_, addr := serve(t, h, nil)
	slow, other := dial(t, addr), dial(t, addr)
	_, err := slow.Write([]byte(cmd("GET", "slow")))
	require.NoError(t, err)
	for i := range 100 {
		ask(t, other, cmd("SET", fmt.Sprint(i), "v"), "+OK\r\n")
	}
	close(release)
	ask(t, slow, "", "$-1\r\n")
}

// failingListener gives errors before it gives connections.
type failingListener struct {
	net.Listener
	errs int
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.errs > 0 {
		l.errs--
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

func TestAcceptErrorsPass(t *testing.T) {
	s := New(Config{Host: doortest.New()})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(&failingListener{l, 3}) }()
	c := dial(t, l.Addr().String())
	ask(t, c, cmd("PING"), "+PONG\r\n")
	require.NoError(t, s.Close())
	require.True(t, errors.Is(<-served, ErrClosed))
}
