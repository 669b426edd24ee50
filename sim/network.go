package sim

// network decides the fate of messages between nodes. What happens to a message
// is a hash of (seed, link, its number on that link): messages of other links,
// and what was deleted from a plan there, change nothing.
type network struct {
	seed    uint64
	cfg     Latency
	latency *latencyTable
	n       int    // nodes
	links   []link // from*n + to, by index
	drops   uint64
	dups    uint64
	exact   bool   // no dice
	cuts    uint64 // of drops: by a partition
	calm    bool   // all is healed
}

// link is one direction between two nodes.
type link struct {
	seq     uint64
	lastNs  int64 // FIFO: arrival of the latest message
	cut     int   // faults that cut it
	lossPPM int64 // added by faults
	dupPPM  int64
	slowNs  int64
	far     int64 // factor of the latency, in thousandths: links between zones
}

// fate is when a message arrives: no copy, one or two.
type fate struct {
	copies int
	atNs   [2]int64
}

func newNetwork(seed uint64, c *Config) (network, error) {
	n := c.Nodes
	t, err := c.Network.table()
	w := network{seed: mix(seed, streamNetwork), cfg: c.Network, latency: t, n: n, exact: c.Exact, links: make([]link, n*n)}
	for i := range w.links {
		w.links[i].far = 1000
		if c.Between > 0 && c.zoneOf(i/n) != c.zoneOf(i%n) {
			w.links[i].far = c.Between
		}
	}
	return w, err
}

func (w *network) link(from, to int) *link { return &w.links[from*w.n+to] }

// send draws the fate of a message that leaves at nowNs.
func (w *network) send(from, to int, nowNs int64) fate {
	l := w.link(from, to)
	l.seq++
	roll := dice(mix(mix(w.seed, uint64(from)<<32|uint64(to)), l.seq))
	// Draw everything before deciding anything, so that a cut or a changed
	// probability leaves the other draws as they were.
	lost, dup := roll.below(1e6), roll.below(1e6)
	first, second := w.sample(&roll), w.sample(&roll)
	var f fate
	switch {
	case l.cut > 0:
		w.cuts++
		w.drops++
		return f
	case lost < w.cfg.Loss+l.lossPPM:
		w.drops++
		return f
	}
	f.copies = 1
	if w.calm && w.cfg.FIFO {
		// On a link that keeps order every message waits for the slow one before
		// it, so a long tail makes all of them slow, and the time-outs that were
		// drawn may allow for nothing: that is no network that has healed.
		first = min(first, w.cfg.MinNs+2*w.cfg.Mean)
	}
	if l.far != 1000 {
		first, second = first*l.far/1000, second*l.far/1000
	}
	f.atNs[0] = nowNs + first + l.slowNs
	if w.cfg.FIFO {
		f.atNs[0] = max(f.atNs[0], l.lastNs)
		l.lastNs = f.atNs[0]
	}
	if dup < w.cfg.Dup+l.dupPPM {
		w.dups++
		f.copies = 2
		f.atNs[1] = f.atNs[0] + second
	}
	return f
}

// sample draws a latency: a quantile, and a little jitter so that ties are rare.
func (w *network) sample(roll *dice) int64 {
	if w.exact {
		return w.latency[127]
	}
	r := roll.next()
	base := w.latency[r&255]
	return base + int64(r>>8)%(base/64+16)
}

// between calls f for every link from one set of nodes to another, both given as bit masks of indexes.
func (w *network) between(from, to uint32, f func(*link)) {
	for a := range w.n {
		for b := range w.n {
			if a != b && from>>a&1 != 0 && to>>b&1 != 0 {
				f(w.link(a, b))
			}
		}
	}
}
