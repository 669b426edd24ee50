package shard

import "github.com/quoratedb/quorate/actors"

// onTick does what time asks for: deadlines, repetitions, takeovers, and the
// background work.
func (s *Shard) onTick(c *actors.Context) {
	s.expire(c)
	s.retryDelayed(c)
	s.runTakeovers(c)
	s.checkDrains(c)
	s.resend(c)
	s.retryConfirms(c)
	s.retryMajority(c)
	s.forgetSent(c)
	s.checkForwards(c)
	s.runLevel(c)
}

// schedule sets the timer for the next thing that is due.
func (s *Shard) schedule(c *actors.Context) {
	if s.level.nextNs == 0 {
		s.level.nextNs = c.NowNs + 1 + c.Rand.Int64N(s.cfg.LevelNs)
	}
	at := s.level.nextNs
	if s.busy() {
		at = min(at, c.NowNs+s.cfg.ResendNs/8+1)
	}
	if len(s.delayed) > 0 {
		at = min(at, s.retryNs)
	}
	for _, p := range s.takeovers {
		at = min(at, p.takeAtNs)
	}
	if at = max(at, c.NowNs+1); s.tickAtNs == 0 || at < s.tickAtNs {
		s.tickAtNs = at
		c.SetTimer(tick, at)
	}
}

// busy reports whether something waits for an answer or a deadline.
func (s *Shard) busy() bool {
	return s.pending > 0 || len(s.active) > 0 || len(s.reads.list) > 0 || len(s.majority) > 0 ||
		len(s.preparing) > 0 || len(s.drains) > 0 || len(s.sentFIFO) > 0 || len(s.level.todo) > 0
}
