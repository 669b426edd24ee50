package sim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/quoratedb/quorate/actors/kv"
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
	slices.SortStableFunc(d.plan.Ops, func(a, b ClientOp) int { return cmp.Compare(a.AtNs, b.AtNs) })
	slices.SortStableFunc(d.plan.Faults, func(a, b Fault) int { return cmp.Compare(a.AtNs, b.AtNs) })
	return d.plan
}

// drawer draws one plan.
type drawer struct {
	p          *profile
	plan       *Plan
	rng        *rand.Rand
	placed     *ring.Ring
	increments []int      // by key
	mix        []weighted // the seed's own
}

func (d *drawer) in(s span64) int64          { return s.lo + d.rng.Int64N(s.hi-s.lo+1) }
func (d *drawer) ppm(p int64) bool           { return d.rng.Int64N(1e6) < p }
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
	lo := max(s.lo, 1) << d.rng.IntN(steps)
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

func (d *drawer) shape() shape {
	ws := make([]weighted, len(d.p.shapes))
	for i, s := range d.p.shapes {
		ws[i] = weighted{fmt.Sprint(i), s.weight}
	}
	var i int
	_, _ = fmt.Sscan(d.pick(ws), &i) // it was printed just above
	return d.p.shapes[i]
}

func (d *drawer) config() {
	c := &d.plan.Config
	s := d.shape()
	c.Nodes, c.N = s.nodes, s.n
	c.Partitions = d.p.partitions[d.rng.IntN(len(d.p.partitions))]
	c.Lanes = min(1+d.rng.IntN(2), c.Partitions)
	c.Clients = int(d.in(d.p.clients))
	c.Network = d.network()
	c.Disk = d.disk()

	c.RequestTimeoutNs = d.log(span64{60e6, 600e6})
	c.BackoffNs = d.log(span64{4e6, 60e6})
	c.LevelNs = d.log(d.p.levelNs)
	c.MaxPending = int(d.log(span64{4, 4096}))
	c.KeepTouching = d.ppm(d.p.touchingPPM)
	c.HeartbeatNs = d.log(span64{15e6, 80e6})
	c.SuspectNs = c.HeartbeatNs * d.between(2, 8)
	c.ClientTimeoutNs = max(c.RequestTimeoutNs*d.between(5, 20)/10, 40e6)
	c.SafetyNs = d.in(d.p.safetyNs)
	c.ServiceNs = d.log(span64{1e3, 200e3})
	c.BatchLimit = int(d.log(span64{1, 64}))
	if c.BatchLimit < 4 {
		c.ServiceNs = min(c.ServiceNs, 20e3) // else the lanes are overloaded by heartbeats alone
	}
	// A round takes two messages and a sync. Half of the seeds repeat it about when
	// it is answered, which doubles many answers; their lanes must be quick
	// enough for the added load.
	round := 2*(c.Network.MinNs+c.Network.Mean) + 2*c.Disk.SyncNs + 4*c.ServiceNs
	c.ResendNs = min(max(d.between(2, 10)*round, 4e6), 250e6)
	if d.ppm(500_000) {
		c.ResendNs = min(max(round*5/4, 2e6), 250e6)
		c.ServiceNs, c.BatchLimit = min(c.ServiceNs, 10e3), max(c.BatchLimit, 16)
	}
	c.GatherNs = d.between(0, 1) * d.log(span64{1e3, 1e6})
	c.SkewMs = d.log(span64{1, 10_000})
	c.DriftPPM = d.between(0, 100) * d.between(0, 1)
	for i := range int(min(d.in(d.p.keys), d.in(d.p.keys))) {
		c.Keys = append(c.Keys, Key{Name: fmt.Sprintf("k%d", i), Counter: d.ppm(d.p.counterPPM)})
	}
}

