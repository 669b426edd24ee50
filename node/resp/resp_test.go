package resp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door/doortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve starts a server for the duration of a test.
func serve(t testing.TB, h *doortest.Host, edit func(*Config)) (*Server, string) {
	t.Helper()
	cfg := Config{Host: h}
	if edit != nil {
		edit(&cfg)
	}
	s := New(cfg)
	t.Cleanup(func() { assert.Zero(t, h.Sessions.Load(), "sessions left open") })
	return s, listen(t, s)
}

// listen lets a server serve until the end of the test.
func listen(t testing.TB, s *Server) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.ErrorIs(t, <-done, ErrClosed)
		assert.Zero(t, s.big.Load(), "buffer bytes not given back")
	})
	return l.Addr().String()
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// ask sends raw bytes and returns what comes back: exactly as much as is wanted.
func ask(t testing.TB, c net.Conn, send, want string) {
	t.Helper()
	_, err := c.Write([]byte(send))
	require.NoError(t, err)
	got := make([]byte, len(want))
	n, err := readFull(c, got)
	require.Equal(t, want, string(got[:n]), "sent %.200q (%v)", send, err)
}

func readFull(c net.Conn, b []byte) (int, error) {
	for n := 0; ; {
		m, err := c.Read(b[n:])
		n += m
		if err != nil || n == len(b) {
			return n, err
		}
	}
}

