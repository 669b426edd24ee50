package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// tortureRun is one run: load with faults, healing, judging.
type tortureRun struct {
	cmd      *tortureCmd
	scenario *tortureScenario
	cluster  *cluster
	dir      string
	started  time.Time
	harmful  bool // faults were asked for
	nemesis  *nemesis
	traffic  traffic
	stallNs  int64 // the longest time that this process did not get to run

	finalNs int64    // from then on the final reads were called
	broken  []string // what went wrong, other than a wrong answer
}

func (r *tortureRun) nowNs() int64 { return time.Since(r.started).Nanoseconds() }

// load runs the clients and the nemesis side by side. When it returns no node
// is down or paused by the nemesis, and no client operation is under way.
func (r *tortureRun) load(ctx context.Context, kinds []string) {
	ctx, cancel := context.WithTimeout(ctx, r.cmd.For)
	defer cancel()
	var all sync.WaitGroup
	for i := range r.cmd.Clients {
		all.Go(func() { r.traffic.client(ctx, int32(i)) })
	}
	all.Go(func() { r.stallNs = longestStall(ctx) })
	r.nemesis.run(ctx, kinds)
	all.Wait()
}

// heal waits for every node to serve and then lets all of them be used once more.
func (r *tortureRun) heal(ctx context.Context) {
	r.nemesis.lookForDead()
	ctx, cancel := context.WithTimeout(ctx, healBound)
	defer cancel()
	if err := r.cluster.waitReady(ctx); err != nil {
		r.broken = append(r.broken, fmt.Sprintf("after all faults had ended the cluster did not come back within %v: %v", healBound, err))
	}
	from, broken := r.traffic.finish(ctx)
	r.finalNs, r.broken = from, append(r.broken, broken...)
}

// keptLogs are the open log files of a cluster that writes to files.
type keptLogs []*os.File

// loggedCluster lays out a cluster on free ports whose nodes write their
// output to files in dir.
func loggedCluster(dir string, nodes int) (*cluster, keptLogs, error) {
	bin, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("find this program's own file: %w", err)
	}
	eps, err := freePorts(nodes)
	if err != nil {
		return nil, nil, err
	}
	var logs keptLogs
	for i := range nodes {
		f, err := os.OpenFile(logFile(dir, i+1), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			logs.close()
			return nil, nil, err
		}
		logs = append(logs, f)
	}
	c, err := newCluster(bin, dir, eps, func(id int) io.Writer {
		// Not the file itself: a node whose files may not grow must still be
		// able to say so.
		return struct{ io.Writer }{logs[id-1]}
	})
	return c, logs, err
}

func logFile(dir string, id int) string { return filepath.Join(dir, fmt.Sprintf("n%d.log", id)) }

// logFile is where a node of a logged cluster writes.
func (m *member) logFile() string { return logFile(filepath.Dir(m.dir), m.id) }

func (l keptLogs) close() {
	for _, f := range l {
		_ = f.Close()
	}
}
