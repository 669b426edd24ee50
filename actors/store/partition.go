package store

import (
	"bytes"
	"slices"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/ring"
)

// partition is one node's copy of a partition.
//
//  1. heads[b] begins the list of exactly the entries whose key is in bucket b
//     of the tree, in no order; entries finds the same ones by key.
//  2. The tree holds the digest of every entry.
//  3. An entry's object never goes back (causal.Object.Compare), but for forget.
type partition struct {
	entries table
	heads   []*entry
	tree    *causal.Tree
	bytes   uint64       // of keys and values
	live    int          // entries with a value, expired or not
	rests   int          // entries that are more than a register
	created kv.Epoch     // of the bucket
	at      *ring.Layout // the last one under which it was found to be at home here
	id      kv.Partition
}

// entry is a key with its object. Most objects are a register alone, so the
// rest is apart.
type entry struct {
	inline   [shortKey]byte // the key, if it fits
	keyLen   uint8          // of inline; above shortKey: the key is long
	register causal.Value
	next     *entry // of the same bucket
	rest     *rest  // nil: empty
	long     []byte // the key, if it does not fit
	digest   causal.Hash
}

// shortKey makes an entry fill an allocation of 144 bytes.
const shortKey = 31

// key returns the entry's key, which never changes.
func (e *entry) key() []byte {
	if e.keyLen > shortKey {
		return e.long
	}
	return e.inline[:e.keyLen]
}

type rest struct {
	set   causal.Set
	count causal.Counter
}

func newPartition(id kv.Partition, created kv.Epoch, shape causal.Shape, seed uint64) *partition {
	return &partition{
		id: id, created: created, entries: table{seed: seed},
		heads: make([]*entry, shape.Buckets), tree: causal.NewTree(shape),
	}
}

// object puts an entry's object together. It shares the entry's memory, which never changes.
func (e *entry) object() causal.Object {
	o := causal.Object{Register: e.register}
	if e.rest != nil {
		o.Set, o.Count = e.rest.set, e.rest.count
	}
	return o
}

func (e *entry) setObject(o *causal.Object) {
	e.register, e.rest = o.Register, nil
	if len(o.Set.Vector) > 0 || len(o.Count) > 0 {
		e.rest = &rest{set: o.Set, count: o.Count}
	}
}

// live reports whether a reader might see something.
func (e *entry) live() bool {
	if e.register.Kind == kv.Value {
		return true
	}
	if e.rest == nil {
		return false
	}
	return len(e.rest.count) > 0 || slices.ContainsFunc(e.rest.set.Siblings, func(s causal.Sibling) bool { return s.Value.Kind == kv.Value })
}

// size is the bytes of key and values.
func (e *entry) size() uint64 {
	n := len(e.key()) + len(e.register.Data)
	if e.rest != nil {
		for i := range e.rest.set.Siblings {
			n += len(e.rest.set.Siblings[i].Value.Data)
		}
	}
	return uint64(n)
}

// add makes the entry of a new key, without an object. The caller sets it with change.
func (p *partition) add(key []byte, keyHash uint64) *entry {
	e := &entry{}
	if len(key) <= shortKey {
		e.keyLen = uint8(copy(e.inline[:], key))
	} else {
		e.keyLen, e.long = shortKey+1, bytes.Clone(key)
	}
	p.entries.add(e)
	b := p.tree.BucketOf(keyHash)
	e.next, p.heads[b] = p.heads[b], e
	return e
}

// change gives an entry its object, whose memory must be the store's own.
func (p *partition) change(e *entry, keyHash uint64, o *causal.Object, digest causal.Hash) {
	b := p.tree.BucketOf(keyHash)
	if e.digest != (causal.Hash{}) {
		p.account(e, -1)
		p.tree.Remove(b, e.digest)
	}
	e.setObject(o)
	e.digest = digest
	p.account(e, +1)
	p.tree.Add(b, digest)
}

func (p *partition) account(e *entry, sign int) {
	p.bytes += uint64(sign) * e.size()
	if e.live() {
		p.live += sign
	}
	if e.rest != nil {
		p.rests += sign
	}
}

// remove takes an entry out.
func (p *partition) remove(e *entry, keyHash uint64) {
	b := p.tree.BucketOf(keyHash)
	p.account(e, -1)
	p.tree.Remove(b, e.digest)
	p.entries.remove(e)
	at := &p.heads[b]
	for *at != e {
		at = &(*at).next
	}
	*at = e.next
}

// sorted appends the entries of a bucket after a key, in key order; all if started is false.
func (p *partition) sorted(dst []*entry, bucket uint32, after []byte, started bool) []*entry {
	for e := p.heads[bucket]; e != nil; e = e.next {
		if !started || bytes.Compare(e.key(), after) > 0 {
			dst = append(dst, e)
		}
	}
	// order: keys are distinct
	slices.SortFunc(dst, func(a, b *entry) int { return bytes.Compare(a.key(), b.key()) })
	return dst
}
