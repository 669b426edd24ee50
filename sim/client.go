package sim

import (
	"math"
	"strconv"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/linearizability"
)

// client does one operation after the other. It sits next to the node that it
// talks to: its connection has a latency but never loses anything, and breaks
// when the node crashes.
type client struct {
	ops     []ClientOp // still to do, in order
	next    int
	op      *ClientOp // in flight, nil if none
	id      uint64    // of the operation in flight
	handle  int       // into the history
	hid     int32     // the client's name in the history: a new one after an unknown outcome
	seen    []string  // by key: the value seen last
	answers uint64    // operations done
}

// answerDelayNs is how long a broken connection takes to be noticed.
const answerDelayNs = 200_000

func (w *World) newClients() {
	for i := range w.cfg.Clients {
		w.clients = append(w.clients, &client{hid: int32(i), seen: make([]string, len(w.cfg.Keys))})
	}
	for _, op := range w.plan.Ops {
		c := w.clients[op.Client]
		c.ops = append(c.ops, op)
		w.nextValue = max(w.nextValue, op.Value)
	}
}

// pump lets a client begin its next operation if it is free and the time has come.
func (w *World) pump(i int) {
	c := w.clients[i]
	if c.op != nil || c.next == len(c.ops) {
		return
	}
	op := &c.ops[c.next]
	if op.AtNs > w.nowNs {
		w.q.push(op.AtNs, event{kind: evClient, arg: uint64(i)})
		return
	}
	c.next++
	w.begin(i, op)
}

// begin sends an operation.
func (w *World) begin(i int, op *ClientOp) {
	c := w.clients[i]
	c.op = op
	c.answers++
	c.id = uint64(i)<<32 | c.answers
	if w.phase == safety && w.doubts[op.Key] >= maxDoubts {
		op.Do = "get"
	}
	kind := operations[op.Do]
	key := &w.cfg.Keys[op.Key]
	lop := linearizability.Op{Key: key.Name, Call: w.nowNs, Client: c.hid, Kind: kind.lkind, Cond: kind.lcond}
	out := msg.Op{Op: kv.Op{Key: []byte(key.Name), Kind: kind.kind, Cond: kind.cond, WantOld: kind.old, HeadOnly: kind.head}}
	out.Partition = w.ring.PartitionOf(ring0, out.Key)
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
	c.handle = w.history.Invoke(lop)
	w.trace.note(w, int(op.Node), "client %d: %s", i, &lop)
	w.trace.rec.call(i, c)

	n := w.nodes[op.Node-1]
	if !n.up { // connection refused: certainly not done
		w.q.push(w.nowNs+answerDelayNs, event{kind: evHangup, node: uint8(i), arg: c.id, lane: refusedMark})
		return
	}
	roll := dice(mix(mix(w.plan.Seed, streamClients), c.id))
	lane := actors.LaneOf(out.Partition, w.cfg.Lanes)
	env := actors.Envelope{
		Message: &msg.Ops{ID: c.id, TimeoutNs: w.cfg.RequestTimeoutNs, Ops: []msg.Op{out}},
		From:    actors.Address{Node: n.id, Kind: actors.Client, Index: uint32(i)},
		To:      actors.Address{Node: n.id, Kind: actors.Shard, Index: lane},
	}
	at := w.nowNs + 20_000 + roll.below(200_000)
	w.trace.rec.message(&env, MessageSent, at)
	w.q.push(at, event{kind: evDeliver, node: uint8(n.idx), lane: uint8(lane), env: env, arg: c.id})
	w.q.push(w.nowNs+w.cfg.ClientTimeoutNs, event{kind: evTimeout, node: uint8(i), arg: c.id})
}

// maxDoubts is how many writes of one key may end with an unknown outcome
// before clients only read it: beyond that no checker can be sure.
const maxDoubts = 14

// ring0 is the bucket that the workload uses.
const ring0 = 0

// refusedMark in the lane of a hangup says that the connection was refused.
const refusedMark = 1

func valueOf(n int64) string { return "v" + strconv.FormatInt(n, 10) }

// toClient carries an answer from a node to the client beside it.
func (w *World) toClient(n *node, env *actors.Envelope) {
	res, ok := env.Message.(*msg.Results)
	if !ok {
		w.violate(Invariant, "node %d sent a %s to a client", n.id, env.Message.MessageName())
		return
	}
	roll := dice(mix(mix(w.plan.Seed, streamClients), ^res.ID))
	at := w.nowNs + 20_000 + roll.below(200_000)
	w.trace.rec.message(env, MessageSent, at)
	w.q.push(at, event{kind: evResult, env: *env, arg: res.ID})
}

