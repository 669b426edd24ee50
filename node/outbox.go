package node

import (
	"strconv"
	"sync/atomic"

	"github.com/anthdm/hollywood/actor"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
)

// batch is the one thing that travels between the processes of the engine:
// envelopes for one destination. The receiver takes copies, so the sender may
// use the batch again as soon as Send has returned.
type batch struct {
	envelopes []actors.Envelope
	bytes     int  // estimate of the payload, for bounds
	own       bool // released by this node's lanes or journal: not refused by a lane
	refused   bool // set by the receiver: there was no room, nothing was taken
}

// reset empties the batch and lets go of the messages.
func (b *batch) reset() {
	clear(b.envelopes)
	b.envelopes = b.envelopes[:0]
	b.bytes = 0
	b.refused = false
}

// router knows the process of every address. Its PIDs are made once: looking
// one up by name takes a lock and hashes a string.
type router struct {
	engine  *actor.Engine
	self    kv.NodeID
	lanes   int
	pids    []*actor.PID // lanes, the edge, then peers
	ofPeer  []int        // by node id: index into pids, 0: not a member
	unknown atomic.Uint64
}

// engineAddress is a node's address as the engine sees it. Where to dial is the
// transport's business.
func engineAddress(id kv.NodeID) string { return "n" + strconv.Itoa(int(id)) }

func newRouter(cfg *Config) *router {
	r := &router{self: cfg.Node, lanes: cfg.Lanes, ofPeer: make([]int, 1<<16)}
	here := engineAddress(cfg.Node)
	for i := range cfg.Lanes {
		r.pids = append(r.pids, actor.NewPID(here, "lane/"+strconv.Itoa(i)))
	}
	r.pids = append(r.pids, actor.NewPID(here, "edge"))
	for _, m := range cfg.Members {
		if m.ID != cfg.Node {
			r.ofPeer[m.ID] = len(r.pids)
			r.pids = append(r.pids, actor.NewPID(engineAddress(m.ID), "node"))
		}
	}
	return r
}

// edge is the index of the process that all clients share.
func (r *router) edge() int { return r.lanes }

// destination is the index of the process behind an address, or -1.
func (r *router) destination(a actors.Address) int {
	if a.Node != r.self {
		if d := r.ofPeer[a.Node]; d != 0 {
			return d
		}
		return -1
	}
	switch {
	case a.Kind == actors.Client:
		return r.edge()
	case a.Kind == actors.Detector:
		return 0
	case int(a.Index) < r.lanes:
		return int(a.Index)
	}
	return -1
}

// send hands a batch to the process with index d.
func (r *router) send(d int, b *batch) { r.engine.Send(r.pids[d], b) }

// outbox sorts envelopes by destination, so that each gets one batch. It
// belongs to one goroutine.
type outbox struct {
	router *router
	groups []batch // by destination
	used   []int
}

func newOutbox(r *router, own bool) *outbox {
	o := &outbox{router: r, groups: make([]batch, len(r.pids))}
	for i := range o.groups {
		o.groups[i].own = own
	}
	return o
}

// add queues a copy of e; bytes estimates its payload.
func (o *outbox) add(e *actors.Envelope, bytes int) {
	d := o.router.destination(e.To)
	if d < 0 {
		o.router.unknown.Add(1)
		return
	}
	g := &o.groups[d]
	if len(g.envelopes) == 0 {
		o.used = append(o.used, d)
	}
	g.envelopes = append(g.envelopes, *e)
	g.bytes += bytes
}

// send lets every batch go.
func (o *outbox) send() {
	for _, d := range o.used {
		g := &o.groups[d]
		o.router.send(d, g)
		g.reset()
	}
	o.used = o.used[:0]
}
