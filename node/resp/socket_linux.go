package resp

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/node/door"
)

// socket is a connection that the event loop drives. The loop's goroutine owns
// it, but for the conn inside while a held command runs.
type socket struct {
	*conn
	nc      *net.TCPConn // until start
	l       *loop
	fd      int
	state   state
	session door.GateSession // made by the first data command

	seen      uint32    // crowd.window when it last began something
	readable  bool      // there may be something to read
	hungUp    bool      // the end of the stream is among it
	again     bool      // in loop.again
	timed     bool      // in loop.timed
	deadline  time.Time // zero: none
	taken     int       // bytes that a slow reader has taken since the deadline was set
	discarded int       // bytes while lingering
}

type state uint8

const (
	reading   state = iota // for the client's commands
	waiting                // for results, or a command that runs elsewhere
	writing                // for the client to take its replies
	lingering              // for the client to see why the connection ends
	closed                 // and yet waiting: what it waits for still has its buffers
	gone
)

// start implements client. The runtime's poller would report every packet, so
// the socket goes on under a descriptor that it does not know.
func (k *socket) start() error {
	l, err := k.s.eventLoop()
	if err != nil {
		return err
	}
	raw, err := k.nc.SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) { k.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); e != nil || err != nil {
		return os.NewSyscallError("dup", err)
	}
	_ = k.nc.Close() // the socket stays open
	k.l, k.nc = l, nil
	l.enter(k)
	return nil
}

// about implements client.
func (k *socket) about() *conn { return k.conn }

// drain implements client.
func (k *socket) drain() {
	k.l.draining.Store(true)
	k.l.nudge()
}

// cut implements client.
func (k *socket) cut() {
	k.l.cutting.Store(true)
	k.l.nudge()
}

// event takes note of what a socket is ready for, and goes on with it.
func (l *loop) event(e *unix.EpollEvent) {
	k := l.sockets[e.Fd]
	if k == nil {
		return // closed earlier in this turn
	}
	if e.Events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		k.readable = true
		k.hungUp = k.hungUp || e.Events&^(unix.EPOLLIN|unix.EPOLLOUT) != 0
	}
	if k.state == writing {
		l.drive(k)
		return
	}
	l.proceed(k)
}

// proceed reads once, if the socket's turn has come.
func (l *loop) proceed(k *socket) {
	switch {
	case !k.readable:
	case k.state == reading:
		l.read(k)
	case k.state == lingering:
		l.discard(k)
	}
}

// resume goes on with a socket that waited: for results, or for a held command.
func (l *loop) resume(k *socket, results []kv.Result) {
	if k.state == closed {
		l.bury(k)
		return
	}
	k.state = reading
	if results != nil {
		k.resolve(results)
	}
	l.drive(k)
}

// drive brings the connection what it needs, as far as that is there.
func (l *loop) drive(k *socket) {
	for {
		switch k.advance() {
		case needInput:
			if !l.write(k) {
				return
			}
			l.expectInput(k)
			return
		case needOutput:
			if !l.write(k) {
				return
			}
		case needResults:
			if k.session == nil {
				k.session = l.gate.Open(k)
			}
			k.state, k.deadline = waiting, time.Time{}
			l.crowd.add(&k.seen, l.now)
			k.session.Start(k.bucket, k.w.ops)
			return
		case needRun:
			k.state, k.deadline = waiting, time.Time{}
			go func() { k.runHeld(); l.hasRun(k) }()
			return
		case needEnd:
			if l.write(k) {
				l.end(k)
			}
			return
		}
	}
}

// expectInput sets a deadline inside a command, and none between commands.
func (l *loop) expectInput(k *socket) {
	if l.draining.Load() {
		l.close(k, nil)
		return
	}
	k.state = reading
	if k.readable {
		l.later(k)
	}
	if k.inside() {
		l.setDeadline(k, l.now.Add(l.s.cfg.ReadTimeout))
		return
	}
	k.rest()
	k.deadline = time.Time{}
}

// read takes what the client has sent, at most one buffer of it. Less than was
// asked for is all there is, except that the end of the stream comes by itself.
func (l *loop) read(k *socket) {
	if !k.space() {
		l.drive(k)
		return
	}
	room := k.room()
	n, err := syscall.Read(k.fd, room)
	switch {
	case err == syscall.EINTR:
		l.later(k)
	case err == syscall.EAGAIN:
		k.readable = false
		if !k.inside() {
			k.rest()
		}
	case err != nil:
		l.close(k, os.NewSyscallError("read", err))
	case n == 0:
		l.close(k, io.EOF)
	default:
		k.readable = n == len(room) || k.hungUp
		k.took(n)
		l.drive(k)
	}
}

// write sends the replies; false if the client does not take them all now.
func (l *loop) write(k *socket) bool {
	w := k.w
	for w.unwritten() {
		n, err := w.send(k.fd)
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			if k.state != writing {
				k.state, k.taken = writing, 0
				l.setDeadline(k, l.now.Add(l.s.cfg.WriteTimeout))
			}
			return false
		case err != nil:
			l.close(k, os.NewSyscallError("write", err))
			return false
		}
		if k.taken += n; k.state == writing && k.taken >= writeChunk {
			k.taken = 0
			l.setDeadline(k, l.now.Add(l.s.cfg.WriteTimeout))
		}
	}
	w.written()
	return true
}

// send makes one system call for as much as goes.
func (w *work) send(fd int) (int, error) {
	if len(w.parts) == 0 {
		n, err := syscall.Write(fd, w.out[w.cut:])
		if err == nil {
			w.cut += n
		}
		return max(n, 0), err
	}
	w.seal()
	n, err := unix.Writev(fd, w.parts[:min(len(w.parts), maxParts)])
	if err != nil {
		return 0, err
	}
	for left := n; left > 0; {
		took := min(left, len(w.parts[0]))
		if w.parts[0] = w.parts[0][took:]; len(w.parts[0]) == 0 {
			w.parts = w.parts[1:]
		}
		left -= took
	}
	return n, nil
}

// maxParts is how many stretches go in one system call; the kernel allows 1024.
const maxParts = 64

// end closes a connection that has said all; one that broke off lingers until
// the client has taken the reason: closing with unread bytes would reset it.
func (l *loop) end(k *socket) {
	if k.broken == nil {
		l.close(k, nil)
		return
	}
	if err := unix.Shutdown(k.fd, unix.SHUT_WR); err != nil {
		l.close(k, k.broken)
		return
	}
	k.rest()
	k.state = lingering
	l.setDeadline(k, l.now.Add(lingerTime))
	if k.readable {
		l.later(k)
	}
}

// discard reads what nobody wants any more.
func (l *loop) discard(k *socket) {
	n, err := syscall.Read(k.fd, l.scratch)
	k.discarded += max(n, 0)
	switch {
	case err == syscall.EAGAIN:
		k.readable = false
	case err != nil && err != syscall.EINTR, n == 0, k.discarded > lingerBytes:
		l.close(k, k.broken)
	default:
		l.later(k)
	}
}

// close ends a connection. The descriptor leaves the epoll set by itself.
func (l *loop) close(k *socket, err error) {
	l.sockets[k.fd] = nil
	_ = unix.Close(k.fd) // there is nothing left to lose
	k.s.ended(k.conn, err)
	if k.state == waiting {
		k.state = closed
		return
	}
	l.bury(k)
}

// bury gives back what a closed connection held.
func (l *loop) bury(k *socket) {
	k.state = gone
	k.rest()
	if k.session != nil {
		k.session.Close()
	}
	k.s.forget(k.conn)
}
