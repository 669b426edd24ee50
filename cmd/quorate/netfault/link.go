package netfault

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Conditions are how a link treats one direction. The zero value is a good
// network.
type Conditions struct {
	// Held keeps everything back until it ends, and then delivers it late: what
	// TCP makes of a short partition.
	Held bool
	// Swallowed takes everything and loses it. Afterwards the connections that
	// lost something are reset, for a stream can't skip bytes.
	Swallowed bool

	Delay  time.Duration // added to the way
	Jitter time.Duration // up to as much more; the order stays

	// The chance of every read that it waits for Stall, in parts per million,
	// and that the connection is reset.
	StallPPM int
	Stall    time.Duration
	ResetPPM int
}

// cut reports whether nothing passes.
func (c *Conditions) cut() bool { return c.Held || c.Swallowed }

// State is how a link is. The zero value is a good network.
type State struct {
	Out  Conditions // from who dials to the target
	Back Conditions
	// Refused resets all connections, and new ones as soon as they come.
	Refused bool
}

// Link is one way to one address.
type Link struct {
	target   string
	seed     uint64
	listener net.Listener
	ctx      context.Context // ends with the link
	cancel   context.CancelFunc
	all      sync.WaitGroup
	harmed   atomic.Uint64

	mu      sync.Mutex
	state   State
	changed chan struct{} // closed at the next change of state
	conns   map[*conn]struct{}
	made    uint64 // connections so far
}

// dialBound is how long the target may take to accept.
const dialBound = time.Second

// Listen makes a link to target on a free port of this machine. The seed is
// what chances are drawn from.
func Listen(target string, seed uint64) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("netfault: find a port for the link to %s: %w", target, err)
	}
	l := &Link{target: target, seed: seed, listener: listener, changed: make(chan struct{}), conns: map[*conn]struct{}{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.all.Go(l.accept)
	return l, nil
}

// Addr is where to dial instead of the target.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Set changes the state, also for what is under way.
func (l *Link) Set(s State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = s
	close(l.changed)
	l.changed = make(chan struct{})
	if s.Refused {
		for c := range l.conns {
			l.harmed.Add(1)
			c.close(abruptly)
		}
	}
}

// State is how the link is now.
func (l *Link) State() State {
	s, _ := l.look()
	return s
}

// Harmed counts the reads that were held, lost or delayed and the connections
// that were reset or refused: whether there was anything to harm.
func (l *Link) Harmed() uint64 { return l.harmed.Load() }

// Close ends all connections and waits for everything that the link started.
func (l *Link) Close() {
	_ = l.listener.Close() // it is over either way
	l.mu.Lock()
	l.cancel()
	for c := range l.conns {
		c.close(abruptly)
	}
	l.mu.Unlock()
	l.all.Wait()
}

// look returns the state and what is closed when it changes.
func (l *Link) look() (State, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state, l.changed
}

func (l *Link) accept() {
	for {
		raw, err := l.listener.Accept()
		if err != nil {
			return // closed; nothing else ends a listener of this machine
		}
		l.all.Go(func() { l.serve(raw) })
	}
}

// serve passes one connection on.
func (l *Link) serve(dialer net.Conn) {
	c := l.join(dialer)
	if c == nil {
		return
	}
	defer l.part(c)
	if !c.arrive() {
		return
	}
	d := net.Dialer{Timeout: dialBound}
	target, err := d.DialContext(l.ctx, "tcp", l.target)
	if err != nil || !c.connect(target) {
		c.close(abruptly)
		return
	}
	var both sync.WaitGroup
	for dir := range 2 {
		both.Go(func() { newPump(c, dir).run() })
	}
	both.Wait()
}

// join adds a connection, or turns it away.
func (l *Link) join(dialer net.Conn) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made++
	c := &conn{link: l, number: l.made, dialer: dialer, gone: make(chan struct{})}
	if l.ctx.Err() != nil || l.state.Refused {
		l.harmed.Add(1)
		c.close(abruptly)
		return nil
	}
	l.conns[c] = struct{}{}
	return c
}

func (l *Link) part(c *conn) {
	c.close(gently)
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
}
