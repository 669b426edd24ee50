package sim

import (
	"slices"
	"strconv"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/linearizability"
)

// client sends one message after the other, each with one operation or several.
// It sits next to the node that it talks to: its connection has a latency but
// never loses anything, and breaks when the node crashes.
type client struct {
	ops    []ClientOp // still to do, in order
	next   int
	flight []inFlight // the operations of the message that is not yet answered
	node   kv.NodeID  // that the message went to
	id     uint64     // of the message; its parts add their number, see partID
	restNs int64      // it thinks until then
	hids   [maxPipeline]int32
	pipe   int32    // of the message, in the history; 0: it has one operation
	seen   []string // by key: the value seen last
	// contexts are those that it was given of keys of eventual buckets, by key.
	contexts [][]context
	answers  uint64 // messages sent
}

// inFlight is an operation under way.
type inFlight struct {
	op     *ClientOp
	handle int    // into the history
	slot   int    // its place in the message
	part   uint64 // those of one lane make a part of the message
}

func (c *client) busy() bool { return len(c.flight) > 0 }

// answerDelayNs is how long a broken connection takes to be noticed.
const answerDelayNs = 200_000

func (w *World) newClients() {
	for i := range w.cfg.Clients {
		c := &client{seen: make([]string, len(w.cfg.Keys)), contexts: make([][]context, len(w.cfg.Keys))}
		for slot := range c.hids { // in the history each place in a message is a client of its own
			c.hids[slot] = int32(i + slot*w.cfg.Clients)
		}
		w.clients = append(w.clients, c)
	}
	for i := range w.cfg.Keys {
		w.keys = append(w.keys, []byte(w.cfg.Keys[i].Name))
	}
	number := make([]int, len(w.clients))
	for i := range w.plan.Ops {
		number[w.plan.Ops[i].Client]++
	}
	for i, c := range w.clients {
		c.ops = make([]ClientOp, 0, number[i])
	}
	for _, op := range w.plan.Ops {
		c := w.clients[op.Client]
		c.ops = append(c.ops, op)
		w.nextValue = max(w.nextValue, op.Value)
	}
}

// pump lets a client begin its next operations if it is free and the time has come.
func (w *World) pump(i int) {
	c := w.clients[i]
	if c.busy() || c.next == len(c.ops) {
		return
	}
	first := &c.ops[c.next]
	if at := max(first.AtNs, c.restNs); at > w.nowNs {
		w.q.push(at, event{kind: evClient, arg: uint64(i)})
		return
	}
	ops := c.ops[c.next : c.next+1]
	for len(ops) < maxPipeline && c.next+len(ops) < len(c.ops) {
		if more := &c.ops[c.next+len(ops)]; !more.With || more.Node != first.Node {
			break
		}
		ops = c.ops[c.next : c.next+len(ops)+1]
	}
	c.next += len(ops)
	w.begin(i, ops)
}

// begin sends operations to a node: those of each lane in a message of its own,
// as a front door does.
func (w *World) begin(i int, ops []ClientOp) {
	c := w.clients[i]
	c.node = ops[0].Node
	c.answers++
	c.id = uint64(i)<<32 | c.answers
	if c.pipe = 0; len(ops) > 1 {
		w.cover.hit(Pipelined)
		w.pipes++
		c.pipe = w.pipes
	}
	parts, to := w.parts[:0], w.partTo[:0]
	for k := range ops {
		out := w.invoke(i, k, &ops[k])
		at := actors.Address{Node: c.node, Kind: actors.Shard, Index: actors.LaneOf(out.Partition, w.cfg.Lanes)}
		if w.modeOf(ops[k].Key) != kv.Strong {
			at.Kind = actors.Coordinator
		}
		part := slices.Index(to, at)
		if part < 0 {
			part = len(parts)
			to, parts = append(to, at), append(parts, w.opRoom(len(ops)))
		}
		parts[part] = append(parts[part], out)
		c.flight[k].part = uint64(part)
	}
	w.parts, w.partTo = parts, to
	w.trace.rec.calls(i, c)
	n := w.nodes[c.node-1]
	if !n.up { // connection refused: certainly not done
		w.q.push(w.nowNs+answerDelayNs, event{kind: evHangup, node: uint8(i), arg: c.id, lane: refusedMark})
		return
	}
	for part := range parts {
		w.ask(i, n, to[part], partID(c.id, uint64(part)), parts[part])
	}
	w.q.push(w.nowNs+w.cfg.ClientTimeoutNs, event{kind: evTimeout, node: uint8(i), arg: c.id})
}

