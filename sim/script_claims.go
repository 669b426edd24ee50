package sim

import "github.com/quoratedb/quorate/actors/kv"

// Scripts of this file aim at nodes that differ on who has claimed a partition.

// halfClaim lets a node that takes over lose its power when others have promised
// it the partition and its own log has not: from then on they turn to a claimant
// that knows nothing of its claim.
func (d *drawer) halfClaim(at int64) {
	c := &d.plan.Config
	if c.Disk.Sync != "always" {
		return
	}
	s := d.newStage(at/2, false)
	if len(s.prefs) < 3 {
		return
	}
	owner, rival, others := s.prefs[:1], s.prefs[1:2], s.prefs[2:]
	s.do(s.atNs, owner[0], "set")
	mute := s.atNs + d.between(6, 12)*s.round
	end := mute + c.SuspectNs*d.between(12, 17)/10 + 4*s.round // it takes over before, and not again
	d.add(Fault{AtNs: mute, ForNs: end - mute, Kind: FaultMute, Nodes: owner})
	d.add(Fault{AtNs: mute, ForNs: end - mute, Kind: []string{FaultCut, FaultPause}[d.rng.IntN(2)], Nodes: others})
	d.add(Fault{AtNs: mute, ForNs: end - mute, Kind: FaultSlowDisk, Nodes: rival, Value: 8*s.round + 8e6})
	s.struck(mute, d.log(span64{500e3, 5e6}), owner)
	s.askedFirst(owner[0], end)
}

// deadClaim does the same to a node that nobody hears and that hears nobody, for good: a
// single replica knows its claim, and turns to one that points back at it, as the owner.
func (d *drawer) deadClaim(at int64) {
	c := &d.plan.Config
	s := d.newStage(at/8, false)
	if len(s.prefs) != 3 || !d.losable {
		return
	}
	first, owner, rival := s.prefs[:1], s.prefs[1:2], s.prefs[2:]
	claimed := s.atNs + c.SuspectNs*d.between(11, 14)/10 + 2*s.round
	back := claimed + d.between(6, 12)*s.round
	deaf := back + 3*c.HeartbeatNs
	taken := deaf + c.SuspectNs*d.between(11, 16)/10 + 2*s.round
	end := taken + 6*s.round
	d.add(Fault{AtNs: s.atNs, ForNs: back - s.atNs, Kind: FaultMute, Nodes: first}) // but it hears the claim
	s.do(claimed, owner[0], "set")
	d.add(Fault{AtNs: deaf, ForNs: end - deaf, Kind: FaultDeaf, Nodes: rival})
	d.add(Fault{AtNs: deaf, ForNs: end - deaf, Kind: FaultSplit, Nodes: rival, To: first})
	s.do(taken, rival[0], "set")
	s.struck(deaf, end, owner)
	s.askedFirst(owner[0], end)
	c.Core.Away, c.Core.How = rival, FaultKill
}

// struck takes the power of whoever claims the partition first from then on, when one of
// the replicas has heard of it.
func (s *stage) struck(fromNs, forNs int64, heard []kv.NodeID) {
	s.d.add(Fault{AtNs: fromNs, ForNs: forNs, Kind: FaultPower, Nodes: heard,
		On: &Trigger{Event: "handle", Message: "prepare", Nth: 1, DelayNs: s.d.log(span64{1e3, 2 * s.round}), Peer: true}})
}

// askedFirst ends the faults, and makes a node the one that clients then ask. Until then
// replicas don't compare what they hold: that would tell them of claims, too.
func (s *stage) askedFirst(node kv.NodeID, endNs int64) {
	c := &s.d.plan.Config
	c.Core, c.SafetyNs = Core{Node: node}, endNs
	c.LevelNs = max(c.LevelNs, endNs)
	s.do(endNs+1, node, "get") // never begins: when clients have nothing to do any more, the faults end
}

// overtaken sends two reads of a key in one message to an owner that is none any
// more and does not know: the first one tells it so, the second may find it claim
// the partition again. Writes follow, as the first one looks for its answer elsewhere.
// So may both, if links are so slow that the answer to both comes late.
func (d *drawer) overtaken(at int64) {
	c := &d.plan.Config
	s := d.newStage(at/4, false)
	if len(s.prefs) != 3 {
		return
	}
	owner, rival, asker := s.prefs[:1], s.prefs[1:2], s.prefs[2]
	s.do(s.atNs, owner[0], "set")
	mute := s.atNs + d.between(6, 12)*s.round
	taken := mute + c.SuspectNs*d.between(11, 14)/10 + 4*s.round
	heal := taken + d.between(4, 10)*s.round
	reads := heal + c.SuspectNs*d.between(11, 16)/10 + c.HeartbeatNs
	c.ResendNs = min(c.ResendNs, 2*s.round)
	slow := min(d.between(0, 2), 1) * d.between(c.ResendNs/2, 2*c.ResendNs)
	c.RequestTimeoutNs = max(c.RequestTimeoutNs, 80*(s.round+slow))
	c.ClientTimeoutNs = max(c.ClientTimeoutNs, c.RequestTimeoutNs)
	end := reads + 40*(s.round+slow)
	d.add(Fault{AtNs: mute, ForNs: heal - mute, Kind: FaultMute, Nodes: owner})
	d.add(Fault{AtNs: mute + c.SuspectNs/2, ForNs: end - mute, Kind: FaultSplit, Nodes: owner, To: owner, // its replica hears the claim, and no more
		On: &Trigger{Event: "handle", Message: "prepare", Nth: 1, Peer: true}})
	s.do(taken, rival[0], "set") // which only the asker learns
	d.add(Fault{AtNs: heal, ForNs: end - heal, Kind: FaultCut, Nodes: rival})
	s.do(reads, asker, "get")
	s.also("get")
	d.add(Fault{AtNs: reads, ForNs: end - reads, Kind: FaultSlow, Nodes: []kv.NodeID{asker}, Value: slow})
	for range 4 {
		s.do(reads+d.between(3, 8)*s.round/2+d.between(4, 10)*slow, owner[0], "set")
	}
	c.LevelNs = max(c.LevelNs, 4*end) // levelling would tell the owner, and begins at any time in it
	s.until(end)
}
