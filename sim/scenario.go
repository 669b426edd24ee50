package sim

import (
	"fmt"
	"slices"
	"strings"
)

// Scenario shapes what seeds draw.
type Scenario struct {
	Name  string
	About string
	p     profile
}

// weighted is a choice and how often it is made, relative to the others.
type weighted struct {
	name   string
	weight int
}

// span64 is a range, both ends included.
type span64 struct{ lo, hi int64 }

// profile is the ranges that a scenario draws from.
type profile struct {
	shapes      []shape
	partitions  []int
	keys        span64
	counterPPM  int64 // of the keys
	ops         span64
	opsPerKey   int64
	clients     span64
	safetyNs    span64
	mix         []weighted // of operations on registers
	faults      span64
	kinds       []weighted
	triggerPPM  int64 // of the faults, that wait for a protocol step
	triggers    []weighted
	lossPPM     int64 // at most
	dupPPM      int64 // at most
	levelNs     span64
	checkpoints span64 // mean time between two
	touchingPPM int64  // KeepTouching
	ownerPPM    int64  // of the faults: they strike the default owner of some key
	lazyPPM     int64  // sync policies other than always (no power loss then)
	slowSync    span64
	scripts     span64     // how many
	scriptKinds []weighted // several faults that belong together, see script.go
}

// shape is a number of nodes and of replicas.
type shape struct{ nodes, n, weight int }

var anyShape = []shape{{3, 3, 40}, {5, 3, 14}, {5, 5, 10}, {4, 4, 9}, {4, 3, 6}, {2, 2, 5}, {4, 2, 4}, {6, 4, 4}, {7, 3, 2}, {7, 5, 2}, {7, 7, 2}, {1, 1, 2}}

var anyOp = []weighted{{"get", 34}, {"set", 26}, {"cas", 12}, {"getcas", 12}, {"delete", 8}, {"getset", 4}, {"setnx", 5}, {"setxx", 3}, {"getdel", 3}, {"head", 2}}

var anyFault = []weighted{
	{FaultKill, 12}, {FaultPower, 12}, {FaultPause, 12}, {FaultCut, 12}, {FaultMute, 6}, {FaultDeaf, 6}, {FaultSplit, 8},
	{FaultLoss, 6}, {FaultDup, 5}, {FaultSlow, 5}, {FaultSlowDisk, 4}, {FaultWriteErr, 2}, {FaultSyncErr, 3},
	{FaultDiskFull, 2}, {FaultClock, 2}, {FaultDrift, 3}, {FaultRot, 4},
}

var anyTrigger = []weighted{
	{"send accept", 10}, {"handle accept", 10}, {"send accepted", 8}, {"handle accepted", 6}, {"send prepare", 6},
	{"handle prepare", 6}, {"send promises", 6}, {"send touch", 6}, {"send touched", 6}, {"handle touched", 4},
	{"send confirm", 4}, {"handle confirm", 3}, {"send forward", 4}, {"handle forward", 4}, {"send forwarded", 4},
	{"send collect", 4}, {"handle collect", 4}, {"sync", 8}, {"send hand-over", 3}, {"handle hand-over", 3},
	{"send digested", 2}, {"send read-versions", 2},
}

var swarm = profile{
	shapes: anyShape, partitions: []int{2, 4, 4, 8},
	keys: span64{1, 6}, counterPPM: 300_000, ops: span64{50, 260}, opsPerKey: 120, clients: span64{2, 8},
	safetyNs: span64{200e6, 1500e6}, mix: anyOp,
	faults: span64{1, 6}, kinds: anyFault, triggerPPM: 450_000, triggers: anyTrigger,
	lossPPM: 60_000, dupPPM: 60_000, levelNs: span64{30e6, 1500e6}, checkpoints: span64{50e6, 800e6},
	touchingPPM: 500_000, ownerPPM: 500_000, lazyPPM: 100_000, slowSync: span64{20e3, 4e6},
	scripts: span64{1, 5}, scriptKinds: anyScript,
}

var anyScript = []weighted{{"minority", 40}, {"stale-owner", 70}, {"slow-touch", 10}, {"bad-fsync", 8}, {"blackout", 8}, {"swizzle", 15}, {"rolling", 8}}

// with returns a copy of the swarm's profile, changed by f.
func with(f func(*profile)) profile {
	p := swarm
	f(&p)
	return p
}

// Scenarios lists what Draw knows, the default first.
func Scenarios() []Scenario { return slices.Clone(scenarios) }

