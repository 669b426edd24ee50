package node

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/anthdm/hollywood/actor"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/msg"
)

// edge is the process behind all addresses of kind Client: it hands answers to
// the sessions that wait for them. A session has a slot; the slot's number is
// the address.
type edge struct {
	node  *Node
	pid   *actor.PID
	slots []slot

	mu   sync.Mutex
	free []uint32
	used uint32 // slots ever used

	open   atomic.Int64
	late   atomic.Uint64 // answers that nobody waited for any more
	beats  atomic.Uint64 // sweeps done; the clock of the safety time-out
	closed atomic.Bool   // nobody will be answered any more
	quit   chan struct{}
	sweeps sync.WaitGroup
}

type slot struct {
	session atomic.Pointer[session]
	calls   uint64 // last call number; of whoever holds the slot
}

// sweepEvery is how exact the safety time-out is.
const sweepEvery = 250 * time.Millisecond

func newEdge(n *Node) *edge {
	return &edge{
		node: n, pid: n.router.pids[n.router.edge()],
		slots: make([]slot, n.cfg.Limits.Sessions), quit: make(chan struct{}),
	}
}

// Start implements actor.Processer.
func (e *edge) Start() { e.sweeps.Go(e.sweep) }

// PID implements actor.Processer.
func (e *edge) PID() *actor.PID { return e.pid }

// Invoke implements actor.Processer. Only hollywood's own inbox calls it.
func (e *edge) Invoke([]actor.Envelope) {}

// Shutdown implements actor.Processer: whoever still waits hears Unknown or Unavailable.
func (e *edge) Shutdown() {
	close(e.quit)
	e.sweeps.Wait()
	e.closed.Store(true)
	e.giveUp(0)
}

// giveUp ends the calls that are overdue at the given sweep; 0: all.
func (e *edge) giveUp(sweep uint64) {
	e.each(func(s *session) {
		if s.giveUp(sweep) && s.gate != nil {
			s.gate.wake()
		}
	})
}

// Send implements actor.Processer. It runs on the goroutine of whoever has the
// answers, and only fills them in. A gate is woken once for all of its answers.
func (e *edge) Send(_ *actor.PID, m any, _ *actor.PID) {
	b, ok := m.(*batch)
	if !ok {
		e.node.log.Error("the edge was sent something that is not a batch")
		return
	}
	var rung *gate
	for i := range b.envelopes {
		env := &b.envelopes[i]
		var s *session
		if int(env.To.Index) < len(e.slots) {
			s = e.slots[env.To.Index].session.Load()
		}
		if s == nil || !s.deliver(env.Message) {
			e.late.Add(1)
			continue
		}
		if s.gate != rung && s.gate != nil {
			if rung != nil {
				rung.wake()
			}
			rung = s.gate
		}
	}
	if rung != nil {
		rung.wake()
	}
}

// take finds a free slot for s.
func (e *edge) take(s *session) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch n := len(e.free); {
	case n > 0:
		s.slot, e.free = e.free[n-1], e.free[:n-1]
	case int(e.used) < len(e.slots):
		s.slot = e.used
		e.used++
	default:
		return false
	}
	s.calls = e.slots[s.slot].calls
	e.slots[s.slot].session.Store(s)
	e.open.Add(1)
	return true
}

func (e *edge) give(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.slots[s.slot].calls = s.calls
	e.slots[s.slot].session.Store(nil)
	e.free = append(e.free, s.slot)
	e.open.Add(-1)
}

func (e *edge) each(f func(*session)) {
	e.mu.Lock()
	n := e.used
	e.mu.Unlock()
	for i := range e.slots[:n] {
		if s := e.slots[i].session.Load(); s != nil {
			f(s)
		}
	}
}

// sweep is the safety net under the shards' own time-outs: one ticker for all
// sessions instead of a timer per call.
func (e *edge) sweep() {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-e.quit:
			return
		case <-t.C:
		}
		now := e.beats.Add(1)
		e.giveUp(now)
	}
}

// answerID returns which call and which of its parts a message answers.
func answerID(m actors.Message) (call uint64, part int, ok bool) {
	var id uint64
	switch m := m.(type) {
	case *msg.Results:
		id = m.ID
	case *msg.Counted:
		id = m.ID
	case *msg.MapChanged:
		id = m.ID
	default:
		return 0, 0, false
	}
	return id >> partBits, int(id & (1<<partBits - 1)), true
}
