package cluster

import (
	"fmt"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// register is the conversation with the shard about the map's key. One
// operation is under way at a time.
type register struct {
	doing     doing
	id        uint64
	overdueNs int64 // when the answer to the operation is given up
	nextNs    int64 // when the next one may begin
}

type doing uint8

const (
	nothing doing = iota
	reading
	writing
)

// change is one that was asked for.
type change struct {
	from       actors.Address
	id         uint64
	deadlineNs int64
	asked      kv.Change
	// The attempt that has left, if any. It stays what it is until the map says
	// what became of it: no second one is made beside it.
	tried *kv.Map // what it would make the map; nil: none has left
	on    kv.Version
	epoch kv.Epoch // made: the epoch that it made
}

// attempt names what tells an attempt from all others: the last of its map's changes.
func (ch *change) attempt() kv.ChangeID { return ch.tried.Changes[len(ch.tried.Changes)-1] }

func (cl *Cluster) takeChange(c *actors.Context, m *msg.MapChange) {
	if len(cl.changes) >= cl.cfg.MaxWaiting {
		c.Send(c.Sender, &msg.MapChanged{ID: m.ID, Status: kv.Busy})
		return
	}
	timeout := cl.cfg.TimeoutNs
	if m.TimeoutNs > 0 {
		timeout = min(timeout, m.TimeoutNs)
	}
	cl.changes = append(cl.changes, &change{from: c.Sender, id: m.ID, deadlineNs: c.NowNs + timeout, asked: m.Change})
	cl.advance(c)
}

// advance begins what the first change needs next: it is always a look at the
// map as it is now.
func (cl *Cluster) advance(c *actors.Context) {
	if cl.reg.doing != nothing && c.NowNs >= cl.reg.overdueNs {
		cl.reg.doing = nothing // a lane that is overrun may drop a message
	}
	if cl.reg.doing == nothing && len(cl.changes) > 0 && c.NowNs >= cl.reg.nextNs {
		cl.read(c)
	}
}

func (cl *Cluster) read(c *actors.Context) {
	cl.ask(c, reading, kv.Op{Kind: kv.OpGet, Key: []byte(msg.MapKey)})
}

func (cl *Cluster) ask(c *actors.Context, what doing, op kv.Op) {
	cl.seq++
	cl.reg.doing, cl.reg.id = what, cl.seq
	cl.reg.overdueNs = c.NowNs + cl.cfg.TimeoutNs
	to := actors.Address{Node: cl.cfg.Node, Kind: actors.Shard, Index: actors.LaneOf(ring.SystemPartition, cl.cfg.Lanes)}
	c.Send(to, &msg.Ops{ID: cl.seq, Ops: []msg.Op{{Op: op, Partition: ring.SystemPartition}}})
}

// results takes in what the shard answers.
func (cl *Cluster) results(c *actors.Context, m *msg.Results) {
	if m.ID != cl.reg.id || cl.reg.doing == nothing || len(m.Results) != 1 {
		return // late
	}
	was := cl.reg.doing
	cl.reg.doing = nothing
	r := &m.Results[0]
	switch {
	case was == reading && (r.Status == kv.OK || r.Status == kv.NotFound):
		cl.reg.nextNs = c.NowNs
		cl.decide(c, r)
	case was == reading:
		cl.later(c)
	default:
		cl.written(c, r)
	}
	cl.advance(c)
}

// later leaves a pause before the register is asked again.
func (cl *Cluster) later(c *actors.Context) {
	cl.reg.nextNs = c.NowNs + cl.cfg.AskNs/2 + c.Rand.Int64N(cl.cfg.AskNs+1)
}

// current is the map that a read of the register shows, and the condition under
// which it is the current one still.
func (cl *Cluster) current(r *kv.Result) (*kv.Map, kv.Version) {
	if r.Status == kv.NotFound {
		return cl.first(), kv.Version{}
	}
	m, err := msg.DecodeMap(r.Data)
	if err != nil {
		panic(fmt.Sprintf("cluster: the map of the cluster can't be read: %v", err))
	}
	return m, r.Rev
}

// first is the map of before the first change.
func (cl *Cluster) first() *kv.Map {
	m := &kv.Map{Epoch: cl.cfg.Layout.Epoch()}
	for _, b := range cl.cfg.Layout.Buckets() {
		if b != nil {
			m.Buckets = append(m.Buckets, *b)
		}
	}
	return m
}

// decide says, by the map as it is, what becomes of the first change.
func (cl *Cluster) decide(c *actors.Context, r *kv.Result) {
	now, rev := cl.current(r)
	cl.learn(c, now)
	if len(cl.changes) == 0 {
		return
	}
	ch := cl.changes[0]
	if ch.tried != nil {
		switch now.Tried(ch.attempt(), ch.tried.Epoch) {
		case kv.MadeIt:
			cl.madeIt(c, ch)
			return
		case kv.NotTried:
			// It may still come through. The very same again does no harm: it is
			// on the condition that nothing else has come in between.
			cl.write(c, ch)
			return
		case kv.Forgotten:
			cl.answer(c, &msg.MapChanged{Status: kv.Unknown})
			return
		}
		cl.stats.Lost++
		ch.tried = nil // its condition can't be met any more
	}
	cl.seq++
	id := kv.ChangeID{Seq: cl.seq, Inc: cl.cfg.Inc, Node: cl.cfg.Node}
	next, err := now.Apply(&ch.asked, &cl.cfg.Rules, id, cl.reusable)
	if err != nil {
		cl.answer(c, &msg.MapChanged{Status: kv.BadRequest, Why: kv.RefusalOf(err), Text: err.Error()})
		return
	}
	ch.tried, ch.on = next, rev
	cl.write(c, ch)
}

// write sets the map, if it still is the one that the change was made on.
func (cl *Cluster) write(c *actors.Context, ch *change) {
	op := kv.Op{Kind: kv.OpSet, Cond: kv.IfRev, Rev: ch.on, Key: []byte(msg.MapKey), Media: kv.Bytes, Value: msg.AppendMap(nil, ch.tried)}
	if ch.on.IsZero() {
		op.Cond = kv.IfAbsent
	}
	failpoint.Inject("bug-70-map-set-without-condition", func() { op.Cond = kv.Always })
	cl.ask(c, writing, op)
}

// written takes in the answer to a write. Only OK is certain: anything else may
// be about this attempt after an earlier one of the same has come through.
func (cl *Cluster) written(c *actors.Context, r *kv.Result) {
	if len(cl.changes) == 0 || cl.changes[0].tried == nil {
		return // its time is over
	}
	ch := cl.changes[0]
	failpoint.Inject("bug-74-doubtful-change-made-anew", func() {
		if r.Status == kv.Unknown {
			ch.tried = nil
		}
	})
	switch r.Status {
	case kv.OK:
		cl.learn(c, ch.tried)
		cl.madeIt(c, ch)
	case kv.CondFailed:
		cl.reg.nextNs = c.NowNs
	default:
		cl.later(c)
	}
}

// madeIt leaves the answer until this node acts on the map.
func (cl *Cluster) madeIt(c *actors.Context, ch *change) {
	cl.stats.Made++
	cl.changes = cl.changes[1:]
	ch.epoch = ch.tried.Epoch
	cl.made = append(cl.made, ch)
	cl.tellMade(c)
}

// tellMade answers the changes that this node acts on.
func (cl *Cluster) tellMade(c *actors.Context) {
	kept := cl.made[:0]
	for _, ch := range cl.made {
		if ch.epoch > cl.acting && c.NowNs < ch.deadlineNs {
			kept = append(kept, ch)
			continue
		}
		c.Send(ch.from, &msg.MapChanged{ID: ch.id, Epoch: ch.epoch, Status: kv.OK})
	}
	clear(cl.made[len(kept):])
	cl.made = kept
}

// answer ends the first change without success.
func (cl *Cluster) answer(c *actors.Context, m *msg.MapChanged) {
	ch := cl.changes[0]
	cl.changes = cl.changes[1:]
	switch m.Status {
	case kv.BadRequest:
		cl.stats.Refused++
	case kv.Unknown:
		cl.stats.Doubtful++
	}
	m.ID = ch.id
	c.Send(ch.from, m)
}

// expire answers changes whose time is over: Unknown where an attempt has left.
func (cl *Cluster) expire(c *actors.Context) {
	for i := 0; i < len(cl.changes); {
		ch := cl.changes[i]
		if ch.deadlineNs > c.NowNs {
			i++
			continue
		}
		status := kv.Unavailable
		if ch.tried != nil {
			status = kv.Unknown
			cl.stats.Doubtful++
		}
		c.Send(ch.from, &msg.MapChanged{ID: ch.id, Status: status})
		cl.changes = append(cl.changes[:i:i], cl.changes[i+1:]...)
	}
	cl.tellMade(c)
}
