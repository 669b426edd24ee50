package repair

import (
	"slices"

	"github.com/pingcap/failpoint"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// When the N of a bucket has changed, nodes hold partitions that they are no
// replicas of any more. What such a copy knows may be known nowhere else: a write
// of W=1 that this node alone took. So it delivers the copy to every replica of
// the present map, and drops it when all of them have said that they hold all of
// it, durably.
//
//  1. The copy does not grow: its store refuses what comes since the map that
//     took the partition away.
//  2. It is the only record that it is still to be delivered. A crash anywhere,
//     or another map, begins from the start; what was delivered is found there.
//  3. What a replica holds is told by exact digests, never by the short hashes of
//     a session: here a collision would lose an object for good.
//  4. Nothing of the partition is collected before the copy is gone (collect.go).
type leaving struct {
	jobs   []leave
	now    *departure
	nextNs int64 // none is begun before
}

// leave is a copy that has to go.
type leave struct {
	partition kv.Partition
	to        []kv.NodeID // replicas that have yet to say that they hold all of it
}

// departure is the delivery of jobs[0] to one replica, one question at a time:
//
//	compare roots → fetch a batch of keys by digest → put what it lacks → next batch
type departure struct {
	to       kv.NodeID
	compared bool
	bucket   uint32 // where the next batch begins
	after    []byte
	batch    []causal.KeyDigest // asked about
	puts     [][]byte           // keys to be sent
	question question
}

// leaveAtOnce is how many keys one question is about.
const leaveAtOnce = 512

// findLeaving lists what a new map has taken away from this node.
func (r *Repair) findLeaving(c *actors.Context) {
	r.leaving = leaving{nextNs: c.NowNs}
	r.cfg.Layout.Each(func(p kv.Partition) {
		if r.lingers(p) {
			r.leaving.jobs = append(r.leaving.jobs, leave{p, slices.Clone(r.cfg.Layout.Preference(p))})
		}
	})
}

// lingers reports whether there is a copy here of a partition of this lane that
// other nodes hold.
func (r *Repair) lingers(p kv.Partition) bool {
	b := r.cfg.Layout.Bucket(p)
	return b != nil && b.Mode == kv.Eventual && actors.LaneOf(p, r.cfg.Lanes) == r.cfg.Lane &&
		r.cfg.Layout.IndexOf(p, r.cfg.Node) < 0 && r.cfg.Store.Keys(p) > 0
}

// pumpLeaving goes on with a delivery, or begins the next one.
func (r *Repair) pumpLeaving(c *actors.Context) int64 {
	l := &r.leaving
	for len(l.jobs) > 0 {
		d := l.now
		switch {
		case d == nil && c.NowNs < l.nextNs:
			return l.nextNs
		case d == nil && !r.nextLeaving():
			l.nextNs = c.NowNs + r.cfg.IntervalNs
			return l.nextNs
		case d == nil:
			continue
		case d.question.id != 0 && c.NowNs < d.question.deadlineNs:
			return d.question.deadlineNs
		case d.question.id != 0:
			if !r.again(c, &d.question) {
				r.counts.unanswered++
				r.putOff(c)
			}
			continue
		}
		if readyNs := r.budget.readyNs(c); readyNs > c.NowNs {
			return readyNs
		}
		r.advanceLeaving(c)
	}
	return never
}

// nextLeaving brings a copy to the front that a live replica is to have; false if
// there is none.
func (r *Repair) nextLeaving() bool {
	l := &r.leaving
	for i := range l.jobs {
		for _, node := range l.jobs[i].to {
			if p := r.peer(node); p == nil || p.dead {
				continue
			}
			l.jobs[0], l.jobs[i] = l.jobs[i], l.jobs[0]
			l.now = &departure{to: node}
			return true
		}
	}
	return false
}

// putOff ends a delivery that can't go on: the replica does not answer, has an
// older map, or refuses. Others have their turn first.
func (r *Repair) putOff(c *actors.Context) {
	l := &r.leaving
	first := l.jobs[0]
	l.jobs = append(l.jobs[1:], first)
	l.now, l.nextNs = nil, c.NowNs+r.cfg.IntervalNs/20+c.Rand.Int64N(r.cfg.IntervalNs/10+1)
}

// advanceLeaving asks the next question.
func (r *Repair) advanceLeaving(c *actors.Context) {
	d, job := r.leaving.now, &r.leaving.jobs[0]
	dropped := false
	failpoint.Inject("bug-76-former-copy-dropped-undelivered", func() { dropped = true })
	switch {
	case dropped:
		job.to = job.to[:1]
		r.confirmedLeaving(c)
	case !d.compared:
		d.compared = true
		m := &msg.Compare{ID: r.newID(), Epoch: r.cfg.Layout.Epoch(),
			Items: []msg.PartitionRoot{{Partition: job.partition, Root: r.cfg.Store.Tree(job.partition).Root()}}}
		r.ask(c, &d.question, r.at(d.to, actors.Repair), m.ID, m)
	case len(d.puts) > 0:
		r.deliverLeaving(c)
	case !r.fetchLeaving(c):
		r.confirmedLeaving(c)
	}
}

// fetchLeaving asks for the next batch of keys; false if there are no more.
func (r *Repair) fetchLeaving(c *actors.Context) bool {
	d, p := r.leaving.now, r.leaving.jobs[0].partition
	d.batch = d.batch[:0]
	for int(d.bucket) < r.cfg.Store.Shape().Buckets && len(d.batch) < leaveAtOnce {
		keys, more := r.cfg.Store.List(p, d.bucket, d.after, leaveAtOnce-len(d.batch))
		d.batch = append(d.batch, keys...)
		if more {
			d.after = keys[len(keys)-1].Key
			break
		}
		d.bucket, d.after = d.bucket+1, nil
	}
	if len(d.batch) == 0 {
		return false
	}
	m := &msg.Fetch{ID: r.newID(), Epoch: r.cfg.Layout.Epoch(), Items: make([]msg.FetchItem, len(d.batch))}
	bytes := 0
	for i := range d.batch {
		m.Items[i] = msg.FetchItem{Partition: p, Key: d.batch[i].Key, Have: d.batch[i].Digest}
		bytes += len(d.batch[i].Key) + causal.HashBytes
	}
	r.budget.spend(bytes)
	r.ask(c, &d.question, r.at(d.to, actors.Store), m.ID, m)
	return true
}

// fetched hears which of a batch the replica holds, durably: in the same state,
// or in one that knows all that the copy knows.
func (r *Repair) fetched(c *actors.Context, m *msg.Fetched) {
	d := r.leaving.now
	if d == nil || !d.question.answers(c, m.ID) {
		return
	}
	if len(m.Items) != len(d.batch) {
		r.putOff(c)
		return
	}
	p := r.leaving.jobs[0].partition
	for i := range m.Items {
		it := &m.Items[i]
		if it.Refused != 0 && it.Refused != msg.ByFull {
			r.putOff(c)
			return
		}
		own, _ := r.cfg.Store.Lookup(p, d.batch[i].Key)
		if it.Same || it.Object != nil && it.Object.Compare(&own)&causal.Before == 0 {
			continue
		}
		d.puts = append(d.puts, d.batch[i].Key)
	}
}

// deliverLeaving puts the next objects that the replica lacks.
func (r *Repair) deliverLeaving(c *actors.Context) {
	d := r.leaving.now
	m, rest := r.putOf(c, r.leaving.jobs[0].partition, d.puts)
	d.puts = rest
	if len(m.Items) > 0 {
		r.ask(c, &d.question, r.at(d.to, actors.Store), m.ID, m)
	}
}

// confirmedLeaving notes that a replica holds all of the copy. With the last one
// the copy goes.
func (r *Repair) confirmedLeaving(c *actors.Context) {
	l := &r.leaving
	job := &l.jobs[0]
	job.to = slices.DeleteFunc(job.to, func(n kv.NodeID) bool { return n == l.now.to })
	l.now = nil
	if len(job.to) > 0 {
		return
	}
	r.counts.left++
	c.Send(r.at(r.cfg.Node, actors.Store), &msg.Leave{Epoch: r.cfg.Layout.Epoch(), Partition: job.partition})
	l.jobs = l.jobs[1:]
}

// comparedLeaving hears whether the replica holds the very same.
func (r *Repair) comparedLeaving(c *actors.Context, m *msg.Compared) {
	switch {
	case len(m.Differs) == 0:
		r.confirmedLeaving(c)
	case m.Differs[0].Root == (causal.Hash{}):
		r.putOff(c) // by its map it is no replica yet
	}
}
