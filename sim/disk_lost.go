package sim

import (
	"github.com/pingcap/failpoint"

	"github.com/quoratedb/quorate/actors/kv"
)

// loseDisks takes nodes down and their disks away. What comes back has an empty
// disk and so another store id, and the members refuse it: until it is made a
// new member, under another id, it is as good as down. The map is static here, so
// it stays out for the rest of the run.
//
// As many disks may go as leave a majority of every partition's replicas, in a
// run: beyond that nothing could be promised.
func (w *World) loseDisks(a *activeFault) bool {
	any := false
	w.each(a.nodes, func(n *node) {
		if n.wiped || w.lostDisks >= (w.cfg.N-1)/2 {
			return
		}
		any = true
		w.lostDisks++
		if n.up {
			n.crash(true)
			w.resetLinks(n)
		}
		n.wiped = true
		n.newDisk()
		w.cover.hit(DiskLost)
	})
	return any
}

// refused reports whether the members of the cluster refuse a node, because its
// store is not the one that they know under its id.
func (n *node) refused() bool {
	refused := n.wiped
	failpoint.Inject("bug-8-wiped-node-votes-again", func() { refused = false })
	return refused
}

// lostDisk lets a write reach two replicas only, the owner and one whose disk is
// lost right after it has acknowledged, and then stops the owner: who is left
// knows nothing of the write.
func (d *drawer) lostDisk(at int64) {
	c := &d.plan.Config
	if !d.losable || c.Disk.Sync != "always" || c.N < 3 || len(c.Buckets) > 0 {
		return
	}
	s := d.newStage(at/2, false)
	owner, lost, third := s.prefs[:1], s.prefs[1:2], s.prefs[2:3]
	gap := d.between(4, 12) * s.round
	s.do(s.atNs, owner[0], "get")
	from := s.atNs + 4*s.round
	d.add(Fault{AtNs: from, ForNs: gap, Kind: FaultSplit, Nodes: owner, To: s.prefs[2:]})
	for k := range int64(3) {
		s.do(from+k*s.round, owner[0], "set")
	}
	d.add(Fault{AtNs: from, ForNs: d.log(span64{1e6, 20e6}), Kind: FaultLostDisk, Nodes: lost,
		On: &Trigger{Event: "send", Message: "accepted", Nth: 1 + d.rng.IntN(3), DelayNs: d.log(span64{1e3, 2e6})}})
	stop := c.SuspectNs * d.between(15, 30) / 10
	d.add(Fault{AtNs: from + gap, ForNs: stop, Kind: []string{FaultPause, FaultCut, FaultKill}[d.rng.IntN(3)], Nodes: owner})
	for _, node := range []kv.NodeID{third[0], lost[0], third[0]} {
		s.do(from+gap+d.between(stop/2, stop), node, "get")
	}
	s.until(from + gap + stop)
}
