package store

import (
	"bytes"
	"slices"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/table"
	"github.com/quoratedb/quorate/ring"
)

// partition is one node's copy of a partition.
//
//  1. heads[b] begins the list of exactly the entries whose key is in bucket b
//     of the tree, in no order; entries finds the same ones by key.
//  2. The tree holds the digest of every entry.
//  3. An entry's object never goes back (causal.Object.Compare), but for forget.
type partition struct {
	entries table.Table[held]
	heads   []*entry
	tree    *causal.Tree
	bytes   uint64       // of keys and values
	live    int          // entries with a value, expired or not
	rests   int          // entries that are more than a register
	created kv.Epoch     // of the bucket
	at      *ring.Layout // the last one under which it was found to be at home here
	id      kv.Partition
}

// entry is a key with its object.
type entry = table.Entry[held]

// held is what there is of a key. Most objects are a register alone, so the rest
// is apart.
type held struct {
	register causal.Value
	next     *entry // of the same bucket
	rest     *rest  // nil: empty
	digest   causal.Hash
}

type rest struct {
	set   causal.Set
	count causal.Counter
}

func newPartition(id kv.Partition, created kv.Epoch, shape causal.Shape, seed uint64) *partition {
	return &partition{
		id: id, created: created, entries: table.New[held](seed),
		heads: make([]*entry, shape.Buckets), tree: causal.NewTree(shape),
	}
}

// object puts the object together. It shares the entry's memory, which never changes.
func (h *held) object() causal.Object {
	o := causal.Object{Register: h.register}
	if h.rest != nil {
		o.Set, o.Count = h.rest.set, h.rest.count
	}
	return o
}

func (h *held) setObject(o *causal.Object) {
	h.register, h.rest = o.Register, nil
	if len(o.Set.Vector) > 0 || len(o.Count) > 0 {
		h.rest = &rest{set: o.Set, count: o.Count}
	}
}

// live reports whether a reader might see something.
func (h *held) live() bool {
	if h.register.Kind == kv.Value {
		return true
	}
	if h.rest == nil {
		return false
	}
	return len(h.rest.count) > 0 || slices.ContainsFunc(h.rest.set.Siblings, func(s causal.Sibling) bool { return s.Value.Kind == kv.Value })
}

// size is the bytes of an entry's key and values.
func size(e *entry) uint64 {
	n := len(e.Key()) + len(e.Held.register.Data)
	if e.Held.rest != nil {
		for i := range e.Held.rest.set.Siblings {
			n += len(e.Held.rest.set.Siblings[i].Value.Data)
		}
	}
	return uint64(n)
}

// add makes the entry of a new key, without an object. The caller sets it with change.
func (p *partition) add(key []byte, keyHash uint64) *entry {
	e := table.NewEntry[held](key)
	p.entries.Add(e)
	b := p.tree.BucketOf(keyHash)
	e.Held.next, p.heads[b] = p.heads[b], e
	return e
}

// change gives an entry its object, whose memory must be the store's own.
func (p *partition) change(e *entry, keyHash uint64, o *causal.Object, digest causal.Hash) {
	b := p.tree.BucketOf(keyHash)
	if e.Held.digest != (causal.Hash{}) {
		p.account(e, -1)
		p.tree.Remove(b, e.Held.digest)
	}
	e.Held.setObject(o)
	e.Held.digest = digest
	p.account(e, +1)
	p.tree.Add(b, digest)
}

func (p *partition) account(e *entry, sign int) {
	p.bytes += uint64(sign) * size(e)
	if e.Held.live() {
		p.live += sign
	}
	if e.Held.rest != nil {
		p.rests += sign
	}
}

// remove takes an entry out.
func (p *partition) remove(e *entry, keyHash uint64) {
	b := p.tree.BucketOf(keyHash)
	p.account(e, -1)
	p.tree.Remove(b, e.Held.digest)
	p.entries.Remove(e)
	at := &p.heads[b]
	for *at != e {
		at = &(*at).Held.next
	}
	*at = e.Held.next
}

// sorted appends the entries of a bucket after a key, in key order; all if started is false.
func (p *partition) sorted(dst []*entry, bucket uint32, after []byte, started bool) []*entry {
	for e := p.heads[bucket]; e != nil; e = e.Held.next {
		if !started || bytes.Compare(e.Key(), after) > 0 {
			dst = append(dst, e)
		}
	}
	// order: keys are distinct
	slices.SortFunc(dst, func(a, b *entry) int { return bytes.Compare(a.Key(), b.Key()) })
	return dst
}
