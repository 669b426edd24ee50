package main

import (
	"context"
	"fmt"
	"math"
	"time"
)

var clockFaults = []fault{
	{"clock", "clock", clockRestart},
	{"clock jump", "clock", clockJump},
	{"clock drift", "clock", clockDrift},
}

// anyOffset is a millisecond up to a year, either way, each order of magnitude
// as likely as the other.
func (h *hand) anyOffset() time.Duration {
	const least, most = time.Millisecond, 365 * 24 * time.Hour
	offset := time.Duration(math.Exp(h.rng.Float64()*math.Log(float64(most)/float64(least))) * float64(least))
	if h.rng.IntN(2) == 0 {
		offset = -offset
	}
	return offset.Round(time.Millisecond)
}

// clockRestart kills one node, which comes back with a wall clock that is wrong.
// The offset stays until the next.
func clockRestart(h *hand, ctx context.Context) {
	h.lookForDead()
	m, offset := h.some(1)[0], h.anyOffset()
	h.aim(offset.String(), m)
	m.kill()
	m.clockOffset(offset)
	h.start(m)
	h.rest(ctx, 0, 500*time.Millisecond)
}

// clockJump sets one node's wall clock while it runs, and half of the time sets
// it back.
func clockJump(h *hand, ctx context.Context) {
	h.lookForDead()
	m, offset := h.some(1)[0], h.anyOffset()
	before := m.offset
	h.aim(fmt.Sprintf("from %v to %v", before, offset), m)
	h.steer(m, offset)
	h.rest(ctx, 50*time.Millisecond, 1500*time.Millisecond)
	if h.rng.IntN(2) == 0 {
		h.aim("and back")
		h.steer(m, before)
	}
}

// clockDrift lets one node's wall clock run too fast or too slow for a while, or
// backwards. It stays off by what came together.
func clockDrift(h *hand, ctx context.Context) {
	h.lookForDead()
	const step = 5 * time.Millisecond
	m, rate := h.some(1)[0], h.rng.Float64()*4-1 // 1 would be right
	before := m.offset
	h.aim(fmt.Sprintf("at %.2f of its rate", rate), m)
	length, tick := h.span(300*time.Millisecond, 2*time.Second), time.NewTicker(step)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < length; {
		if !h.steer(m, before+time.Duration(float64(time.Since(began))*(rate-1))) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// steer sets a running node's clock. It reports whether the node heard it.
func (h *hand) steer(m *member, offset time.Duration) bool {
	m.clockOffset(offset)
	if err := m.tell(fmt.Sprintf("%s %v", clockCommand, offset)); err != nil && m.running() {
		h.blame("node %d: set its clock: %v", m.id, err)
		return false
	}
	return m.running()
}

// clockOffset is what the node's wall clock is off by from its next start on.
func (m *member) clockOffset(d time.Duration) {
	m.offset = d
	m.args = append(m.nodeArgs(), fmt.Sprintf("--clock-offset=%v", d))
}
