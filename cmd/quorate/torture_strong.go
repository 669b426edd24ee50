package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	lin "github.com/quoratedb/quorate/linearizability"
)

// strongTraffic is operations on strong keys over the Redis door.
type strongTraffic struct {
	cluster *cluster
	seed    uint64
	clock   func() int64
	space   *keyspace
	clients []*loadClient // those of the load, then one for each node's final operations
}

func newStrongTraffic(r *tortureRun) *strongTraffic {
	s := &strongTraffic{cluster: r.cluster, seed: r.cmd.Seed, clock: r.nowNs, space: newKeyspace(r.scenario)}
	for range r.cmd.Clients {
		s.add(s.space)
	}
	return s
}

// add makes another client, which draws its keys from space.
func (s *strongTraffic) add(space *keyspace) *loadClient {
	id := int32(len(s.clients))
	var addrs []string
	for _, m := range s.cluster.members {
		addrs = append(addrs, m.resp)
	}
	c := &loadClient{draw: newDraw(s.seed, id, space), addrs: addrs, at: int(id) % len(addrs), clock: s.clock}
	s.clients = append(s.clients, c)
	return c
}

func (s *strongTraffic) prepare(context.Context) error { return nil }

func (s *strongTraffic) client(ctx context.Context, id int32) {
	c := s.clients[id]
	travel(ctx, c, &c.gap, c.clock, c.r, s.space.scenario.think)
	c.leave()
}

// finish asks each node alone to write, and then reads every key through every node.
func (s *strongTraffic) finish(ctx context.Context) (finalFromNs int64, broken []string) {
	var patient []*loadClient // one for each node, with which it stays
	for i := range s.cluster.members {
		c := s.add(s.space)
		c.addrs, c.at = c.addrs[i:i+1], 0
		patient = append(patient, c)
	}
	inUse := make([]string, families[famRegister].keys)
	for n := range inUse {
		inUse[n] = keyName(famRegister, n, s.space.uses[famRegister][n].Load())
	}
	fails := func(at int, what, key string) {
		if key != "" {
			broken = append(broken, fmt.Sprintf("after all faults had ended key %q could not be %s at node %d within %v", key, what, at+1, healBound))
		}
	}
	for i, c := range patient {
		fails(i, "written", c.finally(ctx, inUse, func() lin.Op { return lin.Op{Kind: lin.Set, Value: c.value()} }))
	}
	finalFromNs = s.clock()
	keys := s.keys()
	var all sync.WaitGroup
	unread := make([]string, len(patient))
	for i, c := range patient {
		all.Go(func() { unread[i] = c.finally(ctx, keys, func() lin.Op { return lin.Op{Kind: lin.Get} }) })
	}
	all.Wait()
	for i, key := range unread {
		fails(i, "read", key)
	}
	return finalFromNs, broken
}

// finalBatch is how many final operations a client sends at once.
const finalBatch = 20

// finally carries an operation out on every key, and again where it fails. It returns
// a key that is left when ctx ends, "" if none is.
func (c *loadClient) finally(ctx context.Context, keys []string, next func() lin.Op) (left string) {
	keys = slices.Clone(keys)
	for len(keys) > 0 {
		if ctx.Err() != nil {
			return keys[0]
		}
		if !c.arrive() {
			time.Sleep(thinkTime)
			continue
		}
		ops := make([]lin.Op, min(len(keys), finalBatch))
		for i := range ops {
			ops[i] = next()
			ops[i].Key, ops[i].Client = keys[i], c.client
		}
		var again []string
		for i, res := range c.do(ops) {
			if res.Outcome != lin.OK {
				again = append(again, keys[i])
			}
		}
		if keys = append(keys[len(ops):], again...); len(again) > 0 {
			time.Sleep(thinkTime)
		}
	}
	return ""
}

// keys lists every key that was used, in order.
func (s *strongTraffic) keys() []string {
	seen := map[string]bool{}
	for _, op := range s.history() {
		seen[op.Key] = true
	}
	var keys []string
	for k := range seen {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (s *strongTraffic) owner(ctx context.Context, pick *rand.Rand) int {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	owner, err := ownerOf(ctx, s.cluster.members[pick.IntN(len(s.cluster.members))].http, s.space.busy(pick))
	if err != nil {
		return 0 // it is down, or cut off itself
	}
	return owner
}

func (s *strongTraffic) gaps() (list []*gap) {
	for _, c := range s.clients {
		list = append(list, &c.gap)
	}
	return list
}

// history merges those of the clients.
func (s *strongTraffic) history() (h lin.History) {
	for _, c := range s.clients {
		h = append(h, c.rec.History()...)
	}
	return h
}

func (s *strongTraffic) count(rep *tortureReport) {
	for _, c := range s.clients {
		rep.Violations = append(rep.Violations, c.odd...)
	}
	rep.Keys = len(s.keys())
	for _, op := range s.history() {
		rep.outcome(op.Outcome, changes(&op))
	}
}

func (s *strongTraffic) judge(dir string, finalFromNs int64) ([]checkOutcome, lin.Verdict, error) {
	history := s.history()
	err := writeHistory(filepath.Join(dir, "history.jsonl"), history)
	checks, stretch := runChecks(history, finalFromNs)
	return checks, stretch, err
}
