package sim

import (
	"strconv"

	"github.com/quoratedb/quorate/actors/kv"
)

// Scripts of this file aim at one moment of the protocol. Each has a key and
// clients of its own, so that nothing else of the plan disturbs it.

// stage is where an aimed script plays.
type stage struct {
	d     *drawer
	key   int
	prefs []kv.NodeID // of the key, the default owner first
	atNs  int64
	round int64 // nanoseconds that a round of messages and a sync take, about
}

// newStage adds a key that no other operation of the plan uses.
func (d *drawer) newStage(atNs int64, counter bool) *stage {
	c := &d.plan.Config
	name := "s" + strconv.Itoa(len(c.Keys))
	c.Keys = append(c.Keys, Key{Name: name, Counter: counter})
	// Short silences leave room for the rest of the script.
	c.SuspectNs = min(c.SuspectNs, 4*c.HeartbeatNs)
	return &stage{
		d: d, key: len(c.Keys) - 1, atNs: atNs,
		prefs: d.layout().Preference(d.layout().PartitionOf(nil, []byte(name))),
		round: 2*(c.Network.MinNs+c.Network.Mean) + 2*c.Disk.SyncNs + 4*c.ServiceNs,
	}
}

// do adds an operation of a new client.
func (s *stage) do(atNs int64, node kv.NodeID, what string) {
	c := &s.d.plan.Config
	op := ClientOp{AtNs: atNs, Client: c.Clients, Node: node, Key: s.key, Do: what}
	if what == "set" || what == "getcas" {
		op.Value = int64(len(s.d.plan.Ops)) + 1
	}
	if what == "getcas" {
		op.Expect = ExpectLatest
	}
	c.Clients++
	s.d.plan.Ops = append(s.d.plan.Ops, op)
}

// also adds an operation to the message of the last one.
func (s *stage) also(what string) {
	ops := &s.d.plan.Ops
	op := (*ops)[len(*ops)-1]
	op.Do, op.With = what, true
	*ops = append(*ops, op)
}

// until makes the safety phase last.
func (s *stage) until(ns int64) {
	c := &s.d.plan.Config
	c.SafetyNs = max(c.SafetyNs, ns+20e6)
}

// slowTouch lets the answers to a first touch take so long, and the owner that
// asked be silent meanwhile, that another node takes over and writes. Then the
// old owner is asked, shortly before the answers arrive.
func (d *drawer) slowTouch(at int64) {
	c := &d.plan.Config
	c.KeepTouching = true
	s := d.newStage(at/4, false)
	if len(s.prefs) < 3 {
		return
	}
	owner, next := s.prefs[:1], s.prefs[1]
	s.do(s.atNs, owner[0], []string{"get", "set"}[d.rng.IntN(2)])
	taken := s.atNs + c.SuspectNs*d.between(11, 14)/10 + 2*s.round
	answer := taken + d.between(6, 20)*s.round
	on := Trigger{Event: "send", Message: "touch", Nth: 1}
	for _, f := range []Fault{
		{Kind: FaultSlowIn, Value: answer - s.atNs, ForNs: answer - s.atNs + 4*s.round},
		{Kind: FaultMute, ForNs: answer - s.atNs + 4*s.round},
	} {
		trigger := on
		f.AtNs, f.Nodes, f.On = s.atNs, owner, &trigger
		d.add(f)
	}
	for range 3 {
		s.do(taken+d.between(0, 2)*s.round, next, "set")
	}
	for range 4 {
		s.do(d.between(taken+2*s.round, answer-1), owner[0], "get")
	}
	s.until(answer + 4*s.round)
}

