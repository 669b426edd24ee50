package replica

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// Restore implements actors.Restorer.
//
// Records are replayed without the floor's check: each was accepted when it
// was written, and a checkpoint may be newer than the log records that follow
// it. Newest version wins, and a drop takes away only the very tombstone that
// it names, so replaying records that a checkpoint has overtaken changes nothing.
func (r *Replica) Restore(payload []byte) error {
	switch kind := msg.RecordKind(payload); kind {
	case msg.KindPromise:
		rec := &r.scratch.promise
		if err := rec.DecodeFrom(payload); err != nil {
			return err
		}
		return r.with(rec.Partition, func(p *partition) { p.promised = maxBallot(p.promised, rec.Ballot) })
	case msg.KindAccept:
		rec := &r.scratch.accept
		if err := rec.DecodeFrom(payload); err != nil {
			return err
		}
		return r.with(rec.Partition, func(p *partition) {
			p.promised = maxBallot(p.promised, rec.Register.Version.Ballot)
			if e := p.regs.Find(rec.Key); e == nil || e.Held.Version.Less(rec.Register.Version) {
				p.put(e, rec.Key, &rec.Register)
			}
		})
	case msg.KindDrop:
		rec := &r.scratch.drop
		if err := rec.DecodeFrom(payload); err != nil {
			return err
		}
		return r.with(rec.Partition, func(p *partition) { p.restoreDrop(rec) })
	case msg.KindFloor:
		rec := &r.scratch.floor
		if err := rec.DecodeFrom(payload); err != nil {
			return err
		}
		return r.with(rec.Partition, func(p *partition) { p.floor = maxVersion(p.floor, rec.Floor) })
	default:
		return fmt.Errorf("replica: record of unknown kind %d", kind)
	}
}

func (p *partition) restoreDrop(rec *msg.DropRecord) {
	if e := p.regs.Find(rec.Key); e != nil && e.Held.Kind == kv.Tombstone && e.Held.Version == rec.Version {
		p.remove(e)
	}
	p.floor = maxVersion(p.floor, rec.Version)
}

func (r *Replica) with(id kv.Partition, f func(*partition)) error {
	p := r.part(id)
	if p == nil && r.cfg.Layout.Mode(id) != kv.Strong {
		return nil // of a bucket that is gone: the map says so
	}
	if p == nil {
		return fmt.Errorf("replica: record of partition %d, of which this node holds no copy: was the data directory written under another cluster map?", id)
	}
	f(p)
	return nil
}

// pieceBytes ends a piece of a checkpoint early, at a record's end: 500 values of
// 8 MiB in one piece would stall the lane and take 4 GiB.
const pieceBytes = 1 << 20

// Checkpoint implements actors.Restorer.
func (r *Replica) Checkpoint(c *actors.Context, cursor *actors.Cursor, limit int) *actors.Cursor {
	at := actors.Cursor{}
	if cursor != nil {
		at = *cursor
	}
	emitted, end := 0, len(c.Records)+pieceBytes
	full := func() bool { return emitted >= limit || len(c.Records) >= end }
	for id, p := range r.parts.From(at.Partition) {
		if id != at.Partition {
			at = actors.Cursor{Partition: id}
		}
		if !at.Started {
			r.checkpointFacts(c, p)
		}
		var last *entry
		p.ascend(at.Key, at.Started && at.Key != "", func(e *entry) bool {
			if full() {
				return false
			}
			emitted++
			last = e
			r.scratch.accept = msg.AcceptRecord{Key: e.Key(), Register: e.Held, Partition: p.id}
			c.Persist(&r.scratch.accept)
			return true
		})
		if full() {
			at.Started = true
			if last != nil {
				at.Key = string(last.Key())
			}
			return &at
		}
	}
	return nil
}

func (r *Replica) checkpointFacts(c *actors.Context, p *partition) {
	if !p.promised.IsZero() {
		r.scratch.promise = msg.PromiseRecord{Partition: p.id, Ballot: p.promised}
		c.Persist(&r.scratch.promise)
	}
	if !p.floor.IsZero() {
		r.scratch.floor = msg.FloorRecord{Partition: p.id, Floor: p.floor}
		c.Persist(&r.scratch.floor)
	}
}

func maxBallot(a, b kv.Ballot) kv.Ballot {
	if a.Less(b) {
		return b
	}
	return a
}

func maxVersion(a, b kv.Version) kv.Version {
	if a.Less(b) {
		return b
	}
	return a
}
