package sim

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/quoratedb/quorate/actors/causal"
)

// bucketProfile is what seeds draw the buckets beside the default one from.
type bucketProfile struct {
	share    span64 // of the seeds that have any
	keys     span64 // share of the keys that are in them
	number   span64
	mode     []weighted
	policy   []weighted
	replicas []int // 0: as many as the default bucket has
	r, w     []weighted
	repair   []weighted
	sloppy   span64     // share of the buckets
	ask      span64     // share of the operations that ask for an R or W of their own
	mix      []weighted // of operations on registers
	context  span64     // share of the writes that carry a context
	stale    span64     // of these, share that carries an older one than the last
	ttlMs    span64     // life of values, in half of the buckets
	clockMs  span64     // how far clocks get from true time
	hintMs   span64     // life of hints
	edge     span64     // share of the keys at the edge of a Merkle node
	hintSize span64     // bytes of hints for one node
}

func (p *profile) bucketKnobs() []knob {
	b := &p.buckets
	mode, modes := oneOf("eventual", "abd")
	policy, policies := oneOf("lww", "siblings", "counters")
	repair, repairs := oneOf("async", "blocking", "off")
	mix, mixNames := oneOf("get", "set", "delete")
	asks, askNames := oneOf("1", "2", "3", "one", "quorum", "all", "local_quorum", "each_quorum")
	return []knob{
		numeric("buckets.share", &b.share, percent(), 0, whole, "share of the seeds that have buckets that are not strong"),
		numeric("buckets.number", &b.number, plain(), 1, 8, "how many"),
		numeric("buckets.keys", &b.keys, percent(), 0, whole, "share of the keys that are in them"),
		choice("buckets.mode", &b.mode, mode, modes, "their mode"),
		choice("buckets.policy", &b.policy, policy, policies, "eventual: how concurrent writes are settled"),
		numbers("buckets.replicas", &b.replicas, "replicas (N), at most the nodes; 0: as the default bucket", 0, 7, func(int) bool { return true }, "their N"),
		choice("buckets.r", &b.r, asks, askNames, "eventual: answers that a read waits for, at most N"),
		choice("buckets.w", &b.w, asks, askNames, "eventual: acknowledgements that a write waits for, at most N"),
		choice("buckets.repair", &b.repair, repair, repairs, "eventual: read repair"),
		numeric("buckets.sloppy", &b.sloppy, percent(), 0, whole, "eventual: share with sloppy quorums"),
		numeric("buckets.ask", &b.ask, percent(), 0, whole, "eventual: share of the operations that ask for an R or W of their own"),
		choice("buckets.mix", &b.mix, mix, mixNames, "operations on keys that are no counters"),
		numeric("buckets.context", &b.context, percent(), 0, whole, "eventual: share of the writes that carry the context of an earlier answer"),
		numeric("buckets.stale-context", &b.stale, percent(), 0, whole, "of these, share that carries an older context than the last one"),
		numeric("buckets.clocks", &b.clockMs, clockTime(millisecond), 0, 1000*hour, "how far wall clocks get from true time at most in seeds with such buckets; 0: no bound"),
		numeric("buckets.edge-keys", &b.edge, percent(), 0, whole, "share of the keys that are below the last child of a Merkle node"),
		numeric("buckets.hint-life", &b.hintMs, clockTime(millisecond), 0, hour, "life of hints and of messages with objects; tombstones are collected a little after twice that; 0: longer than every run"),
		numeric("buckets.hint-bytes", &b.hintSize, plain(), 0, 1<<30, "bytes of hints that a node keeps for another; 0: no bound that matters"),
		numeric("buckets.ttl", &b.ttlMs, clockTime(millisecond), 0, hour, "life of values, in half of the buckets; 0: for ever"),
	}
}