// staleStamp cuts an owner off until another has taken over and written, then
// may restart the replica that promised it away, and lets the old owner ask that
// replica, while it does not hear from its successor.
func (d *drawer) staleStamp(at int64, restarts bool) {
	c := &d.plan.Config
	c.KeepTouching = true
	s := d.newStage(at/8, false)
	if len(s.prefs) != 3 {
		return
	}
	owner, next, third := s.prefs[:1], s.prefs[1:2], s.prefs[2:]
	s.do(s.atNs, owner[0], "set")
	s.do(s.atNs+4*s.round, owner[0], "get")
	cut := s.atNs + d.between(8, 16)*s.round
	taken := cut + c.SuspectNs*d.between(11, 14)/10 + 2*s.round
	restart := taken + d.between(6, 16)*s.round
	down := d.log(span64{1e6, 10e6})
	heal := restart + down + d.between(0, 8)*s.round
	end := heal + c.HeartbeatNs + 40*s.round
	d.add(Fault{AtNs: cut, ForNs: heal - cut, Kind: FaultCut, Nodes: owner})
	d.add(Fault{AtNs: cut, ForNs: end - cut, Kind: FaultSplit, Nodes: next, To: owner})
	if restarts {
		d.add(Fault{AtNs: restart, ForNs: down, Kind: FaultKill, Nodes: third})
	}
	for k := range int64(3) {
		s.do(taken+k*s.round, next[0], "set")
	}
	for range 5 {
		s.do(d.between(heal, end), owner[0], "get")
		s.do(d.between(restart, end), owner[0], "getcas")
	}
	s.until(end)
}

// lateForward delivers forwards twice, the second copy late, and restarts the
// node that they are for in between.
func (d *drawer) lateForward(at int64) {
	c := &d.plan.Config
	s := d.newStage(at/2, true)
	if len(s.prefs) < 2 {
		return
	}
	n := &c.Network
	n.Kind, n.FIFO, n.Slow, n.MaxNs = "mixture", false, d.between(100e3, 400e3), n.MinNs+d.between(8, 40)*s.round
	owner, other := s.prefs[:1], s.prefs[1:2]
	busy := d.between(10, 40) * s.round
	d.add(Fault{AtNs: s.atNs, ForNs: busy, Kind: FaultDup, Nodes: other, Value: 1e6})
	for k := range 12 {
		s.do(s.atNs+d.between(0, busy), other[0], "incr")
		d.plan.Ops[len(d.plan.Ops)-1].Value = firstDelta << k
	}
	for range 2 {
		d.add(Fault{AtNs: s.atNs + d.between(0, busy), ForNs: d.log(span64{500e3, 5e6}), Kind: FaultKill, Nodes: owner,
			On: &Trigger{Event: "send", Message: "forwarded", Nth: 1 + d.rng.IntN(4), DelayNs: d.log(span64{1e3, 2e6})}})
	}
	s.until(s.atNs + busy + n.MaxNs)
}

// lateAnswer slows the answers of a replica, restarts the owner that waits for
// them, and mutes it when it asks again: what arrives then is for its former boot.
func (d *drawer) lateAnswer(at int64) {
	c := &d.plan.Config
	s := d.newStage(at/50, false)
	if len(s.prefs) != 3 {
		return
	}
	owner, next, third := s.prefs[:1], s.prefs[1], s.prefs[2:]
	stop := s.atNs + d.between(0, 6)*s.round
	down := d.log(span64{500e3, 5e6})
	mute := stop + down + d.between(0, 8)*s.round
	late := mute - s.atNs + d.between(0, 12)*s.round
	end := s.atNs + late + 8*s.round + 2*c.SuspectNs
	d.add(Fault{AtNs: s.atNs, ForNs: mute - s.atNs, Kind: FaultSlow, Nodes: third, Value: late})
	d.add(Fault{AtNs: stop, ForNs: down, Kind: FaultKill, Nodes: owner})
	d.add(Fault{AtNs: mute, ForNs: end - mute, Kind: FaultMute, Nodes: owner})
	for range 4 {
		s.do(d.between(s.atNs, stop), owner[0], "set")
		s.do(d.between(stop+down, mute+8*s.round), owner[0], []string{"set", "get"}[d.rng.IntN(2)])
	}
	for range 3 {
		s.do(d.between(mute, end), next, []string{"set", "get"}[d.rng.IntN(2)])
	}
	s.until(end)
}

// impatient makes shards repeat themselves faster than answers can come. In half
// of the seeds lanes take one message at a time: repetitions that don't back off
// keep them busy for ever. Shards that give up on answers 30 times before the
// slowest ones can come would starve, with any back-off.
func (d *drawer) impatient() {
	c := &d.plan.Config
	c.ServiceNs, c.BatchLimit = min(c.ServiceNs, 10e3), max(c.BatchLimit, 16)
	round := 2*(c.Network.MinNs+c.Network.Mean) + 2*c.Disk.SyncNs + 4*c.ServiceNs
	c.ResendNs = max(round*1000/d.between(1500, 6000), 300e3)
	if d.ppm(500_000) {
		c.ServiceNs, c.BatchLimit = d.between(60e3, 120e3), 1
		c.ResendNs = c.ServiceNs * d.between(9, 11)
	}
	farther := max(c.Between, 1000)
	c.Network.MaxNs = min(c.Network.MaxNs, c.Network.MinNs+15*c.ResendNs*1000/farther)
}

