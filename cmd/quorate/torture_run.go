package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	lin "github.com/quoratedb/quorate/linearizability"
)

// tortureRun is one run: load with faults, healing, judging.
type tortureRun struct {
	cmd     *tortureCmd
	cluster *cluster
	dir     string
	started time.Time
	harmful bool // faults were asked for
	nemesis *nemesis
	space   *keyspace
	clients []*loadClient
	stallNs int64 // the longest time that this process did not get to run

	healedNs int64    // when everything had healed; the final reads come after it
	broken   []string // what went wrong, other than a wrong answer
}

func (r *tortureRun) nowNs() int64 { return time.Since(r.started).Nanoseconds() }

// load runs the clients and the nemesis side by side. When it returns no node
// is down or paused by the nemesis, and no client operation is under way.
func (r *tortureRun) load(ctx context.Context, kinds []string) {
	ctx, cancel := context.WithTimeout(ctx, r.cmd.For)
	defer cancel()
	var all sync.WaitGroup
	for i := range r.cmd.Clients {
		c := r.client(int32(i), r.space)
		r.clients = append(r.clients, c)
		all.Add(1)
		go func() {
			defer all.Done()
			c.run(ctx, r.space.scenario.think)
		}()
	}
	all.Go(func() { r.stallNs = longestStall(ctx) })
	r.nemesis.run(ctx, kinds)
	all.Wait()
}

func (r *tortureRun) client(id int32, space *keyspace) *loadClient {
	var addrs []string
	for _, m := range r.cluster.members {
		addrs = append(addrs, m.resp)
	}
	return &loadClient{draw: newDraw(r.cmd.Seed, id, space), addrs: addrs, at: int(id) % len(addrs), clock: r.nowNs}
}

// heal waits for every node to serve and then reads every key through every node.
func (r *tortureRun) heal(ctx context.Context) {
	r.nemesis.lookForDead()
	ctx, cancel := context.WithTimeout(ctx, healBound)
	defer cancel()
	if err := r.cluster.waitReady(ctx); err != nil {
		r.broken = append(r.broken, fmt.Sprintf("after all faults had ended the cluster did not come back within %v: %v", healBound, err))
	}
	r.healedNs = r.nowNs()
	keys := r.keys()
	var all sync.WaitGroup
	unread := make([]string, len(r.cluster.members)) // the first key that a node did not tell
	for i := range r.cluster.members {
		reader := r.client(int32(len(r.clients)), nil)
		reader.addrs, reader.at = reader.addrs[i:i+1], 0 // it stays with its node
		r.clients = append(r.clients, reader)
		all.Go(func() {
			for _, key := range keys {
				if !readFinally(ctx, reader, key) {
					unread[i] = key
					return
				}
			}
		})
	}
	all.Wait()
	for i, key := range unread {
		if key != "" {
			r.broken = append(r.broken, fmt.Sprintf("after all faults had ended key %q could not be read at node %d within %v", key, i+1, healBound))
		}
	}
}

// readFinally reads a key until it gets an answer.
func readFinally(ctx context.Context, c *loadClient, key string) bool {
	for ctx.Err() == nil {
		if c.connect() && c.do([]lin.Op{{Kind: lin.Get, Key: key, Client: c.client}})[0].Outcome == lin.OK {
			return true
		}
		time.Sleep(thinkTime)
	}
	return false
}

// keys lists every key that was used, in order.
func (r *tortureRun) keys() []string {
	seen := map[string]bool{}
	for _, c := range r.clients {
		for _, op := range c.rec.History() {
			seen[op.Key] = true
		}
	}
	var keys []string
	for k := range seen {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// busyOwner asks a node who owns a key that clients meet at; 0 if it does not say.
func (r *tortureRun) busyOwner(ctx context.Context, pick *rand.Rand) int {
	const bound = 200 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	owner, err := ownerOf(ctx, r.cluster.members[pick.IntN(len(r.cluster.members))].http, r.space.busy(pick))
	if err != nil {
		return 0 // it is down, or cut off itself
	}
	return owner
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
