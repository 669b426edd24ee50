package replica

import (
	"bytes"
	"encoding/binary"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
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
	regs     table
	index    *btree.BTreeG[*entry]
	promised kv.Ballot // its epoch is at least born
	born     kv.Epoch  // of the map that created the bucket
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
	key []byte // in inline, if it fits
	kv.Register
	inline [inlineKey]byte
}

// inlineKey is the longest key, in bytes, that is kept within its entry: so
// that a look-up finds both at once. It fills a size class of the allocator.
const inlineKey = 24

func newEntry(key []byte) *entry {
	e := &entry{}
	if len(key) <= inlineKey {
		e.key = e.inline[:copy(e.inline[:], key):inlineKey]
	} else {
		e.key = bytes.Clone(key)
	}
	return e
}

func newPartition(id kv.Partition, seed uint64) *partition {
	less := func(a, b *entry) bool { return bytes.Compare(a.key, b.key) < 0 }
	return &partition{
		id:    id,
		regs:  table{seed: seed},
		index: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: 64}),
	}
}

// put stores a register under a key, of which e is the entry if there is one.
// Key and data are copied: they may be part of a larger buffer.
func (p *partition) put(e *entry, key []byte, reg *kv.Register) {
	if e == nil {
		e = newEntry(key)
		p.regs.add(e)
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
	p.regs.remove(e)
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
func bucketOf(key []byte) int { return int(xxh3.Hash(key) % msg.Buckets) }

// ascend calls f for the entries after the key, in key order, until f says no.
func (p *partition) ascend(after string, started bool, f func(*entry) bool) {
	pivot := &entry{key: []byte(after)}
	p.index.Ascend(pivot, func(e *entry) bool {
		if started && string(e.key) == after {
			return true
		}
		return f(e)
	})
}
