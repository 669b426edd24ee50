package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quoratedb/quorate/cmd/quorate/netfault"
	lin "github.com/quoratedb/quorate/linearizability"
)

// tortureScenario is what the clients do and which faults meet them. The names
// are those of the simulator's scenarios, which aim at the same things.
type tortureScenario struct {
	name, about string
	kinds       []string // faults unless --faults says otherwise
	favours     []string // faults that come more often, by name
	mix         [10]int  // of ten operations: index into families
	readPercent int      // this many operations are reads, whatever the family
	hotPercent  int      // this many go to the first hotKeys of their family
	think       time.Duration
	pipelined   int      // percent of the times when a client sends several operations at once
	zones       bool     // the nodes are in three zones, far apart
	settings    []string // of the nodes, over tortureSettings
	buckets     bool     // clients use buckets that are not strong, as the simulator's scenario draws them
	resizes     bool     // and their N changes
}

// tortureSettings make a node do within seconds what else takes it hours, so
// that faults meet it: checkpoints, new segments, levelling, collecting, anti-entropy. And they
// let the harness steer its clock.
var tortureSettings = []string{"--steered-clock", "--wal.segment=256KiB", "--wal.checkpoint=1MiB", "--timeouts.level=500ms",
	"--eventual.repair_every=300ms", "--eventual.repair_wait=100ms"}

// The indexes of families.
const (
	famRegister = iota
	famCAS
	famCounter
	famKV
)

var evenMix = [10]int{famRegister, famRegister, famRegister, famRegister, famCAS, famCAS, famCounter, famCounter, famKV, famKV}

var strongScenarios = []tortureScenario{
	{name: "default", about: "every kind of fault, mixed operations", kinds: faultKinds, mix: evenMix, hotPercent: 50, think: thinkTime},
	{name: "quiet", about: "no faults at all: only concurrency", mix: evenMix, hotPercent: 50, think: thinkTime},
	{name: "promises", about: "few keys, and owners that die, freeze or are cut off", kinds: []string{"kill", "pause", "partition", "flap"},
		favours: []string{"kill owner", "pause owner", "isolate owner", "kill one", "mute"}, mix: evenMix, hotPercent: 90, think: thinkTime},
	{name: "tombstones", about: "deletes, and faults around their collection", kinds: []string{"kill", "pause", "partition", "slow"},
		mix: [10]int{famKV, famKV, famKV, famKV, famKV, famKV, famKV, famKV, famRegister, famCAS}, hotPercent: 70, think: thinkTime},
	{name: "reads", about: "reads that race with writes while the owner is cut off or stopped", kinds: []string{"pause", "partition", "slow"},
		favours: []string{"pause owner", "isolate owner", "slow one"}, mix: evenMix, readPercent: 60, hotPercent: 80, think: thinkTime},
	{name: "durability", about: "deaths of many nodes at once, and full disks", kinds: []string{"kill", "disk-full"},
		favours: []string{"kill all", "kill some", "disk full"}, mix: evenMix, hotPercent: 50, think: thinkTime},
	{name: "decay", about: "disks that rot and fill up, on nodes that restart often", kinds: []string{"kill", "disk-full", "bit-rot"},
		favours: []string{"bit rot", "disk full", "rolling"}, mix: evenMix, hotPercent: 50, think: thinkTime},
	{name: "gray", about: "nothing is quite dead: slow nodes, flapping and one-way links, clocks that run wrong",
		kinds: []string{"pause", "partition", "flap", "slow", "lossy", "clock"}, favours: []string{"slow one", "flap", "mute", "deaf", "one link", "clock drift"},
		mix: evenMix, hotPercent: 70, think: thinkTime},
	{name: "impatient", about: "nodes that repeat themselves faster than answers can come", kinds: []string{"slow", "lossy", "pause"},
		favours: []string{"slow all", "slow one"}, mix: evenMix, hotPercent: 80, think: thinkTime, settings: []string{"--timeouts.resend=2ms"}},
	{name: "lazy", about: "nodes that sync after they have answered: a kill is no power loss, so nothing may be lost", kinds: []string{"kill", "pause", "partition"},
		favours: []string{"kill all", "kill some", "rolling"}, mix: evenMix, hotPercent: 50, think: thinkTime, settings: []string{"--wal.sync=interval=20ms"}},
	{name: "outages", about: "much of the cluster goes at once: blackouts, swizzles, rolling restarts", kinds: []string{"kill", "pause", "partition"},
		favours: []string{"kill all", "kill some", "rolling", "pause some", "swizzle", "all apart"}, mix: evenMix, hotPercent: 50, think: thinkTime},
	{name: "pipelines", about: "clients that send several operations at once, most of them to few keys", kinds: faultKinds,
		mix: evenMix, hotPercent: 90, think: thinkTime, pipelined: 65},
	{name: "sequences", about: "owners that are replaced while what they said is still under way", kinds: []string{"pause", "partition"},
		favours: []string{"late owner", "pause owner", "isolate owner", "mute"}, mix: evenMix, hotPercent: 90, think: thinkTime},
	{name: "claims", about: "nodes that take over from a silent owner and die meanwhile", kinds: []string{"kill", "partition"},
		favours: []string{"mute", "deaf", "kill owner", "kill one", "isolate owner"}, mix: evenMix, hotPercent: 90, think: thinkTime},
	{name: "wan", about: "three zones 5 to 15 ms apart, links that lose and flap", kinds: []string{"kill", "pause", "partition", "flap", "slow", "lossy"},
		favours: []string{"split", "flap", "lossy one", "slow one"}, mix: evenMix, hotPercent: 70, think: thinkTime, zones: true},
	{name: "idle", about: "hardly any operations: what the cluster does by itself", kinds: faultKinds, mix: evenMix, hotPercent: 50, think: 200 * time.Millisecond},
}

var tortureScenarios = slices.Concat(strongScenarios, bucketScenarios)

// findTortureScenario returns a scenario by name. The error lists the names.
func findTortureScenario(name string) (*tortureScenario, error) {
	var names []string
	for i := range tortureScenarios {
		if tortureScenarios[i].name == name {
			return &tortureScenarios[i], nil
		}
		names = append(names, tortureScenarios[i].name)
	}
	if why, ok := insideOnly[name]; ok {
		return nil, fmt.Errorf("--scenario: %s is for the simulator alone (quorate sim --scenario %s): %s", name, name, why)
	}
	return nil, fmt.Errorf("--scenario: unknown scenario %q: use %s, or help", name, strings.Join(names, ", "))
}

func listTortureScenarios() {
	for _, s := range tortureScenarios {
		kinds := strings.Join(s.kinds, ",")
		if kinds == "" {
			kinds = "none"
		}
		fmt.Printf("%-14s %s (faults: %s)\n", s.name, s.about, kinds)
	}
}

// distances are the links between the nodes when all is well; nil: all are good.
func (s *tortureScenario) distances(c *cluster) map[way]netfault.State {
	if !s.zones {
		return nil
	}
	return apart(c)
}

// draw draws an operation without its key.
func (s *tortureScenario) draw(d *draw) (family int, op lin.Op) {
	family = s.mix[d.r.IntN(len(s.mix))]
	if d.r.IntN(100) < s.readPercent {
		return family, lin.Op{Kind: lin.Get}
	}
	return family, families[family].draw(d)
}
