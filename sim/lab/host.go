package lab

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// host runs one coordinator and N stores on virtual time. A batch is one
// message, takes no time, and what it persists is durable at once.
type host struct {
	s       *Staleness
	legs    *Legs
	rand    *rand.Rand
	nowNs   int64
	q       queue
	ctx     actors.Context
	actors  []actors.Actor // by node: the coordinator, then the stores
	timers  []actors.TimerChange
	key     []byte
	part    kv.Partition
	version uint64 // written last
	ops     uint64
	results *msg.Results // of the operation under way, once there

	// What the messages of the measurement under way have told; by store.
	putNs     [kv.MaxReplicas]int64 // the newest version arrives
	fetchNs   [kv.MaxReplicas]int64 // the read arrives
	fetchID   [kv.MaxReplicas]uint64
	writing   bool
	answered  []int // stores whose answer to the read has reached the coordinator
	localRead int   // the store beside the coordinator, of reads and of writes
	localPut  int
}

// coordinatorNode is the one that holds no data; stores follow it.
const coordinatorNode kv.NodeID = 1

// clientAddress is the edge that operations come from.
var clientAddress = actors.Address{Node: coordinatorNode, Kind: actors.Client}

func newHost(s *Staleness) (*host, error) {
	h := &host{s: s, legs: &s.Legs, rand: rand.New(rand.NewPCG(s.Seed, 0x1abe1)), key: []byte("key")}
	h.ctx.Rand = rand.New(rand.NewPCG(s.Seed, 0xac7025))
	h.nowNs = 1e9
	if err := h.makeActors(); err != nil {
		return nil, err
	}
	return h, nil
}

// measure writes a version, reads it afterNs after its commit, and says how it went.
func (h *host) measure(afterNs int64) measurement {
	h.version++
	h.localPut, h.localRead = h.rand.IntN(h.s.N), h.rand.IntN(h.s.N)
	began := h.nowNs
	h.writing = true
	h.do(kv.Op{Kind: kv.OpSet, Key: h.key, Value: binary.BigEndian.AppendUint64(nil, h.version)})
	commit := h.nowNs
	h.advance(commit + afterNs)
	h.writing, h.answered = false, h.answered[:0]
	seen := uint64(0)
	if r := h.do(kv.Op{Kind: kv.OpGet, Key: h.key}); r.Found {
		seen = binary.BigEndian.Uint64(r.Data)
	}
	m := measurement{needNs: h.need(afterNs), readNs: h.nowNs - commit - afterNs, writeNs: commit - began, behind: int64(h.version - seen)}
	if (m.needNs <= afterNs) != (m.behind == 0) {
		panic(fmt.Sprintf("lab: a read %d ns after the commit of version %d returned %d, but by its messages it had to be issued %d ns after it", afterNs, h.version, seen, m.needNs))
	}
	return m
}

// need is how long after the commit the read had to be issued for one of its
// responders to have had the write: the read was issued afterNs after it, and
// had it been issued at another time it would have reached them that much
// earlier or later, in the same order.
func (h *host) need(afterNs int64) int64 {
	need := int64(1<<63 - 1)
	for _, i := range h.answered {
		need = min(need, h.putNs[i]-(h.fetchNs[i]-afterNs))
	}
	return max(need, 0)
}

// do carries out an operation to its answer.
func (h *host) do(op kv.Op) kv.Result {
	h.ops++
	h.results = nil
	h.deliver(&actors.Envelope{
		Message: &msg.Ops{ID: h.ops, TimeoutNs: patienceNs, Ops: []msg.Op{{Op: op, Partition: h.part}}},
		From:    clientAddress, To: actors.Address{Node: coordinatorNode, Kind: actors.Coordinator},
	})
	for h.results == nil {
		h.step()
	}
	r := h.results.Results[0]
	if r.Status != kv.OK && r.Status != kv.NotFound {
		panic(fmt.Sprintf("lab: %v of version %d: %v %s", op.Kind, h.version, r.Status, r.Data))
	}
	return r
}

// patienceNs is longer than any leg may take.
const patienceNs = 8 * maxMs * 1e6

// advance lets time pass up to a moment.
func (h *host) advance(untilNs int64) {
	for {
		if at, any := h.nextNs(); !any || at > untilNs {
			break
		}
		h.step()
	}
	h.nowNs = untilNs
}

