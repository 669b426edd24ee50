package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/client"
	"github.com/quoratedb/quorate/node/door/doortest"
	"github.com/quoratedb/quorate/node/resp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// up starts a node on addr ("" for any) and returns its address and its end.
func up(t *testing.T, addr string, h *doortest.Host) (string, func()) {
	t.Helper()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	s := resp.New(resp.Config{Host: h})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	var once sync.Once
	stop := func() { once.Do(func() { assert.NoError(t, s.Close()); <-served }) }
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

func connect(t *testing.T, addrs ...string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Addrs: addrs})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// unused is an address where nobody listens.
func unused(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

var ctx = context.Background()

func TestOperations(t *testing.T) {
	addr, _ := up(t, "", doortest.New())
	c := connect(t, addr)
	require.NoError(t, c.Ping(ctx))
	_, err := c.Get(ctx, "k")
	require.ErrorIs(t, err, client.ErrNotFound)
	require.ErrorIs(t, c.SetXX(ctx, "k", []byte("v")), client.ErrConditionFailed)
	require.NoError(t, c.SetNX(ctx, "k", []byte("\x00\r\n")))
	require.ErrorIs(t, c.SetNX(ctx, "k", []byte("v")), client.ErrConditionFailed)
	v, err := c.Get(ctx, "k")
	require.NoError(t, err)
	assert.Equal(t, "\x00\r\n", string(v))
	require.ErrorIs(t, c.CAS(ctx, "k", []byte("x"), []byte("y")), client.ErrConditionFailed)
	require.ErrorIs(t, c.CAS(ctx, "none", nil, []byte("y")), client.ErrConditionFailed)
	require.NoError(t, c.CAS(ctx, "k", []byte("\x00\r\n"), []byte("")))
	v, err = c.Get(ctx, "k")
	require.NoError(t, err)
	assert.Equal(t, []byte{}, v)
	n, err := c.Incr(ctx, "n", -7)
	require.NoError(t, err)
	assert.EqualValues(t, -7, n)
	var refused client.ServerError
	_, err = c.Incr(ctx, "k", 1)
	require.ErrorAs(t, err, &refused)
	values, err := c.MGet(ctx, "k", "none", "n")
	require.NoError(t, err)
	assert.Equal(t, [][]byte{{}, nil, []byte("-7")}, values)
	existed, err := c.Delete(ctx, "k")
	require.NoError(t, err)
	assert.True(t, existed)
	existed, err = c.Exists(ctx, "k")
	require.NoError(t, err)
	assert.False(t, existed)
	require.NoError(t, c.Close())
	require.ErrorIs(t, c.Set(ctx, "k", nil), client.ErrClosed)
	_, err = client.New(client.Options{})
	require.Error(t, err)
}

func TestNextAddress(t *testing.T) {
	h := doortest.New()
	a, stopA := up(t, "", h)
	b, _ := up(t, "", h)
	c := connect(t, unused(t), a, b)
	for i := range 20 {
		if i == 10 {
			stopA() // the idle connection is found dead before anything is sent
		}
		_, err := c.Incr(ctx, "n", 1)
		require.NoError(t, err)
	}
	n, err := c.Incr(ctx, "n", 0)
	require.NoError(t, err)
	assert.EqualValues(t, 20, n)
	// A node that says it did nothing is passed over, too.
	sick := doortest.New()
	var asked atomic.Int64
	sick.Intercept = func(*msg.Op) *kv.Result { asked.Add(1); return &kv.Result{Status: kv.Unavailable} }
	d, _ := up(t, "", sick)
	c = connect(t, d, b)
	_, err = c.Incr(ctx, "n", 1)
	require.NoError(t, err)
	assert.EqualValues(t, 1, asked.Load())
	// Nobody serves.
	c = connect(t, d)
	require.ErrorIs(t, c.Set(ctx, "k", nil), client.ErrUnavailable)
	assert.EqualValues(t, 5, asked.Load(), "attempts are bounded")
}

// dying accepts requests, counts them, and hangs up without an answer.
func dying(t *testing.T) (string, *atomic.Int64) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var got atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			if n, _ := nc.Read(make([]byte, 1024)); n > 0 {
				got.Add(1)
			}
			nc.Close()
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String(), &got
}

