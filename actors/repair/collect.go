package repair

import (
	"slices"

	"github.com/pingcap/failpoint"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// Collection of dead objects (tombstones, and what has expired) is led by the
// first node of a partition's preference list: it looks for them bucket by
// bucket, asks all replicas, and all nodes that were replicas when the bucket had
// another N, lets causal.Collection judge, and tells the replicas to forget. A
// former replica must have no copy left: it might deliver what is older. Since
// everybody is asked who may hold something, a node may be away for however long
// it likes: as long as it is, nothing is collected that it has missed.
//
// All are asked twice, and must say the same thing both times, with confirmNs in
// between. After the first time no replica holds an older state, so none sends
// one any more; what was sent before, by a replica that had been behind, is
// dropped as too old once a message's life has passed. With one question alone
// such a message could arrive right after the tombstone has gone.
//
// Each replica judges the grace by its own clock too, so one clock that is
// ahead collects nothing early.
type collector struct {
	led     []kv.Partition // this node leads their collection
	at      int            // index in led
	bucket  uint32
	nextNs  int64
	restNs  int64 // no batch is asked about before
	movedNs int64 // when a partition last moved
	moved   bool
	asking  *batch
	waiting []*batch      // confirmed once, by ascending dueNs
	waits   map[name]bool // their keys
}

// name is a key of a partition.
type name struct {
	key       string
	partition kv.Partition
}

// batch is some dead objects of one partition.
type batch struct {
	partition kv.Partition
	epoch     kv.Epoch
	items     []msg.DeadItem
	questions []question // to each replica, then to each former one
	replicas  int
	copies    bool // a former replica has a copy left
	confirmed []causal.Replicas
	hinted    []bool
	dueNs     int64
	second    bool
}

// Steps, and bounds.
const (
	collectStepNs  = int64(1e9)
	collectAtOnce  = 256 // keys of one batch
	collectRestNs  = int64(10e6)
	maxWaitingKeys = 1 << 16 // that have been confirmed once
)

// confirmNs is the time between the two questions: the life of a message, the
// drift of clocks, and what an operation may hold on to an object that it has read.
func (r *Repair) confirmNs() int64 {
	return (r.cfg.MessageTTLMs + r.cfg.DriftMs + r.cfg.OperationMs) * 1e6
}

func (k *collector) setLayout(c *actors.Context, r *Repair) {
	before := k.led
	k.led, k.asking, k.waiting, k.waits = nil, nil, nil, map[name]bool{}
	r.cfg.Layout.Each(func(p kv.Partition) {
		b := r.cfg.Layout.Bucket(p)
		if b == nil || b.Mode != kv.Eventual || actors.LaneOf(p, r.cfg.Lanes) != r.cfg.Lane {
			return // the counters of abd's registers would begin again
		}
		if list := r.cfg.Layout.Preference(p); len(list) > 0 && list[0] == r.cfg.Node && len(list) <= causal.MaxReplicas {
			k.led = append(k.led, p)
		}
	})
	if before != nil && !slices.Equal(before, k.led) {
		k.moved, k.movedNs = true, c.NowNs
	}
	k.at, k.bucket = 0, 0
}

// pumpCollection looks at some buckets, and goes on with the batches under way.
func (r *Repair) pumpCollection(c *actors.Context) int64 {
	k := &r.collect
	if len(k.led) == 0 {
		return never
	}
	if k.asking != nil {
		nextNs := never
		for i := range k.asking.questions {
			q := &k.asking.questions[i]
			if q.id != 0 && c.NowNs >= q.deadlineNs && !r.again(c, q) {
				k.asking = nil // the next pass finds them again
				break
			}
			if q.id != 0 {
				nextNs = min(nextNs, q.deadlineNs)
			}
		}
		if k.asking != nil {
			return nextNs
		}
	}
	if c.NowNs < k.restNs {
		return k.restNs
	}
	if len(k.waiting) > 0 && c.NowNs >= k.waiting[0].dueNs {
		b := k.waiting[0]
		k.waiting = k.waiting[1:]
		for i := range b.items {
			delete(k.waits, name{string(b.items[i].Key), b.partition})
		}
		b.second = true
		r.askBatch(c, b)
		return r.pumpCollection(c)
	}
	if c.NowNs >= k.nextNs {
		k.nextNs = c.NowNs + collectStepNs
		r.lookForDead(c)
		return r.pumpCollection(c)
	}
	if len(k.waiting) > 0 {
		return min(k.nextNs, k.waiting[0].dueNs)
	}
	return k.nextNs
}

// lookForDead looks through the buckets whose turn it is, until it has a batch.
func (r *Repair) lookForDead(c *actors.Context) {
	k := &r.collect
	buckets := r.cfg.Store.Shape().Buckets
	steps := int(int64(buckets*len(k.led))*collectStepNs/r.cfg.CollectNs) + 1
	if len(k.waits) >= maxWaitingKeys {
		return
	}
	for range steps {
		p := k.led[k.at]
		b := r.cfg.Layout.Bucket(p)
		graceMs, err := r.cfg.GraceOf(b)
		if err != nil { // refused where it is configured; nothing goes
			k.bucket = uint32(buckets) - 1
		}
		found := &batch{partition: p, epoch: r.cfg.Layout.Epoch()}
		if err == nil {
			for _, d := range r.cfg.Store.Dead(p, k.bucket, c.WallMs, c.WallMs-graceMs) {
				if !k.waits[name{string(d.Key), p}] {
					found.items = append(found.items, msg.DeadItem{Partition: p, Key: d.Key, Digest: d.Digest})
				}
			}
		}
		if k.bucket++; int(k.bucket) >= buckets {
			k.bucket = 0
			k.at = (k.at + 1) % len(k.led)
		}
		if len(found.items) > 0 {
			found.items = found.items[:min(len(found.items), collectAtOnce)]
			r.askBatch(c, found)
			k.nextNs = c.NowNs + collectRestNs // there may be more
			return
		}
	}
}

// askBatch asks all replicas, itself among them, about a batch. If one is
// believed dead there is no use in asking.
func (r *Repair) askBatch(c *actors.Context, b *batch) {
	// A bucket with one replica is asked within the batch: without a rest the
	// lane would do nothing else.
	r.collect.restNs = c.NowNs + collectRestNs
	list := r.cfg.Layout.Preference(b.partition)
	b.replicas, b.copies = len(list), false
	former := r.cfg.Layout.Former(b.partition)
	failpoint.Inject("bug-77-former-replica-not-asked", func() { former = nil })
	list = slices.Concat(list, former)
	for _, node := range list {
		if p := r.peer(node); p != nil && p.dead {
			r.collect.nextNs = c.NowNs + collectStepNs
			return
		}
	}
	b.confirmed, b.hinted = make([]causal.Replicas, len(b.items)), make([]bool, len(b.items))
	b.questions = make([]question, len(list))
	r.collect.asking = b
	for i, node := range list {
		m := &msg.AskDead{ID: r.newID(), Epoch: b.epoch, Items: b.items}
		r.ask(c, &b.questions[i], r.at(node, actors.Repair), m.ID, m)
	}
}

// askDead tells whether these very objects are held here, have been dead for
// the grace by this clock too, and whether hints for the keys are kept.
func (r *Repair) askDead(c *actors.Context, m *msg.AskDead) {
	reply := &msg.DeadTold{ID: m.ID, Items: make([]msg.DeadAnswer, len(m.Items))}
	for i := range m.Items {
		it, out := &m.Items[i], &reply.Items[i]
		b := r.cfg.Layout.Bucket(it.Partition)
		if b == nil || b.Mode != kv.Eventual || m.Epoch != r.cfg.Layout.Epoch() {
			continue
		}
		out.Gone = r.cfg.Layout.IndexOf(it.Partition, r.cfg.Node) < 0 && r.cfg.Store.Keys(it.Partition) == 0
		graceMs, err := r.cfg.GraceOf(b)
		o, digest := r.cfg.Store.Lookup(it.Partition, it.Key)
		sinceMs, dead := o.DeadSinceMs(c.WallMs)
		out.Holds = err == nil && dead && digest == it.Digest && c.WallMs-sinceMs > graceMs
		out.HintPending = r.cfg.Hints.Waits(it.Partition, it.Key)
	}
	c.SendDurable(c.Sender, reply)
}

func (r *Repair) deadTold(c *actors.Context, m *msg.DeadTold) {
	b := r.collect.asking
	if b == nil {
		return
	}
	open := 0
	for i := range b.questions {
		q := &b.questions[i]
		if q.answers(c, m.ID) && len(m.Items) == len(b.items) {
			for j, a := range m.Items {
				switch {
				case i >= b.replicas:
					b.copies = b.copies || !a.Gone
				case a.Holds:
					b.confirmed[j] = b.confirmed[j].With(i)
				}
				b.hinted[j] = b.hinted[j] || a.HintPending
			}
		}
		if q.id != 0 {
			open++
		}
	}
	if open == 0 {
		r.collect.asking = nil
		r.judge(c, b)
	}
}

// judge keeps, of a batch about which all have answered, what may go: for the
// second question, or for good.
func (r *Repair) judge(c *actors.Context, b *batch) {
	k := &r.collect
	bucket := r.cfg.Layout.Bucket(b.partition)
	if bucket == nil {
		return
	}
	graceMs, _ := r.cfg.GraceOf(bucket)
	var dead []msg.DeadItem
	for i := range b.items {
		o, _ := r.cfg.Store.Lookup(b.partition, b.items[i].Key)
		sinceMs, _ := o.DeadSinceMs(c.WallMs)
		what := causal.Collection{
			Replicas: b.replicas, Confirmed: b.confirmed[i], HintPending: b.hinted[i],
			Moving:      b.copies || k.moved && c.NowNs-k.movedNs < r.confirmNs(),
			DeadSinceMs: sinceMs, NowMs: c.WallMs, GraceMs: graceMs,
			HintTTLMs: r.cfg.HintTTLMs, MessageTTLMs: r.cfg.MessageTTLMs, DriftMs: r.cfg.DriftMs,
		}
		if what.Verdict() == causal.Collect {
			dead = append(dead, b.items[i])
		} else {
			r.counts.kept++
		}
	}
	switch {
	case len(dead) == 0:
	case !b.second:
		k.waiting = append(k.waiting, &batch{partition: b.partition, epoch: b.epoch, items: dead, dueNs: c.NowNs + r.confirmNs()})
		for i := range dead {
			k.waits[name{string(dead[i].Key), b.partition}] = true
		}
	default:
		r.counts.collected += uint64(len(dead))
		forget := &msg.Forget{Items: dead}
		for i := range b.replicas {
			c.Send(r.at(b.questions[i].to.Node, actors.Store), forget)
		}
	}
}
