package sim

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
	owner, rival := s.prefs[:1], s.prefs[1:2]
	s.do(s.atNs, owner[0], "set")
	mute := s.atNs + d.between(6, 12)*s.round
	taken := mute + c.SuspectNs*d.between(11, 14)/10 + 2*s.round
	end := taken + c.SuspectNs
	d.add(Fault{AtNs: mute, ForNs: end - mute, Kind: FaultMute, Nodes: owner})
	d.add(Fault{AtNs: mute, ForNs: end - mute, Kind: FaultSlowDisk, Nodes: rival, Value: 4 * s.round})
	d.add(Fault{AtNs: mute, ForNs: d.log(span64{1e6, 20e6}), Kind: FaultPower, Nodes: owner,
		On: &Trigger{Event: "handle", Message: "prepare", Nth: 1, DelayNs: d.log(span64{1e3, 2e6}), Peer: true}})
	s.do(taken, rival[0], "set")
	s.until(end)
}

// overtaken sends two reads of a key in one message to an owner that is none any
// more and does not know: the first one tells it so, the second may find it claim
// the partition again. Writes follow, as the first one looks for its answer elsewhere.
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
	end := reads + 20*s.round
	d.add(Fault{AtNs: mute, ForNs: heal - mute, Kind: FaultMute, Nodes: owner})
	d.add(Fault{AtNs: taken, ForNs: end - taken, Kind: FaultSplit, Nodes: rival, To: owner})
	s.do(taken, rival[0], "set") // which only the asker learns
	d.add(Fault{AtNs: heal, ForNs: end - heal, Kind: FaultCut, Nodes: rival})
	s.do(reads, asker, "get")
	s.also("get")
	for range 4 {
		s.do(reads+d.between(1, 8)*s.round/2, owner[0], "set")
	}
	c.LevelNs = max(c.LevelNs, end) // levelling would tell the owner
	s.until(end)
}
