package main

import (
	"fmt"
	"strings"
	"time"

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
}

// tortureSettings make a node do within seconds what else takes it hours, so
// that faults meet it: checkpoints, new segments, levelling, collecting. And they
// let the harness steer its clock.
var tortureSettings = []string{"--steered-clock", "--wal.segment=256KiB", "--wal.checkpoint=1MiB", "--timeouts.level=500ms"}

// The indexes of families.
const (
	famRegister = iota
	famCAS
	famCounter
	famKV
)

var evenMix = [10]int{famRegister, famRegister, famRegister, famRegister, famCAS, famCAS, famCounter, famCounter, famKV, famKV}

var tortureScenarios = []tortureScenario{
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
	{name: "idle", about: "hardly any operations: what the cluster does by itself", kinds: faultKinds, mix: evenMix, hotPercent: 50, think: 200 * time.Millisecond},
}

// findTortureScenario returns a scenario by name. The error lists the names.
func findTortureScenario(name string) (*tortureScenario, error) {
	var names []string
	for i := range tortureScenarios {
		if tortureScenarios[i].name == name {
			return &tortureScenarios[i], nil
		}
		names = append(names, tortureScenarios[i].name)
	}
	return nil, fmt.Errorf("--scenario: unknown scenario %q: use %s, or help", name, strings.Join(names, ", "))
}

func listTortureScenarios() {
	for _, s := range tortureScenarios {
		kinds := strings.Join(s.kinds, ",")
		if kinds == "" {
			kinds = "none"
		}
		fmt.Printf("%-12s %s (faults: %s)\n", s.name, s.about, kinds)
	}
}

// draw draws an operation without its key.
func (s *tortureScenario) draw(d *draw) (family int, op lin.Op) {
	family = s.mix[d.r.IntN(len(s.mix))]
	if d.r.IntN(100) < s.readPercent {
		return family, lin.Op{Kind: lin.Get}
	}
	return family, families[family].draw(d)
}
