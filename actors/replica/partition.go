package replica

import (
	"bytes"
	"math/bits"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/table"
	"github.com/tidwall/btree"
	"github.com/zeebo/xxh3"
)

// partition is one node's copy of a partition.
//
//  1. Every register's Version.Ballot is at most promised.
//  2. index holds exactly the entries of regs, in key order: the table answers
//     look-ups, the tree answers everything whose order can be seen.
//  3. sum digests the versions of regs (see msg.Sum).
type partition struct {
	regs     table.Table[kv.Register]
	index    *btree.BTreeG[*entry]
	promised kv.Ballot // its epoch is at least born
	born     kv.Epoch  // of the map that created the bucket
	floor    kv.Version
	sum      msg.Sum
	live     int    // entries with a value
	bytes    uint64 // keys and data of those
	tombs    int    // entries that are tombstones
	id       kv.Partition
	mixed    kv.Ballot // of which mixture is the hash
	mixture  uint64
}

// entry is a register with its key.
type entry = table.Entry[kv.Register]

func newPartition(id kv.Partition, seed uint64) *partition {
	less := func(a, b *entry) bool { return bytes.Compare(a.Key(), b.Key()) < 0 }
	return &partition{
		id:      id,
		regs:    table.New[kv.Register](seed),
		mixture: mixBallot(&kv.Ballot{}),
		index:   btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: 64}),
	}
}

// put stores a register under a key, of which e is the entry if there is one.
// Key and data are copied: they may be part of a larger buffer.
func (p *partition) put(e *entry, key []byte, reg *kv.Register) {
	hash := hashKey(key)
	if e == nil {
		e = table.NewEntry[kv.Register](key)
		p.regs.Add(e)
		p.index.Set(e)
	} else {
		p.account(e, hash, -1)
	}
	e.Held = *reg
	if reg.Kind == kv.Value {
		e.Held.Data = append(make([]byte, 0, len(reg.Data)), reg.Data...)
	} else {
		e.Held.Data = nil
	}
	p.account(e, hash, +1)
}

func (p *partition) remove(e *entry) {
	p.account(e, hashKey(e.Key()), -1)
	p.regs.Remove(e)
	p.index.Delete(e)
}

// account adds an entry to the counters and the digest, or takes it out. Key is
// the hash of its key.
func (p *partition) account(e *entry, key msg.Sum, sign int) {
	h := p.digest(key, &e.Held.Version)
	if sign > 0 {
		p.sum = add(p.sum, h)
	} else {
		p.sum = sub(p.sum, h)
	}
	switch e.Held.Kind {
	case kv.Value:
		p.live += sign
		p.bytes += uint64(sign * (len(e.Key()) + len(e.Held.Data)))
	case kv.Tombstone:
		p.tombs += sign
	}
}

// hashKey is a key's part in digests, the same on every node.
func hashKey(key []byte) msg.Sum {
	h := xxh3.Hash128(key)
	return msg.Sum{Hi: h.Hi, Lo: h.Lo}
}

// digest hashes a key, of which the hash is given, and a version. Versions of
// one ballot never collide for a key: mix is a bijection. Those of different
// ballots do with probability 2^-64.
func (p *partition) digest(key msg.Sum, v *kv.Version) msg.Sum {
	if b := &v.Ballot; *b != p.mixed { // nearly always it is the one before
		p.mixed, p.mixture = *b, mixBallot(b)
	}
	w := mix(p.mixture ^ v.Seq)
	return msg.Sum{Hi: mix(key.Hi ^ w), Lo: mix(key.Lo + bits.RotateLeft64(w, 32))}
}

func mixBallot(b *kv.Ballot) uint64 {
	return mix(mix(uint64(b.Inc)<<16|uint64(b.Node)) ^ (uint64(b.Epoch)<<32 | uint64(b.Round)))
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014), of which the
// increment keeps zero from being its own image.
func mix(h uint64) uint64 {
	h += 0x9E3779B97F4A7C15
	h = (h ^ h>>30) * 0xBF58476D1CE4E5B9
	h = (h ^ h>>27) * 0x94D049BB133111EB
	return h ^ h>>31
}

// The halves are summed apart: carries would add nothing to the strength.
func add(a, b msg.Sum) msg.Sum { return msg.Sum{Hi: a.Hi + b.Hi, Lo: a.Lo + b.Lo} }
func sub(a, b msg.Sum) msg.Sum { return msg.Sum{Hi: a.Hi - b.Hi, Lo: a.Lo - b.Lo} }

// bucketOf divides a partition's keys for digests.
func bucketOf(key []byte) int { return int(xxh3.Hash(key) % msg.Buckets) }

// ascend calls f for the entries after the key, in key order, until f says no.
func (p *partition) ascend(after string, started bool, f func(*entry) bool) {
	pivot := table.NewEntry[kv.Register]([]byte(after))
	p.index.Ascend(pivot, func(e *entry) bool {
		if started && string(e.Key()) == after {
			return true
		}
		return f(e)
	})
}