// cmd encodes a command as clients do.
func cmd(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

func TestReplies(t *testing.T) {
	_, addr := serve(t, doortest.New(), nil)
	c := dial(t, addr)
	long := strings.Repeat("k", 64<<10+1)
	for _, tc := range []struct{ send, want string }{
		{cmd("PING"), "+PONG\r\n"},
		{cmd("ping", "x"), bulk("x")},
		{cmd("PING", "x", "y"), "-ERR wrong number of arguments for 'ping' command\r\n"},
		{cmd("ECHO", "a\r\n\x00b"), bulk("a\r\n\x00b")},
		{cmd("GET", "a"), "$-1\r\n"},
		{cmd("SET", "a", "1"), "+OK\r\n"},
		{cmd("GET", "a"), bulk("1")},
		{cmd("SET", "a", "2", "NX"), "$-1\r\n"},
		{cmd("SET", "a", "2", "XX", "GET"), bulk("1")},
		{cmd("SET", "a", "3", "NX", "GET"), bulk("2")},
		{cmd("SET", "new", "3", "NX", "GET"), "$-1\r\n"},
		{cmd("GET", "new"), bulk("3")},
		{cmd("SET", "none", "3", "xx"), "$-1\r\n"},
		{cmd("SET", "a", "3", "NX", "XX"), "-ERR syntax error\r\n"},
		{cmd("SET", "a", "3", "EX", "10"), "-ERR " + kv.StrongTakesNoTuning + "\r\n"},
		{cmd("SET", "a", "3", "PX", "0"), "-ERR invalid expire time in 'set' command\r\n"},
		{cmd("SET", "a", "3", "EX"), "-ERR syntax error\r\n"},
		{cmd("SETEX", "a", "x", "3"), "-ERR value is not an integer or out of range\r\n"},
		{cmd("SETEX", "a", "9223372036854775807", "3"), "-ERR invalid expire time in 'setex' command\r\n"},
		{cmd("SET", "a", "3", "keepttl"), "-ERR SET option KEEPTTL is not supported, allowed are NX, XX, GET, EX and PX\r\n"},
		{cmd("SET", "a", "3", "what"), "-ERR syntax error\r\n"},
		{cmd("SET", "a"), "-ERR wrong number of arguments for 'set' command\r\n"},
		{cmd("GET", "a"), bulk("2")},
		{cmd("SETNX", "a", "9"), ":0\r\n"},
		{cmd("SETNX", "b", "9"), ":1\r\n"},
		{cmd("GETDEL", "b"), bulk("9")},
		{cmd("GETDEL", "b"), "$-1\r\n"},
		{cmd("MSET", "x", "1", "y", "2"), "+OK\r\n"},
		{cmd("MSET", "x", "1", "y"), "-ERR wrong number of arguments for 'mset' command\r\n"},
		{cmd("MGET", "x", "nope", "y"), "*3\r\n" + bulk("1") + "$-1\r\n" + bulk("2")},
		{cmd("EXISTS", "x", "x", "nope"), ":2\r\n"},
		{cmd("DEL", "x", "y", "nope"), ":2\r\n"},
		{cmd("INCR", "n"), ":1\r\n"},
		{cmd("INCRBY", "n", "41"), ":42\r\n"},
		{cmd("DECR", "n"), ":41\r\n"},
		{cmd("DECRBY", "n", "-1"), ":42\r\n"},
		{cmd("INCRBY", "n", "+1"), "-ERR value is not an integer or out of range\r\n"},
		{cmd("INCRBY", "n", "9223372036854775808"), "-ERR value is not an integer or out of range\r\n"},
		{cmd("DECRBY", "n", "-9223372036854775808"), "-ERR decrement would overflow\r\n"},
		{cmd("INCRBY", "n", "9223372036854775807"), "-ERR increment or decrement would overflow\r\n"},
		{cmd("SET", "s", "abc"), "+OK\r\n"},
		{cmd("INCR", "s"), "-ERR value is not an integer or out of range\r\n"},
		{cmd("CAS", "s", "abc", "def"), ":1\r\n"},
		{cmd("CAS", "s", "abc", "def"), ":0\r\n"},
		{cmd("CAS", "gone", "", "def"), ":0\r\n"},
		{cmd("SET", "\x00\r\n\xff", "\x00\xff\r\n"), "+OK\r\n"},
		{cmd("GET", "\x00\r\n\xff"), bulk("\x00\xff\r\n")},
		{cmd("SET", "empty", ""), "+OK\r\n"},
		{cmd("GET", "empty"), "$0\r\n\r\n"},
		{cmd("GET", ""), "-ERR the key is empty, keys have 1 to 65536 bytes\r\n"},
		{cmd("GET", long), "-ERR key of 65537 bytes is too large, the limit is 65536 bytes\r\n"},
		{cmd("MGET", "a", long), "-ERR key of 65537 bytes is too large, the limit is 65536 bytes\r\n"},
		{cmd("SELECT", "0"), "+OK\r\n"},
		{cmd("SELECT", "1"), "-ERR DB index is out of range, there are 0 (default)\r\n"},
		{cmd("SELECT", "none"), "-ERR no bucket is named \"none\"; there are default; quorate ctl bucket create makes one\r\n"},
		{cmd("SELECT", "default"), "+OK\r\n"},
		{cmd("AUTH", "pw"), "-" + noPassword + "\r\n"},
		{cmd("HELLO", "3"), "-NOPROTO unsupported protocol version\r\n"},
		{cmd("HELLO", "2", "AUTH", "default", "x"), "-" + noPassword + "\r\n"},
		{cmd("CLIENT", "SETNAME", "joe"), "+OK\r\n"},
		{cmd("CLIENT", "GETNAME"), bulk("joe")},
		{cmd("CLIENT", "SETNAME", "j o"), "-" + badName + "\r\n"},
		{cmd("CLIENT", "SETINFO", "lib-name", "x"), "+OK\r\n"},
		{cmd("CLIENT", "NO-EVICT", "on"), "+OK\r\n"},
		{cmd("RESET"), "+RESET\r\n"},
		{cmd("CLIENT", "GETNAME"), "$-1\r\n"},
		{cmd("CONFIG", "GET", "save"), "*2\r\n" + bulk("save") + bulk("")},
		{cmd("CONFIG", "GET", "append*"), "*4\r\n" + bulk("appendfsync") + bulk("always") + bulk("appendonly") + bulk("yes")},
		{cmd("CONFIG", "GET", "nothing"), "*0\r\n"},
		{cmd("COMMAND", "COUNT"), fmt.Sprintf(":%d\r\n", len(commands))},
		{cmd("COMMAND", "DOCS"), "*0\r\n"},
		{cmd("COMMAND", "INFO", "get", "nope"), "*2\r\n*6\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*-1\r\n"},
		{cmd("DBSIZE"), ":6\r\n"},
		{cmd("foo", "a", "b\n"), "-ERR unknown command 'foo', with args beginning with: 'a' 'b\\n' \r\n"},
		{"PING\r\n", "+PONG\r\n"},
		{"\r\n  \r\nECHO \"a b\\x41\\n\" \r\n", bulk("a bA\n")},
		{"*0\r\n*-1\r\n" + cmd("PING"), "+PONG\r\n"},
		{cmd("QUIT"), "+OK\r\n"},
	} {
		ask(t, c, tc.send, tc.want)
	}
	n, err := c.Read(make([]byte, 1))
	assert.Zero(t, n)
	assert.Error(t, err, "QUIT closes")
}

func TestFailures(t *testing.T) {
	h := doortest.New()
	h.Intercept = func(op *msg.Op) *kv.Result {
		for s := kv.Unknown; s.Valid(); s++ {
			if string(op.Key) == fmt.Sprint(s) {
				return &kv.Result{Status: s}
			}
		}
		return nil
	}
	_, addr := serve(t, h, nil)
	c := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, DisableIndentity: true})
	defer c.Close()
	ctx := context.Background()
	for key, want := range map[string]string{
		kv.Unknown.String():     "UNKNOWN outcome not known",
		kv.Unavailable.String(): "UNAVAILABLE nothing was done",
		kv.Busy.String():        "OVERLOADED nothing was done",
		kv.TooLarge.String():    "ERR key or value too large, the limits are 65536 and 8388608 bytes",
		kv.NotOwner.String():    "UNAVAILABLE nothing was done",
		kv.BadRequest.String():  "ERR not a valid operation",
	} {
		before := h.Batches.Load()
		err := c.Set(ctx, key, "v", 0).Err()
		require.ErrorContains(t, err, want)
		assert.EqualValues(t, 1, h.Batches.Load()-before, "%s: the client sent it again", key)
	}
	// Unknown outranks other failures, and one failure is the whole command's.
	require.ErrorContains(t, c.MSet(ctx, "a", 1, kv.Unavailable.String(), 1, kv.Unknown.String(), 1).Err(), "UNKNOWN ")
	require.ErrorContains(t, c.MGet(ctx, "a", kv.Unavailable.String()).Err(), "UNAVAILABLE not all of the keys")
	h.CountErr = fmt.Errorf("node 3 is down")
	require.ErrorContains(t, c.DBSize(ctx).Err(), "UNAVAILABLE the keys cannot be counted now: node 3 is down")
}

