package coordinate

import "github.com/quoratedb/quorate/actors"

// A write that needs fewer than all replicas can be answered faster than the
// slowest of them works. Its clients then write on, and what that replica has
// not stored yet grows until it goes to hints, which costs more than it would
// have to store it. So while too much is outstanding, answers to writes wait a
// little: clients are paced by the replicas that live, not by the fastest alone.

// maxHeldNs is how long an answer waits at most.
const maxHeldNs = 100e6

// crowded reports whether more is outstanding than a replica that keeps up ever has.
func (s *Coordinator) crowded() bool { return s.unstored > s.cfg.MaxPending/2 }

// overdue reports whether so much is outstanding that it goes to hints.
func (s *Coordinator) overdue() bool { return s.unstored > 2*s.cfg.MaxPending }

// settle answers a write that has what it needs, now or in a while.
func (s *Coordinator) settle(c *actors.Context, f ref) {
	if !s.crowded() {
		s.finish(c, f, f.r.results[f.i])
		return
	}
	if len(s.held) == 0 {
		s.heldTillNs = c.NowNs + maxHeldNs
	}
	s.stats.Held++
	f.r.progress[f.i] = held
	s.held = append(s.held, f)
}

// release answers the writes that have waited, once there is room, or for too long.
func (s *Coordinator) release(c *actors.Context) {
	if len(s.held) == 0 || s.crowded() && c.NowNs < s.heldTillNs {
		return
	}
	refs := s.held
	s.held = nil
	for _, f := range refs {
		if !f.closed() {
			s.finish(c, f, f.r.results[f.i])
		}
	}
}
