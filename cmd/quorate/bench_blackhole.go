package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// benchBlackhole measures what writers notice of a node that is cut off: every
// key is owned by another node, so a majority needs nothing from it, and no
// write should wait for it.
type benchBlackhole struct {
	Nodes   int           `default:"3" help:"How many nodes, 3 to 7." placeholder:"N"`
	For     time.Duration `default:"5s" help:"How long to measure before, and during." placeholder:"D"`
	Clients int           `default:"8" help:"How many clients at the same time." placeholder:"N"`
	Style   string        `default:"swallowed" enum:"held,swallowed,refused" help:"How it is cut off: held (late), swallowed (lost), refused (reset)."`
	JSON    bool          `name:"json" help:"Print one JSON object."`
}

// latencies sums up the successful writes of one stretch of time.
type latencies struct {
	Writes  int   `json:"writes"`
	Failed  int   `json:"failed"`
	P50Ns   int64 `json:"p50_ns"`
	P99Ns   int64 `json:"p99_ns"`
	P999Ns  int64 `json:"p999_ns"`
	WorstNs int64 `json:"worst_ns"`
}

// blackholeStages are measured one after the other. The first second of the
// fault is apart: connections are still being noticed as dead.
type blackholeStages struct {
	Nodes   int       `json:"nodes"`
	Clients int       `json:"clients"`
	Victim  int       `json:"victim"`
	Before  latencies `json:"before"`
	Onset   latencies `json:"onset"`
	During  latencies `json:"during"`
	After   latencies `json:"after"`
}

const onset = time.Second

// Run measures and prints.
func (b *benchBlackhole) Run() error {
	if b.Nodes < 3 || b.Nodes > maxNodes || b.Clients < 1 || b.Clients > maxClients || b.For < time.Second {
		return &exitError{exitUsage, fmt.Sprintf("--nodes 3 to %d, --clients 1 to %d, --for 1s or more", maxNodes, maxClients)}
	}
	s, err := b.measure()
	if err != nil {
		return err
	}
	if b.JSON {
		return json.NewEncoder(os.Stdout).Encode(s)
	}
	fmt.Printf("node %d of %d is cut off (%s); %d clients write keys that others own\n", s.Victim, s.Nodes, b.Style, s.Clients)
	for _, stage := range []struct {
		name string
		l    latencies
	}{{"before", s.Before}, {"first second", s.Onset}, {"during", s.During}, {"after", s.After}} {
		us := func(ns int64) time.Duration { return time.Duration(ns).Round(10 * time.Microsecond) }
		fmt.Printf("%-13s %6d writes, %d failed   p50 %v   p99 %v   p99.9 %v   worst %v\n", stage.name, stage.l.Writes, stage.l.Failed,
			us(stage.l.P50Ns), us(stage.l.P99Ns), us(stage.l.P999Ns), us(stage.l.WorstNs))
	}
	return nil
}

func (b *benchBlackhole) measure() (*blackholeStages, error) {
	dir, err := os.MkdirTemp("", "quorate-bench-")
	if err != nil {
		return nil, err
	}
	c, logs, err := loggedCluster(dir, b.Nodes)
	if err != nil {
		return nil, err
	}
	defer logs.close()
	links, err := newMesh(c, nil, 1)
	if err != nil {
		return nil, err
	}
	defer links.close()
	defer c.stop(stopBound)
	s, err := b.stages(c, links)
	if err != nil {
		return nil, fmt.Errorf("%w (logs are in %s)", err, filepath.Clean(dir))
	}
	c.stop(stopBound)
	return s, os.RemoveAll(dir)
}

func (b *benchBlackhole) stages(c *cluster, links *mesh) (*blackholeStages, error) {
	if err := c.start(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), healBound)
	defer cancel()
	if err := c.waitReady(ctx); err != nil {
		return nil, err
	}
	victim := c.members[len(c.members)-1]
	keys, err := b.keysOfOthers(ctx, c, victim)
	if err != nil {
		return nil, err
	}
	s := &blackholeStages{Nodes: b.Nodes, Clients: b.Clients, Victim: victim.id}
	load := func(d time.Duration) latencies { return b.load(c.members[:len(c.members)-1], keys, d) }
	load(time.Second) // warm
	s.Before = load(b.For)
	style := cutStyles[slices.IndexFunc(cutStyles, func(s cutStyle) bool { return s.name == b.Style })]
	links.impose(cutting(style, at(victim.id)))
	s.Onset = load(onset)
	s.During = load(b.For)
	links.heal()
	s.After = load(b.For)
	return s, nil
}

// keysOfOthers finds a key for each client that the victim does not own. The
// victim holds a copy of it, where there are as many copies as nodes.
func (b *benchBlackhole) keysOfOthers(ctx context.Context, c *cluster, victim *member) ([]string, error) {
	const most = 10_000
	var keys []string
	for i := range most {
		key := fmt.Sprintf("blackhole/%d", i)
		if err := touch(c.members[0].resp, key); err != nil {
			return nil, err
		}
		owner, err := ownerOf(ctx, c.members[0].http, key)
		if err != nil {
			return nil, err
		}
		if owner != 0 && owner != victim.id {
			keys = append(keys, key)
		}
		if len(keys) == b.Clients {
			return keys, nil
		}
	}
	return nil, fmt.Errorf("node %d seems to own nearly all of %d keys", victim.id, most)
}

// load writes from all clients, each to its own key through its own node.
func (b *benchBlackhole) load(through []*member, keys []string, d time.Duration) latencies {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	var mu sync.Mutex
	var took []int64
	var sum latencies
	var all sync.WaitGroup
	for i, key := range keys {
		all.Go(func() {
			mine, failed := writeUntil(ctx, through[i%len(through)].resp, key)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
			sum.Failed += failed
		})
	}
	all.Wait()
	slices.Sort(took)
	at := func(perMille int) int64 {
		if len(took) == 0 {
			return 0
		}
		return took[min(len(took)*perMille/1000, len(took)-1)]
	}
	sum.Writes, sum.P50Ns, sum.P99Ns, sum.P999Ns, sum.WorstNs = len(took), at(500), at(990), at(999), at(1000)
	return sum
}

// writeUntil writes one key until ctx ends, a thought apart, and returns how
// long each success took, in nanoseconds. A failure costs a fresh connection.
func writeUntil(ctx context.Context, addr, key string) (took []int64, failed int) {
	const patience = 5 * time.Second // longer than anything that a write may wait for
	var conn *respConn
	for n := 0; ctx.Err() == nil; n++ {
		time.Sleep(thinkTime)
		if conn == nil {
			var err error
			if conn, err = dialRESP(addr, patience); err != nil {
				failed++
				continue
			}
		}
		begin := time.Now()
		reply, err := conn.do(patience, "SET", key, fmt.Sprint(n))
		if err != nil || reply.kind == '-' {
			failed++
			conn.close()
			conn = nil
			continue
		}
		took = append(took, time.Since(begin).Nanoseconds())
	}
	if conn != nil {
		conn.close()
	}
	return took, failed
}
