package sim

import "github.com/quoratedb/quorate/actors/causal"

// clockJumps moves the wall clock.
func (n *node) clockJumps(ms int64) {
	n.latestMs = max(n.latestMs, n.clock.wall(n.w.nowNs))
	n.skewMs += ms
	n.clock.wallMs = epochMs + n.w.cfg.offset(n.skewMs)
}

// offset bounds how far a wall clock is from true time.
func (c *Config) offset(ms int64) int64 {
	if c.MaxClockMs == 0 {
		return ms
	}
	return min(max(ms, -c.MaxClockMs), c.MaxClockMs)
}

// maxCatchUpMs is the longest that a run goes on for clocks to catch up.
const maxCatchUpMs = 30_000

// clocksHealed says until when nodes may refuse stamps by right, now that no clock
// jumps any more: the slowest one has to reach the highest time that a stamp may
// have. Clocks that stay further apart than the store allows never agree, and
// some agree later than a run goes on. Then buckets that stamp by clocks promise
// neither progress nor that their replicas become equal.
func (w *World) clocksHealed() {
	highest, fastest := int64(0), w.nodes[0].clock.wall(w.nowNs)
	slowest := fastest
	for _, n := range w.nodes {
		now := n.clock.wall(w.nowNs)
		highest, fastest, slowest = max(highest, n.latestMs), max(fastest, now), min(slowest, now)
	}
	aheadMs := max(highest, fastest) + w.mostAheadMs() - slowest
	w.apart = fastest-slowest > causal.DefaultCapMs || aheadMs > maxCatchUpMs
	if !w.apart {
		w.agreeNs = w.nowNs + aheadMs*1e6
	}
}
