package system

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/msg"
)

// Cursor says where a checkpoint of a lane goes on.
type Cursor struct {
	at    int // index of the actor
	inner *actors.Cursor
}

// Restore hands a record of an actor to the lane that runs its partition, in
// the order of the log. The payload is valid only during the call.
func (n *Node) Restore(payload []byte) error {
	if msg.RecordKind(payload) == msg.KindMap {
		return n.restoreMap(payload)
	}
	p, err := msg.RecordPartition(payload)
	if err != nil {
		return err
	}
	return n.Lanes[actors.LaneOf(p, len(n.Lanes))].Restore(payload)
}

// Restore hands a record to the actor that persisted it.
func (l *Lane) Restore(payload []byte) error {
	kind, err := msg.OwnerOf(payload)
	if err != nil {
		return err
	}
	if m := l.byKind[kind]; m != nil {
		if r, ok := m.actor.(actors.Restorer); ok {
			return r.Restore(payload)
		}
	}
	return fmt.Errorf("system: a record of a %v, of which lane %d has none", kind, l.index)
}

// Checkpoint appends records that rebuild the state of all actors of the lane,
// in the way of actors.Restorer.
func (l *Lane) Checkpoint(c *actors.Context, cursor *Cursor, limit int) *Cursor {
	at := Cursor{}
	if cursor != nil {
		at = *cursor
	}
	before := len(c.Records)
	for ; at.at < len(l.all); at.at++ {
		m := &l.all[at.at]
		r, ok := m.actor.(actors.Restorer)
		if !ok {
			continue
		}
		c.Self = m.self
		if at.inner = r.Checkpoint(c, at.inner, limit); at.inner != nil {
			return &at
		}
		if len(c.Records) > before && l.restorersAfter(at.at) {
			at.at++
			return &at
		}
	}
	return nil
}

func (l *Lane) restorersAfter(i int) bool {
	for _, m := range l.all[i+1:] {
		if _, ok := m.actor.(actors.Restorer); ok {
			return true
		}
	}
	return false
}