// drawBuckets adds buckets to the configuration and moves keys into them. It
// has a stream of its own, so that seeds without such buckets stay what they are.
func (d *drawer) drawBuckets() {
	c, p := &d.plan.Config, &d.p.buckets
	rng := d.rng
	d.rng = source(d.plan.Seed, streamBuckets)
	defer func() { d.rng = rng }()
	if !d.share(p.share) {
		return
	}
	for i := range int(d.in(p.number)) {
		b := BucketCfg{Name: "b" + strconv.Itoa(i), Mode: d.pick(p.mode), N: min(oneIn(d, p.replicas), c.Nodes)}
		if b.N == 0 {
			b.N = c.N
		}
		policy, r, w, repair, sloppy := d.pick(p.policy), d.ask(p.r, b.N), d.ask(p.w, b.N), d.pick(p.repair), d.share(p.sloppy)
		if b.Mode == "eventual" {
			b.Policy, b.R, b.W, b.Repair, b.Sloppy = policy, r, w, repair, sloppy
			if d.ppm(500_000) && policy != "counters" {
				b.TTLMs = d.in(p.ttlMs)
			}
		}
		c.Buckets = append(c.Buckets, b)
	}
	c.MaxClockMs, c.HintTTLMs, c.HintBytes = d.in(p.clockMs), d.in(p.hintMs), d.in(p.hintSize)
	share := d.in(p.keys)
	moved := 0
	for i := range c.Keys {
		if !d.ppm(share) && (moved > 0 || i < len(c.Keys)-1) {
			continue
		}
		b := oneIn(d, c.Buckets)
		c.Keys[i].Bucket, c.Keys[i].Counter = b.Name, b.Policy == "counters"
		if d.share(p.edge) {
			c.Keys[i].Name = EdgeName(c.Keys[i].Name)
		}
		moved++
	}
}

// EdgeName lengthens a key until its bucket is the last child of a Merkle node.
func EdgeName(name string) string {
	for n := 0; ; n++ {
		if s := name + "." + strconv.Itoa(n); causal.KeyHash([]byte(s))%causal.DefaultFanout == causal.DefaultFanout-1 {
			return s
		}
	}
}

// onlyStrong makes a plan in which a node is lost for good one of strong buckets:
// with R or W of all replicas nothing could be done any more.
func (d *drawer) onlyStrong() {
	p := d.plan
	if len(p.Config.Buckets) == 0 || !slices.ContainsFunc(p.Faults, func(f Fault) bool { return f.Kind == FaultLostDisk }) {
		return
	}
	p.Config.Buckets, d.placed = nil, nil
	for i := range p.Config.Keys {
		p.Config.Keys[i].Bucket = ""
	}
	for i := range p.Ops {
		p.Ops[i].R, p.Ops[i].W, p.Ops[i].Context = "", "", 0
	}
}

// ask draws an R or a W. local_quorum needs a replica in every zone; those come first
// in a preference list.
func (d *drawer) ask(from []weighted, n int) string {
	a := d.pick(from)
	if count, err := strconv.Atoi(a); err == nil {
		return strconv.Itoa(min(count, n))
	}
	if c := &d.plan.Config; a == "local_quorum" && n < c.Zones {
		return "quorum"
	}
	return a
}

// eventualOperation draws what an operation of a bucket that is not strong does.
func (d *drawer) eventualOperation(op *ClientOp, number int64) {
	k := &d.plan.Config.Keys[op.Key]
	b := d.plan.Config.bucketNamed(k.Bucket)
	if !k.Counter {
		if op.Do = d.pick(d.p.buckets.mix); op.Do == "set" {
			op.Value = number
		}
	} else {
		d.operation(op, number)
	}
	if b.Mode != "eventual" {
		return
	}
	if d.share(d.p.buckets.ask) {
		if op.Do == "get" {
			op.R = d.ask(d.p.buckets.r, b.N)
		} else {
			op.W = d.ask(d.p.buckets.w, b.N)
		}
	}
	if op.Do != "get" && d.share(d.p.buckets.context) {
		op.Context = 1
		if d.share(d.p.buckets.stale) {
			op.Context += 1 + d.rng.IntN(4)
		}
	}
}

func (c *Config) bucketNamed(name string) *BucketCfg {
	for i := range c.Buckets {
		if c.Buckets[i].Name == name {
			return &c.Buckets[i]
		}
	}
	panic(fmt.Sprintf("sim: no bucket %q", name)) // Validate has seen to it
}