func TestPipelineIsOneBatch(t *testing.T) {
	h := doortest.New()
	h.Bounds.BatchOps = 64
	_, addr := serve(t, h, nil)
	c := dial(t, addr)
	var send, want strings.Builder
	for i := range 16 {
		send.WriteString(cmd("SET", fmt.Sprint("k", i), fmt.Sprint(i)) + cmd("GET", fmt.Sprint("k", i)))
		want.WriteString("+OK\r\n" + bulk(fmt.Sprint(i)))
	}
	ask(t, c, send.String(), want.String())
	assert.LessOrEqual(t, h.Batches.Load(), int64(2), "32 commands sent at once")

	// Errors and other commands keep their place.
	ask(t, c, cmd("SET", "a", "1")+cmd("GET")+cmd("INCR", "a")+cmd("PING")+cmd("NOPE")+cmd("GET", "a"),
		"+OK\r\n-ERR wrong number of arguments for 'get' command\r\n:2\r\n+PONG\r\n-ERR unknown command 'NOPE', with args beginning with: \r\n"+bulk("2"))

	// One command with more keys than a batch.
	mset, mget, values := []string{"MSET"}, []string{"MGET"}, ""
	for i := range 200 {
		mset = append(mset, fmt.Sprint("m", i), fmt.Sprint("v", i))
		mget = append(mget, fmt.Sprint("m", i))
		values += bulk(fmt.Sprint("v", i))
	}
	ask(t, c, cmd(mset...)+cmd(mget...)+cmd(append([]string{"DEL"}, mget[1:]...)...), "+OK\r\n*200\r\n"+values+":200\r\n")
}

func TestLargeValues(t *testing.T) {
	h := doortest.New()
	_, addr := serve(t, h, nil)
	c := dial(t, addr)
	big := strings.Repeat("0123456789abcdef", 8<<20/16)
	go func() {
		_, _ = c.Write([]byte(cmd("SET", "big", big) + cmd("GET", "big") + cmd("MGET", "big", "big") + cmd("PING")))
	}()
	ask(t, c, "", "+OK\r\n"+bulk(big)+"*2\r\n"+bulk(big)+bulk(big)+"+PONG\r\n")
	go func() { _, _ = c.Write([]byte(cmd("SET", "big", big+"x") + cmd("EXISTS", "big"))) }()
	ask(t, c, "", "-ERR value of 8388609 bytes is too large, the limit is 8388608 bytes\r\n:1\r\n")
}

func TestByteByByte(t *testing.T) {
	_, addr := serve(t, doortest.New(), nil)
	c := dial(t, addr)
	for _, b := range []byte(cmd("SET", "k", "v") + "GET k\r\n" + cmd("PING")) {
		_, err := c.Write([]byte{b})
		require.NoError(t, err)
	}
	ask(t, c, "", "+OK\r\n"+bulk("v")+"+PONG\r\n")
}

