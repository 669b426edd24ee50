package sim

import (
	"slices"

	"github.com/quoratedb/quorate/actors/kv"
)

// script draws several faults that belong together: three that must come in
// order are too rare among faults drawn one by one.
func (d *drawer) script(kind string) {
	at := d.between(0, d.plan.Config.SafetyNs*7/10)
	key := d.rng.IntN(len(d.plan.Config.Keys))
	prefs := d.layout().Preference(partitionOf(d.layout(), &d.plan.Config.Keys[key]))
	switch kind {
	case "minority":
		d.minority(at, key, prefs)
	case "stale-owner":
		d.staleOwner(at, key, prefs)
	case "slow-touch":
		d.slowTouch(at)
	case "bad-fsync":
		d.badFsync(at)
	case "blackout":
		d.blackout(at)
	case "swizzle":
		d.swizzle(at)
	case "rolling":
		d.rolling(at)
	case "one-way":
		d.oneWay(at)
	case "stale-stamp":
		d.staleStamp(at, true)
	case "half-heal":
		d.staleStamp(at, false)
	case "late-forward":
		d.lateForward(at)
	case "late-answer":
		d.lateAnswer(at)
	case "echo":
		d.echo(at)
	case "missed-claim":
		d.missedClaim(at)
	case "early-answer":
		d.earlyAnswer(at)
	case "lost-disk":
		d.lostDisk(at)
	case "impatient":
		d.impatient()
	case "clock-back":
		d.clockBack(at)
	case "stand-ins":
		d.standIns(at)
	case "remake":
		d.remake(at)
	case "half-claim":
		d.halfClaim(at)
	case "dead-claim":
		d.deadClaim(at)
	case "overtaken":
		d.overtaken(at)
	default:
		panic("sim: unknown script " + kind)
	}
}

// scriptNames lists what script knows.
func scriptNames() []string {
	return []string{"minority", "stale-owner", "slow-touch", "bad-fsync", "blackout", "swizzle", "rolling", "one-way",
		"stale-stamp", "late-forward", "half-heal", "late-answer", "echo", "missed-claim", "early-answer", "lost-disk", "impatient",
		"clock-back", "stand-ins", "remake", "half-claim", "dead-claim", "overtaken"}
}

func (d *drawer) add(f Fault) { d.plan.Faults = append(d.plan.Faults, f) }

// minority lets a write reach some replicas only: the owner loses its way to the
// others, and right after its next accept it stops. Whoever takes over finds
// replicas that disagree.
func (d *drawer) minority(at int64, key int, prefs []kv.NodeID) {
	message := "accept"
	if d.plan.Config.Keys[key].Bucket != "" {
		message = "put"
	}
	owner := prefs[0]
	if d.ppm(200_000) {
		owner = prefs[d.rng.IntN(len(prefs))]
	}
	cut := d.log(span64{2e6, 100e6})
	reached := prefs[d.rng.IntN(len(prefs))]
	for _, p := range prefs {
		if p != owner && p != reached {
			d.add(Fault{AtNs: at, ForNs: cut, Kind: FaultSplit, Nodes: []kv.NodeID{owner}, To: []kv.NodeID{p}})
		}
	}
	stop := Fault{AtNs: at, ForNs: d.stopNs(), Kind: d.stopKind(), Nodes: []kv.NodeID{owner},
		On: &Trigger{Event: "send", Message: message, Nth: 1 + d.rng.IntN(3), DelayNs: d.log(span64{1e3, 8e6})}}
	d.add(stop)
	if d.ppm(400_000) { // and the one that has the value stops too, soon or late
		d.add(Fault{AtNs: at + d.log(span64{1e6, 300e6}), ForNs: d.stopNs(), Kind: d.stopKind(), Nodes: []kv.NodeID{reached}})
	}
}

// staleOwner stops an owner, or cuts it off, for long enough that another takes
// over, and lets it go on with what it believes. Clients write where the new
// owner is and then ask the old one.
func (d *drawer) staleOwner(at int64, key int, prefs []kv.NodeID) {
	kind := []string{FaultPause, FaultPause, FaultCut, FaultCut, FaultMute, FaultDeaf}[d.rng.IntN(6)]
	f := Fault{AtNs: at, ForNs: d.stopNs(), Kind: kind, Nodes: []kv.NodeID{prefs[0]}}
	if d.ppm(400_000) {
		f.On = &Trigger{Event: "send", Message: []string{"accept", "confirm", "touch", "prepare", "accepted"}[d.rng.IntN(5)],
			Nth: 1 + d.rng.IntN(6), DelayNs: d.log(span64{1e3, 2e6})}
	}
	d.add(f)
	if f.On != nil || len(prefs) < 3 || d.plan.Config.Keys[key].Counter {
		return
	}
	suspectNs := d.plan.Config.SuspectNs
	for range 2 + d.rng.IntN(3) {
		at += suspectNs + d.between(0, suspectNs/2)
		d.op(at, key, prefs[1+d.rng.IntN(len(prefs)-1)], "set")
		for range 2 {
			at += d.log(span64{500e3, 20e6})
			d.op(at, key, prefs[0], []string{"get", "cas", "getcas", "getcas"}[d.rng.IntN(4)])
		}
	}
}

