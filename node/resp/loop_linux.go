package resp

import (
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quoratedb/quorate/node/door"
)

// loop serves all sockets of a server with one goroutine (docs/adr/0008). In
// one turn it reads every socket that is ready and writes the replies of every
// connection whose results have come; the operations that it has read leave
// through its gate as one batch. It never waits for one connection.
//
// A busy loop gathers (crowd_linux.go). It waits for sockets and for results at once: the sockets are in an epoll set
// whose own descriptor is in the runtime's poller, and whoever has something
// else for the loop ends the wait by a read deadline in the past, which costs
// no system call.
type loop struct {
	s     *Server
	epfd  int
	file  *os.File // epfd, as the runtime's poller has it
	raw   syscall.RawConn
	fetch func(epfd uintptr) bool

	events  []unix.EpollEvent
	ready   int // of events
	gate    door.Gate
	sockets []*socket // by descriptor
	again   []*socket // that may have more to read
	scratch []byte
	now     time.Time // begin of this turn
	crowd   crowd
	timed   []*socket // all that have a deadline, and some that had one
	alarm   *time.Timer
	alarmAt time.Time // when it rings; zero: not set

	parked   atomic.Bool // waits, or is about to
	nudged   atomic.Bool // there is something in what follows, or the alarm has rung
	draining atomic.Bool
	cutting  atomic.Bool
	done     chan struct{}

	mu      sync.Mutex
	arrived []*socket // new
	back    []*socket // whose held command has run
	stopped bool
}

const maxEvents = 256 // of one turn

// longAgo is the deadline that ends a wait.
var longAgo = time.Unix(1, 0)

func newLoop(s *Server) (*loop, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("resp: can't make an epoll set: %w", err)
	}
	l := &loop{
		s: s, epfd: epfd, crowd: newCrowd(), events: make([]unix.EpollEvent, maxEvents), scratch: make([]byte, baseBuffer), done: make(chan struct{}),
	}
	if err = unix.SetNonblock(epfd, true); err == nil { // or the runtime would not poll it
		l.file = os.NewFile(uintptr(epfd), "epoll")
		l.raw, err = l.file.SyscallConn()
	}
	if err == nil {
		err = l.file.SetReadDeadline(time.Time{}) // fails if it is not polled
	}
	if err != nil {
		_ = unix.Close(epfd) // nothing is in it
		return nil, fmt.Errorf("resp: can't wait for an epoll set: %w", err)
	}
	l.fetch = func(uintptr) bool { return l.poll() }
	l.gate = s.cfg.Host.NewGate(l.wake)
	l.alarm = time.AfterFunc(time.Hour, l.nudge)
	go l.run()
	return l, nil
}

// nudge tells the loop of anything but events and results.
func (l *loop) nudge() {
	l.nudged.Store(true)
	l.wake()
}

// wake ends the wait of the loop. Any goroutine may call it.
func (l *loop) wake() {
	if l.parked.CompareAndSwap(true, false) {
		_ = l.file.SetReadDeadline(longAgo) // fails only when the loop has ended
	}
}

// poll fetches events without waiting; true if there are any.
func (l *loop) poll() bool {
	n, err := unix.EpollWait(l.epfd, l.events, 0)
	for err == unix.EINTR {
		n, err = unix.EpollWait(l.epfd, l.events, 0)
	}
	if err != nil {
		panic(fmt.Sprintf("resp: epoll_wait: %v", err)) // not one of its errors is an operating error
	}
	l.ready = n
	return n > 0
}

// wait returns when a socket is ready or there is something else to do.
//
// A wake-up between the check and the read is not lost: parked is set before
// the check, so its deadline ends the read. One whose deadline comes late ends
// the next wait for nothing.
func (l *loop) wait() {
	l.parked.Store(true)
	if len(l.again) > 0 || l.nudged.Load() || l.gate.Pending() {
		l.parked.Store(false)
		return
	}
	err := l.raw.Read(l.fetch)
	if !l.parked.Swap(false) || err != nil {
		_ = l.file.SetReadDeadline(time.Time{}) // it was valid in newLoop
	}
}

func (l *loop) run() {
	defer close(l.done)
	for stopped := false; !stopped; {
		if l.ready == 0 {
			l.poll()
		}
		found := l.turn()
		if l.nudged.Swap(false) {
			found, stopped = true, l.takeIn()
			l.expire()
		}
		l.next(found)
	}
	l.alarm.Stop()
	_ = l.file.Close() // nothing is in it
}

