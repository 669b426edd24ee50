package store

import (
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
)

// A store of many keys waits for memory and little else. So a batch begins to
// load all that it will touch before it touches any: slots first, then what they
// point to; the misses overlap.

// hashes of one key of a batch.
type hashes struct {
	table uint64 // of its partition's table
	key   uint64 // causal.KeyHash
}

// Warm begins to load n keys for look-ups that follow soon.
func (s *Store) Warm(n int, key func(i int) (kv.Partition, []byte)) {
	s.warm = s.warm[:0]
	for i := range n {
		id, k := key(i)
		h := hashes{key: causal.KeyHash(k)}
		if p := s.parts.At(id); p != nil {
			h.table = p.entries.Hash(k)
			s.warmed += p.entries.WarmSlot(h.table) + p.tree.Warm(p.tree.BucketOf(h.key))
		}
		s.warm = append(s.warm, h)
	}
	for i := range n {
		id, _ := key(i)
		if p := s.parts.At(id); p != nil {
			if e := p.entries.Likely(s.warm[i].table); e != nil { // a word of each cache line
				s.warmed += uint64(len(e.Key())) + uint64(e.Held.register.Stamp.Node) + e.Held.digest.Lo
			}
		}
	}
}

// warmEntryOf returns the entry of key i of the batch.
func (s *Store) warmEntryOf(i int, id kv.Partition, key []byte) *entry {
	p := s.parts.At(id)
	if p == nil {
		return nil
	}
	if s.warm[i].table == 0 { // the partition has begun since
		return p.entries.Find(key)
	}
	return p.entries.FindHashed(key, s.warm[i].table)
}