// op adds an operation to those drawn before.
func (d *drawer) op(at int64, key int, node kv.NodeID, do string) {
	if d.plan.Config.Keys[key].Bucket != "" && (do == "cas" || do == "getcas") {
		do = "get"
	}
	op := ClientOp{AtNs: at, Client: d.rng.IntN(d.plan.Config.Clients), Node: node, Key: key, Do: do}
	switch do {
	case "set", "cas", "getcas":
		op.Value = int64(len(d.plan.Ops)) + 1
	}
	if do == "cas" || do == "getcas" {
		op.Expect = ExpectLatest
	}
	d.plan.Ops = append(d.plan.Ops, op)
}

// badFsync makes an fsync fail once and then takes the power away.
func (d *drawer) badFsync(at int64) {
	if !d.losable {
		return
	}
	n := []kv.NodeID{d.target()}
	d.add(Fault{AtNs: at, ForNs: 200e6, Kind: FaultSyncErr, Nodes: n, Value: 1})
	for range 2 {
		d.add(Fault{AtNs: at + d.log(span64{1e6, 200e6}), ForNs: d.duration(), Kind: FaultPower, Nodes: n})
	}
}

// blackout takes the power from every node, or from a majority, at once.
func (d *drawer) blackout(at int64) {
	if !d.losable {
		return
	}
	var all []kv.NodeID
	for i := range d.plan.Config.Nodes {
		all = append(all, kv.NodeID(i+1))
	}
	d.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if d.share(d.p.strength.majority) {
		all = all[:len(all)/2+1]
	}
	slices.Sort(all)
	d.add(Fault{AtNs: at, ForNs: d.log(span64{1e6, 100e6}), Kind: FaultPower, Nodes: all})
}

// swizzle cuts nodes off one after the other and lets them return in another
// order (FoundationDB's "swizzle-clog").
func (d *drawer) swizzle(at int64) {
	end := at + d.log(d.p.strength.swizzleNs)
	for _, i := range d.rng.Perm(d.plan.Config.Nodes)[:1+d.rng.IntN(d.plan.Config.Nodes)] {
		from := at + d.between(0, (end-at)/2)
		to := end + d.between(0, (end-at)/2)
		d.add(Fault{AtNs: from, ForNs: to - from, Kind: FaultCut, Nodes: []kv.NodeID{kv.NodeID(i + 1)}})
	}
}

// rolling restarts the nodes one after the other.
func (d *drawer) rolling(at int64) {
	down := d.log(d.p.strength.rollingNs)
	for _, i := range d.rng.Perm(d.plan.Config.Nodes) {
		d.add(Fault{AtNs: at, ForNs: down, Kind: FaultKill, Nodes: []kv.NodeID{kv.NodeID(i + 1)}})
		at += down + d.log(d.p.strength.rollingGap)
	}
}

// oneWay cuts one direction between two halves of the cluster: who still hears
// the others is not heard by them, so that both believe different things.
func (d *drawer) oneWay(at int64) {
	nodes := d.rng.Perm(d.plan.Config.Nodes)
	f := Fault{AtNs: at, ForNs: d.stopNs(), Kind: FaultSplit}
	for i, n := range nodes {
		if id := kv.NodeID(n + 1); i < 1+len(nodes)/3 {
			f.Nodes = append(f.Nodes, id)
		} else {
			f.To = append(f.To, id)
		}
	}
	if len(f.To) == 0 {
		return
	}
	slices.Sort(f.Nodes)
	slices.Sort(f.To)
	if d.ppm(500_000) {
		f.Nodes, f.To = f.To, f.Nodes
	}
	d.add(f)
}

// stopKind is a way to stop a node in its tracks.
func (d *drawer) stopKind() string {
	kinds := []string{FaultPause, FaultKill, FaultCut, FaultMute, FaultPower}
	if !d.losable {
		kinds = kinds[:4]
	}
	return kinds[d.rng.IntN(len(kinds))]
}

// stopNs is long enough for a takeover, mostly.
func (d *drawer) stopNs() int64 {
	s := d.plan.Config.SuspectNs
	return d.log(span64{s / 2, 4*s + 1})
}