// TestUnknownIsNeverRepeated is the promise of the package.
func TestUnknownIsNeverRepeated(t *testing.T) {
	h := doortest.New()
	good, _ := up(t, "", h)
	unknown := doortest.New()
	var asked atomic.Int64
	unknown.Intercept = func(*msg.Op) *kv.Result { asked.Add(1); return &kv.Result{Status: kv.Unknown} }
	sick, _ := up(t, "", unknown)
	cut, cuts := dying(t)
	writes := map[string]func(*client.Client) error{
		"set":    func(c *client.Client) error { return c.Set(ctx, "k", []byte("v")) },
		"setnx":  func(c *client.Client) error { return c.SetNX(ctx, "k", []byte("v")) },
		"delete": func(c *client.Client) error { _, err := c.Delete(ctx, "k"); return err },
		"cas":    func(c *client.Client) error { return c.CAS(ctx, "k", []byte("v"), []byte("w")) },
		"incr":   func(c *client.Client) error { _, err := c.Incr(ctx, "k", 1); return err },
	}
	for name, do := range writes {
		for addr, count := range map[string]*atomic.Int64{sick: &asked, cut: cuts} {
			before := count.Load()
			err := do(connect(t, addr, good))
			require.ErrorIs(t, err, client.ErrUnknownOutcome, name)
			assert.EqualValues(t, 1, count.Load()-before, name)
		}
	}
	assert.Zero(t, h.Batches.Load(), "no write reached the second node")
	// Reads go on to the next node.
	for _, addr := range []string{sick, cut} {
		_, err := connect(t, addr, good).Get(ctx, "k")
		require.ErrorIs(t, err, client.ErrNotFound)
	}
}

func TestContext(t *testing.T) {
	h := doortest.New()
	release := make(chan struct{})
	started := make(chan struct{}, 10)
	h.Before = func([]msg.Op) { started <- struct{}{}; <-release }
	addr, _ := up(t, "", h)
	defer close(release)
	c := connect(t, addr)
	for _, call := range []struct {
		do   func(context.Context) error
		want error
	}{
		{func(ctx context.Context) error { return c.Set(ctx, "k", nil) }, client.ErrUnknownOutcome},
		{func(ctx context.Context) error { _, err := c.Get(ctx, "k"); return err }, client.ErrUnavailable},
	} {
		cancelled, cancel := context.WithCancel(ctx)
		got := make(chan error, 1)
		go func() { got <- call.do(cancelled) }()
		<-started
		cancel()
		err := <-got
		require.ErrorIs(t, err, call.want)
		require.ErrorIs(t, err, context.Canceled)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	err := c.Set(cancelled, "k", nil)
	require.ErrorIs(t, err, client.ErrUnavailable, "nothing was sent")
	require.NotErrorIs(t, err, client.ErrUnknownOutcome)
}

func TestConcurrent(t *testing.T) {
	h := doortest.New()
	a, stop := up(t, "", h)
	b, _ := up(t, "", h)
	c := connect(t, a, b)
	var wg sync.WaitGroup
	var acked, unknown atomic.Int64
	for i := range 50 {
		wg.Go(func() {
			for range 100 {
				_, err := c.Incr(ctx, "n", 1)
				switch {
				case err == nil:
					acked.Add(1)
				case errors.Is(err, client.ErrUnknownOutcome):
					unknown.Add(1)
				default:
					t.Error(err)
				}
			}
			if i == 25 {
				stop()
			}
		})
	}
	wg.Wait()
	n, err := c.Incr(ctx, "n", 0)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, n, acked.Load())
	assert.LessOrEqual(t, n, acked.Load()+unknown.Load())
	t.Logf("%d acknowledged, %d unknown, counter %d", acked.Load(), unknown.Load(), n)
}

// TestBadReplies: a peer that does not speak the protocol is an error in bounded
// memory and time.
func TestBadReplies(t *testing.T) {
	for _, answer := range []string{"HTTP/1.1 400 Bad Request\r\n\r\n", "$99999999999\r\n", "*1000000000\r\n$1\r\na\r\n", "$3\r\nabcd\r\n", ":x\r\n", "*1\r\n*1\r\n:1\r\n", "\n\n\n", strings.Repeat("+", 10_000)} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		var wg sync.WaitGroup
		wg.Go(func() {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			defer nc.Close()
			_, _ = nc.Read(make([]byte, 1024))
			_, _ = fmt.Fprint(nc, answer)
		})
		c, err := client.New(client.Options{Addrs: []string{l.Addr().String()}, MaxAttempts: 1, Timeout: 5 * time.Second})
		require.NoError(t, err)
		require.ErrorIs(t, c.Set(ctx, "k", nil), client.ErrUnknownOutcome, answer[:min(len(answer), 20)])
		c.Close()
		l.Close()
		wg.Wait()
	}
}
