package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// benchFailover measures what clients notice of a node's death: under steady
// writes the owner of all their keys is killed.
type benchFailover struct {
	Nodes   int  `default:"3" help:"How many nodes, 2 to 7." placeholder:"N"`
	Trials  int  `default:"5" help:"How often to kill an owner." placeholder:"N"`
	Clients int  `default:"8" help:"How many clients at the same time." placeholder:"N"`
	JSON    bool `name:"json" help:"Print one JSON object."`
}

const (
	// failoverLoad is how long clients write before and after the kill.
	failoverLoad = 2 * time.Second
	// failoverSettle is how long a cluster gets to spread ownership again.
	failoverSettle = 2 * time.Second
)

// Run measures and prints the gap of each trial and the median.
func (b *benchFailover) Run() error {
	if b.Nodes < 2 || b.Nodes > maxNodes || b.Trials < 1 || b.Clients < 1 || b.Clients > maxClients {
		return &exitError{exitUsage, fmt.Sprintf("--nodes 2 to %d, --trials 1 and up, --clients 1 to %d", maxNodes, maxClients)}
	}
	var gaps, syncs []time.Duration
	err := benchCluster(b.Nodes, func(c *cluster) error {
		for i := range b.Trials {
			gap, sync, err := b.trial(c)
			if err != nil {
				return fmt.Errorf("trial %d: %w", i+1, err)
			}
			gaps, syncs = append(gaps, gap), append(syncs, sync)
			if !b.JSON {
				fmt.Printf("trial %d   longest gap of a client without a successful write: %v (longest sync of the disk meanwhile: %v)\n",
					i+1, round(gap), round(sync))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	median := slices.Sorted(slices.Values(gaps))[(len(gaps)-1)/2]
	if b.JSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{
			"nodes": b.Nodes, "clients": b.Clients, "gaps_ns": gaps, "median_ns": median, "disk_sync_ns": syncs})
	}
	fmt.Printf("median    %v\n", round(median))
	return nil
}

// trial kills one owner under load, and brings it back.
func (b *benchFailover) trial(c *cluster) (gap, sync time.Duration, err error) {
	victim, keys, err := b.ownedKeys(c)
	if err != nil {
		return 0, 0, err
	}
	gap, sync, err = b.load(c, keys, victim)
	if err != nil {
		return 0, 0, err
	}
	if err := victim.start(); err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), healBound)
	defer cancel()
	if err := c.waitReady(ctx); err != nil {
		return 0, 0, err
	}
	time.Sleep(failoverSettle)
	return gap, sync, nil
}

// ownedKeys finds a key for each client, all owned by one node.
func (b *benchFailover) ownedKeys(c *cluster) (*member, []string, error) {
	const most = 10_000
	byOwner := map[int][]string{}
	for i := range most {
		key := fmt.Sprintf("failover/%d", i)
		if err := touch(c.members[0].resp, key); err != nil {
			return nil, nil, err
		}
		owner, err := ownerOf(context.Background(), c.members[0].http, key)
		if err != nil {
			return nil, nil, err
		}
		if owner < 1 || owner > len(c.members) {
			continue
		}
		byOwner[owner] = append(byOwner[owner], key)
		if keys := byOwner[owner]; len(keys) == b.Clients {
			return c.members[owner-1], keys, nil
		}
	}
	return nil, nil, fmt.Errorf("no node owns %d of %d keys", b.Clients, most)
}

// touch reads a key, so that its partition has an owner.
func touch(addr, key string) error {
	conn, err := dialRESP(addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.close()
	_, err = conn.do(5*time.Second, "GET", key)
	return err
}

// ownerOf asks a node who it believes to own a key; 0 if it does not know.
func ownerOf(ctx context.Context, addr, key string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/route?key="+url.QueryEscape(key), nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var route struct {
		Owner *int `json:"owner"`
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, err
	}
	if err := json.Unmarshal(body, &route); err != nil {
		return 0, fmt.Errorf("/route answered %q: %w", body, err)
	}
	if route.Owner == nil {
		return 0, errors.New("/route names no owner")
	}
	return *route.Owner, nil
}

// load writes from all clients, each to its own key, kills the victim halfway,
// and returns the longest gap of any client that did not end before, and the
// longest sync of the disk from then on.
func (b *benchFailover) load(c *cluster, keys []string, victim *member) (longest, sync time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*failoverLoad)
	defer cancel()
	started := time.Now()
	clock := func() int64 { return time.Since(started).Nanoseconds() }
	var all errgroup.Group
	writers := make([]*failoverWriter, len(keys))
	for i, key := range keys {
		w := &failoverWriter{loadClient{addrs: respAddrs(c), at: i % len(c.members), clock: clock}, key}
		writers[i] = w
		all.Go(func() error { w.run(ctx); return nil })
	}
	time.Sleep(failoverLoad)
	killedNs := clock()
	victim.kill()
	all.Go(func() error {
		sync, err = longestSync(ctx, filepath.Dir(victim.dir))
		return err
	})
	err = all.Wait()
	longest = longGapNs // shorter ones are not remembered
	for _, w := range writers {
		for _, g := range w.gap.long {
			if g.toNs > killedNs {
				longest = max(longest, time.Duration(g.toNs-g.fromNs))
			}
		}
	}
	return longest, sync, err
}

// longestSync writes and syncs a file of its own in dir until ctx ends, now and
// then: nothing that a node makes durable is faster than that.
func longestSync(ctx context.Context, dir string) (longest time.Duration, err error) {
	f, err := os.CreateTemp(dir, "sync-*.tmp")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close(); _ = os.Remove(f.Name()) }()
	for ctx.Err() == nil {
		began := time.Now()
		if _, err := f.WriteAt([]byte(began.String()), 0); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		longest = max(longest, time.Since(began))
		time.Sleep(10 * time.Millisecond)
	}
	return longest, nil
}

func respAddrs(c *cluster) []string {
	var addrs []string
	for _, m := range c.members {
		addrs = append(addrs, m.resp)
	}
	return addrs
}

// failoverWriter writes one key for ever. Unlike a torture client it records
// nothing and does not pause.
type failoverWriter struct {
	loadClient
	key string
}

func (w *failoverWriter) run(ctx context.Context) {
	w.gap.lastNs = w.clock()
	for n := 0; ctx.Err() == nil; n++ {
		if !w.arrive() {
			time.Sleep(thinkTime) // a refused connection costs nothing; do not spin
			continue
		}
		reply, err := w.conn.do(clientTimeout, "SET", w.key, fmt.Sprint(n))
		if err != nil || reply.kind == '-' {
			w.leave()
			continue
		}
		w.gap.success(w.clock())
	}
	w.gap.success(w.clock())
}
