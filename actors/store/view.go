package store

import (
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
)

// The read-only view of the lane's other actors. It shows what is in memory,
// which may not be durable yet.

func (s *Store) entry(id kv.Partition, key []byte) *entry {
	if p := s.parts.At(id); p != nil {
		return p.entries.Find(key)
	}
	return nil
}

// Lookup returns the object of a key and its digest, zero if there is none.
func (s *Store) Lookup(id kv.Partition, key []byte) (causal.Object, causal.Hash) {
	if e := s.entry(id, key); e != nil {
		return e.Held.object(), e.Held.digest
	}
	return causal.Object{}, causal.Hash{}
}

// Newest returns a stamp that none in the store is above: the highest one that
// came in with an object.
func (s *Store) Newest() causal.Stamp { return s.newest }

// Plain reports whether every object of a partition is a register alone.
func (s *Store) Plain(id kv.Partition) bool {
	p := s.parts.At(id)
	return p == nil || p.rests == 0
}

// Tree returns the Merkle tree of a partition. The caller only reads it.
func (s *Store) Tree(id kv.Partition) *causal.Tree {
	if p := s.parts.At(id); p != nil {
		return p.tree
	}
	return s.blank
}

// Root returns the root of the Merkle tree of a partition.
func (s *Store) Root(id kv.Partition) causal.Hash { return s.Tree(id).Root() }

// Keys returns how many keys of a partition are held, dead ones included.
func (s *Store) Keys(id kv.Partition) int {
	if p := s.parts.At(id); p != nil {
		return p.entries.Len()
	}
	return 0
}

// Bytes returns the bytes of keys and values held of a partition.
func (s *Store) Bytes(id kv.Partition) uint64 {
	if p := s.parts.At(id); p != nil {
		return p.bytes
	}
	return 0
}

// List returns the keys and digests of one bucket of a partition's tree, in key
// order after the key after (nil: from the first), at most limit, and whether
// there are more. A bucket that the tree does not have is empty.
func (s *Store) List(id kv.Partition, bucket uint32, after []byte, limit int) (keys []causal.KeyDigest, more bool) {
	p := s.parts.At(id)
	if p == nil || int(bucket) >= len(p.heads) {
		return nil, false
	}
	s.listed = p.sorted(s.listed[:0], bucket, after, after != nil)
	defer func() { clear(s.listed) }()
	for _, e := range s.listed {
		if len(keys) == limit {
			return keys, true
		}
		keys = append(keys, causal.KeyDigest{Key: e.Key(), Digest: e.Held.digest})
	}
	return keys, false
}

// Dead returns the keys of one bucket whose objects are dead at nowMs
// (causal.Object.DeadSinceMs) since before beforeMs, in key order.
func (s *Store) Dead(id kv.Partition, bucket uint32, nowMs, beforeMs int64) (dead []causal.KeyDigest) {
	p := s.parts.At(id)
	if p == nil || int(bucket) >= len(p.heads) {
		return nil
	}
	s.listed = p.sorted(s.listed[:0], bucket, nil, false)
	defer func() { clear(s.listed) }()
	for _, e := range s.listed {
		o := e.Held.object()
		if since, isDead := o.DeadSinceMs(nowMs); isDead && since < beforeMs {
			dead = append(dead, causal.KeyDigest{Key: e.Key(), Digest: e.Held.digest})
		}
	}
	return dead
}

// Live counts the keys with a value, expired or not.
func (s *Store) Live() (n uint64) {
	for _, p := range s.parts.All() {
		n += uint64(p.live)
	}
	return n
}

// Shape returns the shape of the trees.
func (s *Store) Shape() causal.Shape { return s.cfg.Shape }
