package sim

import (
	"slices"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// maxIncrements is how many increments of a key have an amount of their own.
const maxIncrements = 48

// Scripts of this file aim at buckets that are not strong, and at what their
// coordinators remember.

// eventualKey draws a key of a bucket with one of some policies, -1 if there is none.
func (d *drawer) eventualKey(policies ...string) int {
	c := &d.plan.Config
	var keys []int
	for i := range c.Keys {
		if c.Keys[i].Bucket != "" && slices.Contains(policies, c.bucketNamed(c.Keys[i].Bucket).Policy) {
			keys = append(keys, i)
		}
	}
	if len(keys) == 0 {
		return -1
	}
	return oneIn(d, keys)
}

// by adds an operation of a new client, which nothing before it delays.
func (d *drawer) by(at int64, key int, node kv.NodeID, do string) {
	c := &d.plan.Config
	op := ClientOp{AtNs: at, Client: c.Clients, Node: node, Key: key, Do: do}
	switch do {
	case "set":
		op.Value = int64(len(d.plan.Ops)) + 1
	case "incr":
		op.Value = firstDelta << d.increments[key]
		d.increments[key]++
	}
	c.Clients++
	d.plan.Ops = append(d.plan.Ops, op)
}

// clockBack takes a coordinator's power when a write has left and is not on its
// own disk yet, and sets its clock back meanwhile. It comes back without having
// heard of that write, and by its clock and its store it is earlier.
func (d *drawer) clockBack(at int64) {
	c := &d.plan.Config
	key := d.eventualKey("lww")
	if key < 0 || c.Disk.Sync != "always" {
		return
	}
	prefs := d.layout().Preference(partitionOf(d.layout(), &c.Keys[key]))
	n := []kv.NodeID{oneIn(d, prefs)}
	down := d.log(span64{1e6, 20e6})
	back := down/1e6 + d.between(20, 450)
	on := func() *Trigger {
		return &Trigger{Event: "send", Message: "put", Nth: 1 + d.rng.IntN(2), DelayNs: d.log(span64{1e3, max(c.Disk.SyncNs/2, 2e3)})}
	}
	stop := on()
	jump := *stop
	lasts := down + back*1e6
	d.add(Fault{AtNs: at, ForNs: down, Kind: FaultPower, Nodes: n, On: stop})
	d.add(Fault{AtNs: at, ForNs: lasts, Kind: FaultClock, Nodes: n, On: &jump, Value: -back})
	d.add(Fault{AtNs: at, ForNs: lasts, Kind: FaultDeaf, Nodes: n})
	for k := range int64(3) {
		d.by(at+k*200e3, key, n[0], "set")
	}
	for range 4 {
		d.by(at+down+d.between(1e6, back*1e6), key, n[0], "set")
	}
	c.SafetyNs = max(c.SafetyNs, at+lasts+20e6)
}

// standIns stops all replicas of a key and lets others take its writes, one after
// the other at the same node.
func (d *drawer) standIns(at int64) {
	c := &d.plan.Config
	key := d.eventualKey("siblings", "counters")
	if key < 0 || !c.bucketNamed(c.Keys[key].Bucket).Sloppy {
		return
	}
	do := "set"
	if c.Keys[key].Counter {
		do = "incr"
	}
	p := partitionOf(d.layout(), &c.Keys[key])
	prefs, others := slices.Clone(d.layout().Preference(p)), d.layout().Fallbacks(p)
	if len(others) < 2 {
		return
	}
	slices.Sort(prefs)
	silent := c.SuspectNs + 4*c.HeartbeatNs
	busy := d.log(span64{20e6, 200e6})
	d.add(Fault{AtNs: at, ForNs: silent + busy, Kind: []string{FaultPause, FaultKill, FaultCut}[d.rng.IntN(3)], Nodes: prefs})
	for range 4 + d.rng.IntN(5) {
		if do == "incr" && d.increments[key] >= maxIncrements {
			break
		}
		d.by(at+silent+d.between(0, busy), key, others[d.rng.IntN(2)], do)
	}
	c.SafetyNs = max(c.SafetyNs, at+silent+busy+20e6)
}

// remake drops a bucket and makes it anew, in its slot, again and again. A slot is
// free once all members have heard of the drop; what they sent before may still be
// on its way then, if messages overtake each other.
func (d *drawer) remake(at int64) {
	c := &d.plan.Config
	if len(d.plan.MapOps) == 0 {
		return
	}
	// Any other change might give the next bucket another slot.
	d.plan.MapOps = slices.DeleteFunc(d.plan.MapOps, func(op MapOp) bool { return op.isChange() })
	tag := int64(0)
	for i := range d.plan.MapOps {
		tag = max(tag, d.plan.MapOps[i].Tag)
	}
	anyone := func() kv.NodeID { return kv.NodeID(1 + d.rng.IntN(c.Nodes)) }
	add := func(at int64, node kv.NodeID, do, mode string) {
		tag++
		op := MapOp{AtNs: at, Node: node, Do: do, Bucket: "m0", Mode: mode, Tag: tag}
		if do == "put" || do == "get" {
			op.Key = "x" + []string{"0", "1"}[d.rng.IntN(2)]
		}
		d.plan.MapOps = append(d.plan.MapOps, op)
	}
	mode := []string{"strong", "eventual", "abd"}[d.rng.IntN(3)]
	maker := d.layout().Preference(d.layout().PartitionOf(nil, []byte(msg.MapKey)))[0]
	n := &c.Network
	n.FIFO, n.MaxNs = false, n.MinNs+d.between(20e6, 80e6)
	begin := at / 2
	end := begin + d.between(200e6, 400e6)
	add(begin/2, maker, "create", mode)
	for t := begin; t < end; t += d.between(20e6, 50e6) {
		add(t, maker, "drop", "")
		add(t+d.log(span64{4e6, 16e6}), maker, "create", mode)
	}
	for range 150 {
		add(d.between(begin, end), anyone(), "put", "")
		add(d.between(begin, end+20e6), anyone(), "get", "")
	}
	c.SafetyNs = max(c.SafetyNs, end+100e6)
}
