package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// tortureCmd runs a cluster of real processes under load and real faults and
// judges what its clients saw. It ends only processes that it started.
type tortureCmd struct {
	Nodes   int           `default:"3" help:"How many nodes, 1 to 7." placeholder:"N"`
	For     time.Duration `default:"20s" help:"How long to load and harm the cluster."`
	Faults  string        `default:"kill,pause" help:"Which faults: a list of kill, pause; or none." placeholder:"LIST"`
	Clients int           `default:"10" help:"How many clients at the same time." placeholder:"N"`
	Seed    uint64        `help:"What operations and faults are drawn from; 0 picks one. Real processes do not repeat exactly." placeholder:"S"`
	JSON    bool          `name:"json" help:"Print one JSON object."`
	Out     string        `help:"Keep the data, logs and history here. Otherwise they are kept only after a violation." placeholder:"DIR"`
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
	kinds, err := t.validate()
	if err != nil {
		return &exitError{exitUsage, err.Error()}
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
	report, err := t.torture(ctx, dir, kinds)
	if err != nil {
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

func (t *tortureCmd) validate() (kinds []string, err error) {
	const shortest = time.Second
	switch {
	case t.Nodes < 1 || t.Nodes > maxNodes:
		return nil, fmt.Errorf("--nodes: %d is out of range: use 1 to %d", t.Nodes, maxNodes)
	case t.Clients < 1 || t.Clients > maxClients:
		return nil, fmt.Errorf("--clients: %d is out of range: use 1 to %d", t.Clients, maxClients)
	case t.For < shortest:
		return nil, fmt.Errorf("--for: %v is too short to mean anything: use %v or more", t.For, shortest)
	}
	return parseFaults(strings.ReplaceAll(t.Faults, " ", ""))
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
func (t *tortureCmd) torture(ctx context.Context, dir string, kinds []string) (*tortureReport, error) {
	c, logs, err := loggedCluster(dir, t.Nodes)
	if err != nil {
		return nil, err
	}
	defer logs.close()
	defer c.stop(stopBound)
	if err := c.start(); err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, healBound)
	defer cancel()
	if err := c.waitReady(bounded); err != nil {
		return nil, err
	}
	faultLog, err := os.Create(filepath.Join(dir, "faults.log"))
	if err != nil {
		return nil, err
	}
	defer faultLog.Close()
	run := &tortureRun{cmd: t, cluster: c, dir: dir, started: time.Now(), nemesis: &nemesis{
		cluster: c, rng: rand.New(rand.NewPCG(t.Seed, 0)), log: faultLog, done: map[string]int{}}}
	run.load(ctx, kinds)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("stopped before the end: no verdict")
	}
	run.heal(ctx)
	return run.judge(), nil
}
