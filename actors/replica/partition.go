package replica

import (
	"encoding/binary"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/tidwall/btree"
	"github.com/zeebo/xxh3"
)

// partition is one node's copy of a partition.
//
//  1. Every register's Version.Ballot is at most promised.
//  2. index holds exactly the entries of regs, in key order: the map answers
//     look-ups, the tree answers everything whose order can be seen.
//  3. sum digests the versions of regs (see msg.Sum).
type partition struct {
	regs     map[string]*entry
	index    *btree.BTreeG[*entry]
	promised kv.Ballot
	floor    kv.Version
	sum      msg.Sum
	live     int    // entries with a value
	bytes    uint64 // keys and data of those
	tombs    int    // entries that are tombstones
	id       kv.Partition
	buf      []byte // scratch for hashing
}

// entry is a register with its key.
type entry struct {
	key string
	kv.Register
}

func newPartition(id kv.Partition) *partition {
	less := func(a, b *entry) bool { return a.key < b.key }
	return &partition{
		id:    id,
		regs:  map[string]*entry{},
		index: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: 64}),
	}
}

// put stores a register under a key, of which e is the entry if there is one.
// Key and data are copied: they may be part of a larger buffer.
func (p *partition) put(e *entry, key []byte, reg *kv.Register) {
	if e == nil {
		e = &entry{key: string(key)}
		p.regs[e.key] = e
		p.index.Set(e)
	} else {
		p.account(e, -1)
	}
	e.Register = *reg
	if reg.Kind == kv.Value {
		e.Data = append(make([]byte, 0, len(reg.Data)), reg.Data...)
	} else {
		e.Data = nil
	}
	p.account(e, +1)
}

func (p *partition) remove(e *entry) {
	p.account(e, -1)
	delete(p.regs, e.key)
	p.index.Delete(e)
}

// account adds an entry to the counters and the digest, or takes it out.
func (p *partition) account(e *entry, sign int) {
	h := p.hash(e)
	if sign > 0 {
		p.sum = add(p.sum, h)
	} else {
		p.sum = sub(p.sum, h)
	}
	switch e.Kind {
	case kv.Value:
		p.live += sign
		p.bytes += uint64(sign * (len(e.key) + len(e.Data)))
	case kv.Tombstone:
		p.tombs += sign
	}
}

// hash digests one key and version.
func (p *partition) hash(e *entry) msg.Sum {
	b := append(p.buf[:0], e.key...)
	v := &e.Version
	b = binary.LittleEndian.AppendUint32(b, uint32(v.Ballot.Epoch))
	b = binary.LittleEndian.AppendUint32(b, v.Ballot.Round)
	b = binary.LittleEndian.AppendUint32(b, uint32(v.Ballot.Inc))
	b = binary.LittleEndian.AppendUint16(b, uint16(v.Ballot.Node))
	b = binary.LittleEndian.AppendUint64(b, v.Seq)
	p.buf = b
	h := xxh3.Hash128(b)
	return msg.Sum{Hi: h.Hi, Lo: h.Lo}
}

// The halves are summed apart: carries would add nothing to the strength.
func add(a, b msg.Sum) msg.Sum { return msg.Sum{Hi: a.Hi + b.Hi, Lo: a.Lo + b.Lo} }
func sub(a, b msg.Sum) msg.Sum { return msg.Sum{Hi: a.Hi - b.Hi, Lo: a.Lo - b.Lo} }

// bucketOf divides a partition's keys for digests.
func bucketOf(key string) int { return int(xxh3.HashString(key) % msg.Buckets) }

// ascend calls f for the entries after the key, in key order, until f says no.
func (p *partition) ascend(after string, started bool, f func(*entry) bool) {
	pivot := &entry{key: after}
	p.index.Ascend(pivot, func(e *entry) bool {
		if started && e.key == after {
			return true
		}
		return f(e)
	})
}
