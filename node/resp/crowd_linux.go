package resp

import "time"

// crowd decides how many requests the loop gathers before it sends them on. A
// batch costs a few wake-ups and a pass through a lane, however small it is; a
// client that keeps fifty connections busy sends their requests one after the
// other. So the loop gathers those of a third of the connections that were busy of
// late, that client, loop and lane may work at the same time; but only while it
// keeps finding something, so nobody waits for a request that does not come; and
// not for longer than mostPatience, since what it finds may be no requests: a
// client that sends PINGs or a large value keeps it busy as well.
type crowd struct {
	gathered int       // requests since the last batch
	first    time.Time // when the first of them came
	want     int       // enough for one
	busy     int       // connections that began something in this window
	window   uint32    // its number
	since    time.Time
}

const (
	crowdWindow  = 10 * time.Millisecond
	crowdShare   = 3  // of the busy connections
	mostWanted   = 64 // requests
	mostPatience = 200 * time.Microsecond
)

func newCrowd() crowd { return crowd{want: 1, window: 1} }

// add counts a request of a connection, which keeps seen.
func (c *crowd) add(seen *uint32, now time.Time) {
	if c.gathered++; c.gathered == 1 {
		c.first = now
	}
	if *seen != c.window {
		*seen = c.window
		c.busy++
	}
}

// enough reports whether what was gathered should leave.
func (c *crowd) enough(now time.Time) bool {
	return c.gathered >= c.want || c.gathered > 0 && now.Sub(c.first) >= mostPatience
}

// sent notes that a batch has left.
func (c *crowd) sent(now time.Time) {
	c.gathered = 0
	if now.Sub(c.since) < crowdWindow {
		return
	}
	c.want = max(1, min(c.busy/crowdShare, mostWanted))
	c.busy, c.since = 0, now
	c.window++
}
