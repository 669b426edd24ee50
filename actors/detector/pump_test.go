package detector

import (
	"cmp"
	"container/heap"
	"math/rand/v2"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// pump runs many detectors in virtual time: messages take 0.2 to 2 ms, are lost
// with a probability, and wait while their receiver stands still. All follows
// from the seed.
type pump struct {
	cfg     Config
	hosts   []*host // by node - 1; nil while down
	peers   []kv.NodeID
	until   []int64 // what a paused node sleeps until
	pending []int64 // when the earliest timer event of a node is due, 0: none
	rng     *rand.Rand
	nowNs   int64
	lossPPM int
	side    []int // nothing passes between nodes of different sides
	queue   pumpQueue
	seq     uint64
	sent    []int // messages per node
	bytes   int
	sized   bool // add up bytes
	// told is called for every change of belief that lane 0 hears of.
	told func(by kv.NodeID, s *msg.PeerStatus)
}

type pumpEvent struct {
	atNs     int64
	seq      uint64
	from, to kv.NodeID
	m        actors.Message // nil: a timer
}

type pumpQueue []pumpEvent

func (q pumpQueue) Len() int { return len(q) }
func (q pumpQueue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].atNs, q[j].atNs), cmp.Compare(q[i].seq, q[j].seq)) < 0
}
func (q pumpQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *pumpQueue) Push(x any)   { *q = append(*q, x.(pumpEvent)) }
func (q *pumpQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = pumpEvent{}
	*q = old[:len(old)-1]
	return e
}

func newPump(n int, seed uint64) *pump {
	return &pump{
		peers: members(n), hosts: make([]*host, n), until: make([]int64, n), pending: make([]int64, n), sent: make([]int, n), side: make([]int, n),
		rng: rand.New(rand.NewPCG(seed, uint64(n))), nowNs: 1e9, told: func(kv.NodeID, *msg.PeerStatus) {},
	}
}

// startAll boots everybody but the last few, spread over one period.
func (p *pump) startAll(but int) {
	for _, n := range p.peers[:len(p.peers)-but] {
		p.run(p.nowNs + p.periodNs()/int64(len(p.peers)))
		p.boot(n, 1)
	}
}

func (p *pump) periodNs() int64 { return p.cfg.Defaults().IntervalNs }

func (p *pump) boot(node kv.NodeID, inc kv.Incarnation) {
	cfg := p.cfg
	cfg.Peers, cfg.Node, cfg.Inc, cfg.Lanes = p.peers, node, inc, 1
	h := newHost(cfg, p.rng.Uint64())
	h.c.NowNs = p.nowNs
	h.Start(&h.c)
	p.hosts[node-1], p.pending[node-1] = h, 0
	p.post(node, h.take())
}

func (p *pump) kill(node kv.NodeID) { p.hosts[node-1] = nil }

func (p *pump) pause(node kv.NodeID, forNs int64) { p.until[node-1] = p.nowNs + forNs }

func (p *pump) push(e pumpEvent) {
	p.seq++
	e.seq = p.seq
	heap.Push(&p.queue, e)
}

// post carries out what a node asked for.
func (p *pump) post(by kv.NodeID, out []actors.Envelope) {
	for _, e := range out {
		if s, ok := e.Message.(*msg.PeerStatus); ok {
			p.told(by, s)
			continue
		}
		p.sent[by-1]++
		if p.sized {
			b, err := msg.AppendEnvelope(nil, &e)
			if err != nil {
				panic(err)
			}
			p.bytes += len(b)
		}
		if p.rng.IntN(1e6) >= p.lossPPM && p.side[by-1] == p.side[e.To.Node-1] {
			p.push(pumpEvent{atNs: p.nowNs + 200e3 + p.rng.Int64N(1800e3), from: by, to: e.To.Node, m: e.Message})
		}
	}
	if id, at := p.hosts[by-1].nextTimer(); id != 0 && (p.pending[by-1] == 0 || at < p.pending[by-1]) {
		p.pending[by-1] = at
		p.push(pumpEvent{atNs: at, to: by})
	}
}

// run moves on to untilNs.
func (p *pump) run(untilNs int64) {
	p.runWhile(untilNs, func() bool { return true })
}

// runWhile moves on until untilNs, or until more, asked once per millisecond, says no.
func (p *pump) runWhile(untilNs int64, more func() bool) bool {
	for tick := p.nowNs; tick < untilNs; {
		tick = min(tick+ms, untilNs)
		for len(p.queue) > 0 && p.queue[0].atNs <= tick {
			p.step(heap.Pop(&p.queue).(pumpEvent))
		}
		p.nowNs = tick
		if !more() {
			return true
		}
	}
	return false
}

func (p *pump) step(e pumpEvent) {
	i := e.to - 1
	h := p.hosts[i]
	if e.m == nil && p.pending[i] == e.atNs {
		p.pending[i] = 0
	}
	if h == nil {
		return
	}
	if e.atNs < p.until[i] {
		e.atNs = p.until[i]
		p.push(e) // in order among themselves, behind what is due then already
		return
	}
	p.nowNs = e.atNs
	if e.m != nil {
		p.post(e.to, h.receive(p.nowNs, e.from, e.m))
		return
	}
	for {
		id, at := h.nextTimer()
		if id == 0 || at > p.nowNs {
			break
		}
		delete(h.timers, id)
		p.post(e.to, h.receive(p.nowNs, 0, actors.Timer{ID: id}))
	}
	p.post(e.to, nil) // the next timer
}

// all reports whether every running node but one holds it true.
func (p *pump) all(but kv.NodeID, f func(*host) bool) bool {
	for i, h := range p.hosts {
		if h != nil && kv.NodeID(i+1) != but && !f(h) {
			return false
		}
	}
	return true
}

func (h *host) rumorOf(n kv.NodeID) rumor {
	i, _ := h.find(n)
	return h.peers[i].rumor
}

func (h *host) aliveCount() int {
	k := 0
	for i := range h.peers {
		if h.peers[i].is == alive {
			k++
		}
	}
	return k
}