// nextNs is the time of the next message or timer.
func (h *host) nextNs() (int64, bool) {
	at, any := h.q.next()
	for i := range h.timers {
		if t := h.timers[i].AtNs; !any || t < at {
			at, any = t, true
		}
	}
	return at, any
}

// step lets the next thing happen: a message first, of a message and a timer of
// the same moment.
func (h *host) step() {
	at, any := h.nextNs()
	if !any {
		panic("lab: an operation never ends")
	}
	h.nowNs = at
	if t, some := h.q.next(); some && t == at {
		e := h.q.pop()
		h.deliver(&e)
		return
	}
	i := slices.IndexFunc(h.timers, func(t actors.TimerChange) bool { return t.AtNs == at })
	t := h.timers[i]
	h.timers = slices.Delete(h.timers, i, i+1)
	h.deliver(&actors.Envelope{Message: actors.Timer{ID: t.ID}, From: t.Actor, To: t.Actor})
}

// deliver hands a message to its actor and carries out what that asks for.
func (h *host) deliver(e *actors.Envelope) {
	c := &h.ctx
	if m, ok := e.Message.(*msg.Fetched); ok && h.results == nil {
		if i := storeOf(e.From); m.ID == h.fetchID[i] {
			h.answered = append(h.answered, i)
		}
	}
	h.prepare(e.To, e.From)
	a := h.actors[e.To.Node-coordinatorNode]
	a.Receive(c, e.Message)
	a.Flush(c)
	h.carryOut()
}

// prepare sets what an actor may know. The wall clocks of all nodes agree and
// count versions instead of time, so that a message may be on its way for days.
func (h *host) prepare(self, sender actors.Address) {
	h.ctx.NowNs, h.ctx.WallMs = h.nowNs, 1e12+int64(h.version)
	h.ctx.Self, h.ctx.Sender = self, sender
}

// carryOut empties the context.
func (h *host) carryOut() {
	c := &h.ctx
	for _, t := range c.Timers {
		h.timers = slices.DeleteFunc(h.timers, func(o actors.TimerChange) bool { return o.Actor == t.Actor && o.ID == t.ID })
		if t.AtNs > 0 {
			t.AtNs = max(t.AtNs, h.nowNs)
			h.timers = append(h.timers, t)
		}
	}
	for i := range c.Envelopes {
		h.send(&c.Envelopes[i])
	}
	clear(c.Envelopes)
	c.Effects = actors.Effects{Envelopes: c.Envelopes[:0], Records: c.Records[:0], Timers: c.Timers[:0]}
}

// send puts a message on its way.
func (h *host) send(e *actors.Envelope) {
	switch m := e.Message.(type) {
	case *msg.Results:
		if m.ID == h.ops {
			h.results = m
		}
	case *msg.Put:
		i := storeOf(e.To)
		at := h.nowNs + h.leg(h.legs.Write, i != h.localPut)
		if h.writing {
			h.putNs[i] = at
		}
		h.q.push(at, e)
	case *msg.Stored:
		h.q.push(h.nowNs+h.leg(h.legs.Ack, storeOf(e.From) != h.localPut), e)
	case *msg.Fetch:
		i := storeOf(e.To)
		at := h.nowNs + h.leg(h.legs.Read, i != h.localRead)
		h.fetchNs[i], h.fetchID[i] = at, m.ID
		h.q.push(at, e)
	case *msg.Fetched:
		h.q.push(h.nowNs+h.leg(h.legs.Response, storeOf(e.From) != h.localRead), e)
	default:
		if e.To == e.From { // an actor reminds itself of something
			h.q.push(h.nowNs, e)
			return
		}
		panic(fmt.Sprintf("lab: %v sends a %s to %v, which no write or read needs", e.From, e.Message.MessageName(), e.To))
	}
}

func storeOf(a actors.Address) int { return int(a.Node-coordinatorNode) - 1 }

// leg draws the time of one.
func (h *host) leg(d Distribution, remote bool) int64 {
	ns := sampleNs(d, h.rand)
	if remote && h.legs.RemoteMs > 0 {
		ns += int64(h.legs.RemoteMs * 1e6)
	}
	return ns
}
