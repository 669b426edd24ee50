package resp

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/quoratedb/quorate/node/door"
)

// stream drives a connection with a goroutine of its own. It serves systems
// without an event loop of ours, and connections that are no plain socket.
type stream struct {
	*conn
	nc       net.Conn
	session  door.Session // made by the first data command
	draining atomic.Bool
}

// start implements client.
func (t *stream) start() error {
	go t.serve()
	return nil
}

// about implements client.
func (t *stream) about() *conn { return t.conn }

// drain implements client.
func (t *stream) drain() {
	t.draining.Store(true)
	_ = t.nc.SetReadDeadline(time.Unix(1, 0)) // fails only on a closed connection
}

// cut implements client.
func (t *stream) cut() { _ = t.nc.Close() }

func (t *stream) serve() {
	err := t.loop()
	t.rest()
	if t.session != nil {
		t.session.Close()
	}
	_ = t.nc.Close() // it is over either way
	t.s.ended(t.conn, err)
	t.s.forget(t.conn)
}

// loop brings the connection what it needs until the client goes or must go.
func (t *stream) loop() error {
	for what := needInput; ; what = t.advance() {
		var err error
		switch what {
		case needInput:
			if err = t.write(); err != nil || t.draining.Load() {
				return err
			}
			err = t.read()
		case needOutput:
			err = t.write()
		case needResults:
			if t.session == nil {
				t.session = t.s.cfg.Host.NewSession()
			}
			t.resolve(t.session.DoIn(t.bucket, t.w.ops))
		case needRun:
			t.runHeld()
		case needEnd:
			if err = t.write(); err == nil && t.broken != nil {
				t.linger()
			}
			return errors.Join(err, t.broken)
		}
		if err != nil {
			return err
		}
	}
}

// read takes what the client has sent. While it waits between two commands, the
// connection holds no buffers but the small one here.
func (t *stream) read() error {
	if t.inside() {
		if !t.space() {
			return nil // advance says so
		}
		t.deadline(time.Now().Add(t.s.cfg.ReadTimeout))
		n, err := t.nc.Read(t.room())
		if errors.Is(err, os.ErrDeadlineExceeded) && !t.draining.Load() {
			t.s.slow.Add(1)
		}
		t.took(n)
		return err
	}
	t.rest()
	t.deadline(time.Time{})
	var first [512]byte
	n, err := t.nc.Read(first[:])
	if err != nil {
		return err
	}
	t.space()
	t.took(copy(t.room(), first[:n]))
	return nil
}

func (t *stream) deadline(d time.Time) {
	_ = t.nc.SetReadDeadline(d) // fails only on a closed connection
	if t.draining.Load() {      // drain may have come between
		_ = t.nc.SetReadDeadline(time.Unix(1, 0)) // as above
	}
}

// write sends the replies, each chunk within the timeout.
func (t *stream) write() error {
	if t.w == nil {
		return nil
	}
	t.w.seal()
	for _, b := range t.w.parts {
		for len(b) > 0 {
			chunk := b[:min(len(b), writeChunk)]
			_ = t.nc.SetWriteDeadline(time.Now().Add(t.s.cfg.WriteTimeout)) // fails only on a closed connection
			if _, err := t.nc.Write(chunk); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					t.s.slow.Add(1)
				}
				return err
			}
			b = b[len(chunk):]
		}
	}
	t.w.written()
	return nil
}

// linger waits until the client has taken the reason why the connection ends:
// closing with unread bytes would reset it.
func (t *stream) linger() {
	half, ok := t.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = t.nc.SetReadDeadline(time.Now().Add(lingerTime))                      // fails only on a closed connection
	_, _ = io.Copy(io.Discard, io.LimitReader(onlyReader{t.nc}, lingerBytes)) // whatever comes, the connection ends
}

// onlyReader hides ReadFrom and WriteTo, which would ignore the limit.
type onlyReader struct{ io.Reader }
