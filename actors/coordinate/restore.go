package coordinate

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// Restore implements actors.Restorer: marks of the clock, of this boot's
// predecessors. No stamp up to the highest will be given out again.
func (s *Coordinator) Restore(payload []byte) error {
	if kind := msg.RecordKind(payload); kind != msg.KindClock {
		return fmt.Errorf("coordinate: record of unknown kind %d", kind)
	}
	rec := &s.scratch.clock
	if err := rec.DecodeFrom(payload); err != nil {
		return err
	}
	s.clock.Restore(rec.MarkMs)
	s.marked = max(s.marked, rec.MarkMs)
	return nil
}

// Checkpoint implements actors.Restorer. The highest mark says it all.
func (s *Coordinator) Checkpoint(c *actors.Context, _ *actors.Cursor, _ int) *actors.Cursor {
	if s.marked > 0 {
		s.scratch.clock = msg.ClockRecord{Partition: kv.Partition(s.cfg.Lane), MarkMs: s.marked}
		c.Persist(&s.scratch.clock)
	}
	return nil
}
