package handoff

import (
	"bytes"
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

func (h *Handoff) persist(c *actors.Context, n *hint) {
	h.scratch.hint = msg.HintRecord{
		Partition: n.partition, Target: n.target.node, Created: n.created, BornMs: n.bornMs, Key: n.key, Object: n.object,
	}
	c.Persist(&h.scratch.hint)
}

// Restore implements actors.Restorer. A HintRecord holds all of its hint and
// replaces what was there; a HintDoneRecord takes away the very state that it
// names. So records that a checkpoint has overtaken change nothing in the end:
// the last one of a hint decides. Start judges age and place.
func (h *Handoff) Restore(payload []byte) error {
	switch kind := msg.RecordKind(payload); kind {
	case msg.KindHint:
		rec := &h.scratch.hint
		if err := rec.DecodeFrom(payload); err != nil {
			return err
		}
		if err := h.check(rec.Partition); err != nil {
			return err
		}
		t := h.target(rec.Target)
		to := h.measure(rec.Key, rec.Object.Clone())
		n := h.get(rec.Partition, rec.Key, t)
		if n == nil {
			h.insert(t, rec.Partition, bytes.Clone(rec.Key), rec.Created, rec.BornMs, &to)
			return nil
		}
		n.bornMs, n.created = rec.BornMs, rec.Created
		h.set(n, &to)
		return nil
	case msg.KindHintDone:
		rec := &h.scratch.done
		if err := rec.DecodeFrom(payload); err != nil {
			return err
		}
		if err := h.check(rec.Partition); err != nil {
			return err
		}
		if n := h.get(rec.Partition, rec.Key, h.find(rec.Target)); n != nil && n.digest == rec.Digest {
			h.remove(n)
		}
		return nil
	default:
		return fmt.Errorf("handoff: record of kind %d, a handoff writes %d and %d", kind, msg.KindHint, msg.KindHintDone)
	}
}

func (h *Handoff) check(p kv.Partition) error {
	if !h.mine(p) {
		return fmt.Errorf("handoff: record of partition %d, which lane %d of %d does not run", p, h.cfg.Lane, h.cfg.Lanes)
	}
	return nil
}

// pieceBytes ends a piece of a checkpoint early.
const pieceBytes = 1 << 20

// Checkpoint implements actors.Restorer. A piece ends between two keys: a
// cursor names no target.
func (h *Handoff) Checkpoint(c *actors.Context, cursor *actors.Cursor, limit int) *actors.Cursor {
	from := &hint{target: &target{}}
	if cursor != nil {
		from.partition, from.key = cursor.Partition, []byte(cursor.Key)
	}
	emitted, end := 0, len(c.Records)+pieceBytes
	var last *hint
	var rest *actors.Cursor
	h.index.Ascend(from, func(n *hint) bool {
		if cursor != nil && n.partition == from.partition && bytes.Equal(n.key, from.key) {
			return true // the piece before ended with these
		}
		same := last != nil && n.partition == last.partition && bytes.Equal(n.key, last.key)
		if last != nil && !same && (emitted >= limit || len(c.Records) >= end) {
			rest = &actors.Cursor{Partition: last.partition, Key: string(last.key), Started: true}
			return false
		}
		h.persist(c, n)
		emitted++
		last = n
		return true
	})
	return rest
}
