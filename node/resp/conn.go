package resp

import (
	"net"
	"sync/atomic"
	"time"

	"github.com/tidwall/redcon"

	"github.com/quoratedb/quorate/actors/kv"
)

// conn is what one client has asked and is owed. It does no input or output
// and never waits: advance says what it needs next, and whoever drives it (a
// socket of the event loop, or a stream with a goroutine of its own) brings it.
// Its driver owns everything but the atomics.
type conn struct {
	s             *Server
	id            uint64
	opened        time.Time
	remote, local net.Addr

	bucket  string // of its operations
	parse   parser
	w       *work // borrowed; nil while idle
	at      int   // of w.in: what comes before is carried out or planned
	held    bool  // w.args is a command that needs what advance has asked for
	broken  error // what follows in w.in cannot be framed
	closing bool  // after the replies so far

	results  []kv.Result // of w.ops
	answered int         // of w.pending: those before have their replies in w.out

	batchOps int   // operations of the next batch
	reserved int64 // bytes of w.in that count against Config.BufferBytes

	name     atomic.Pointer[string]
	lib      atomic.Pointer[string]
	last     atomic.Pointer[command]
	selected atomic.Pointer[selection] // bucket, for others to see
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{
		s: s, id: s.nextID.Add(1), opened: time.Now(), remote: nc.RemoteAddr(), local: nc.LocalAddr(),
		bucket: kv.DefaultBucket, batchOps: s.limits.BatchOps, parse: parser{maxBytes: s.cfg.CommandBytes, bulk: -1},
	}
	c.selected.Store(&selection{name: c.bucket})
	return c
}

// need is what a connection waits for.
type need uint8

const (
	needInput   need = iota // bytes in w.in, made room for by space
	needOutput              // that w's replies are written
	needResults             // of w.ops, by resolve
	needRun                 // that runHeld is called, which may wait for the node
	needEnd                 // that w's replies are written and the connection is closed
)

// advance answers, parses and plans until it needs something.
func (c *conn) advance() need {
	w := c.w
	if c.results != nil && !c.answer() {
		return needOutput
	}
	if w.full() {
		return needOutput
	}
	for c.broken == nil && !c.closing && (c.held || c.next()) {
		if c.held = !c.command(w.args); c.held {
			if len(w.pending) > 0 {
				return needResults
			}
			return needRun
		}
		if w.full() {
			return needOutput
		}
	}
	if len(w.pending) > 0 {
		return needResults
	}
	w.in = w.in[:copy(w.in, w.in[c.at:])]
	c.at = 0
	if c.broken != nil && !c.closing {
		c.s.broken.Add(1)
		c.error("ERR " + c.broken.Error())
		c.closing = true
	}
	if c.closing {
		return needEnd
	}
	return needInput
}

// next parses the next command into w.args; false when there is none.
func (c *conn) next() bool {
	w := c.w
	for c.at < len(w.in) {
		n, err := c.parse.next(w.in[c.at:])
		if err != nil {
			c.broken = err
		}
		if n == 0 || err != nil {
			return false
		}
		w.args = w.args[:0]
		for _, s := range c.parse.args {
			w.args = append(w.args, w.in[c.at+s.from:c.at+s.to:c.at+s.to])
		}
		inline := w.in[c.at] != '*'
		c.parse.reset()
		c.at += n
		if len(w.args) == 0 {
			continue
		}
		c.s.commands.Add(1)
		if inline && isHTTP(w.args[0]) {
			c.broken = protocolError("this port speaks the Redis protocol, not HTTP")
			return false
		}
		return true
	}
	return false
}

// isHTTP recognises the requests that a browser can be tricked into sending.
func isHTTP(word []byte) bool { return string(word) == "POST" || string(word) == "Host:" }

// runHeld runs the command that advance has held back.
func (c *conn) runHeld() {
	lookup(c.w.args[0]).run(c, c.w.args)
	c.held = false
}

// space makes room to read into, up to the limits; where there is none the
// connection is broken.
func (c *conn) space() bool {
	if c.w == nil {
		c.w = borrow()
	}
	w := c.w
	if len(w.in) < cap(w.in) {
		return true
	}
	size := 2 * cap(w.in)
	if size > poolBuffer {
		size = min(size, max(c.s.cfg.CommandBytes+maxLengthLine, cap(w.in)+maxLengthLine))
		grow := int64(size) - c.reserved
		if c.s.big.Add(grow) > c.s.cfg.BufferBytes {
			c.s.big.Add(-grow)
			c.broken = protocolError("the node is taking in too many large commands, try again later")
			return false
		}
		c.reserved += grow
	}
	in := make([]byte, len(w.in), size)
	copy(in, w.in)
	w.in = in
	return true
}

// room is where to read into; took says how much of it has been filled.
func (c *conn) room() []byte { return c.w.in[len(c.w.in):cap(c.w.in)] }
func (c *conn) took(n int)   { c.w.in = c.w.in[:len(c.w.in)+n] }

// inside reports whether the client is in the middle of a command.
func (c *conn) inside() bool { return c.w != nil && len(c.w.in) > 0 }

// rest gives the buffers back; an idle connection holds none.
func (c *conn) rest() {
	if c.w == nil {
		return
	}
	release(c.w)
	c.w, c.results = nil, nil
	c.s.big.Add(-c.reserved)
	c.reserved = 0
}

func (c *conn) error(msg string) { c.w.out = redcon.AppendError(c.w.out, msg) }
