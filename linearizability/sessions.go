package linearizability

import "math"

// SessionOptions say what a store promises to its sessions.
type SessionOptions struct {
	// PerKey: the store orders what a client does on one key only. Otherwise a
	// client that has seen a write must also see what its writer had read and
	// written before it, on any key. With all four guarantees across keys a
	// store is causally consistent (Brzezinski, Sobaniec and Wawrzyniak, "From
	// Session Causality to Causal Consistency", PDP 2004). On one key the last
	// two show as monotonic reads that are broken.
	PerKey bool
}

// sessionCheck runs through the history in the order of time. What a session
// knows is, for each key, the newest write that it has made, read, or taken over
// from the writer of something it read: what it reads there must not be older.
type sessionCheck struct {
	*Observations
	opts   SessionOptions
	knows  *newest
	latest map[int32]int32 // by client: what it knows now, as a root in knows
	report Report
}

// Sessions judges the four session guarantees, and provenance. A session is all
// operations of one client; one operation follows another there if it was called
// after the other was answered. An operation of unknown outcome binds nobody,
// but may explain what others saw. Judged and Unjudged count reads and other
// operations that tell what they saw; unjudged are those that an increment or
// append of unknown result may explain.
func (o *Observations) Sessions(opts SessionOptions) Report {
	c := sessionCheck{Observations: o, opts: opts, knows: &o.knows, latest: map[int32]int32{}}
	c.knows.reset(o.h, len(o.keys.names))
	o.atCall = append(o.atCall[:0], make([]int32, len(o.h))...)
	// Equal times overlap: calls come before returns.
	ret := 0
	for _, i := range o.byCall {
		for ret < len(o.byRet) && o.h[o.byRet[ret]].Return < o.h[i].Call {
			c.returned(o.byRet[ret])
			ret++
		}
		c.atCall[i] = c.latest[o.h[i].Client]
	}
	for _, i := range o.byRet[ret:] {
		c.returned(i)
	}
	return c.report
}

// returned judges what operation i saw, and notes what its client learns by it.
func (c *sessionCheck) returned(i int32) {
	if c.looks[i] == noClass && c.makes[i] == noClass {
		return
	}
	key, client := c.keys.keyOf[i], c.h[i].Client
	root := c.latest[client]
	if c.looks[i] != noClass {
		root = c.look(i, key, root)
	}
	if c.makes[i] != noClass {
		root = c.knows.learn(root, key, i)
	}
	c.latest[client] = root
}

// look judges what operation i saw of a key. It returns what its client, who
// knew root, knows now.
func (c *sessionCheck) look(i, key, root int32) int32 {
	from, floor := c.originOf(i), int64(math.MinInt64)
	known := c.knows.of(c.atCall[i], key)
	if known >= 0 {
		floor = c.h[known].Call
	}
	switch {
	case from.nowhere():
		c.report.Judged++
		c.report.found(c.h, Provenance, c.keys.names[key], "nobody had asked to write what was read, or it had failed", i)
		return root
	case from.latest < floor:
		c.report.Judged++
		c.accuse(i, key, known, &from)
		return root
	case from.latest == never && len(from.wild) > 0:
		c.report.Unjudged++
	default:
		c.report.Judged++
	}
	// What was read is one of the writes that are not too old.
	oldest, number := int32(-1), 0
	for _, list := range [2][]written{from.exact, from.wild} {
		for j := range list {
			if w := &list[j]; w.settled >= floor {
				if number == 0 || oldest >= 0 && w.call < c.h[oldest].Call {
					oldest = w.src
				}
				number++
			}
		}
	}
	if oldest < 0 {
		return root
	}
	if number == 1 && !c.opts.PerKey {
		root = c.knows.merge(root, c.atCall[oldest])
	}
	return c.knows.learn(root, key, oldest)
}

// accuse reports that operation i saw what is older than the write that its
// client knew of.
func (c *sessionCheck) accuse(i, key, known int32, from *origin) {
	if len(c.report.Findings) >= maxFindings {
		c.report.Breaches++
		return
	}
	g, why, via := c.reason(i, key, known)
	ops := append([]int32{from.newest(), known}, via...)
	c.report.found(c.h, g, c.keys.names[key], why, append(ops, i)...)
}

// reason finds out how the client of operation i came to know of a write, and
// by which operations.
func (c *sessionCheck) reason(i, key, known int32) (g Guarantee, why string, via []int32) {
	mine := func(j int32) bool {
		return c.h[j].Outcome == OK && c.h[j].Client == c.h[i].Client && c.h[j].Return < c.h[i].Call
	}
	if mine(known) {
		return ReadYourWrites, "the client read what its own write, called later, had replaced", nil
	}
	for _, j := range c.byRet {
		if !mine(j) || c.looks[j] == noClass {
			continue
		}
		from := c.originOf(j)
		for _, list := range [2][]written{from.exact, from.wild} {
			for _, w := range list {
				if w.src == known {
					return MonotonicReads, "the client read an older value after a newer one", []int32{j}
				}
				if w.src < 0 || c.opts.PerKey || c.knows.of(c.atCall[w.src], key) != known {
					continue
				}
				via = []int32{w.src, j}
				if c.h[w.src].Client == c.h[known].Client {
					return MonotonicWrites, "the client saw a write, but not what its writer had written before", via
				}
				return WritesFollowReads, "the client saw a write, but not what its writer had read before", via
			}
		}
	}
	return MonotonicReads, "the client read an older value after a newer one", nil
}