func (d *drawer) network() Latency {
	l := Latency{MinNs: d.log(span64{20e3, 2e6})}
	l.Kind = []string{"const", "uniform", "exp", "exp", "pareto", "mixture"}[d.rng.IntN(6)]
	l.Mean = d.log(span64{20e3, 4e6})
	l.MaxNs = l.MinNs + l.Mean*d.between(4, 40)
	if l.Kind == "uniform" {
		l.MaxNs = l.MinNs + 2*l.Mean
	}
	l.Slow = d.between(1e3, 150e3)
	l.Alpha = d.between(1100, 3000)
	l.FIFO = d.ppm(300_000)
	l.Reset = d.between(0, 4) * 250_000
	if d.ppm(500_000) {
		l.Loss = d.between(0, d.p.lossPPM)
	}
	if d.ppm(500_000) {
		l.Dup = d.between(0, d.p.dupPPM)
	}
	l.Codec = d.ppm(300_000)
	return l
}

func (d *drawer) disk() DiskCfg {
	c := DiskCfg{Sync: "always", IntervalNs: d.log(span64{1e6, 100e6}), WriteNs: d.log(span64{1e3, 100e3}), SyncNs: d.log(d.p.slowSync)}
	if d.ppm(d.p.lazyPPM) {
		c.Sync = []string{"interval", "never"}[d.rng.IntN(2)]
	}
	c.SegmentBytes = d.log(span64{4096, 65536})
	c.Preallocate = []int64{-1, 1024, 4096}[d.rng.IntN(3)]
	c.Compression = []string{"none", "none", "lz4"}[d.rng.IntN(3)]
	if d.ppm(600_000) {
		c.CheckpointNs = d.log(d.p.checkpoints)
	}
	c.Chunk = int(d.log(span64{1, 16}))
	return c
}

// operations draws the clients' lists.
func (d *drawer) operations() {
	c := &d.plan.Config
	r := d.ring()
	d.increments = make([]int, len(c.Keys))
	for _, m := range d.p.mix { // swarm: some seeds hardly use an operation, others use it much
		m.weight *= []int{0, 1, 2, 4, 8}[d.rng.IntN(5)]
		if m.name == "get" || m.name == "set" {
			m.weight++
		}
		d.mix = append(d.mix, m)
	}
	total := min(d.in(d.p.ops), d.p.opsPerKey*int64(len(c.Keys)))
	horizon := c.SafetyNs * 9 / 10
	var bursts []int64
	for range d.rng.IntN(4) {
		bursts = append(bursts, d.between(0, horizon))
	}
	hot := d.rng.IntN(len(c.Keys))
	hotPPM := d.between(0, 800_000)
	routing := d.rng.IntN(3)
	for i := range total {
		op := ClientOp{Client: d.rng.IntN(c.Clients), Key: d.rng.IntN(len(c.Keys)), AtNs: d.between(0, horizon)}
		if len(bursts) > 0 && d.ppm(500_000) {
			op.AtNs = bursts[d.rng.IntN(len(bursts))] + d.between(0, 3e6)
		}
		if d.ppm(hotPPM) {
			op.Key = hot
		}
		owner := r.Preference(r.PartitionOf(ring0, []byte(c.Keys[op.Key].Name)))[0]
		switch sticky := kv.NodeID(op.Client%c.Nodes + 1); {
		case routing == 0 && d.ppm(850_000):
			op.Node = owner
		case routing == 1 && d.ppm(850_000):
			op.Node = sticky
		default:
			op.Node = kv.NodeID(d.rng.IntN(c.Nodes) + 1)
		}
		d.operation(&op, i+1)
		d.plan.Ops = append(d.plan.Ops, op)
	}
}

func (d *drawer) operation(op *ClientOp, number int64) {
	if d.plan.Config.Keys[op.Key].Counter {
		// Each increment of a key adds a power of two of its own: what a client
		// sees names the increments that took place, so that the checker can
		// decide histories with many unknown outcomes.
		op.Do = "get"
		if k := d.increments[op.Key]; k < 48 && d.ppm(600_000) {
			op.Do, op.Value = "incr", firstDelta<<k
			d.increments[op.Key]++
		}
		return
	}
	op.Do = d.pick(d.mix)
	switch op.Do {
	case "set", "getset", "setnx", "setxx", "cas", "getcas":
		op.Value = number
	}
	if op.Do == "cas" || op.Do == "getcas" {
		switch d.rng.IntN(10) {
		case 0, 1:
			op.Expect = d.between(1, number)
		case 2, 3, 4, 5:
			op.Expect = ExpectLatest
		}
	}
}

