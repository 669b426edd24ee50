package sim

import (
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// activeFault is a fault under way.
type activeFault struct {
	fault   *Fault
	nodes   uint32 // bit mask of indexes
	stopped bool
	cut     bool // flap: the links are cut
	flips   int  // flap: how often they have changed
}

// armedFault waits for its trigger.
type armedFault struct {
	index int
	hits  int
}

// faultKind says how a fault begins and ends. Ends undo begins exactly, so that
// faults may overlap.
type faultKind struct {
	start func(w *World, a *activeFault) bool // false: there was nothing to do
	stop  func(w *World, a *activeFault)
}

// immutable: the functions keep nothing from one call to the next
var faults = map[string]faultKind{
	FaultKill:     {func(w *World, a *activeFault) bool { return w.crashAll(a.nodes, false) }, (*World).restartAll},
	FaultPower:    {func(w *World, a *activeFault) bool { return w.crashAll(a.nodes, true) }, (*World).restartAll},
	FaultLostDisk: {(*World).loseDisks, (*World).restartAll},
	FaultRot:      {(*World).rotAll, (*World).restartAll},
	FaultPause:    {(*World).pauseAll, (*World).resumed},
	FaultCut:      onLinks(func(l *link, _ *Fault, sign int64) { l.cut += int(sign) }, outward, inward),
	FaultMute:     onLinks(func(l *link, _ *Fault, sign int64) { l.cut += int(sign) }, outward),
	FaultDeaf:     onLinks(func(l *link, _ *Fault, sign int64) { l.cut += int(sign) }, inward),
	FaultSplit:    onLinks(func(l *link, _ *Fault, sign int64) { l.cut += int(sign) }, across),
	FaultLoss:     onLinks(func(l *link, f *Fault, sign int64) { l.lossPPM += sign * f.Value }, outward, inward),
	FaultDup:      onLinks(func(l *link, f *Fault, sign int64) { l.dupPPM += sign * f.Value }, outward, inward),
	FaultSlow:     onLinks(func(l *link, f *Fault, sign int64) { l.slowNs += sign * f.Value }, outward, inward),
	FaultSlowIn:   onLinks(func(l *link, f *Fault, sign int64) { l.slowNs += sign * f.Value }, inward),
	FaultFlap:     {func(w *World, a *activeFault) bool { w.flap(a); return true }, (*World).unflap},

	FaultSlowDisk: onNodes(func(n *node, f *Fault, sign int64) { n.slowDiskNs += sign * f.Value }),
	FaultWriteErr: onNodes(func(n *node, _ *Fault, sign int64) { n.disk.failWrites = sign > 0 }),
	FaultSyncErr:  onNodes(func(n *node, f *Fault, sign int64) { n.disk.failSyncs = int(max(f.Value*sign, 0)) }),
	FaultDiskFull: onNodes(func(n *node, _ *Fault, sign int64) { n.disk.full = sign > 0 }),
	FaultSlowNode: onNodes(func(n *node, f *Fault, sign int64) { n.slowMilli += sign * f.Value }),
	FaultColdRot: onNodes(func(n *node, f *Fault, sign int64) {
		if sign > 0 {
			roll := n.roll()
			n.disk.rotCold(&roll, f.Value)
		}
	}),
	FaultMisdirected: onNodes(func(n *node, f *Fault, sign int64) { n.disk.misdirect = max(f.Value*sign, 0) }),
	FaultClock:       onNodes(func(n *node, f *Fault, sign int64) { n.clockJumps(sign * f.Value) }),
	FaultDrift: onNodes(func(n *node, f *Fault, sign int64) {
		rate := f.Value
		if sign < 0 {
			rate = 1000
		}
		n.clock.setRate(n.w.nowNs, max(rate, 100))
		n.clockChanged()
	}),
}

// Directions of links, as seen from the nodes of a fault.
func outward(w *World, a *activeFault) (from, to uint32) { return a.nodes, ^a.nodes }
func inward(w *World, a *activeFault) (from, to uint32)  { return ^a.nodes, a.nodes }
func across(w *World, a *activeFault) (from, to uint32)  { return a.nodes, maskOf(a.fault.To) }
func back(w *World, a *activeFault) (from, to uint32)    { return maskOf(a.fault.To), a.nodes }

func onLinks(f func(*link, *Fault, int64), directions ...func(*World, *activeFault) (uint32, uint32)) faultKind {
	apply := func(w *World, a *activeFault, sign int64) {
		for _, d := range directions {
			from, to := d(w, a)
			w.net.between(from, to, func(l *link) { f(l, a.fault, sign) })
		}
	}
	return faultKind{
		start: func(w *World, a *activeFault) bool { apply(w, a, +1); return true },
		stop:  func(w *World, a *activeFault) { apply(w, a, -1) },
	}
}

func onNodes(f func(*node, *Fault, int64)) faultKind {
	apply := func(w *World, a *activeFault, sign int64) {
		w.each(a.nodes, func(n *node) { f(n, a.fault, sign) })
	}
	return faultKind{
		start: func(w *World, a *activeFault) bool { apply(w, a, +1); return true },
		stop:  func(w *World, a *activeFault) { apply(w, a, -1) },
	}
}

// flap cuts links for Value ns, lets them work for as long, and so on, until the
// fault stops.
func (w *World) flap(a *activeFault) {
	a.cut = !a.cut
	step := int64(1)
	if !a.cut {
		step = -1
	}
	directions := []func(*World, *activeFault) (uint32, uint32){outward, inward}
	if len(a.fault.To) > 0 {
		directions = []func(*World, *activeFault) (uint32, uint32){across, back}
	}
	for _, d := range directions {
		from, to := d(w, a)
		w.net.between(from, to, func(l *link) { l.cut += int(step) })
	}
	a.flips++
}

func (w *World) unflap(a *activeFault) {
	if a.cut {
		w.flap(a)
	}
	if a.flips > 2 {
		w.cover.hit(Flapped)
	}
}

// flapsOn is the moment at which flapping links change again.
func (w *World) flapsOn(i int) {
	a := &w.active[i]
	if a.stopped {
		return
	}
	w.flap(a)
	w.q.push(w.nowNs+max(a.fault.Value, 1000), event{kind: evFlap, arg: uint64(i)})
}

func maskOf(nodes []kv.NodeID) uint32 {
	m := uint32(0)
	for _, n := range nodes {
		m |= 1 << (n - 1)
	}
	return m
}

func (w *World) each(nodes uint32, f func(*node)) {
	for i, n := range w.nodes {
		if nodes>>i&1 != 0 {
			f(n)
		}
	}
}

// schedule puts a fault into the queue, or arms it.
func (w *World) schedule(i int) {
	f := &w.plan.Faults[i]
	if f.Kind == FaultColdRot || f.Kind == FaultMisdirected {
		for _, n := range w.nodes {
			n.disk.watch = true
		}
	}
	if f.On != nil {
		w.armed = append(w.armed, armedFault{index: i})
		return
	}
	w.q.push(f.AtNs, event{kind: evFaultStart, arg: uint64(i)})
}

// trigger fires the faults that wait for a step of the protocol: node did
// something with a message from or to peer (-1: no peer).
func (w *World) trigger(what string, env *actors.Envelope, node, peer int) {
	for k := range w.armed {
		a := &w.armed[k]
		f := &w.plan.Faults[a.index]
		if a.hits < 0 || w.nowNs < f.AtNs || f.On.Event != what {
			continue
		}
		if len(f.Nodes) > 0 && maskOf(f.Nodes)>>node&1 == 0 {
			continue
		}
		if f.On.Message != "" && (env == nil || env.Message.MessageName() != f.On.Message) {
			continue
		}
		if a.hits++; a.hits < f.On.Nth {
			continue
		}
		a.hits = -1
		struck := node
		if f.On.Peer && peer >= 0 && peer < len(w.nodes) {
			struck = peer
		}
		w.q.push(w.nowNs+f.On.DelayNs, event{kind: evFaultStart, node: uint8(struck + 1), arg: uint64(a.index)})
	}
}

func (w *World) faultStarts(i, struck int) {
	if w.phase != safety {
		return
	}
	f := &w.plan.Faults[i]
	a := activeFault{fault: f, nodes: maskOf(f.Nodes)}
	if struck >= 0 {
		a.nodes = 1 << struck
	}
	if !faults[f.Kind].start(w, &a) {
		return
	}
	w.started++
	w.trace.note(w, 0, "fault %s of nodes %b begins", f.Kind, a.nodes)
	w.trace.rec.fault(&a, true)
	w.active = append(w.active, a)
	w.q.push(w.nowNs+f.ForNs, event{kind: evFaultStop, arg: uint64(len(w.active) - 1)})
	if f.Kind == FaultFlap {
		w.q.push(w.nowNs+max(f.Value, 1000), event{kind: evFlap, arg: uint64(len(w.active) - 1)})
	}
}

func (w *World) faultStops(i int) {
	a := &w.active[i]
	if a.stopped {
		return
	}
	a.stopped = true
	w.trace.note(w, 0, "fault %s of nodes %b ends", a.fault.Kind, a.nodes)
	w.trace.rec.fault(a, false)
	faults[a.fault.Kind].stop(w, a)
}

func (w *World) crashAll(nodes uint32, power bool) bool {
	any := false
	w.each(nodes, func(n *node) {
		if n.up {
			any = true
			n.crash(power)
			w.resetLinks(n)
		}
	})
	up := 0
	for _, n := range w.nodes {
		if n.up {
			up++
		}
	}
	if up == 0 {
		w.cover.hit(AllDown)
	}
	return any
}

// resetLinks lets some peers notice a crash at once, as a reset TCP connection does.
func (w *World) resetLinks(n *node) {
	for _, peer := range w.nodes {
		if peer != n && peer.up {
			roll := n.roll()
			if roll.ppm(w.cfg.Network.Reset) {
				w.linkDown(peer, n.id, w.cfg.Network.MinNs+roll.below(2_000_000))
			}
		}
	}
}

// refused tells the sender of a message that nobody listens there, sometimes.
func (w *World) refused(e *event) {
	from := int(e.env.From.Node) - 1
	if from < 0 || from == int(e.node) || e.env.From.Kind == actors.Client || !w.nodes[from].up {
		return
	}
	roll := w.nodes[from].roll()
	if roll.ppm(w.cfg.Network.Reset / 4) {
		w.linkDown(w.nodes[from], kv.NodeID(e.node+1), w.cfg.Network.MinNs)
	}
}

func (w *World) linkDown(n *node, peer kv.NodeID, afterNs int64) {
	self := actors.Address{Node: n.id, Kind: actors.Detector}
	env := actors.Envelope{Message: &msg.LinkDown{Node: peer}, From: self, To: self}
	w.q.push(w.nowNs+afterNs, event{kind: evDeliver, node: uint8(n.idx), env: env, arg: uint64(peer)})
}

func (w *World) restartAll(a *activeFault) {
	w.each(a.nodes, func(n *node) {
		if !n.up {
			w.q.push(w.nowNs, event{kind: evRestart, node: uint8(n.idx)})
		}
	})
}

func (w *World) pauseAll(a *activeFault) bool {
	any := false
	w.each(a.nodes, func(n *node) {
		if n.up {
			any = true
			n.pausedUntilNs = max(n.pausedUntilNs, w.nowNs+a.fault.ForNs)
		}
	})
	return any
}

// resumed looks whether a node was replaced while it was paused.
func (w *World) resumed(a *activeFault) {
	w.each(a.nodes, func(n *node) {
		if n.up && w.oracle.replaced(n.id) {
			w.cover.hit(PausedOwnerReturned)
		}
	})
}

// rotAll takes nodes down and damages their disks before they come back.
func (w *World) rotAll(a *activeFault) bool {
	any := w.crashAll(a.nodes, true)
	w.each(a.nodes, func(n *node) {
		if !n.up {
			roll := dice(mix(mix(w.plan.Seed, streamDisk), ^(uint64(n.idx)<<32 | uint64(n.life))))
			n.disk.rot(&roll, a.fault.Value)
		}
	})
	return any
}
