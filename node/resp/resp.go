// Package resp is the front door for Redis clients: RESP2 over TCP.
//
// A connection's commands are taken together: whatever the client has already
// sent is parsed, its data commands become one batch of operations, and the replies
// leave in order with one write (conn.go). On Linux one goroutine does this for all
// connections at a time (loop_linux.go), elsewhere each has its own (stream.go).
// Parsing is our own (parse.go says why); the replies are encoded by redcon.
//
// Order. Commands on one key take effect in the order in which a connection
// sent them. Commands on different keys of one pipeline run at the same time,
// so another client may see the second before the first; a client that needs
// an order waits for the reply. MSET, MGET, DEL and EXISTS with several keys
// are several operations, each linearizable, and not one transaction.
//
// Outcomes. `-UNKNOWN` means that a write may or may not have taken effect, or
// may still; `-UNAVAILABLE` and `-OVERLOADED` that nothing was done. None of the
// prefixes is one that client libraries answer by sending the command again.
package resp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/quoratedb/quorate/node/door"
)

// Config says how a Server serves. Zero fields take the defaults beside them.
type Config struct {
	Host         door.Host
	Log          *slog.Logger         // slog.Default()
	Metrics      *prometheus.Registry // where Door registers the server; nil: nowhere
	MaxConns     int                  // 20,000; more are refused with an error
	CommandBytes int                  // of one command, four times Limits.ValueBytes and 1 MiB
	BufferBytes  int64                // 512 MiB: read buffers of commands above 64 KiB, of all connections together
	ReadTimeout  time.Duration        // 30 s without a byte inside a command; idle connections may wait for ever
	WriteTimeout time.Duration        // 10 s for each 256 KiB that a slow reader takes
}

func (c Config) defaults() Config {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.MaxConns == 0 {
		c.MaxConns = 20_000
	}
	if c.CommandBytes == 0 {
		c.CommandBytes = 4*c.Host.Limits().ValueBytes + 1<<20
	}
	if c.BufferBytes == 0 {
		c.BufferBytes = 512 << 20
	}
	if c.ReadTimeout == 0 {
		c.ReadTimeout = 30 * time.Second
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = 10 * time.Second
	}
	return c
}

// Server answers Redis clients on behalf of a node.
type Server struct {
	cfg    Config
	limits door.Limits
	start  time.Time

	mu       sync.Mutex
	conns    map[uint64]client
	loop     *loop // made by the first connection that it drives
	listener map[net.Listener]struct{}
	draining bool
	wg       sync.WaitGroup

	nextID   atomic.Uint64
	accepted atomic.Uint64
	refused  atomic.Uint64
	commands atomic.Uint64
	broken   atomic.Uint64 // connections closed for a protocol error
	slow     atomic.Uint64 // connections closed because they did not take or send their bytes
	big      atomic.Int64  // bytes of read buffers above the pooled size
}

// New makes a Server; Serve starts it.
func New(cfg Config) *Server {
	cfg = cfg.defaults()
	l := cfg.Host.Limits()
	if l.BatchOps < 1 {
		l.BatchOps = 1024
	}
	return &Server{cfg: cfg, limits: l, start: time.Now(), conns: map[uint64]client{}, listener: map[net.Listener]struct{}{}}
}

// ErrClosed is what Serve returns after Shutdown.
var ErrClosed = errors.New("resp: server closed")

// Serve accepts connections until Shutdown or until the listener breaks. It
// closes the listener. A passing error (no file descriptors left, a peer that
// gave up) is waited out.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		return ErrClosed
	}
	s.listener[l] = struct{}{}
	s.mu.Unlock()
	pause := time.Duration(0)
	for {
		nc, err := l.Accept()
		if err != nil {
			if s.isDraining() || errors.Is(err, net.ErrClosed) {
				return ErrClosed
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.cfg.Log.Warn("resp: accept failed, waiting", "error", err, "pause", pause)
			time.Sleep(pause)
			continue
		}
		pause = 0
		s.admit(nc)
	}
}

// client drives one connection.
type client interface {
	// start begins; on an error nothing has begun.
	start() error
	// drain makes the connection end once it has answered what it has read.
	drain()
	// cut makes it end now.
	cut()
	// about is the connection.
	about() *conn
}

// Bounds on how a connection ends.
const (
	writeChunk  = 256 << 10   // how much a slow reader must take within Config.WriteTimeout
	lingerTime  = time.Second // for a client to take the reason why
	lingerBytes = 4 << 20     // that it may send meanwhile
)

// admit starts a connection, or refuses it with the reason.
func (s *Server) admit(nc net.Conn) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		// Half-open connections are found by the kernel: after 30 s of silence, 3 probes 10 s apart.
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3})
	}
	c := newConn(s, nc)
	k := s.client(c, nc)
	s.mu.Lock()
	full, draining := len(s.conns) >= s.cfg.MaxConns, s.draining
	var err error
	if !full && !draining {
		s.wg.Add(1)
		s.conns[c.id] = k
		if err = k.start(); err != nil {
			delete(s.conns, c.id)
			s.wg.Done()
		}
	}
	s.mu.Unlock()
	switch {
	case err != nil:
		s.cfg.Log.Warn("resp: can't serve a connection", "client", c.remote, "error", err)
	case full || draining:
		_ = nc.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		_, _ = nc.Write([]byte("-ERR max number of clients reached\r\n")) // Redis's words
	default:
		s.accepted.Add(1)
		return
	}
	s.refused.Add(1)
	_ = nc.Close() // nothing was begun
}

// ended notes why a connection has ended.
func (s *Server) ended(c *conn, err error) {
	if err != nil && !errors.Is(err, io.EOF) {
		s.cfg.Log.Debug("resp: connection ended", "client", c.remote, "error", err)
	}
}

// forget comes last in a connection's life.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c.id)
	s.mu.Unlock()
	s.wg.Done()
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// Shutdown stops accepting, lets each connection answer what it has taken in
// hand, and closes it. When ctx ends first the rest is cut off, and ctx's error
// returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	for l := range s.listener {
		l.Close()
	}
	for _, c := range s.conns {
		c.drain()
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.wg.Wait(); s.stopLoop(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	for _, c := range s.conns {
		c.cut()
	}
	s.mu.Unlock()
	<-done // a session answers within the node's request timeout
	return ctx.Err()
}

func (s *Server) stopLoop() {
	s.mu.Lock()
	l := s.loop
	s.loop = nil
	s.mu.Unlock()
	if l != nil {
		l.stop()
	}
}

// clients returns the open connections, oldest first.
func (s *Server) clients() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*conn, 0, len(s.conns))
	for _, c := range s.conns {
		all = append(all, c.about())
	}
	slices.SortFunc(all, func(a, b *conn) int { return int(int64(a.id) - int64(b.id)) })
	return all
}

// Door listens on addr and serves there: a node.Door.
func Door(addr string, cfg Config) func(door.Host) (io.Closer, error) {
	return func(h door.Host) (io.Closer, error) {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("resp: listen on %s: %w", addr, err)
		}
		cfg := cfg
		cfg.Host = h
		s := New(cfg)
		if cfg.Metrics != nil {
			cfg.Metrics.MustRegister(s)
		}
		go func() {
			if err := s.Serve(l); !errors.Is(err, ErrClosed) {
				s.cfg.Log.Error("resp: no longer accepting", "error", err)
			}
		}()
		return s, nil
	}
}

// drainTimeout bounds Close.
const drainTimeout = 5 * time.Second

// Close is Shutdown with a bound of five seconds.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	return s.Shutdown(ctx)
}
