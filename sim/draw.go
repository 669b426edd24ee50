package sim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/quoratedb/quorate/ring"
)

// Draw makes the plan of a seed.
func Draw(seed uint64, s *Scenario) *Plan {
	d := drawer{p: &s.p, plan: &Plan{Seed: seed, Scenario: s.Name}}
	d.rng = source(seed, streamConfig)
	d.config()
	d.rng = source(seed, streamWorkload)
	d.operations()
	d.rng = source(seed, streamFaults)
	d.faults()
	d.onlyStrong()
	d.rng = source(seed, streamCore)
	d.core()
	slices.SortStableFunc(d.plan.Ops, func(a, b ClientOp) int { return cmp.Compare(a.AtNs, b.AtNs) })
	slices.SortStableFunc(d.plan.Faults, func(a, b Fault) int { return cmp.Compare(a.AtNs, b.AtNs) })
	slices.SortStableFunc(d.plan.MapOps, func(a, b MapOp) int { return cmp.Compare(a.AtNs, b.AtNs) })
	return d.plan
}

// drawer draws one plan.
type drawer struct {
	p          *profile
	plan       *Plan
	rng        *rand.Rand
	placed     *ring.Layout
	increments []int      // by key
	mix        []weighted // the seed's own
	losable    bool       // power may fail
}

func (d *drawer) in(s span64) int64          { return s.lo + d.rng.Int64N(s.hi-s.lo+1) }
func (d *drawer) ppm(p int64) bool           { return d.rng.Int64N(1e6) < p }
func (d *drawer) share(s span64) bool        { return d.ppm(d.in(s)) }
func (d *drawer) between(lo, hi int64) int64 { return d.in(span64{lo, hi}) }

// log draws between lo and hi so that every factor of two is equally likely.
func (d *drawer) log(s span64) int64 {
	if s.hi <= s.lo {
		return s.lo
	}
	steps := 0
	for v := max(s.lo, 1); v < s.hi; v *= 2 {
		steps++
	}
	lo := max(s.lo, 1) << d.rng.IntN(max(steps, 1))
	return d.between(lo, min(2*lo, s.hi))
}

func (d *drawer) pick(ws []weighted) string {
	total := 0
	for _, w := range ws {
		total += w.weight
	}
	r := d.rng.IntN(total)
	for _, w := range ws {
		if r -= w.weight; r < 0 {
			return w.name
		}
	}
	panic("sim: weights do not add up")
}

func oneIn[T any](d *drawer, list []T) T { return list[d.rng.IntN(len(list))] }

func (d *drawer) config() {
	c, p := &d.plan.Config, d.p
	c.Nodes, c.N = clusterOf(d.pick(p.clusters))
	c.Partitions = oneIn(d, p.partitions)
	c.Lanes = min(int(d.in(p.lanes)), c.Partitions)
	c.Zones = min(int(d.in(p.zones)), c.Nodes)
	c.Clients = int(d.in(p.clients))
	c.ThinkNs = d.in(p.thinkNs)
	c.Network = d.network()
	c.Between = 1000
	if c.Zones > 1 {
		c.Between = d.in(p.betweenZones)
	}
	c.Disk = d.disk()
	d.losable = c.Disk.Sync == "always" || d.share(p.beyondSync)
	d.timings(c)
	for i := range int(min(d.in(p.keys), d.in(p.keys))) {
		c.Keys = append(c.Keys, Key{Name: keyName(i), Counter: d.share(p.counters)})
	}
	d.drawBuckets()
	d.drawMap()
	c.Unjudged, c.Strict = p.oracles.off(), p.oracles.strict
	if p.oracles.anomalies != noAnomalies {
		c.Anomalies = p.oracles.anomalies
	}
}

// keyName is what a key is called, if nothing depends on it.
func keyName(i int) string { return "k" + strconv.Itoa(i) }

// clusterOf reads a value of topology.clusters.
func clusterOf(name string) (nodes, n int) {
	if _, err := fmt.Sscanf(name, "%dx%d", &nodes, &n); err != nil {
		panic(fmt.Sprintf("sim: topology.clusters: %v", err)) // the knob has matched it
	}
	return nodes, n
}

