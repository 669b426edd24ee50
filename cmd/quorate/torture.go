package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// tortureCmd runs a cluster of real processes under load and real faults and
// judges what its clients saw. It ends only processes that it started.
type tortureCmd struct {
	Nodes    int           `default:"3" help:"How many nodes, 1 to 7." placeholder:"N"`
	For      time.Duration `default:"20s" help:"How long to load and harm the cluster."`
	Scenario string        `default:"default" help:"What clients do and which faults meet them; help lists the scenarios." placeholder:"NAME"`
	Faults   string        `help:"Which faults: a list of kill, pause, partition, flap, slow, lossy, disk-full, bit-rot, clock; or all, or none. Without it those of the scenario." placeholder:"LIST"`
	Clients  int           `default:"10" help:"How many clients at the same time." placeholder:"N"`
	Seed     uint64        `help:"What operations and faults are drawn from; 0 picks one. Real processes do not repeat exactly." placeholder:"S"`
	JSON     bool          `name:"json" help:"Print one JSON object."`
	Out      string        `help:"Keep the data, logs and history here. Otherwise they are kept only after a violation." placeholder:"DIR"`

	OwnMounts bool `hidden:"" help:"This process has a mount namespace of its own."`

	noSmallDisk string // why no node gets a disk that can be filled
}

// Bounds of a run.
const (
	maxClients = 256
	// healBound is how long a healed cluster may take to serve through every node.
	healBound = 30 * time.Second
	// judgeBound is how long the checker may search.
	judgeBound = 60 * time.Second
	// thinkTime is a client's pause between two operations.
	thinkTime = time.Millisecond
)

// Run runs the torture and prints what came of it.
func (t *tortureCmd) Run() error {
	if t.Scenario == "help" {
		listTortureScenarios()
		return nil
	}
	scenario, kinds, err := t.validate()
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	if slices.Contains(kinds, "disk-full") && !t.OwnMounts {
		if err := enterOwnMounts(append(os.Args, "--own-mounts")); err != nil { // else it does not return
			t.noSmallDisk = err.Error()
		}
	}
	if t.Seed == 0 {
		t.Seed = rand.Uint64()>>1 + 1
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	dir, err := t.directory()
	if err != nil {
		return err
	}
	report, err := t.torture(ctx, dir, scenario, kinds)
	switch {
	case err != nil && ctx.Err() != nil:
		return &exitError{exitInterrupted, fmt.Sprintf("stopped before the end: no verdict (logs are in %s)", dir)}
	case err != nil:
		return fmt.Errorf("%w (logs are in %s)", err, dir)
	}
	if t.Out == "" && report.Verdict != verdictViolation {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	} else {
		report.Kept = dir
	}
	report.print(os.Stdout, t.JSON)
	switch report.Verdict {
	case verdictViolation:
		return &exitError{code: exitFailed}
	case verdictUndecided, verdictVacuous:
		return &exitError{code: exitUndecided}
	}
	return nil
}

func (t *tortureCmd) validate() (scenario *tortureScenario, kinds []string, err error) {
	const shortest = time.Second
	switch {
	case t.Nodes < 1 || t.Nodes > maxNodes:
		return nil, nil, fmt.Errorf("--nodes: %d is out of range: use 1 to %d", t.Nodes, maxNodes)
	case t.Clients < 1 || t.Clients > maxClients:
		return nil, nil, fmt.Errorf("--clients: %d is out of range: use 1 to %d", t.Clients, maxClients)
	case t.For < shortest:
		return nil, nil, fmt.Errorf("--for: %v is too short to mean anything: use %v or more", t.For, shortest)
	}
	if scenario, err = findTortureScenario(t.Scenario); err != nil {
		return nil, nil, err
	}
	if t.Faults == "" {
		return scenario, possible(scenario.kinds, t.Nodes), nil
	}
	if kinds, err = parseFaults(strings.ReplaceAll(t.Faults, " ", ""), t.Nodes); err != nil || !scenario.buckets {
		return scenario, kinds, err
	}
	if t.Faults == "all" {
		kinds = possible(harmToBuckets, t.Nodes)
	}
	if slices.Contains(kinds, "clock") {
		return nil, nil, fmt.Errorf("--faults: no clock in scenario %s: other nodes refuse the writes of a clock that was far ahead until that time has come", t.Scenario)
	}
	return scenario, kinds, nil
}

// directory is where the run keeps its files: fresh, or the user's if empty.
func (t *tortureCmd) directory() (string, error) {
	if t.Out == "" {
		return os.MkdirTemp("", "quorate-torture-")
	}
	if entries, err := os.ReadDir(t.Out); err == nil && len(entries) > 0 {
		return "", &exitError{exitUsage, fmt.Sprintf("--out: %s is not empty: name a directory that is empty or does not exist", t.Out)}
	}
	return t.Out, os.MkdirAll(t.Out, 0o755)
}

// torture starts the cluster, harms it, heals it and judges it.
func (t *tortureCmd) torture(ctx context.Context, dir string, scenario *tortureScenario, kinds []string) (*tortureReport, error) {
	small := t.smallDisk(dir, kinds)
	if small != nil {
		defer func() {
			if err := small.close(); err != nil {
				fmt.Fprintln(os.Stderr, "quorate:", err)
			}
		}()
	}
	c, logs, err := loggedCluster(dir, t.Nodes)
	if err != nil {
		return nil, err
	}
	defer logs.close()
	run := &tortureRun{cmd: t, scenario: scenario, cluster: c, dir: dir, harmful: len(kinds) > 0}
	run.traffic = newTraffic(run)
	var links *mesh
	if t.Nodes > 1 && (scenario.zones || slices.ContainsFunc(kinds, func(k string) bool { return slices.Contains(networkKinds, k) })) {
		if links, err = newMesh(c, scenario.distances(c), t.Seed); err != nil {
			return nil, err
		}
		defer links.close()
	}
	defer c.stop(stopBound)
	for _, m := range c.members {
		m.flags = slices.Concat(tortureSettings, scenario.settings)
		m.args = m.nodeArgs()
	}
	if err := c.start(); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, healBound)
	defer cancel()
	if err := c.waitReady(bounded); err != nil {
		return nil, err
	}
	if err := run.traffic.prepare(bounded); err != nil {
		return nil, err
	}
	faultLog, err := os.Create(filepath.Join(dir, "faults.log"))
	if err != nil {
		return nil, err
	}
	defer faultLog.Close()
	run.started = time.Now()
	run.nemesis = &nemesis{cluster: c, mesh: links, small: small, scenario: scenario, seed: t.Seed, owner: run.traffic.owner, nowNs: run.nowNs, log: faultLog}
	run.load(ctx, kinds)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	run.heal(ctx)
	if ctx.Err() != nil { // a cluster that was not waited for has not failed to come back
		return nil, ctx.Err()
	}
	judged := make(chan *tortureReport, 1)
	go func() { judged <- run.judge() }()
	select {
	case report := <-judged:
		return report, nil
	case <-ctx.Done(): // the checker may take its minute
		return nil, ctx.Err()
	}
}

// smallDisk gives one node a disk that can be filled, if disks are to be full and
// the system lets this process make one; else it notes why not.
func (t *tortureCmd) smallDisk(dir string, kinds []string) *smallDisk {
	if !slices.Contains(kinds, "disk-full") || !t.OwnMounts {
		return nil
	}
	node := 1 + rand.New(rand.NewPCG(t.Seed, uint64(t.Nodes))).IntN(t.Nodes)
	small, err := newSmallDisk(dir, node)
	if err != nil {
		t.noSmallDisk = err.Error()
		return nil
	}
	return small
}
