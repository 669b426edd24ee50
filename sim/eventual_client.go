package sim

import (
	"strconv"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/linearizability/causalhist"
)

// eventualRun is what a run keeps of the keys of eventual buckets, by key.
type eventualRun struct {
	ops     [][]causalhist.Op
	handles [][]int             // of the history, by key and operation; -1: none
	at      map[int]eventualOp  // by handle of the history
	writes  map[writeKey]madeBy // by key and value
	several map[int][]string    // by handle: the values of an answer that had more than one
}

// eventualOp ties an operation of the history to its place in that of its key.
type eventualOp struct {
	key, index int
	node       kv.NodeID
}

// writeKey names a write that leaves a value.
type writeKey struct {
	key   int
	value string
}

// madeBy is the coordinator that stamped a write.
type madeBy struct {
	stamp causal.Stamp
	boot  kv.Incarnation
	dot   causal.Dot // of a sibling
}

// context is a token that a client was given, with the operation that gave it.
type context struct {
	token string
	from  int // 1 + its index in the key's history
}

// maxContexts is how many contexts of a key a client keeps.
const maxContexts = 6

// eventualInvoke enters an operation into the history of its key and says what
// it asks for.
func (w *World) eventualInvoke(i, handle int, op *ClientOp, out *msg.Op) {
	c, b := w.clients[i], bucketOf(w.layout, &w.cfg.Keys[op.Key])
	out.Tuning = &kv.Tuning{WantContext: true, R: askOf(op.R), W: askOf(op.W)}
	hop := causalhist.Op{Client: i, Node: op.Node, Boot: uint64(w.nodes[op.Node-1].inc), Call: w.nowNs, Outcome: causalhist.Unknown,
		LimitMs: w.nodes[op.Node-1].clock.wall(w.nowNs) + causal.DefaultCapMs}
	switch op.Do {
	case "get":
		hop.Kind = causalhist.Get
	case "set":
		hop.Kind, hop.Value = causalhist.Set, string(out.Value)
	case "delete":
		hop.Kind = causalhist.Delete
	case "incr":
		hop.Kind, hop.Delta = causalhist.Incr, out.Delta
	}
	if held := c.contexts[op.Key]; op.Context > 0 && len(held) > 0 && b.Policy != kv.Counters && hop.Kind != causalhist.Get {
		use := held[max(len(held)-op.Context, 0)]
		out.Tuning.Context, hop.Context = use.token, use.from
	}
	hop.Quorum, hop.Zone = w.quorumOf(b, out, op)
	r := &w.eventual
	r.at[handle] = eventualOp{op.Key, len(r.ops[op.Key]), op.Node}
	r.enter(op.Key, handle, hop)
}

// enter adds an operation to the history of its key.
func (r *eventualRun) enter(key, handle int, op causalhist.Op) {
	r.ops[key], r.handles[key] = append(r.ops[key], op), append(r.handles[key], handle)
}

// siblings keeps the values of an answer that has more than one.
func (r *eventualRun) siblings(handle int, res *kv.Result) {
	if all := siblings(res); len(all) > 1 {
		r.several[handle] = all
	}
}

func askOf(s string) kv.Ask {
	if s == "" {
		return kv.Ask{}
	}
	a, err := kv.ParseAsk(s)
	if err != nil {
		panic(err) // Validate has seen to it
	}
	return a
}

// quorumOf is how many replicas of the key an operation waits for, at least, and of
// which zone; 0 where others may stand in for them.
func (w *World) quorumOf(b *kv.Bucket, out *msg.Op, op *ClientOp) (count, zone int) {
	if b.Sloppy {
		return 0, 0
	}
	ask := b.W
	if out.Kind == kv.OpGet {
		ask = b.R
	}
	for _, own := range []kv.Ask{out.Tuning.R, out.Tuning.W} {
		if !own.IsZero() {
			ask = own
		}
	}
	zones := w.layout.Zones(nil, out.Partition)
	switch ask.Level {
	case kv.ByCount:
		return int(ask.Count), 0
	case kv.One:
		return 1, 0
	case kv.Quorum:
		return len(zones)/2 + 1, 0
	case kv.All:
		return len(zones), 0
	case kv.LocalQuorum:
		local := w.layout.Zone(op.Node)
		return inZone(zones, local)/2 + 1, 1 + local
	}
	// each_quorum
	for i, z := range zones {
		if first := indexOf(zones, z); first == i {
			count += inZone(zones, z)/2 + 1
		}
	}
	return count, causalhist.EachZone
}

func inZone(zones []int, zone int) (n int) {
	for _, z := range zones {
		if z == zone {
			n++
		}
	}
	return n
}

func indexOf(zones []int, zone int) int {
	for i, z := range zones {
		if z == zone {
			return i
		}
	}
	return -1
}

// eventualComplete enters an outcome. r is nil if there was no answer.
func (w *World) eventualComplete(i int, f *inFlight, outcome linearizability.Outcome, r *kv.Result) {
	at, ok := w.eventual.at[f.handle]
	if !ok {
		return
	}
	hop := &w.eventual.ops[at.key][at.index]
	hop.Return = w.nowNs
	switch outcome {
	case linearizability.OK:
		hop.Outcome = causalhist.OK
	case linearizability.Failed:
		hop.Outcome = causalhist.Failed
		return
	default:
		return
	}
	hop.Sum = r.Int
	n := w.nodes[at.node-1]
	hop.LimitMs = min(hop.LimitMs, n.clock.wall(w.nowNs)+causal.DefaultCapMs)
	if hop.Kind == causalhist.Get && w.cfg.Keys[at.key].Counter {
		hop.Sum = counterValue(r)
	}
	switch {
	case r.Causal != nil:
		w.eventual.siblings(f.handle, r)
		for _, s := range r.Causal.Values {
			hop.Saw = append(hop.Saw, string(s.Data))
		}
		w.keepContext(w.clients[i], at, r.Causal.Context)
	case hop.Kind == causalhist.Get && r.Found:
		hop.Saw = append(hop.Saw, string(r.Data))
	}
}

// keepContext lets a client use a context in later writes of the key.
func (w *World) keepContext(c *client, at eventualOp, token string) {
	if token == "" {
		return
	}
	held := append(c.contexts[at.key], context{token, at.index + 1})
	if len(held) > maxContexts {
		held = held[1:]
	}
	c.contexts[at.key] = held
}

func (r *eventualRun) init(w *World) {
	*r = eventualRun{ops: make([][]causalhist.Op, len(w.cfg.Keys)), handles: make([][]int, len(w.cfg.Keys)),
		at: map[int]eventualOp{}, writes: map[writeKey]madeBy{}, several: map[int][]string{}}
}

// counterValue is the number that a read of a counter returned.
func counterValue(r *kv.Result) int64 {
	if r.Int != 0 || len(r.Data) == 0 {
		return r.Int
	}
	n, err := strconv.ParseInt(string(r.Data), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
