package sim

import (
	"slices"
	"strings"

	"github.com/quoratedb/quorate/actors/kv"
)

// faults draws the list of faults. Each seed has its own menu of kinds, so that
// some seeds show what others hide (Groce et al., "Swarm Testing", ISSTA 2012).
func (d *drawer) faults() {
	for range d.in(d.p.scripts) {
		d.script(d.pick(d.p.scriptKinds))
	}
	n := d.in(d.p.faults)
	menu := d.menu()
	if len(menu) == 0 {
		return
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

// menu draws the kinds of fault of the seed. It is empty only if the seed may have
// none of those that the scenario names: another kind would be nobody's wish.
func (d *drawer) menu() []weighted {
	var allowed, menu []weighted
	for _, k := range d.p.kinds {
		if losesPower(k.name) && !d.losable || decays(k.name) && d.plan.Config.Disk.Sync != "always" {
			continue
		}
		allowed = append(allowed, k)
		if !d.p.swarmKinds || d.ppm(500_000) {
			menu = append(menu, k)
		}
	}
	if len(menu) == 0 && len(allowed) > 0 { // one at least: leaving all out is what number: 0 is for
		menu = []weighted{{d.pick(allowed), 1}}
	}
	return menu
}

// losesPower reports whether a kind of fault takes what is not synced.
func losesPower(kind string) bool {
	return kind == FaultPower || kind == FaultRot || kind == FaultLostDisk
}

// decays reports whether a kind of fault damages what is on disk: a log that was
// never synced can't tell that from a torn write.
func decays(kind string) bool {
	return kind == FaultRot || kind == FaultColdRot || kind == FaultMisdirected
}

func (d *drawer) fault(kind string) Fault {
	c := &d.plan.Config
	f := Fault{Kind: kind, AtNs: d.between(0, c.SafetyNs*8/10), ForNs: d.duration()}
	f.Nodes = []kv.NodeID{d.target()}
	f.Value = d.strength(kind)
	if kind == FaultSplit || kind == FaultFlap && d.ppm(500_000) {
		f.To = []kv.NodeID{kv.NodeID(d.rng.IntN(c.Nodes) + 1)}
		return f
	}
	if d.share(d.p.triggered) {
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

// strength draws the value of a fault.
func (d *drawer) strength(kind string) int64 {
	s := &d.p.strength
	switch kind {
	case FaultLoss:
		return d.in(s.loss)
	case FaultDup:
		return d.in(s.dup)
	case FaultRot:
		return d.log(s.rotBits)
	case FaultColdRot:
		return d.log(s.coldBits)
	case FaultMisdirected:
		return d.log(s.misdirected)
	case FaultSyncErr:
		return d.in(s.syncErrors)
	case FaultSlow:
		return d.log(s.slowNs)
	case FaultSlowDisk:
		return d.log(s.slowDiskNs)
	case FaultSlowNode:
		return d.log(s.slowNode)
	case FaultFlap:
		return d.log(s.flapNs)
	case FaultClock:
		return d.in(s.jumpMs)
	case FaultDrift:
		return d.in(s.rate)
	}
	return 0
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
func (d *drawer) duration() int64 { return d.log(d.p.faultNs) }

// target draws a node, often the default owner of a key.
func (d *drawer) target() kv.NodeID {
	c := &d.plan.Config
	if d.share(d.p.atOwner) {
		r := d.layout()
		return r.Preference(partitionOf(r, &c.Keys[d.rng.IntN(len(c.Keys))]))[0]
	}
	return kv.NodeID(d.rng.IntN(c.Nodes) + 1)
}