func (d *drawer) ring() *ring.Ring {
	if d.placed == nil {
		r, err := d.plan.Config.ring()
		if err != nil {
			panic(fmt.Sprintf("sim: a scenario draws an impossible ring: %v", err))
		}
		d.placed = r
	}
	return d.placed
}

// faults draws the list of faults. Each seed has its own menu of kinds, so that
// some seeds show what others hide (Groce et al., "Swarm Testing", ISSTA 2012).
func (d *drawer) faults() {
	for range d.in(d.p.scripts) {
		d.script(d.pick(d.p.scriptKinds))
	}
	n := d.in(d.p.faults)
	var menu []weighted
	for _, k := range d.p.kinds {
		if (k.name == FaultPower || k.name == FaultRot) && !d.losable() {
			continue
		}
		if d.ppm(500_000) {
			menu = append(menu, k)
		}
	}
	if len(menu) == 0 {
		menu = []weighted{{FaultKill, 1}}
	}
	for i := range n {
		f := d.fault(d.pick(menu))
		if i == 0 { // one at least takes place while the clients are busy
			f.On = nil
			f.AtNs = d.between(0, d.plan.Ops[0].AtNs)
			if len(f.Nodes) == 0 {
				f.Nodes = []kv.NodeID{d.target()}
			}
		}
		d.plan.Faults = append(d.plan.Faults, f)
	}
}

// losable reports whether the sync policy promises to survive a loss of power.
func (d *drawer) losable() bool { return d.plan.Config.Disk.Sync == "always" }

func (d *drawer) fault(kind string) Fault {
	c := &d.plan.Config
	f := Fault{Kind: kind, AtNs: d.between(0, c.SafetyNs*8/10), ForNs: d.duration()}
	f.Nodes = []kv.NodeID{d.target()}
	switch kind {
	case FaultSplit:
		f.To = []kv.NodeID{kv.NodeID(d.rng.IntN(c.Nodes) + 1)}
		return f
	case FaultLoss, FaultDup:
		f.Value = d.between(50_000, 500_000)
	case FaultRot:
		f.Value = d.log(span64{1, 64})
	case FaultSyncErr:
		f.Value = d.between(1, 3)
	case FaultSlow:
		f.Value = d.log(span64{200e3, 100e6})
	case FaultSlowDisk:
		f.Value = d.log(span64{1e6, 100e6})
	case FaultClock:
		f.Value = d.between(-20_000, 20_000)
	case FaultDrift:
		f.Value = d.between(500, 2000)
	}
	if d.ppm(d.p.triggerPPM) {
		f.On = d.trigger()
		f.Nodes = nil
		if d.ppm(300_000) {
			f.Nodes = []kv.NodeID{d.target()}
		}
		return f
	}
	if c.Nodes > 3 && d.ppm(200_000) { // two at once
		if other := kv.NodeID(d.rng.IntN(c.Nodes) + 1); other != f.Nodes[0] {
			f.Nodes = append(f.Nodes, other)
			slices.Sort(f.Nodes)
		}
	}
	return f
}

func (d *drawer) trigger() *Trigger {
	event, message, _ := strings.Cut(d.pick(d.p.triggers), " ")
	t := &Trigger{Event: event, Message: message, Nth: int(d.log(span64{1, 24}))}
	if d.ppm(500_000) {
		t.DelayNs = d.log(span64{1e3, 2e6})
	}
	t.Peer = event != "sync" && d.ppm(300_000)
	return t
}

// duration of a fault: shorter and longer than the protocol's own time-outs.
func (d *drawer) duration() int64 { return d.log(span64{1e6, 800e6}) }

// target draws a node, often the default owner of a key.
func (d *drawer) target() kv.NodeID {
	c := &d.plan.Config
	if d.ppm(d.p.ownerPPM) {
		r := d.ring()
		key := c.Keys[d.rng.IntN(len(c.Keys))].Name
		return r.Preference(r.PartitionOf(ring0, []byte(key)))[0]
	}
	return kv.NodeID(d.rng.IntN(c.Nodes) + 1)
}