// turn reads and writes what can be; it reports whether that was anything.
func (l *loop) turn() (found bool) {
	again := l.again
	l.again = nil
	found = l.ready > 0 || len(again) > 0
	l.now = time.Now()
	for i := range l.events[:l.ready] {
		l.event(&l.events[i])
	}
	l.ready = 0
	for _, k := range again {
		k.again = false
		l.proceed(k)
	}
	for _, o := range l.gate.Finished() {
		found = true
		k := o.(*socket)
		l.resume(k, k.session.Results())
	}
	return found
}

// next sends what was gathered, if enough was or if nothing more is there, or
// waits. It does not look around for more: on a machine with few processors that
// takes time from the client and the lanes (measured: half the throughput).
func (l *loop) next(found bool) {
	switch {
	case l.crowd.enough(l.now) || !found && l.crowd.gathered > 0:
		l.gate.Flush()
		l.crowd.sent(l.now)
	case !found:
		l.wait()
	}
}

// takeIn welcomes new sockets and goes on with those that were away.
func (l *loop) takeIn() (stopped bool) {
	l.mu.Lock()
	arrived, back := l.arrived, l.back
	l.arrived, l.back = nil, nil
	stopped = l.stopped
	l.mu.Unlock()
	for _, k := range arrived {
		l.welcome(k)
	}
	for _, k := range back {
		l.resume(k, nil)
	}
	if l.draining.Load() {
		l.closeIdle()
	}
	return stopped
}

func (l *loop) welcome(k *socket) {
	for len(l.sockets) <= k.fd {
		l.sockets = append(l.sockets, nil)
	}
	l.sockets[k.fd] = k
	e := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(k.fd)}
	if err := unix.EpollCtl(l.epfd, unix.EPOLL_CTL_ADD, k.fd, &e); err != nil {
		l.close(k, os.NewSyscallError("epoll_ctl", err))
	}
}

// closeIdle ends the connections that have nothing in hand, all if cutting.
func (l *loop) closeIdle() {
	for _, k := range l.sockets {
		if k != nil && (k.state == reading || l.cutting.Load()) {
			l.close(k, nil)
		}
	}
}

// later gives a socket another turn, after the others had theirs.
func (l *loop) later(k *socket) {
	if !k.again {
		k.again = true
		l.again = append(l.again, k)
	}
}

// setDeadline has the socket closed at t unless that is moved.
func (l *loop) setDeadline(k *socket, t time.Time) {
	k.deadline = t
	if !k.timed {
		k.timed = true
		l.timed = append(l.timed, k)
	}
	if l.alarmAt.IsZero() || t.Before(l.alarmAt) {
		l.alarmAt = t
		l.alarm.Reset(t.Sub(l.now))
	}
}

// expire closes what is overdue.
func (l *loop) expire() {
	if l.alarmAt.IsZero() {
		return
	}
	if l.now.Before(l.alarmAt) { // of another nudge, or the alarm has rung since the turn began
		l.alarm.Reset(l.alarmAt.Sub(l.now))
		return
	}
	all := l.timed
	l.timed, l.alarmAt = nil, time.Time{}
	for _, k := range all {
		k.timed = false
		switch {
		case k.state == gone || k.deadline.IsZero():
		case l.now.Before(k.deadline):
			l.setDeadline(k, k.deadline)
		default:
			if k.state != lingering {
				l.s.slow.Add(1)
			}
			l.close(k, os.ErrDeadlineExceeded)
		}
	}
}

// enter hands a new socket to the loop.
func (l *loop) enter(k *socket) {
	l.mu.Lock()
	l.arrived = append(l.arrived, k)
	l.mu.Unlock()
	l.nudge()
}

// hasRun hands a socket back whose held command has run.
func (l *loop) hasRun(k *socket) {
	l.mu.Lock()
	l.back = append(l.back, k)
	l.mu.Unlock()
	l.nudge()
}

// stop ends the loop. No connection is left.
func (l *loop) stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.nudge()
	<-l.done
}

// client makes the driver of a connection: the loop, if it is a plain socket.
func (s *Server) client(c *conn, nc net.Conn) client {
	if tcp, ok := nc.(*net.TCPConn); ok {
		return &socket{conn: c, nc: tcp}
	}
	return &stream{conn: c, nc: nc}
}

// eventLoop returns the server's loop. It needs s.mu.
func (s *Server) eventLoop() (l *loop, err error) {
	if s.loop == nil {
		s.loop, err = newLoop(s)
	}
	return s.loop, err
}
