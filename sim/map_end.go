package sim

import (
	"fmt"
	"strconv"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// mapEnd is the end of a run that changes the map, after everything has healed.
// Last changes must come through, a bucket of each mode, and every node must act
// on the map that they make. Then every bucket that changes have made must work
// through every node: the clients' last operations are about the buckets that
// there always were.
type mapEnd struct {
	change int      // the last change, an index of asked; 0: the end has not begun
	made   int      // how many of endModes
	epoch  kv.Epoch // of the map whose buckets are toured; 0: none yet
	tours  []*tour  // one for each bucket
}

var endModes = [...]string{"strong", "eventual", "abd"}

// tour is the last operations on a bucket, one after the other.
type tour struct {
	ops []MapOp // still to do, the first one under way
	at  int     // the first one, an index of asked
	off bool    // a change that was still under way has come through
}

// difference begins the end of the run. Then it says which node does not act on
// the newest map, or "".
func (r *mapRun) difference() string {
	if len(r.w.plan.MapOps) == 0 {
		return ""
	}
	if r.end.change == 0 {
		r.lastChange()
	}
	if r.end.made < len(endModes) {
		return fmt.Sprintf("node %d has not made a last change of the map", r.asked[r.end.change].op.Node)
	}
	for _, n := range r.w.nodes {
		if n.refused() {
			continue
		}
		if !n.up {
			return fmt.Sprintf("node %d is down", n.id)
		}
		if at := n.sys.Published().Epoch(); at != r.w.oracle.maps.newest {
			return fmt.Sprintf("node %d acts on the map of epoch %d, the newest one is %d", n.id, at, r.w.oracle.maps.newest)
		}
	}
	return ""
}

func (r *mapRun) lastChange() {
	i := len(r.asked)
	r.end.change = i
	at := i % len(r.w.nodes)
	for range r.w.nodes {
		if n := r.w.nodes[at]; n.up && !n.refused() {
			break
		}
		at = (at + 1) % len(r.w.nodes)
	}
	op := MapOp{Node: kv.NodeID(1 + at), Do: "create", Mode: endModes[r.end.made], Bucket: "end" + strconv.Itoa(i), Tag: endTag(i)}
	r.asked = append(r.asked, mapAsked{op: op})
	r.begin(i)
}

// endTag is one that no drawn operation has.
func endTag(i int) int64 { return int64(1_000_000 + i) }

// changed begins the next change, or the last one again, until all have come through.
func (r *mapRun) changed(m *msg.MapChanged) {
	if m.Status == kv.OK {
		r.end.made++
	}
	if r.end.made < len(endModes) {
		r.lastChange()
	}
}

// unfinished says which operation on a created bucket has not succeeded yet, or
// "". All nodes act on the newest map when it is called.
func (r *mapRun) unfinished() string {
	if r.end.change == 0 {
		return ""
	}
	if newest := r.w.newestLayout(); newest.Epoch() != r.end.epoch {
		r.tourAll(newest)
	}
	for _, t := range r.end.tours {
		if len(t.ops) > 0 {
			op := &t.ops[0]
			return fmt.Sprintf("nobody can %s key %q of bucket %q at node %d", op.Do, op.Key, op.Bucket, op.Node)
		}
	}
	return ""
}

// tourAll begins the last operations on all buckets that changes have made.
func (r *mapRun) tourAll(l *ring.Layout) {
	w := r.w
	for _, t := range r.end.tours {
		t.off = true
	}
	w.limitNs += w.patienceNs()
	r.end.epoch, r.end.tours = l.Epoch(), nil
	for _, b := range l.Buckets() {
		switch {
		case b == nil || b.Created <= kv.FirstEpoch:
			continue
		case b.Mode == kv.Eventual && w.apart:
			continue // nodes whose clocks are too far apart refuse each other's writes, by right
		}
		t := &tour{}
		r.end.tours = append(r.end.tours, t)
		for i, n := range w.nodes {
			if n.refused() {
				continue
			}
			op := MapOp{Node: n.id, Bucket: b.Name, Do: "get", Key: accessKey(i)}
			t.ops = append(t.ops, op) // what was written while there were faults, too
			op.Do, op.Key = "put", accessKey(i+1)
			t.ops = append(t.ops, op)
			op.Do = "get"
			t.ops = append(t.ops, op)
		}
		r.step(t, w.nowNs)
	}
}

// step begins the operation of a tour that is next.
func (r *mapRun) step(t *tour, atNs int64) {
	t.at = len(r.asked)
	op := t.ops[0]
	op.AtNs, op.Tag = atNs, endTag(t.at)
	r.asked = append(r.asked, mapAsked{op: op, tour: t})
	r.w.q.push(atNs, event{kind: evMap, arg: uint64(t.at)})
}

// toured goes on when an operation has ended, with the same one if it has failed.
func (r *mapRun) toured(t *tour, ok bool) {
	switch {
	case t.off:
	case !ok:
		r.step(t, r.w.nowNs+finalRetryNs)
	case len(t.ops) > 1:
		t.ops = t.ops[1:]
		r.step(t, r.w.nowNs)
	default:
		t.ops = nil
	}
}
