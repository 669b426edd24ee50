// Package replica holds one lane's copy of its partitions: the acceptor of
// strong mode (Lamport, "Paxos Made Simple", section 2.5, with one promise for
// a whole partition) and the storage of registers.
package replica

import (
	"fmt"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// Config is what a replica is told at its start.
type Config struct {
	Layout *ring.Layout
	Node   kv.NodeID
	Inc    kv.Incarnation
	Lane   uint32
	Lanes  int
	Seed   uint64 // for the tables of keys: chance where clients may be hostile
}

// Replica is the actor.
type Replica struct {
	cfg   Config
	parts ring.Table[partition] // those of which this lane and node hold a copy
	// gens counts, per owner, how often a partition that had been promised to
	// it was promised to somebody else. Volatile: it is told together with the
	// incarnation.
	gens    map[kv.NodeID]uint64
	probes  []probe  // scratch: of a batch
	warmed  uint64   // keeps the loads of warm from being dropped
	scratch struct { // records on their way into the context, so that none is allocated
		promise msg.PromiseRecord
		accept  msg.AcceptRecord
		drop    msg.DropRecord
		floor   msg.FloorRecord
	}
}

// New makes an empty replica.
func New(cfg Config) *Replica {
	r := &Replica{cfg: cfg, gens: map[kv.NodeID]uint64{}}
	r.SetLayout(nil, cfg.Layout)
	return r
}

// Receive implements actors.Actor.
func (r *Replica) Receive(c *actors.Context, m actors.Message) {
	switch m := m.(type) {
	case *msg.Accept:
		r.accept(c, m)
	case *msg.Confirm:
		r.confirm(c, m)
	case *msg.ReadVersions:
		r.readVersions(c, m)
	case *msg.Touch:
		r.touch(c, m)
	case *msg.Prepare:
		r.prepare(c, m)
	case *msg.Collect:
		r.collect(c, m)
	case *msg.Digest:
		r.digest(c, m)
	case *msg.ListKeys:
		r.listKeys(c, m)
	case *msg.Count:
		r.count(c, m)
	default:
		panic(fmt.Sprintf("replica: unexpected message %T", m))
	}
}

// Flush implements actors.Actor. A replica answers at once: a request is a batch already.
func (r *Replica) Flush(*actors.Context) {}

// part returns the copy of p, nil if there is none here. Only a peer with
// another cluster map asks for one that is not here, and gets refusals.
func (r *Replica) part(p kv.Partition) *partition { return r.parts.At(p) }

// promise raises the partition's promise to b, which must be above it, without
// persisting it.
func (r *Replica) promise(p *partition, b kv.Ballot) {
	if !p.promised.IsZero() && p.promised.Node != b.Node {
		r.gens[p.promised.Node]++
	}
	p.promised = b
}

// adopt promises b, durably, if it is above the partition's promise.
func (r *Replica) adopt(c *actors.Context, p *partition, b kv.Ballot) {
	if !p.promised.Less(b) {
		return
	}
	r.promise(p, b)
	persist := true
	failpoint.Inject("bug-9-promise-not-persisted", func() { persist = false })
	if persist {
		r.scratch.promise = msg.PromiseRecord{Partition: p.id, Ballot: b}
		c.Persist(&r.scratch.promise)
		failpoint.Inject("noop-901-promise-persisted-twice", func() { c.Persist(&r.scratch.promise) })
	}
}

func (r *Replica) stamp(owner kv.NodeID) msg.Stamp {
	failpoint.Inject("bug-911-stamp-without-incarnation", func() { failpoint.Return(msg.Stamp{Inc: 1, Gen: r.gens[owner]}) })
	return msg.Stamp{Inc: r.cfg.Inc, Gen: r.gens[owner]}
}

// prepare answers phase 1a: a promise iff the ballot is above every one before.
func (r *Replica) prepare(c *actors.Context, m *msg.Prepare) {
	reply := &msg.Promises{ID: m.ID, Items: make([]msg.Promise, len(m.Items))}
	for i, it := range m.Items {
		p := r.part(it.Partition)
		if p == nil {
			continue
		}
		ok := p.promised.Less(it.Ballot)
		failpoint.Inject("bug-11-equal-ballot-promised", func() { ok = p.promised.Compare(it.Ballot) <= 0 })
		if ok {
			r.adopt(c, p, it.Ballot)
		}
		reply.Items[i] = msg.Promise{Promised: p.promised, Sum: p.sum, Stamp: r.stamp(it.Ballot.Node), OK: ok}
	}
	c.SendDurable(c.Sender, reply)
}

// maxTouchedBytes ends an answer to Touch early, so that it stays a message of
// bounded size: that, and one value.
const maxTouchedBytes = 1 << 20

// touch shows registers to an owner that looks at them for the first time
// under its ballot, and binds this replica to that ballot.
func (r *Replica) touch(c *actors.Context, m *msg.Touch) {
	reply := &msg.Touched{ID: m.ID, Items: make([]msg.TouchedItem, len(m.Items))}
	bytes := 0
	for i := range m.Items {
		if bytes > maxTouchedBytes { // the owner asks for the rest again
			reply.Items = reply.Items[:i]
			break
		}
		it := &m.Items[i]
		p := r.part(it.Partition)
		if p == nil {
			reply.Items[i].Refused = true
			continue
		}
		ballot := it.Ballot
		failpoint.Inject("bug-54-touch-without-ballot", func() { ballot = p.promised })
		if ballot.Less(p.promised) {
			reply.Items[i].Refused, reply.Items[i].Promised = true, p.promised
			continue
		}
		r.adopt(c, p, ballot)
		reply.Items[i].Promised = p.promised
		if e := p.regs.Find(it.Key); e != nil {
			reply.Items[i].Register = e.Held
			if e.Held.Version == it.Have {
				reply.Items[i].Register.Data = nil
			}
			bytes += len(reply.Items[i].Register.Data)
		}
	}
	r.reveal(c, reply)
}

// reveal sends a reply that shows state: it must be durable first.
func (r *Replica) reveal(c *actors.Context, m actors.Message) {
	durable := true
	failpoint.Inject("bug-25-reply-reveals-undurable", func() { durable = false })
	if durable {
		c.SendDurable(c.Sender, m)
	} else {
		c.Send(c.Sender, m)
	}
}

// accept is phase 2b for a batch of registers. One answer, once all of it is durable.
func (r *Replica) accept(c *actors.Context, m *msg.Accept) {
	reply := &msg.Accepted{ID: m.ID}
	probes := r.warm(len(m.Items), func(i int) (kv.Partition, []byte) { return m.Items[i].Partition, m.Items[i].Key })
	for i, it := range m.Items {
		p := probes[i].p
		if p == nil {
			reply.Refused = append(reply.Refused, msg.Refusal{Index: uint32(i), Reason: msg.ByPromise})
			continue
		}
		if reason := r.acceptOne(c, p, it, probes[i].hash); reason != 0 {
			reply.Refused = append(reply.Refused, msg.Refusal{Promised: p.promised, Index: uint32(i), Reason: reason})
		}
	}
	c.SendDurable(c.Sender, reply)
}

// probe is where a key of a batch is looked for; p is nil if no copy is here.
type probe struct {
	p    *partition
	hash uint64
}

// Warm hashes n keys and begins to load their entries: a large store is not in
// the cache, and misses that do not wait for each other cost a fraction of
// those that do.
func (r *Replica) Warm(n int, key func(i int) (kv.Partition, []byte)) { r.warm(n, key) }

// warm is Warm; what it returns is good until the next one.
func (r *Replica) warm(n int, key func(i int) (kv.Partition, []byte)) []probe {
	probes := r.probes[:0]
	for i := range n {
		id, k := key(i)
		x := probe{p: r.part(id)}
		if x.p != nil {
			x.hash = x.p.regs.Hash(k)
			r.warmed += x.p.regs.WarmSlot(x.hash)
		}
		probes = append(probes, x)
	}
	for i := range probes {
		if x := &probes[i]; x.p != nil {
			if e := x.p.regs.Likely(x.hash); e != nil { // a word of each cache line
				r.warmed += uint64(len(e.Key())) + e.Held.Version.Seq + uint64(e.Held.Kind)
			}
		}
	}
	if cap(probes) <= keepProbes {
		r.probes = probes
	}
	return probes
}

// keepProbes bounds the scratch space that is kept from one batch to the next.
const keepProbes = 1 << 14

// acceptOne applies the replica rule to one register and returns the reason
// for a refusal, or 0. An equal version was accepted before and is acknowledged
// again; an older one of the same ballot is subsumed by what is held.
func (r *Replica) acceptOne(c *actors.Context, p *partition, it *msg.AcceptItem, hash uint64) msg.Reason {
	v := it.Register.Version
	if v.Ballot.Less(p.promised) {
		refuse := true
		failpoint.Inject("bug-24-copy-without-promise-check", func() { refuse = false })
		if refuse {
			return msg.ByPromise
		}
	}
	if p.promised.Less(v.Ballot) {
		r.promise(p, v.Ballot) // the accept record says it
	}
	e := p.regs.FindHashed(it.Key, hash)
	switch {
	case e == nil && v.Compare(p.floor) <= 0:
		return msg.ByFloor
	case e != nil && v.Compare(e.Held.Version) <= 0:
		return 0
	}
	p.put(e, it.Key, &it.Register)
	persist := true
	failpoint.Inject("bug-10-accept-not-persisted", func() { persist = false })
	if persist {
		r.scratch.accept = msg.AcceptRecord{Key: it.Key, Register: it.Register, Partition: it.Partition}
		c.Persist(&r.scratch.accept)
	}
	return 0
}

// confirm tells an owner whether what was promised to it still is. It reveals
// nothing that a crash could take back: that no higher ballot has been
// promised up to now stays true whatever is lost.
func (r *Replica) confirm(c *actors.Context, m *msg.Confirm) {
	reply := &msg.Confirmed{ID: m.ID, Stamp: r.stamp(c.Sender.Node)}
	for i, it := range m.Checks {
		p := r.part(it.Partition)
		if p == nil || p.promised != it.Ballot {
			ref := msg.Refusal{Index: uint32(i), Reason: msg.ByPromise}
			if p != nil {
				ref.Promised = p.promised
			}
			reply.Refused = append(reply.Refused, ref)
		}
	}
	c.Send(c.Sender, reply)
}

// readVersions answers for reads that have no ballot, and for collection.
func (r *Replica) readVersions(c *actors.Context, m *msg.ReadVersions) {
	reply := &msg.Versions{ID: m.ID, Epoch: r.cfg.Layout.Epoch()}
	if m.Epoch == r.cfg.Layout.Epoch() {
		reply.Versions = make([]kv.Version, len(m.Keys))
		for i, x := range r.warm(len(m.Keys), func(i int) (kv.Partition, []byte) { return m.Keys[i].Partition, m.Keys[i].Key }) {
			if x.p == nil {
				continue
			}
			if e := x.p.regs.FindHashed(m.Keys[i].Key, x.hash); e != nil {
				reply.Versions[i] = e.Held.Version
			}
		}
	}
	r.reveal(c, reply)
}

// collect drops tombstones that every replica was seen to hold at the same
// version. What makes it safe: an older value can't come back, because the
// floor refuses it here and every other replica holds the tombstone or a floor
// of its own (DESIGN, section 4, Delete).
func (r *Replica) collect(c *actors.Context, m *msg.Collect) {
	for i := range m.Items {
		it := &m.Items[i]
		p := r.part(it.Partition)
		if p == nil || it.Ballot.Less(p.promised) {
			continue
		}
		e := p.regs.Find(it.Key)
		if e == nil || e.Held.Kind != kv.Tombstone || e.Held.Version != it.Version {
			continue
		}
		p.remove(e)
		raise := true
		failpoint.Inject("bug-21-floor-not-raised", func() { raise = false })
		if raise && p.floor.Less(it.Version) {
			p.floor = it.Version
		}
		r.scratch.drop = msg.DropRecord{Key: it.Key, Version: it.Version, Partition: it.Partition}
		persist := true
		failpoint.Inject("bug-22-floor-not-durable", func() { persist = false })
		if persist {
			c.Persist(&r.scratch.drop)
		}
	}
}

func (r *Replica) count(c *actors.Context, m *msg.Count) {
	reply := &msg.Counted{ID: m.ID}
	for _, id := range m.Partitions {
		if p := r.part(id); p != nil {
			reply.Keys += uint64(p.live)
			reply.Bytes += p.bytes
		}
	}
	c.Send(c.Sender, reply)
}