func TestGoRedis(t *testing.T) {
	h := doortest.New()
	_, addr := serve(t, h, nil)
	c := redis.NewClient(&redis.Options{Addr: addr, ClientName: "test", PoolSize: 50}) // HELLO 3 first, as by default
	defer c.Close()
	ctx := context.Background()
	require.NoError(t, c.Ping(ctx).Err())
	require.NoError(t, c.Set(ctx, "k", "v", 0).Err())
	assert.ErrorContains(t, c.Set(ctx, "k", "v", time.Second).Err(), "a strong bucket takes no")
	ok, err := c.SetNX(ctx, "k", "w", 0).Result()
	require.NoError(t, err)
	assert.False(t, ok)
	assert.ErrorIs(t, c.Get(ctx, "absent").Err(), redis.Nil)
	info, err := c.Info(ctx).Result()
	require.NoError(t, err)
	for _, want := range []string{"redis_version:7", "connected_clients:", "used_memory:", "aof_enabled:1", "role:master", "db0:keys=1"} {
		assert.Contains(t, info, want)
	}
	one, err := c.Info(ctx, "clients").Result()
	require.NoError(t, err)
	assert.NotContains(t, one, "redis_version")
	list, err := c.ClientList(ctx).Result()
	require.NoError(t, err)
	assert.Contains(t, list, "name=test")

	errs := make(chan error, 1000)
	for i := range 1000 {
		go func() {
			_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
				for range 4 {
					p.Incr(ctx, "n")
					p.Set(ctx, fmt.Sprint("k", i), i, 0)
				}
				return nil
			})
			if err == nil {
				var got string
				if got, err = c.Get(ctx, fmt.Sprint("k", i)).Result(); err == nil && got != fmt.Sprint(i) {
					err = fmt.Errorf("k%d is %q", i, got)
				}
			}
			errs <- err
		}()
	}
	for range 1000 {
		require.NoError(t, <-errs)
	}
	n, err := c.Get(ctx, "n").Int()
	require.NoError(t, err)
	assert.Equal(t, 4000, n)
}

// TestShutdown: what was taken in hand is answered, idle connections end.
func TestShutdown(t *testing.T) {
	h := doortest.New()
	started, release := make(chan struct{}), make(chan struct{})
	h.Before = func([]msg.Op) { started <- struct{}{}; <-release }
	s := New(Config{Host: h})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	idle, busy := dial(t, l.Addr().String()), dial(t, l.Addr().String())
	ask(t, idle, cmd("PING"), "+PONG\r\n")
	_, err = busy.Write([]byte(cmd("SET", "a", "b")))
	require.NoError(t, err)
	<-started
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	_, err = idle.Read(make([]byte, 1))
	require.Error(t, err, "an idle connection ends at once")
	close(release)
	ask(t, busy, "", "+OK\r\n")
	require.NoError(t, <-down)
	require.ErrorIs(t, <-served, ErrClosed)
	require.ErrorIs(t, s.Serve(l), ErrClosed)
	assert.Zero(t, h.Sessions.Load())
}

// TestRedisTools runs Redis's own programs against the server, where installed.
func TestRedisTools(t *testing.T) {
	if _, err := exec.LookPath("redis-benchmark"); err != nil {
		t.Skip("redis-tools is not installed")
	}
	_, addr := serve(t, doortest.New(), nil)
	_, port, _ := net.SplitHostPort(addr)
	out, err := exec.Command("redis-cli", "-p", port, "SET", "a", "b c").CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Equal(t, "OK\n", string(out))
	out, err = exec.Command("redis-benchmark", "-p", port, "-n", "2000", "-P", "16", "-q", "-t", "set,get,incr,mset,ping").CombinedOutput()
	require.NoError(t, err, string(out))
	assert.NotContains(t, strings.ToLower(string(out)), "error")
	assert.Contains(t, string(out), "requests per second")
}

func TestMaxConns(t *testing.T) {
	_, addr := serve(t, doortest.New(), func(c *Config) { c.MaxConns = 1 })
	first := dial(t, addr)
	ask(t, first, cmd("PING"), "+PONG\r\n")
	ask(t, dial(t, addr), "", "-ERR max number of clients reached\r\n")
}

func BenchmarkPipeline(b *testing.B) {
	for _, depth := range []int{1, 16} {
		b.Run(fmt.Sprint("P", depth), func(b *testing.B) {
			_, addr := serve(b, doortest.New(), nil)
			c := dial(b, addr)
			_ = c.SetDeadline(time.Time{})
			send := []byte(strings.Repeat(cmd("GET", "key:000000000001"), depth))
			ask(b, c, cmd("SET", "key:000000000001", strings.Repeat("v", 100)), "+OK\r\n")
			r := bufio.NewReader(c)
			want := make([]byte, depth*len(bulk(strings.Repeat("v", 100))))
			b.ReportAllocs()
			for range b.N {
				if _, err := c.Write(send); err != nil {
					b.Fatal(err)
				}
				if _, err := r.Read(want[:1]); err != nil {
					b.Fatal(err)
				}
				for n := 1; n < len(want); {
					m, err := r.Read(want[n:])
					if err != nil {
						b.Fatal(err)
					}
					n += m
				}
			}
			if !bytes.HasPrefix(want, []byte("$100")) {
				b.Fatalf("%.50q", want)
			}
		})
	}
}
