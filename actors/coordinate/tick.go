package coordinate

import "github.com/quoratedb/quorate/actors"

// onTick does what time asks for: deadlines, repetitions, and what to do about
// those who stay silent.
func (s *Coordinator) onTick(c *actors.Context) {
	s.expire(c)
	s.retryDelayed(c)
	s.askAgain(c)
	s.checkForwards(c)
	s.checkSent(c)
	s.release(c)
}

// checkSent goes over the requests without an answer.
func (s *Coordinator) checkSent(c *actors.Context) {
	open := s.fifo[:0]
	for _, x := range s.fifo {
		if !x.over {
			s.checkOne(c, x)
		}
		if !x.over {
			open = append(open, x)
		}
	}
	clear(s.fifo[len(open):])
	s.fifo = open
}

// patience is how many times longer a replica may be silent that nobody waits for.
const patience = 5

func (s *Coordinator) checkOne(c *actors.Context, x *sent) {
	age := c.NowNs - x.atNs
	// Objects that wait for silent replicas are bounded: above that they wait as
	// hints, as they do for the dead.
	crowded := len(x.put) > 0 && (x.to.dead || s.overdue())
	if !crowded && age < s.cfg.HintAfterNs && c.NowNs < x.nextNs {
		return
	}
	wanted := x.wanted()
	silentAt := s.cfg.HintAfterNs
	if !wanted && len(x.put) > 0 { // no hurry: the answer may be in a long queue
		silentAt *= patience
	}
	silent := crowded || age >= silentAt
	if silent && !x.covered {
		s.coverSent(c, x)
	}
	switch {
	case silent && !wanted, age >= s.cfg.RequestTimeoutNs, x.hint != nil && x.covered:
		s.forget(x)
		for _, a := range x.get { // nobody waits for this replica any more
			a.rd.open--
			s.advance(c, a.rd)
		}
	case wanted && c.NowNs >= x.nextNs:
		x.tries++
		x.nextNs = c.NowNs + s.cfg.ResendNs<<min(x.tries, 6)
		s.stats.Resends++
		c.Send(x.address, x.message)
	}
}

// wanted reports whether an operation waits for the answer. Once none does, none
// ever will.
func (x *sent) wanted() bool {
	if !x.idle {
		x.idle = !x.awaited()
	}
	return !x.idle
}

func (x *sent) awaited() bool {
	for _, t := range x.put {
		if t.w.wanted() {
			return true
		}
	}
	for _, a := range x.get {
		if a.rd.wanted() {
			return true
		}
	}
	return x.hint != nil && !x.covered
}

// schedule sets the timer for the next thing that is due.
func (s *Coordinator) schedule(c *actors.Context) {
	if s.pending == 0 && len(s.fifo) == 0 && len(s.again) == 0 {
		return
	}
	at := c.NowNs + s.cfg.ResendNs/8 + 1
	if len(s.delayed) > 0 {
		at = min(at, s.retryNs)
	}
	if at = max(at, c.NowNs+1); s.tickAtNs == 0 || at < s.tickAtNs {
		s.tickAtNs = at
		c.SetTimer(tick, at)
	}
}
