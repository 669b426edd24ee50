package sim

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/system"
	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/ring"
)

// mapRun carries out the MapOps of a plan, and remembers what became of them.
// All of them share an edge of each node: the client after the last one. In
// histories and pictures they are clients of their own, see mapClients.
type mapRun struct {
	w       *World
	asked   []mapAsked  // by MapOp; those of the end follow
	changes []MapChange // those that were sent
	keys    []Key       // of the history: a key of one life of a bucket
	known   map[string]bool
	clients []int // by client: 1 + what it asked last, 0 once that is answered
	end     mapEnd
	created int // operations sent to buckets that changes made, those of the end included
	worked  int // those of them that succeeded
}

// idle reports whether buckets were made and none of them ever worked.
func (r *mapRun) idle() bool { return r.created > 0 && r.worked == 0 }

// mapAsked is a MapOp under way.
type mapAsked struct {
	op     MapOp
	sent   bool
	bucket kv.Bucket // put, get: as the edge had it
	handle int       // put, get: into the history; else into the changes
	client int
	life   uint32 // of the node; an answer to an earlier one never comes
	tour   *tour  // of the end of the run; nil: drawn
}

// mapConfig sets what a cluster actor is told.
func (n *node) mapConfig(cfg *system.Config) {
	c := n.w.cfg
	cfg.Cluster.TimeoutNs = 4 * c.RequestTimeoutNs
	cfg.Cluster.AskNs = c.ResendNs
	cfg.Cluster.ReadNs = c.MapReadNs
}

// newestLayout is that of the newest map that a node acts on.
func (w *World) newestLayout() *ring.Layout {
	newest := w.layout
	for _, n := range w.nodes {
		if n.up && n.sys.Published().Epoch() > newest.Epoch() {
			newest = n.sys.Published()
		}
	}
	return newest
}

// id is that of the request of an operation; no client has one like it.
func (r *mapRun) id(i int) uint64 { return uint64(len(r.w.clients))<<32 | uint64(i) }

func (r *mapRun) init(w *World) {
	*r = mapRun{w: w, known: map[string]bool{}}
	for i := range w.plan.MapOps {
		r.asked = append(r.asked, mapAsked{op: w.plan.MapOps[i]})
		w.q.push(w.plan.MapOps[i].AtNs, event{kind: evMap, arg: uint64(i)})
	}
}

// begin carries an operation out, if its node is up.
func (r *mapRun) begin(i int) {
	w, a := r.w, &r.asked[i]
	n := w.nodes[a.op.Node-1]
	if a.sent || !n.up || w.phase != safety && i < len(w.plan.MapOps) {
		return
	}
	env := actors.Envelope{From: actors.Address{Node: n.id, Kind: actors.Client, Index: uint32(len(w.clients))}}
	if a.op.isChange() {
		env.Message = &msg.MapChange{ID: r.id(i), TimeoutNs: 4 * w.cfg.RequestTimeoutNs, Change: a.op.change()}
		env.To = actors.Address{Node: n.id, Kind: actors.Cluster}
		r.change(n, i)
	} else if !r.access(n, i, &env) {
		return
	}
	a.sent = true
	w.trace.note(w, int(n.id), "map: %s %s %s %d", a.op.Do, a.op.Bucket, a.op.Key, a.op.Tag)
	w.trace.rec.mapCall(a, i, &env)
	w.trace.rec.message(&env, MessageSent, w.nowNs+20_000)
	w.q.push(w.nowNs+20_000, event{kind: evDeliver, node: uint8(n.idx), lane: uint8(env.To.Index), env: env, arg: r.id(i)})
}

