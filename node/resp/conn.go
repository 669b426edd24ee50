package resp

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tidwall/redcon"

	"github.com/quoratedb/quorate/node/door"
)

// conn is one client. Its goroutine owns everything but the atomics.
type conn struct {
	s       *Server
	nc      net.Conn
	raw     syscall.RawConn // nil for connections without a file descriptor (TLS)
	tryRead func(fd uintptr) bool
	readN   int
	readErr error

	id      uint64
	opened  time.Time
	parse   parser
	w       *work        // borrowed; nil while idle
	session door.Session // made by the first data command

	batchOps      int       // operations of the next batch
	closing       bool      // after the replies so far
	writeDeadline time.Time // as last set
	readDeadline  bool      // one is set
	reserved      int64     // bytes of w.in that count against Config.BufferBytes

	draining atomic.Bool
	name     atomic.Pointer[string]
	lib      atomic.Pointer[string]
	last     atomic.Pointer[command]
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{s: s, nc: nc, id: s.nextID.Add(1), opened: time.Now(), batchOps: s.limits.BatchOps, parse: parser{maxBytes: s.cfg.CommandBytes, bulk: -1}}
	if tcp, ok := nc.(*net.TCPConn); ok {
		// Half-open connections are found by the kernel: after 30 s of silence, 3 probes 10 s apart.
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3})
	}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
		}
	}
	c.tryRead = c.readReady
	return c
}

// drain makes the connection end once it has answered what it has read.
func (c *conn) drain() {
	c.draining.Store(true)
	_ = c.nc.SetReadDeadline(time.Unix(1, 0))
}

func (c *conn) serve() {
	err := c.loop()
	if c.w != nil {
		c.releaseWork()
	}
	if c.session != nil {
		c.session.Close()
	}
	c.nc.Close()
	c.s.forget(c)
	if err != nil && !errors.Is(err, io.EOF) {
		c.s.cfg.Log.Debug("resp: connection ended", "client", c.nc.RemoteAddr(), "error", err)
	}
}

// loop reads, executes and answers until the client goes or must go.
func (c *conn) loop() error {
	for !c.closing && !c.draining.Load() {
		if err := c.space(); err != nil {
			return c.refuse(err)
		}
		c.expectProgress()
		n, err := c.receive()
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) && !c.draining.Load() {
				c.s.slow.Add(1)
			}
			return err
		}
		c.w.in = c.w.in[:len(c.w.in)+n]
		if err := c.consume(); err != nil {
			return c.refuse(err)
		}
		if err := c.flush(); err != nil {
			return err
		}
	}
	return nil
}

// consume runs the complete commands of the read buffer and moves the rest to
// its front. Data commands wait in w.ops for execute.
func (c *conn) consume() error {
	w := c.w
	at, count := 0, uint64(0)
	var err error
	for at < len(w.in) && !c.closing {
		var n int
		if n, err = c.parse.next(w.in[at:]); n == 0 || err != nil {
			break
		}
		w.args = w.args[:0]
		for _, s := range c.parse.args {
			w.args = append(w.args, w.in[at+s.from:at+s.to:at+s.to])
		}
		inline := w.in[at] != '*'
		c.parse.reset()
		at += n
		if len(w.args) > 0 {
			count++
			if inline && isHTTP(w.args[0]) {
				err = protocolError("this port speaks the Redis protocol, not HTTP")
				break
			}
			if err := c.command(w.args); err != nil {
				return err
			}
		}
	}
	c.s.commands.Add(count)
	// Operations of this batch point into the buffer: they are carried out before
	// its bytes move.
	if e := c.execute(); e != nil {
		return e
	}
	w.in = w.in[:copy(w.in, w.in[at:])]
	return err
}

// isHTTP recognises the requests that a browser can be tricked into sending.
func isHTTP(word []byte) bool { return string(word) == "POST" || string(word) == "Host:" }

// space makes room to read into, up to the limits.
func (c *conn) space() error {
	w := c.w
	if w == nil {
		return nil // receive borrows a fresh one
	}
	if len(w.in) < cap(w.in) {
		return nil
	}
	size := 2 * cap(w.in)
	if size > poolBuffer {
		size = min(size, max(c.s.cfg.CommandBytes+maxLengthLine, cap(w.in)+maxLengthLine))
		grow := int64(size) - c.reserved
		if c.s.big.Add(grow) > c.s.cfg.BufferBytes {
			c.s.big.Add(-grow)
			return protocolError("the node is taking in too many large commands, try again later")
		}
		c.reserved += grow
	}
	in := make([]byte, len(w.in), size)
	copy(in, w.in)
	w.in = in
	return nil
}

func (c *conn) releaseWork() {
	release(c.w)
	c.w = nil
	c.s.big.Add(-c.reserved)
	c.reserved = 0
}

// expectProgress sets a deadline inside a command and none between commands.
func (c *conn) expectProgress() {
	inside := c.w != nil && len(c.w.in) > 0
	switch {
	case inside:
		_ = c.nc.SetReadDeadline(time.Now().Add(c.s.cfg.ReadTimeout))
	case c.readDeadline:
		_ = c.nc.SetReadDeadline(time.Time{})
	}
	c.readDeadline = inside
	if c.draining.Load() { // drain may have come between
		_ = c.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// receivePlain reads from a connection without a file descriptor.
func (c *conn) receivePlain() (int, error) {
	if c.w == nil {
		c.w = borrow()
	}
	return c.nc.Read(c.w.in[len(c.w.in):cap(c.w.in)])
}

// refuse tells the client why the connection ends, and ends it so that the
// reply arrives: closing with unread bytes would reset the connection.
func (c *conn) refuse(err error) error {
	var p protocolError
	if !errors.As(err, &p) {
		return err
	}
	c.s.broken.Add(1)
	c.w.out = redcon.AppendError(c.w.out, "ERR "+p.Error())
	if err := c.flush(); err != nil {
		return err
	}
	c.releaseWork()
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return p
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(time.Second))
	_, _ = io.Copy(io.Discard, io.LimitReader(onlyReader{c.nc}, 4<<20))
	return p
}

// onlyReader hides ReadFrom and WriteTo, which would ignore the limit.
type onlyReader struct{ io.Reader }

// writeChunk is how much a slow reader must take within Config.WriteTimeout.
const writeChunk = 256 << 10

// flush writes the replies gathered so far.
func (c *conn) flush() error {
	if len(c.w.out) == 0 {
		return nil
	}
	err := c.write(c.w.out)
	c.w.out = c.w.out[:0]
	return err
}

func (c *conn) write(b []byte) error {
	for len(b) > 0 {
		// A deadline costs a timer operation, so it is moved only once it has
		// aged: the client gets between 9/10 and all of the timeout.
		now := time.Now()
		if c.writeDeadline.Sub(now) < c.s.cfg.WriteTimeout*9/10 {
			c.writeDeadline = now.Add(c.s.cfg.WriteTimeout)
			_ = c.nc.SetWriteDeadline(c.writeDeadline)
		}
		chunk := b[:min(len(b), writeChunk)]
		if _, err := c.nc.Write(chunk); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				c.s.slow.Add(1)
			}
			return err
		}
		b = b[len(chunk):]
	}
	return nil
}
