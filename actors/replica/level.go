package replica

import (
	"bytes"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// digest tells an owner how far this copy differs from its own.
func (r *Replica) digest(c *actors.Context, m *msg.Digest) {
	reply := &msg.Digested{ID: m.ID}
	p := r.part(m.Partition)
	if p == nil {
		reply.Refused = true
	} else if m.Ballot.Less(p.promised) {
		reply.Refused, reply.Promised = true, p.promised
	} else if reply.Sum = p.sum; p.sum != m.Sum {
		reply.Buckets = p.buckets()
	}
	c.SendDurable(c.Sender, reply)
}

func (p *partition) buckets() []msg.Sum {
	sums := make([]msg.Sum, msg.Buckets)
	p.ascend("", false, func(e *entry) bool {
		b := bucketOf(e.Key())
		sums[b] = add(sums[b], p.digest(hashKey(e.Key()), &e.Held.Version))
		return true
	})
	return sums
}

// listKeys lists the keys and versions of some buckets, in key order.
func (r *Replica) listKeys(c *actors.Context, m *msg.ListKeys) {
	reply := &msg.ListedKeys{ID: m.ID}
	if p := r.part(m.Partition); p != nil {
		reply.Keys, reply.More = p.list(string(m.After), m.Mask, int(m.Limit))
	}
	c.SendDurable(c.Sender, reply)
}

func (p *partition) list(after string, mask uint64, limit int) (keys []msg.KeyVersion, more bool) {
	p.ascend(after, after != "", func(e *entry) bool {
		if mask&(1<<bucketOf(e.Key())) == 0 {
			return true
		}
		if len(keys) == limit {
			more = true
			return false
		}
		keys = append(keys, msg.KeyVersion{Key: bytes.Clone(e.Key()), Version: e.Held.Version})
		return true
	})
	return keys, more
}

// The read-only view that the shard of the same lane has of this replica. The
// lane runs both in turn, so never concurrently.

// Promised is the ballot that p is promised to; zero if none, or no copy is here.
func (r *Replica) Promised(p kv.Partition) kv.Ballot {
	if part := r.part(p); part != nil {
		return part.promised
	}
	return kv.Ballot{}
}

// Lookup is the register of a key, the zero Register if it is absent.
func (r *Replica) Lookup(p kv.Partition, key []byte) kv.Register {
	if part := r.part(p); part != nil {
		if e := part.regs.Find(key); e != nil {
			return e.Held
		}
	}
	return kv.Register{}
}

// Sum digests the partition.
func (r *Replica) Sum(p kv.Partition) msg.Sum { return r.parts.At(p).sum }

// Buckets digests the buckets of the partition; it reads all of it.
func (r *Replica) Buckets(p kv.Partition) []msg.Sum { return r.parts.At(p).buckets() }

// List lists keys as ListKeys does.
func (r *Replica) List(p kv.Partition, after string, mask uint64, limit int) ([]msg.KeyVersion, bool) {
	return r.parts.At(p).list(after, mask, limit)
}

// Tombstones lists up to limit tombstones with keys after the given one.
func (r *Replica) Tombstones(p kv.Partition, after string, limit int) []msg.KeyVersion {
	part := r.parts.At(p)
	if part.tombs == 0 {
		return nil
	}
	var keys []msg.KeyVersion
	part.ascend(after, after != "", func(e *entry) bool {
		if e.Held.Kind == kv.Tombstone {
			keys = append(keys, msg.KeyVersion{Key: bytes.Clone(e.Key()), Version: e.Held.Version})
		}
		return len(keys) < limit
	})
	return keys
}

// Floor is the partition's floor: absent keys accept only above it.
func (r *Replica) Floor(p kv.Partition) kv.Version {
	if part := r.part(p); part != nil {
		return part.floor
	}
	return kv.Version{}
}

// Holds reports whether this lane and node hold a copy of p.
func (r *Replica) Holds(p kv.Partition) bool { return r.part(p) != nil }

// Each calls f for every register of p in key order: for checks and tests.
func (r *Replica) Each(p kv.Partition, f func(key string, reg kv.Register)) {
	if part := r.part(p); part != nil {
		part.ascend("", false, func(e *entry) bool {
			f(string(e.Key()), e.Held)
			return true
		})
	}
}

// Stats counts what is held.
type Stats struct {
	Partitions, Keys, Tombstones int
	Bytes                        uint64 // of live keys and data
}

// Stats counts what this lane holds, the cluster map apart.
func (r *Replica) Stats() Stats {
	var s Stats
	for id, p := range r.parts.All() {
		if id == ring.SystemPartition {
			continue
		}
		s.Partitions++
		s.Keys += p.live
		s.Tombstones += p.tombs
		s.Bytes += p.bytes
	}
	return s
}