var scenarios = []Scenario{
	{"default", "swarm: every kind of fault, any cluster shape, mixed operations", swarm},
	{"quiet", "no faults at all: only latencies and concurrency", with(func(p *profile) {
		p.faults, p.scripts, p.lossPPM, p.dupPPM, p.lazyPPM = span64{}, span64{}, 0, 0, 0
	})},
	{"promises", "few keys, crashes around claims and promises", with(func(p *profile) {
		p.shapes = []shape{{3, 3, 60}, {2, 2, 10}, {4, 4, 15}, {5, 5, 15}}
		p.partitions, p.keys, p.clients = []int{1, 2}, span64{1, 2}, span64{3, 8}
		p.faults, p.triggerPPM = span64{6, 16}, 800_000
		p.kinds = []weighted{{FaultPower, 40}, {FaultKill, 10}, {FaultCut, 15}, {FaultMute, 10}, {FaultSplit, 10}, {FaultPause, 15}}
		p.triggers = []weighted{{"send promises", 20}, {"handle promises", 10}, {"handle prepare", 15}, {"send touched", 15},
			{"handle touch", 10}, {"send accept", 15}, {"handle accept", 10}, {"send accepted", 10}, {"sync", 10}}
		p.ownerPPM, p.touchingPPM, p.slowSync = 300_000, 900_000, span64{200e3, 10e6}
	})},
	{"tombstones", "deletes, collected at once, and faults around the collection", with(func(p *profile) {
		p.shapes = []shape{{3, 3, 60}, {4, 4, 15}, {5, 5, 15}, {2, 2, 10}}
		p.partitions, p.keys, p.counterPPM = []int{1, 2}, span64{1, 3}, 0
		p.safetyNs, p.levelNs = span64{500e6, 2000e6}, span64{5e6, 60e6}
		p.mix = []weighted{{"get", 30}, {"set", 22}, {"delete", 30}, {"setnx", 8}, {"getdel", 6}, {"cas", 4}}
		p.faults, p.triggerPPM = span64{4, 14}, 700_000
		p.kinds = []weighted{{FaultPower, 20}, {FaultKill, 10}, {FaultCut, 15}, {FaultMute, 10}, {FaultDeaf, 10}, {FaultSplit, 15}, {FaultPause, 15}, {FaultSlow, 15}}
		p.triggers = []weighted{{"send collect", 25}, {"handle collect", 20}, {"send accept", 15}, {"handle accept", 10},
			{"send accepted", 10}, {"send versions", 8}, {"sync", 8}, {"send touched", 6}}
	})},
	{"reads", "reads that race with writes while the owner is cut off or stopped", with(func(p *profile) {
		p.partitions, p.keys, p.counterPPM = []int{1, 2, 4}, span64{1, 3}, 100_000
		p.mix = []weighted{{"get", 60}, {"set", 25}, {"cas", 10}, {"delete", 5}}
		p.clients, p.ops, p.opsPerKey = span64{4, 8}, span64{80, 240}, 160
		p.faults, p.triggerPPM, p.ownerPPM, p.touchingPPM = span64{3, 12}, 700_000, 900_000, 800_000
		p.scripts = span64{1, 5}
		p.scriptKinds = []weighted{{"minority", 30}, {"stale-owner", 40}, {"slow-touch", 30}}
		p.kinds = []weighted{{FaultCut, 25}, {FaultPause, 25}, {FaultMute, 12}, {FaultDeaf, 12}, {FaultSplit, 12}, {FaultSlow, 14}}
		p.triggers = []weighted{{"send accept", 25}, {"handle accepted", 10}, {"send confirm", 20}, {"handle confirm", 10},
			{"handle accept", 15}, {"send confirmed", 10}, {"send touch", 10}}
	})},
	{"durability", "power loss of many nodes at once, torn logs, errors of disks", with(func(p *profile) {
		p.faults, p.triggerPPM, p.lazyPPM = span64{3, 12}, 600_000, 0
		p.kinds = []weighted{{FaultPower, 50}, {FaultKill, 10}, {FaultSyncErr, 8}, {FaultWriteErr, 6}, {FaultDiskFull, 6}, {FaultRot, 15}}
		p.triggers = []weighted{{"sync", 30}, {"send accepted", 25}, {"handle accept", 15}, {"send promises", 10}, {"send touched", 10}, {"handle accepted", 10}}
		p.slowSync, p.checkpoints = span64{500e3, 10e6}, span64{20e6, 200e6}
		p.scripts, p.scriptKinds = span64{1, 4}, []weighted{{"bad-fsync", 30}, {"blackout", 40}, {"minority", 20}, {"rolling", 10}}
	})},
	{"sequences", "faults that do harm in one order only", with(func(p *profile) {
		p.shapes = []shape{{3, 3, 80}, {5, 3, 20}}
		p.ops, p.faults, p.safetyNs, p.lazyPPM = span64{20, 80}, span64{}, span64{200e6, 400e6}, 0
		p.scripts = span64{1, 1}
		p.scriptKinds = []weighted{{"stale-stamp", 35}, {"late-forward", 30}, {"late-answer", 35}}
	})},
	{"impatient", "shards that repeat themselves faster than answers can come", with(func(p *profile) {
		p.scripts, p.scriptKinds = span64{1, 1}, []weighted{{"impatient", 1}}
	})},
	{"idle", "hardly any operations: what the cluster does by itself", with(func(p *profile) {
		p.ops, p.faults, p.scripts, p.safetyNs = span64{2, 6}, span64{}, span64{}, span64{5000e6, 5000e6}
		p.lossPPM, p.dupPPM = 0, 0
	})},
}

// FindScenario returns a scenario by name. The error lists the names.
func FindScenario(name string) (*Scenario, error) {
	names := make([]string, len(scenarios))
	for i, s := range scenarios {
		if s.Name == name {
			return &s, nil
		}
		names[i] = s.Name
	}
	return nil, fmt.Errorf("unknown scenario %q: use %s", name, strings.Join(names, ", "))
}
