package netfault

import (
	"net"
	"sync"
)

// conn is one connection through a link.
type conn struct {
	link   *Link
	number uint64
	gone   chan struct{} // closed when it is over

	mu     sync.Mutex
	dialer net.Conn
	target net.Conn // nil before it is reached
	over   bool
}

// How to close: with all that was sent, or with a reset.
const (
	gently   = false
	abruptly = true
)

// close ends the connection at both sides. Only the first call counts.
func (c *conn) close(reset bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.over = true
	close(c.gone)
	for _, side := range []net.Conn{c.dialer, c.target} {
		if side == nil {
			continue
		}
		if tcp, ok := side.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0) // an ordinary end is almost as bad
		}
		_ = side.Close() // it is over either way
	}
}

// connect gives the connection its other side, unless it is over.
func (c *conn) connect(target net.Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		_ = target.Close() // nobody has used it
		return false
	}
	c.target = target
	return true
}

// arrive waits until a connection request and its answer would get through.
func (c *conn) arrive() bool {
	return c.await(func(s *State) bool { return !s.Out.cut() && !s.Back.cut() })
}

// await waits until the link's state is as wished. It reports false if the
// connection ended before.
func (c *conn) await(wished func(*State) bool) bool {
	for waited := false; ; waited = true {
		s, changed := c.link.look()
		if wished(&s) {
			return true
		}
		if !waited {
			c.link.harmed.Add(1)
		}
		select {
		case <-changed:
		case <-c.gone:
			return false
		}
	}
}
