package node

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anthdm/hollywood/actor"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/system"
)

// lane is the process that runs one system.Lane: one goroutine that drains the
// mailbox, steps the actors and carries their effects out.
type lane struct {
	node    *Node
	index   int
	pid     *actor.PID
	actors  *system.Lane
	box     *mailbox
	out     *outbox
	timers  timers
	ctx     actors.Context
	held    []actors.Envelope // scratch: durable ones that must wait
	written uint64            // number of batches that left records

	askMu sync.Mutex
	asked []func()    // to be called on the lane's goroutine between two batches
	asks  atomic.Bool // there is something in asked

	snapshot atomic.Pointer[laneStats] // the last one that was asked for
	stop     atomic.Bool
	done     chan struct{}

	steps, messages atomic.Uint64
}

func newLane(n *Node, index int, a *system.Lane) *lane {
	l := &lane{
		node: n, index: index, actors: a,
		pid:  n.router.pids[index],
		box:  newMailbox(n.cfg.Limits.MailboxMessages, n.cfg.Limits.MailboxBytes),
		out:  newOutbox(n.router, true),
		done: make(chan struct{}),
	}
	l.ctx.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	l.snapshot.Store(&laneStats{})
	return l
}

// Start implements actor.Processer. The goroutine starts in launch, when every
// process has been registered.
func (l *lane) Start() {}

// PID implements actor.Processer.
func (l *lane) PID() *actor.PID { return l.pid }

// Send implements actor.Processer: it takes batches.
func (l *lane) Send(_ *actor.PID, m any, _ *actor.PID) {
	b, ok := m.(*batch)
	if !ok {
		l.node.log.Error("a lane was sent something that is not a batch", "lane", l.index)
		return
	}
	b.refused = !l.box.push(b.envelopes, b.bytes, b.own)
}

// Invoke implements actor.Processer. Only hollywood's own inbox calls it.
func (l *lane) Invoke([]actor.Envelope) {}

// Shutdown implements actor.Processer: it ends the goroutine and waits for it.
func (l *lane) Shutdown() {
	l.stop.Store(true)
	l.box.nudge()
	<-l.done
}

func (l *lane) launch() { go l.run() }

func (l *lane) run() {
	defer close(l.done)
	defer l.node.stopOnPanic("lane", l.index)
	l.ctx.NowNs, l.ctx.WallMs = l.node.now()
	l.actors.Start(&l.ctx)
	l.carryOut(true)
	alarm := time.AfterFunc(time.Hour, l.box.nudge)
	defer alarm.Stop()
	var armed int64 // what the alarm is set to; it may ring early, never late
	var batch []actors.Envelope
	for !l.stop.Load() {
		letGather()
		batch = l.box.drain(batch)
		now, wall := l.node.now()
		next := l.timers.next()
		if next != 0 && next <= now {
			batch = l.timers.due(now, batch)
			next = l.timers.next()
		}
		if len(batch) > 0 {
			l.ctx.NowNs, l.ctx.WallMs = now, wall
			l.step(batch)
			batch = emptied(batch)
			l.aside()
			continue
		}
		if l.aside() {
			continue
		}
		if next != 0 && (armed <= now || next < armed) {
			alarm.Reset(time.Duration(next - now))
			armed = next
		}
		<-l.box.wake
	}
}

// letGather gives way, once, to the goroutines that are ready to run, before a
// queue is drained that many of them fill. The scheduler runs whoever was woken
// last first, so the first of fifty sessions would get a batch of its own, with
// its own messages, write and sync. Where nothing else is ready it costs a
// fraction of a microsecond; where much is, a quarter less processor time per
// operation (docs/performance.md).
func letGather() { runtime.Gosched() }

// emptied forgets the messages of a batch and gives back what one large batch has grown.
func emptied(b []actors.Envelope) []actors.Envelope {
	if cap(b) > 1<<14 {
		return nil
	}
	clear(b)
	return b[:0]
}

func (l *lane) step(batch []actors.Envelope) {
	clean := l.written == l.node.journal.durable(l.index)
	l.actors.Step(&l.ctx, batch, clean)
	l.publish()
	l.carryOut(clean)
	l.steps.Add(1)
	l.messages.Add(uint64(len(batch)))
}

// carryOut takes the effects out of the context. A durable envelope may leave
// at once iff nothing that the lane has persisted is still on its way to disk.
func (l *lane) carryOut(clean bool) {
	c := &l.ctx
	wait := !clean || len(c.Records) > 0
	for i := range c.Envelopes {
		e := &c.Envelopes[i]
		if wait && e.Durable {
			l.held = append(l.held, *e)
		} else {
			l.out.add(e, 0)
		}
	}
	l.out.send()
	for _, t := range c.Timers {
		l.timers.apply(t)
	}
	if len(c.Records) > 0 {
		l.written++
	}
	if len(c.Records) > 0 || len(l.held) > 0 {
		l.node.journal.submit(l.index, l.written, c.Records, l.held)
	}
	l.held = emptied(l.held)
	c.Envelopes = emptied(c.Envelopes)
	c.Timers = c.Timers[:0]
	if cap(c.Records) > 4<<20 {
		c.Records = nil
	}
	c.Records = c.Records[:0]
}

// ask has f called on the lane's goroutine, between two batches. After the lane
// has ended it is never called.
func (l *lane) ask(f func()) {
	l.askMu.Lock()
	l.asked = append(l.asked, f)
	l.askMu.Unlock()
	l.asks.Store(true)
	l.box.nudge()
}

// aside does what was asked for; it reports whether that was anything.
func (l *lane) aside() bool {
	if !l.asks.Swap(false) {
		return false
	}
	l.askMu.Lock()
	fs := l.asked
	l.asked = nil
	l.askMu.Unlock()
	for _, f := range fs {
		f()
	}
	return true
}
