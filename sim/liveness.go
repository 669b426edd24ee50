package sim

import (
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability"
)

// patienceNs is how long the clients may need after everything has healed.
func (w *World) patienceNs() int64 {
	c := w.cfg
	if c.LivenessNs > 0 {
		return c.LivenessNs
	}
	return 20*(c.RequestTimeoutNs+c.ClientTimeoutNs+c.SuspectNs) + 100*(c.BackoffNs+c.ResendNs+c.Network.MaxNs*max(c.Between, 1000)/1000+c.Disk.SyncNs) + 5e9
}

// heal ends the safety phase: every fault stops, every node comes back, and
// every client must be able to read and write every key.
func (w *World) heal() {
	if w.phase != safety {
		return
	}
	w.phase = liveness
	w.healNs = w.nowNs
	w.net.calm = true
	w.trace.note(w, 0, "everything heals")
	for i := range w.active {
		w.faultStops(i)
	}
	w.armed = w.armed[:0]
	for _, n := range w.nodes {
		n.pausedUntilNs = min(n.pausedUntilNs, w.nowNs)
		n.disk.failSyncs, n.disk.failWrites, n.disk.full, n.disk.misdirect = 0, false, false, 0
		if !n.up {
			w.q.push(w.nowNs, event{kind: evRestart, node: uint8(n.idx)})
		}
	}
	w.clocksHealed()
	if !w.coreBegins() {
		w.begins((*World).finalOps)
	}
	w.whenDone()
}

// begins replaces what the clients have not begun by a last list of operations.
func (w *World) begins(ops func(w *World, i int)) {
	w.limitNs = max(w.nowNs, w.agreeNs) + w.patienceNs()
	w.q.push(w.limitNs, event{kind: evJudge})
	for i := range w.clients {
		ops(w, i)
	}
	for i := range w.clients {
		w.pump(i)
	}
}

// finalWrite is the write of a key that goes with a read of it.
func (w *World) finalWrite(op ClientOp) ClientOp {
	op.Do = "set"
	if w.cfg.Keys[op.Key].ReadFirst {
		op.Context = 1
	}
	if w.cfg.Keys[op.Key].Counter {
		op.Do = "incr"
	}
	return w.fresh(op)
}

// finalOps are reads of every key, one write of a client's share of the keys, and
// reads of some others, each at another node than the one before.
func (w *World) finalOps(i int) {
	c := w.clients[i]
	c.ops, c.next = nil, 0
	keys, clients := len(w.cfg.Keys), len(w.clients)
	at := func(k int) kv.NodeID { return kv.NodeID((i+k)%len(w.nodes) + 1) }
	for k := range keys {
		c.ops = append(c.ops, ClientOp{Client: i, Node: at(k), Key: k, Do: "get"})
	}
	for k := range keys {
		if k%clients != i%clients && i%keys != k {
			continue
		}
		write := w.finalWrite(ClientOp{Client: i, Node: at(k + 1), Key: k})
		c.ops = append(c.ops, write, ClientOp{Client: i, Node: at(k + 2), Key: k, Do: "get"})
	}
}

// fresh gives an operation a value that was never written.
func (w *World) fresh(op ClientOp) ClientOp {
	if op.Do == "set" {
		w.nextValue++
		op.Value = w.nextValue
	} else if op.Do == "incr" {
		op.Value = 1
	}
	return op
}

// finalRetryNs is the pause before a final operation that failed is tried again.
const finalRetryNs = 10e6

// finalDone repeats a final operation at its node until it has succeeded, or
// elsewhere if that node's disk is lost.
func (w *World) finalDone(i int, op *ClientOp, outcome linearizability.Outcome) {
	c := w.clients[i]
	if outcome != linearizability.OK && c.next > 0 && w.nowNs < w.limitNs {
		c.next--
		again := w.fresh(*op)
		again.AtNs = w.nowNs + finalRetryNs
		again.Node = w.serving(again.Node)
		c.ops[c.next] = again
	}
}

// whenDone lets clients turn to all nodes when they have done with the core, and
// begins the last phase when they have finished.
func (w *World) whenDone() {
	if w.phase != liveness || !w.idle() {
		return
	}
	if w.core.node != 0 {
		w.coreEnds()
		w.begins((*World).finalOps)
		return
	}
	w.phase = converging
	w.limitNs = max(w.nowNs, w.agreeNs) + w.patienceNs() + 20*w.cfg.LevelNs
	w.q.push(w.nowNs, event{kind: evJudge})
}

// judge ends the run when the replicas are equal, or when it is too late.
func (w *World) judge() {
	switch w.phase {
	case liveness:
		if w.nowNs < w.limitNs {
			return
		}
		for i, c := range w.clients {
			if !c.busy() && c.next >= len(c.ops) {
				continue
			}
			op := &c.ops[max(c.next-1, 0)]
			if w.modeOf(op.Key) == kv.Eventual && w.apart {
				continue // refused by right
			}
			w.violate(Liveness, "client %d can't %s %s at node %d, %s", i, op.Do, w.cfg.Keys[op.Key].Name, op.Node, w.where())
			break
		}
		w.phase = finished
	case converging:
		check, diff := w.unsettled()
		if diff == "" {
			w.finalReads()
			w.phase = finished
			return
		}
		if w.nowNs >= w.limitNs {
			if check != "" {
				w.violate(check, "%d ms after everything healed: %s", (w.nowNs-w.healNs)/1e6, diff)
			}
			w.phase = finished
			return
		}
		w.q.push(min(w.nowNs+max(w.cfg.LevelNs/2, 1e6), w.limitNs), event{kind: evJudge})
	}
}

// unsettled says what is still to come before the run may end, and which check
// convicts if it does not come, "" for none.
func (w *World) unsettled() (check, what string) {
	if diff := w.maps.difference(); diff != "" {
		return Convergence, diff
	}
	if op := w.maps.unfinished(); op != "" {
		return Liveness, op
	}
	if diff := w.difference(); diff != "" {
		return Convergence, diff
	}
	diff := w.eventualDifference()
	if diff != "" && w.apart {
		return "", diff
	}
	return Convergence, diff
}
