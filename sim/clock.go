package sim

// clock is what a node believes about time. Its monotonic reading runs at a
// rate of its own, and its wall clock is off by an offset that can jump.
type clock struct {
	baseNs    int64 // monotonic reading at sinceNs
	sinceNs   int64 // virtual time of the last change of the rate
	rateMilli int64 // nanoseconds of the node per 1000 of virtual time
	wallMs    int64 // wall clock at virtual time 0, Unix milliseconds
}

// epochMs is the wall clock of a node without skew at virtual time 0.
const epochMs = 1_700_000_000_000

// EpochMs is the same, for those who show the stamps of a run.
const EpochMs = epochMs

func newClock(baseNs, skewMs, rateMilli int64) clock {
	return clock{baseNs: baseNs, rateMilli: rateMilli, wallMs: epochMs + skewMs}
}

// nowNs is the monotonic reading at a virtual time.
func (c *clock) nowNs(virtualNs int64) int64 {
	return c.baseNs + (virtualNs-c.sinceNs)*c.rateMilli/1000
}

// virtualNs is the first virtual time at which the reading is at least atNs, if the
// rate stays as it is.
func (c *clock) virtualNs(atNs int64) int64 {
	if atNs-c.baseNs > farNs { // the product below would overflow
		return c.sinceNs + farNs
	}
	return c.sinceNs + ((atNs-c.baseNs)*1000+c.rateMilli-1)/c.rateMilli
}

// farNs is thirteen days: longer than every run.
const farNs = int64(1) << 50

// wall is the wall clock, Unix milliseconds.
func (c *clock) wall(virtualNs int64) int64 { return c.wallMs + virtualNs/1e6 }

// setRate changes the rate from a virtual time on.
func (c *clock) setRate(virtualNs, rateMilli int64) {
	c.baseNs, c.sinceNs = c.nowNs(virtualNs), virtualNs
	c.rateMilli = rateMilli
}