// answered handles an answer that has reached its client.
func (w *World) answered(e *event) {
	res := e.env.Message.(*msg.Results)
	w.trace.rec.message(&e.env, MessageHandled, 0)
	i := int(res.ID >> 32)
	c := w.clients[i]
	if c.op == nil || c.id != res.ID {
		w.cover.hit(LateAnswer)
		return
	}
	if len(res.Results) != 1 {
		w.violate(Invariant, "%d results for one operation", len(res.Results))
		return
	}
	r := &res.Results[0]
	w.trace.note(w, int(c.op.Node), "client %d: answer %v %q %d", i, r.Status, r.Data, r.Int)
	w.complete(i, resultOf(c.op, r), r)
}

// gaveUp ends an operation without an answer.
func (w *World) gaveUp(i int, id uint64) {
	c := w.clients[i]
	if c.op == nil || c.id != id {
		return
	}
	w.cover.hit(ClientTimeout)
	w.trace.note(w, int(c.op.Node), "client %d: no answer", i)
	w.complete(i, linearizability.Result{Outcome: linearizability.Unknown}, nil)
}

// hangUp breaks the connections of a node that has crashed.
func (w *World) hangUp(n *node) {
	for i, c := range w.clients {
		if c.op != nil && int(c.op.Node) == int(n.id) {
			w.q.push(w.nowNs+answerDelayNs, event{kind: evHangup, node: uint8(i), arg: c.id})
		}
	}
}

// complete records the outcome of a client's operation and lets it go on.
func (w *World) complete(i int, res linearizability.Result, r *kv.Result) {
	c := w.clients[i]
	op := c.op
	c.op = nil
	w.history.Complete(c.handle, w.nowNs, res)
	switch res.Outcome {
	case linearizability.OK:
		w.outcomes.ok++
		if v := valueIn(op, r); v != "" {
			c.seen[op.Key], w.latest[op.Key] = v, v
		}
	case linearizability.Failed:
		w.outcomes.failed++
		w.cover.hit(BusyOrUnavailable)
	default:
		w.outcomes.unknown++
		w.cover.hit(UnknownOutcome)
		if op.Do != "get" && op.Do != "head" && op.Do != "incr" {
			w.doubts[op.Key]++
		}
		c.hid += int32(w.cfg.Clients)
	}
	if w.phase == liveness {
		w.finalDone(i, op, res.Outcome)
	}
	w.pump(i)
	if w.phase == safety && w.idle() {
		w.q.push(w.nowNs, event{kind: evHeal})
	}
}

// valueIn is the value of a key that an answer tells of, if any.
func valueIn(op *ClientOp, r *kv.Result) string {
	switch {
	case r == nil:
	case op.Do == "get" && r.Found:
		return string(r.Data)
	case op.Do == "set", op.Do == "getset", operations[op.Do].kind == kv.OpCAS && r.Status == kv.OK:
		return valueOf(op.Value)
	}
	return ""
}

// idle reports whether all clients have done everything.
func (w *World) idle() bool {
	for _, c := range w.clients {
		if c.op != nil || c.next < len(c.ops) {
			return false
		}
	}
	return true
}

// resultOf translates an answer of the store for the checker.
func resultOf(op *ClientOp, r *kv.Result) linearizability.Result {
	res := linearizability.Result{Outcome: linearizability.OK, Applied: true}
	switch r.Status {
	case kv.OK:
	case kv.NotFound:
	case kv.CondFailed, kv.NotInteger, kv.Overflow:
		res.Applied = false
	case kv.Unknown:
		return linearizability.Result{Outcome: linearizability.Unknown}
	default:
		return linearizability.Result{Outcome: linearizability.Failed}
	}
	switch op.Do {
	case "get", "getset", "getdel", "getcas":
		res.Saw, res.Found, res.Out = linearizability.SawValue, r.Found, string(r.Data)
		if !r.Found {
			res.Out = ""
		}
	case "head", "delete", "cas", "setnx", "setxx":
		res.Saw, res.Found = linearizability.SawFound, r.Found
	case "incr":
		res.Saw, res.Num = linearizability.SawValue, r.Int
		if !res.Applied {
			res.Saw, res.Num = linearizability.SawNothing, 0
		}
	}
	return res
}

// forever is a time after every run.
const forever = math.MaxInt64