// opRoom is an empty list for at most n operations of a message. What it is cut
// from is never used again, as messages are immutable once sent.
func (w *World) opRoom(n int) []msg.Op {
	if len(w.opSlab) < n {
		w.opSlab = make([]msg.Op, 64)
	}
	room := w.opSlab[:0:n]
	w.opSlab = w.opSlab[n:]
	return room
}

// partID is the id of a part of a message.
func partID(id, part uint64) uint64 { return id | part<<24 }

// ask sends operations to an actor of a node.
func (w *World) ask(i int, n *node, to actors.Address, id uint64, ops []msg.Op) {
	roll := dice(mix(mix(w.plan.Seed, streamClients), id))
	env := actors.Envelope{
		Message: &msg.Ops{ID: id, TimeoutNs: w.cfg.RequestTimeoutNs, Ops: ops},
		From:    actors.Address{Node: n.id, Kind: actors.Client, Index: uint32(i)},
		To:      to,
	}
	at := w.nowNs + 20_000 + w.below(&roll, 200_000)
	w.trace.rec.message(&env, MessageSent, at)
	w.q.push(at, event{kind: evDeliver, node: uint8(n.idx), lane: uint8(to.Index), env: env, arg: id})
}

// invoke enters an operation into the history and says what to send.
func (w *World) invoke(i, slot int, op *ClientOp) msg.Op {
	c := w.clients[i]
	if w.phase == safety && w.doubts[op.Key] >= maxDoubts && w.modeOf(op.Key) != kv.Eventual {
		op.Do = "get"
	}
	kind := operations[op.Do]
	key := &w.cfg.Keys[op.Key]
	lop := linearizability.Op{Key: key.Name, Call: w.nowNs, Client: c.hids[slot], Kind: kind.lkind, Cond: kind.lcond}
	if lop.Pipe = c.pipe; c.pipe != 0 {
		lop.Place = int32(slot)
	}
	out := msg.Op{Op: kv.Op{Key: w.keys[op.Key], Kind: kind.kind, Cond: kind.cond, WantOld: kind.old, HeadOnly: kind.head}}
	out.Partition = partitionOf(w.layout, key)
	switch kind.kind {
	case kv.OpSet:
		lop.Value = valueOf(op.Value)
	case kv.OpIncr:
		lop.Delta, out.Delta = op.Value, op.Value
	case kv.OpCAS:
		lop.Value, lop.Expected = valueOf(op.Value), c.seen[op.Key]
		switch {
		case op.Expect == ExpectLatest:
			lop.Expected = w.latest[op.Key]
		case op.Expect != 0:
			lop.Expected = valueOf(op.Expect)
		}
		out.Expected = []byte(lop.Expected)
	}
	out.Value = []byte(lop.Value)
	handle := w.history.Invoke(lop)
	if w.modeOf(op.Key) == kv.Eventual {
		w.eventualInvoke(i, handle, op, &out)
	}
	c.flight = append(c.flight, inFlight{op: op, handle: handle, slot: slot})
	if w.trace.record { // of a copy: lop stays off the heap
		shown := lop
		w.trace.note(w, int(op.Node), "client %d: %s", i, &shown)
	}
	return out
}

// maxDoubts is how many writes of one key may end with an unknown outcome
// before clients only read it: beyond that no checker can be sure.
const maxDoubts = 14

// refusedMark in the lane of a hangup says that the connection was refused.
const refusedMark = 1

func valueOf(n int64) string { return "v" + strconv.FormatInt(n, 10) }
