package store

import (
	"slices"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// put merges a batch of objects. One answer, after one sync: also what brings
// nothing new is acknowledged durably, since what is held may still be on its
// way to the disk.
func (s *Store) put(c *actors.Context, m *msg.Put) {
	reply := &msg.Stored{ID: m.ID}
	late := c.WallMs-m.SentMs > s.cfg.MessageTTLMs
	s.Warm(len(m.Items), func(i int) (kv.Partition, []byte) { return m.Items[i].Partition, m.Items[i].Key })
	for i := range m.Items {
		reason := msg.ByAge
		if !late {
			reason = s.putOne(c, m, i)
		}
		if reason != 0 {
			s.stats.Refused[reason]++
			reply.Refused = append(reply.Refused, msg.PutRefusal{Index: uint32(i), Reason: reason})
		}
	}
	c.SendDurable(c.Sender, reply)
}

// outlived reports whether a hint of that age may bring back from below what a
// tombstone had deleted that is gone. Who kept it knows its age, but perhaps an
// older map, of a longer grace.
func (s *Store) outlived(id kv.Partition, ageMs int64) bool {
	b := s.cfg.Layout.Bucket(id)
	return b.GraceMs > 0 && ageMs > b.GraceMs-s.clock.CapMs()
}

// putOne merges one object, and returns why it does not, or 0.
func (s *Store) putOne(c *actors.Context, m *msg.Put, i int) msg.PutReason {
	it := m.Items[i]
	if reason := s.home(it.Partition, m.Epoch); reason != 0 {
		return reason
	}
	if m.Why == msg.ForHint && s.outlived(it.Partition, c.WallMs-m.BornMs) {
		return msg.ByAge
	}
	stamp := it.Object.Newest()
	if s.clock.Update(stamp, c.WallMs) != nil {
		return msg.ByDrift
	}
	if s.newest.Less(stamp) {
		s.newest = stamp
	}
	p := s.parts.At(it.Partition)
	if p == nil {
		p = s.begin(c, it.Partition, s.cfg.Layout.Bucket(it.Partition).Created)
	}
	e := s.warmEntryOf(i, it.Partition, it.Key)
	merged, changed := merge(e, &it.Object)
	failpoint.Inject("bug-38-hint-overwrites", func() {
		if m.Why == msg.ForHint {
			merged, changed = it.Object.Clone(), !it.Object.IsZero()
		}
	})
	if !changed {
		s.stats.Known[m.Why]++
		return 0
	}
	s.stats.Merged[m.Why]++
	keyHash := s.warm[i].key
	if e == nil {
		e = p.add(it.Key, keyHash)
		s.stats.Keys++
	}
	from := len(c.Records)
	s.scratch.object = msg.ObjectRecord{Key: it.Key, Object: merged, Partition: it.Partition}
	c.Persist(&s.scratch.object)
	record, _ := actors.NextRecord(c.Records[from:])
	before := p.bytes
	p.change(e, keyHash, &merged, causal.Digest(it.Key, msg.ObjectEncoding(record)))
	s.stats.Bytes += p.bytes - before
	return 0
}

// merge returns the object that e, nil for none, becomes by merging o, and
// whether that differs from what it is. The result shares no memory with the
// message that brought o.
func merge(e *entry, o *causal.Object) (causal.Object, bool) {
	if e == nil {
		return o.Clone(), !o.IsZero()
	}
	if e.Held.rest == nil && len(o.Set.Vector) == 0 && len(o.Count) == 0 { // two registers, nearly always
		if o.Register.Compare(&e.Held.register) <= 0 {
			return causal.Object{}, false
		}
		return o.Clone(), true
	}
	old := e.Held.object()
	if old.Compare(o)&causal.Before == 0 {
		return causal.Object{}, false
	}
	merged := old.Merge(o)
	keep(&merged, &old)
	return merged, true
}

// keep copies the data of those values of merged that are not of old.
func keep(merged, old *causal.Object) {
	if merged.Register.Compare(&old.Register) != 0 {
		merged.Register.Data = slices.Clone(merged.Register.Data)
	}
	siblings := slices.Clone(merged.Set.Siblings)
	for i := range siblings {
		dot := siblings[i].Dot
		mine := func(x causal.Sibling) bool { return x.Dot == dot }
		if !slices.ContainsFunc(old.Set.Siblings, mine) {
			siblings[i].Value.Data = slices.Clone(siblings[i].Value.Data)
		}
	}
	merged.Set.Siblings = siblings
}
