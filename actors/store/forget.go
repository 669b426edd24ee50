package store

import (
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/msg"
)

// forget drops dead objects that every replica was seen to hold. That it is safe
// is the business of who asks (causal.Collection); here only the object that was
// confirmed goes, not one that came since.
func (s *Store) forget(c *actors.Context, m *msg.Forget) {
	for i := range m.Items {
		it := &m.Items[i]
		p := s.parts.At(it.Partition)
		e := s.entry(it.Partition, it.Key)
		if e == nil || e.Held.digest != it.Digest {
			continue
		}
		s.remove(p, e, causal.KeyHash(it.Key))
		s.stats.Forgot++
		s.scratch.forget = msg.ForgetRecord{Key: it.Key, Digest: it.Digest, Partition: it.Partition}
		c.Persist(&s.scratch.forget)
	}
}

func (s *Store) remove(p *partition, e *entry, keyHash uint64) {
	before := p.bytes
	p.remove(e, keyHash)
	s.stats.Keys--
	s.stats.Bytes += p.bytes - before
}

// leave drops the copy of a partition that has moved to other nodes, as one
// record: it begins anew. Since the map took the partition away from here
// nothing has come in (home), so what its replicas hold is all of it.
func (s *Store) leave(c *actors.Context, m *msg.Leave) {
	p := s.parts.At(m.Partition)
	if p == nil || m.Epoch != s.cfg.Layout.Epoch() || s.cfg.Layout.IndexOf(m.Partition, s.cfg.Node) >= 0 {
		return
	}
	s.drop(p)
	s.begin(c, m.Partition, p.created)
	s.stats.Left++
}
