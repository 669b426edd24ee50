package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// benchCmd holds measurements that a load generator for Redis cannot make.
// scripts/bench.sh runs them beside redis-benchmark.
type benchCmd struct {
	CPU       benchCPU       `cmd:"" name:"cpu" help:"Load clusters of one node and three: processor time per SET and GET."`
	Failover  benchFailover  `cmd:"" help:"Kill the owner of busy keys: the longest time without a successful write."`
	Memory    benchMemory    `cmd:"" help:"Fill a cluster: memory per node, and how long a restart takes."`
	Catchup   benchCatchup   `cmd:"" help:"Write while a node is away: how it comes level, and what that moves."`
	Blackhole benchBlackhole `cmd:"" help:"Cut a node off that owns nothing busy: what writers notice."`
}

// benchCluster starts a cluster on free ports in a fresh directory and calls f.
// Afterwards nothing of it is left, unless f failed: then its logs are.
func benchCluster(nodes int, f func(*cluster) error) error { return benchClusterWith(nodes, nil, f) }

// benchClusterWith is benchCluster with settings of the nodes.
func benchClusterWith(nodes int, flags []string, f func(*cluster) error) error {
	dir, err := os.MkdirTemp("", "quorate-bench-")
	if err != nil {
		return err
	}
	c, logs, err := loggedCluster(dir, nodes)
	if err != nil {
		return err
	}
	defer logs.close()
	defer c.stop(stopBound)
	for _, m := range c.members {
		m.flags = flags
		m.args = m.nodeArgs()
	}
	if err := c.start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), healBound)
	defer cancel()
	if err := c.waitReady(ctx); err != nil {
		return fmt.Errorf("%w (logs are in %s)", err, dir)
	}
	if err := f(c); err != nil {
		return fmt.Errorf("%w (logs are in %s)", err, dir)
	}
	c.stop(stopBound)
	return os.RemoveAll(dir)
}

// round cuts a duration to what a person reads.
func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