// earlyAnswer keeps an owner's log syncing while it shows others what it holds,
// and takes its power away right after it has.
func (d *drawer) earlyAnswer(at int64) {
	s := d.newStage(at/2, false)
	if len(s.prefs) < 2 || d.plan.Config.Disk.Sync != "always" {
		return
	}
	owner, other := s.prefs[:1], s.prefs[1]
	sync := d.log(span64{2e6, 20e6})
	busy := 10*sync + 20*s.round
	d.add(Fault{AtNs: s.atNs, ForNs: busy, Kind: FaultSlowDisk, Nodes: owner, Value: sync})
	for range 8 {
		s.do(s.atNs+d.between(0, busy), owner[0], "set")
		s.do(s.atNs+d.between(0, busy), other, "get")
	}
	on := &Trigger{Event: "send", Message: []string{"versions", "versions", "touched"}[d.rng.IntN(3)], Nth: 1 + d.rng.IntN(6), DelayNs: d.log(span64{1e3, 500e3})}
	d.add(Fault{AtNs: s.atNs + d.between(0, busy/2), ForNs: d.log(span64{1e6, 20e6}), Kind: FaultPower, Nodes: owner, On: on})
	s.until(s.atNs + busy)
}

// echo leaves an owner a single replica to talk to, whose answers take so long
// that it is asked again: two votes of one replica are not two replicas.
func (d *drawer) echo(at int64) {
	c := &d.plan.Config
	s := d.newStage(at/2, false)
	if len(s.prefs) < 3 {
		return
	}
	owner, partner, rest := s.prefs[:1], s.prefs[1:2], s.prefs[2:]
	cut := s.atNs + d.between(4, 10)*s.round
	end := cut + d.between(6, 12)*c.ResendNs + 4*s.round
	s.do(s.atNs, owner[0], "set")
	d.add(Fault{AtNs: cut, ForNs: end - cut, Kind: FaultSplit, Nodes: owner, To: rest})
	d.add(Fault{AtNs: cut, ForNs: end - cut, Kind: FaultSlow, Nodes: partner, Value: c.ResendNs * d.between(8, 30) / 10})
	for range 3 {
		s.do(cut+d.between(0, 2)*s.round, owner[0], "set")
		s.do(d.between(cut, end), owner[0], "get")
	}
	s.until(end)
}

// missedClaim keeps a claim from one replica, which hears of the ballot by a first
// touch alone, and takes that replica's power once it has answered.
func (d *drawer) missedClaim(at int64) {
	c := &d.plan.Config
	if c.Disk.Sync != "always" {
		return
	}
	c.KeepTouching = true
	s := d.newStage(at/2, false)
	if len(s.prefs) < 3 {
		return
	}
	owner, missed := s.prefs[:1], s.prefs[2:3]
	gap := d.between(3, 6) * s.round
	d.add(Fault{AtNs: s.atNs, ForNs: gap, Kind: FaultSplit, Nodes: owner, To: missed})
	s.do(s.atNs, owner[0], "get")
	part := d.layout().PartitionOf(nil, []byte(c.Keys[s.key].Name))
	for range 12 { // other keys of the same partition are touched when the way is free
		other := d.newStage(s.atNs, false)
		if d.layout().PartitionOf(nil, []byte(c.Keys[other.key].Name)) == part {
			other.do(s.atNs+gap+d.between(0, 4)*s.round, owner[0], "get")
		}
	}
	d.add(Fault{AtNs: s.atNs + gap, ForNs: d.log(span64{1e6, 20e6}), Kind: FaultPower, Nodes: missed,
		On: &Trigger{Event: "send", Message: "touched", Nth: 1 + d.rng.IntN(2), DelayNs: d.log(span64{1e3, 2e6})}})
	s.until(s.atNs + gap + 8*s.round)
}
