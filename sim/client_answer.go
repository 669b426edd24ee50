package sim

import (
	"math"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/linearizability"
)

// toClient carries an answer from a node to the client beside it.
func (w *World) toClient(n *node, env *actors.Envelope) {
	if int(env.To.Index) == len(w.clients) {
		w.maps.answered(n, env.Message)
		return
	}
	res, ok := env.Message.(*msg.Results)
	if !ok {
		w.violate(Invariant, "node %d sent a %s to a client", n.id, env.Message.MessageName())
		return
	}
	roll := dice(mix(mix(w.plan.Seed, streamClients), ^res.ID))
	at := w.nowNs + 20_000 + w.below(&roll, 200_000)
	w.trace.rec.message(env, MessageSent, at)
	w.q.push(at, event{kind: evResult, env: *env, arg: res.ID})
}

// answered handles an answer that has reached its client.
func (w *World) answered(e *event) {
	res := e.env.Message.(*msg.Results)
	w.trace.rec.message(&e.env, MessageHandled, 0)
	i := int(res.ID >> 32)
	ops := w.asked(res.ID)
	if len(ops) == 0 {
		w.cover.hit(LateAnswer)
		return
	}
	if len(res.Results) != len(ops) {
		w.violate(Invariant, "%d results for %d operations", len(res.Results), len(ops))
		return
	}
	for k := range ops {
		r := &res.Results[k]
		if w.trace.record {
			w.trace.note(w, int(ops[k].op.Node), "client %d: answer %v %q %d", i, r.Status, r.Data, r.Int)
		}
		res := resultOf(ops[k].op, r)
		if ops[k].op.Do == "delete" && w.modeOf(ops[k].op.Key) != kv.Strong {
			res.Saw, res.Found = linearizability.SawNothing, false // without an owner it is a blind write
		}
		w.complete(i, &ops[k], res, r)
	}
	w.settled(i, func(f *inFlight) bool { return f.part == res.ID>>24&0xff })
}

// asked returns the operations under way of the part of a message with an id,
// until it is called again.
func (w *World) asked(id uint64) []inFlight {
	if int(id>>32) == len(w.clients) {
		return nil // of a change of the map
	}
	c, part := w.clients[id>>32], id>>24&0xff
	if partID(c.id, part) != id {
		return nil
	}
	ops := w.askedOps[:0]
	for _, f := range c.flight {
		if f.part == part {
			ops = append(ops, f)
		}
	}
	w.askedOps = ops
	return ops
}

// gaveUp ends operations without an answer.
func (w *World) gaveUp(i int, id uint64) {
	c := w.clients[i]
	if !c.busy() || c.id != id {
		return
	}
	w.cover.hit(ClientTimeout)
	w.trace.note(w, int(c.node), "client %d: no answer", i)
	for k := range c.flight {
		w.complete(i, &c.flight[k], linearizability.Result{Outcome: linearizability.Unknown}, nil)
	}
	w.settled(i, func(*inFlight) bool { return true })
}

// settled forgets operations that are done and lets their client go on.
func (w *World) settled(i int, done func(*inFlight) bool) {
	c := w.clients[i]
	left := c.flight[:0]
	for k := range c.flight {
		if !done(&c.flight[k]) {
			left = append(left, c.flight[k])
		}
	}
	if c.flight = left; c.busy() {
		return
	}
	c.restNs = w.nowNs + w.cfg.ThinkNs
	if w.phase == liveness {
		w.whenDone()
	}
	w.pump(i)
	if w.phase == safety && w.idle() {
		w.q.push(w.nowNs, event{kind: evHeal})
	}
}

// hangUp breaks the connections of a node that has crashed.
func (w *World) hangUp(n *node) {
	for i, c := range w.clients {
		if c.busy() && c.node == n.id {
			w.q.push(w.nowNs+answerDelayNs, event{kind: evHangup, node: uint8(i), arg: c.id})
		}
	}
}

// complete records the outcome of an operation.
func (w *World) complete(i int, f *inFlight, res linearizability.Result, r *kv.Result) {
	c, op := w.clients[i], f.op
	w.history.Complete(f.handle, w.nowNs, res)
	w.eventualComplete(i, f, res.Outcome, r)
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
		c.hids[f.slot] += int32(w.cfg.Clients * maxPipeline)
	}
	if w.phase == liveness {
		w.finalDone(i, op, res.Outcome)
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
		if c.busy() || c.next < len(c.ops) {
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