// access makes the request of a put or a get, by the map that the edge has; false if
// there is no such bucket.
func (r *mapRun) access(n *node, i int, env *actors.Envelope) bool {
	a := &r.asked[i]
	layout := n.sys.Published()
	b := layout.Named(a.op.Bucket)
	if b == nil {
		return false
	}
	a.bucket = *b
	r.claim(n, i)
	if b.Created > kv.FirstEpoch {
		r.created++
	}
	life := fmt.Sprintf("%s@%d/%s", b.Name, b.Created, a.op.Key)
	lop := linearizability.Op{Key: life, Call: r.w.nowNs, Client: int32(mapClients + a.client), Kind: linearizability.Get}
	op := msg.Op{Op: kv.Op{Kind: kv.OpGet, Key: []byte(a.op.Key)}, Partition: layout.PartitionOf(b, []byte(a.op.Key))}
	if a.op.Do == "put" {
		lop.Kind, lop.Value = linearizability.Set, stampOf(b.Created, a.op.Tag)
		op.Kind, op.Value = kv.OpSet, []byte(lop.Value)
	}
	a.handle = r.w.history.Invoke(lop)
	if b.Mode != kv.Eventual && !r.known[life] {
		r.known[life] = true
		r.keys = append(r.keys, Key{Name: life})
	}
	env.Message = &msg.Ops{ID: r.id(i), TimeoutNs: r.w.cfg.RequestTimeoutNs, Epoch: layout.Epoch(), Ops: []msg.Op{op}}
	env.To = actors.Address{Node: n.id, Kind: actors.Shard, Index: actors.LaneOf(op.Partition, r.w.cfg.Lanes)}
	if b.Mode != kv.Strong {
		env.To.Kind = actors.Coordinator
	}
	return true
}

// stampOf is a value that says in which life of its bucket it was written.
func stampOf(created kv.Epoch, tag int64) string {
	return fmt.Sprintf("%d#%d", created, tag)
}

// answered takes in an answer as it leaves the node.
func (r *mapRun) answered(n *node, m actors.Message) {
	switch m := m.(type) {
	case *msg.MapChanged:
		a, known := r.take(m.ID), len(r.w.verdict)
		r.w.oracle.maps.told(n, &a.op, m)
		r.completed(a.handle, m)
		r.w.blameChange(known, a.handle)
		if i := int(uint32(m.ID)); r.end.change != 0 && i == r.end.change {
			r.changed(m)
		}
	case *msg.Results:
		a := r.take(m.ID)
		res := resultOf(&ClientOp{Do: map[string]string{"put": "set", "get": "get"}[a.op.Do]}, &m.Results[0])
		r.w.history.Complete(a.handle, r.w.nowNs, res)
		r.w.eventual.siblings(a.handle, &m.Results[0])
		r.w.trace.note(r.w, int(n.id), "map: %s %s answers %v %q", a.op.Do, a.op.Bucket, m.Results[0].Status, m.Results[0].Data)
		if a.op.Do == "get" && res.Outcome == linearizability.OK && res.Found {
			r.stamped(n, a, res.Out)
		}
		for _, s := range siblings(&m.Results[0]) {
			r.stamped(n, a, s)
		}
		ok := res.Outcome == linearizability.OK
		if ok && a.bucket.Created > kv.FirstEpoch {
			r.worked++
			r.w.cover.hit(CreatedUsed)
		}
		if a.tour != nil {
			r.toured(a.tour, ok)
		}
	default:
		r.w.violate(Invariant, "node %d sent a %s to a client", n.id, m.MessageName())
	}
}

func siblings(r *kv.Result) []string {
	var all []string
	if r.Causal != nil {
		for _, v := range r.Causal.Values {
			all = append(all, string(v.Data))
		}
	}
	return all
}

// stamped checks that a value was written in the life of the bucket in which it is read.
func (r *mapRun) stamped(n *node, a *mapAsked, value string) {
	text, _, _ := strings.Cut(value, "#")
	if life, err := strconv.Atoi(text); err != nil || kv.Epoch(life) != a.bucket.Created {
		known := len(r.w.verdict)
		r.w.oracle.maps.violate("node %d: key %q of bucket %q, created at epoch %d in slot %d, is %q, which was written in another life",
			n.id, a.op.Key, a.bucket.Name, a.bucket.Created, a.bucket.Slot, value)
		r.w.blame(known, r.writerOf(value), a.handle)
	}
}

// judge checks the histories of the strong and abd buckets that came and went.
func (r *mapRun) judge() linearizability.Verdict {
	if r.w.oracle.maps.void {
		return linearizability.Verdict{Answer: linearizability.Linearizable}
	}
	return verdictOf(r.w.history.History(), r.keys)
}
