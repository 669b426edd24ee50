package node

import (
	"sync"
	"time"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door"
)

// gate implements door.Gate: its sessions' messages gather per lane, and their
// ends in one list. So many connections cost a lane one wake-up, and their
// goroutine another.
type gate struct {
	node *Node
	wake func()

	out    []batch // by lane: what Flush sends
	now    time.Time
	ended  []*session // scratch
	owners []any      // scratch

	mu    sync.Mutex
	calls []*session // whose call has ended
}

// visit is a gate session's Start under way.
type visit struct {
	owner any
	ops   []msg.Op // all of them
	sent  int      // of ops: those before are answered or under way
	round int      // of ops: where those under way begin
	begun time.Time
}

// gateMessages is how many messages wait in a gate for a lane before they are
// sent without waiting for Flush, so that a lane can begin.
const gateMessages = 256

func newGate(n *Node, wake func()) *gate {
	return &gate{node: n, wake: wake, out: make([]batch, n.cfg.Lanes)}
}

// Open implements door.Gate.
func (g *gate) Open(owner any) door.GateSession {
	s := newSession(g.node)
	s.gate, s.owner = g, owner
	s.ended = func() {
		g.mu.Lock()
		g.calls = append(g.calls, s)
		g.mu.Unlock()
	}
	return s
}

// Start implements door.GateSession.
func (s *session) Start(bucket string, ops []msg.Op) {
	g := s.gate
	if g.now.IsZero() {
		g.now = time.Now()
	}
	s.ops, s.sent, s.begun = s.enter(bucket, ops), 0, g.now
	s.next()
}

// next sends as many of the operations left as go at a time.
func (s *session) next() {
	s.round = s.sent
	s.sent += s.prefix(s.ops[s.sent:])
	if s.dispatch(s.ops[s.round:s.sent]) == 0 {
		s.ended() // nothing to wait for
	}
}

// Results implements door.GateSession.
func (s *session) Results() []kv.Result { return s.results }

// add gathers a message for a lane.
func (g *gate) add(lane int, e *actors.Envelope, bytes int) {
	b := &g.out[lane]
	b.envelopes = append(b.envelopes, *e)
	b.bytes += bytes
	if len(b.envelopes) >= gateMessages || b.bytes >= doBytes {
		g.send(lane)
	}
}

func (g *gate) send(lane int) {
	b := &g.out[lane]
	g.node.router.send(lane, b)
	if b.refused {
		for i := range b.envelopes {
			e := &b.envelopes[i]
			s := g.node.edge.slots[e.From.Index].session.Load()
			s.refused(e.Message.(*msg.Ops).ID)
		}
	}
	b.reset()
}

// Flush implements door.Gate.
func (g *gate) Flush() {
	for lane := range g.out {
		if len(g.out[lane].envelopes) > 0 {
			g.send(lane)
		}
	}
	g.now = time.Time{}
	if g.node.edge.closed.Load() { // nobody will answer any more
		g.node.edge.giveUp(0)
	}
}

// Pending implements door.Gate.
func (g *gate) Pending() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.calls) > 0
}

// Finished implements door.Gate. A session with operations left goes on with those.
func (g *gate) Finished() []any {
	clear(g.ended)
	g.mu.Lock()
	g.ended, g.calls = g.calls, g.ended[:0]
	g.mu.Unlock()
	clear(g.owners)
	g.owners = g.owners[:0]
	if len(g.ended) == 0 {
		return g.owners
	}
	now := time.Now()
	more := false
	for _, s := range g.ended {
		s.collect(s.ops[s.round:s.sent])
		if s.sent < len(s.ops) {
			s.next()
			more = true
			continue
		}
		g.node.metrics.observe(s.ops, s.results, now.Sub(s.begun))
		s.ops = nil
		g.owners = append(g.owners, s.owner)
	}
	if more {
		g.Flush()
	}
	return g.owners
}
