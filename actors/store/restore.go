package store

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// Restore implements actors.Restorer. Objects merge, and Forget takes away only
// the very object that it names, so records that a checkpoint has overtaken
// change nothing: an object that comes before its Forget goes with it.
//
// It needs no map: whose the partitions are is settled by SetLayout, which the
// host calls before the first batch.
func (s *Store) Restore(payload []byte) error {
	switch kind := msg.RecordKind(payload); kind {
	case msg.KindObject:
		rec := &s.scratch.object
		if err := rec.DecodeFrom(payload); err != nil {
			return err
		}
		s.restoreObject(rec)
		return nil
	case msg.KindForget:
		rec := &s.scratch.forget
		if err := rec.DecodeFrom(payload); err != nil {
			return err
		}
		if e := s.entry(rec.Partition, rec.Key); e != nil && e.Held.digest == rec.Digest {
			s.remove(s.parts.At(rec.Partition), e, causal.KeyHash(rec.Key))
		}
		return nil
	case msg.KindLife:
		rec := &s.scratch.life
		if err := rec.DecodeFrom(payload); err != nil {
			return err
		}
		s.restoreLife(rec)
		return nil
	default:
		return fmt.Errorf("store: record of unknown kind %d", kind)
	}
}

func (s *Store) restoreObject(rec *msg.ObjectRecord) {
	if stamp := rec.Object.Newest(); s.newest.Less(stamp) {
		s.newest = stamp
	}
	p := s.restored(rec.Partition)
	e := p.entries.Find(rec.Key)
	merged, changed := merge(e, &rec.Object)
	if !changed {
		return
	}
	keyHash := causal.KeyHash(rec.Key)
	if e == nil {
		e = p.add(rec.Key, keyHash)
		s.stats.Keys++
	}
	before := p.bytes
	p.change(e, keyHash, &merged, causal.Digest(rec.Key, merged.Append(nil)))
	s.stats.Bytes += p.bytes - before
}

// restoreLife begins another life. All that belongs to it comes after this
// record; what came before, be it from a checkpoint that knew of this life or
// from one that did not, either comes again or is of an earlier life.
func (s *Store) restoreLife(rec *msg.LifeRecord) {
	if p := s.parts.At(rec.Partition); p != nil {
		s.drop(p)
	}
	s.restored(rec.Partition).created = rec.Created
}

func (s *Store) restored(id kv.Partition) *partition {
	p := s.parts.At(id)
	if p == nil {
		p = newPartition(id, 0, s.cfg.Shape, s.cfg.Seed)
		s.parts.Set(id, p)
	}
	return p
}

// pieceBytes ends a piece of a checkpoint early, at a record's end.
const pieceBytes = 1 << 20

// Checkpoint implements actors.Restorer: by partition, bucket of the tree, key.
func (s *Store) Checkpoint(c *actors.Context, cursor *actors.Cursor, limit int) *actors.Cursor {
	at := actors.Cursor{}
	if cursor != nil {
		at = *cursor
	}
	emitted, end := 0, len(c.Records)+pieceBytes
	for id, p := range s.parts.From(at.Partition) {
		if id != at.Partition {
			at = actors.Cursor{Partition: id}
		}
		first := uint32(0)
		if at.Started {
			first = p.tree.BucketOf(causal.KeyHash([]byte(at.Key)))
		} else {
			s.scratch.life = msg.LifeRecord{Partition: id, Created: p.created}
			c.Persist(&s.scratch.life)
		}
		for b := first; int(b) < len(p.heads); b++ {
			s.listed = p.sorted(s.listed[:0], b, []byte(at.Key), at.Started && b == first)
			for _, e := range s.listed {
				if emitted >= limit || len(c.Records) >= end {
					clear(s.listed)
					return &at
				}
				emitted++
				at.Key, at.Started = string(e.Key()), true
				s.scratch.object = msg.ObjectRecord{Key: e.Key(), Object: e.Held.object(), Partition: id}
				c.Persist(&s.scratch.object)
			}
			clear(s.listed)
		}
	}
	return nil
}
