package sim

import (
	"math"

	"github.com/quoratedb/quorate/actors/kv"
)

// operations draws the clients' lists.
func (d *drawer) operations() {
	c, p := &d.plan.Config, d.p
	r := d.layout()
	d.increments = make([]int, len(c.Keys))
	d.mix = d.ownMix()
	total := min(d.in(p.ops), max(d.in(p.opsPerKey)*int64(len(c.Keys)), 1))
	horizon := c.SafetyNs * 9 / 10
	d.drawReadFirst()
	var bursts []int64
	for range d.in(p.bursts) {
		bursts = append(bursts, d.between(0, horizon))
	}
	key, routing, routed := d.chooser(), d.pick(p.routing), d.in(p.routed)
	pipelined, most := d.in(p.pipelined), int(d.in(p.pipelineMost))
	for i := range total {
		op := ClientOp{Client: d.rng.IntN(c.Clients), Key: key(), AtNs: d.between(0, horizon)}
		if len(bursts) > 0 && d.ppm(500_000) {
			op.AtNs = oneIn(d, bursts) + d.between(0, 3e6)
		}
		owner := r.Preference(partitionOf(r, &c.Keys[op.Key]))[0]
		switch sticky := kv.NodeID(op.Client%c.Nodes + 1); {
		case routing == "owner" && d.ppm(routed):
			op.Node = owner
		case routing == "sticky" && d.ppm(routed):
			op.Node = sticky
		default:
			op.Node = kv.NodeID(d.rng.IntN(c.Nodes) + 1)
		}
		if c.Keys[op.Key].Bucket == "" {
			d.operation(&op, i+1)
		} else {
			d.eventualOperation(&op, i+1)
		}
		if c.Keys[op.Key].ReadFirst && op.Do == "set" {
			d.plan.Ops = append(d.plan.Ops, ClientOp{AtNs: op.AtNs, Client: op.Client, Node: op.Node, Key: op.Key, Do: "get"})
			op.Context = 1
		}
		if i > 0 && d.ppm(pipelined) && d.joined() < most {
			before := &d.plan.Ops[i-1]
			op.AtNs, op.Client, op.Node, op.With = before.AtNs, before.Client, before.Node, true
		}
		d.plan.Ops = append(d.plan.Ops, op)
	}
}

// drawReadFirst draws the keys that clients read before they set them.
func (d *drawer) drawReadFirst() {
	if d.p.readFirst.hi == 0 {
		return
	}
	for i := range d.plan.Config.Keys {
		d.plan.Config.Keys[i].ReadFirst = d.share(d.p.readFirst)
	}
}

// joined is how many operations the last message has.
func (d *drawer) joined() int {
	n := 1
	for i := len(d.plan.Ops) - 1; d.plan.Ops[i].With; i-- {
		n++
	}
	return n
}

// ownMix is the scenario's mix, changed: some seeds hardly use an operation,
// others use it much.
func (d *drawer) ownMix() []weighted {
	var mix []weighted
	for _, m := range d.p.mix {
		if d.p.swarmMix {
			m.weight *= []int{0, 1, 2, 4, 8}[d.rng.IntN(5)]
			if m.name == "get" || m.name == "set" {
				m.weight++
			}
		}
		if m.weight > 0 {
			mix = append(mix, m)
		}
	}
	if len(mix) == 0 {
		return d.p.mix
	}
	return mix
}

// chooser returns the function that says which key an operation takes.
func (d *drawer) chooser() func() int {
	keys := len(d.plan.Config.Keys)
	switch d.pick(d.p.keysDrawn) {
	case "hot":
		hot, share := d.rng.IntN(keys), d.in(d.p.hotShare)
		return func() int {
			if d.ppm(share) {
				return hot
			}
			return d.rng.IntN(keys)
		}
	case "zipf":
		exponent := float64(d.in(d.p.zipf)) / 1000
		places := d.rng.Perm(keys)
		upTo, sum := make([]int64, keys), int64(0)
		for i := range upTo {
			sum += max(int64(1e6/math.Pow(float64(i+1), exponent)), 1)
			upTo[i] = sum
		}
		return func() int {
			r, i := d.rng.Int64N(sum), 0
			for r >= upTo[i] {
				i++
			}
			return places[i]
		}
	}
	return func() int { return d.rng.IntN(keys) }
}

func (d *drawer) operation(op *ClientOp, number int64) {
	if d.plan.Config.Keys[op.Key].Counter {
		// Each increment of a key adds a power of two of its own: what a client
		// sees names the increments that took place, so that the checker can
		// decide histories with many unknown outcomes.
		op.Do = "get"
		if k := d.increments[op.Key]; k < maxIncrements && d.ppm(600_000) {
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