// timings draws the settings of the protocol and of the machines it runs on.
func (d *drawer) timings(c *Config) {
	p := d.p
	c.RequestTimeoutNs = d.log(p.requestTimeoutNs)
	c.BackoffNs = d.log(p.backoffNs)
	c.LevelNs = d.log(p.levelNs)
	c.MaxPending = int(d.log(p.maxPending))
	c.KeepTouching = d.share(p.keepTouching)
	c.HeartbeatNs = d.log(p.heartbeatNs)
	c.SuspectNs = c.HeartbeatNs * d.in(p.suspectFor)
	c.ClientTimeoutNs = max(c.RequestTimeoutNs*d.in(p.clientTimeoutFor)/1000, 40e6)
	c.SafetyNs, c.LivenessNs = d.in(p.safetyNs), d.in(p.livenessNs)
	c.ServiceNs = d.log(p.serviceNs)
	c.BatchLimit = int(d.log(p.batchLimit))
	if c.BatchLimit < 4 {
		c.ServiceNs = min(c.ServiceNs, 20e3) // else the lanes are overloaded by pings alone
	}
	// A round takes two messages and a sync.
	round := 2*(c.Network.MinNs+c.Network.Mean)*c.Between/1000 + 2*c.Disk.SyncNs + 4*c.ServiceNs
	c.ResendNs = min(max(d.in(p.resendFor)*round/1000, 4e6), 250e6)
	if d.share(p.resendEarly) {
		c.ResendNs = min(max(d.in(p.resendEarlyFor)*round/1000, 1e6), 250e6)
	}
	if c.Between > 1000 { // time-outs must allow for the slowest link, or nothing is ever done in time
		most := c.Network.MaxNs * c.Between / 1000
		// A read that replicas don't agree on, its forward, a confirm and the answers are
		// six ways, at the mean of the link.
		ways := max(4*most, 8*(c.Network.MinNs+c.Network.Mean)*c.Between/1000)
		c.RequestTimeoutNs = max(c.RequestTimeoutNs, ways)
		c.SuspectNs = max(c.SuspectNs, most)
		c.BackoffNs = max(c.BackoffNs, most/4)
		c.ClientTimeoutNs = max(c.ClientTimeoutNs, ways)
	}
	c.GatherNs = d.between(0, 1) * d.log(p.gatherNs)
	c.SkewMs = d.log(p.skewMs)
	c.DriftPPM = d.between(0, 1) * d.in(p.driftMilli)
}

func (d *drawer) network() Latency {
	p := d.p
	l := Latency{Kind: d.pick(p.latency), MinNs: d.log(p.leastNs), Mean: d.log(p.meanNs)}
	l.MaxNs = l.MinNs + l.Mean*d.in(p.tail)
	if l.Kind == "uniform" {
		l.MaxNs = l.MinNs + 2*l.Mean
	}
	l.Slow = d.in(p.slowBranch)
	l.Alpha = d.in(p.pareto)
	l.FIFO = d.share(p.ordered)
	l.Reset = d.in(p.reset)
	if d.ppm(500_000) {
		l.Loss = d.in(p.loss)
	}
	if d.ppm(500_000) {
		l.Dup = d.in(p.dup)
	}
	l.Codec = d.share(p.codec)
	return l
}

func (d *drawer) disk() DiskCfg {
	p := d.p
	c := DiskCfg{Sync: d.pick(p.sync), IntervalNs: d.log(p.intervalNs), WriteNs: d.log(p.writeNs), SyncNs: d.log(p.syncNs)}
	c.SegmentBytes = d.log(p.segment)
	c.Preallocate = int64(oneIn(d, p.preallocate))
	c.Compression = d.pick(p.compression)
	if d.share(p.checkpointing) {
		c.CheckpointNs = d.log(p.checkpointNs)
	}
	c.Chunk = int(d.log(p.chunk))
	return c
}

func (d *drawer) layout() *ring.Layout {
	if d.placed == nil {
		r, err := d.plan.Config.layout()
		if err != nil {
			panic(fmt.Sprintf("sim: a scenario draws an impossible ring: %v", err))
		}
		d.placed = r
	}
	return d.placed
}
