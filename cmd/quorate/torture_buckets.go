package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/sim"
)

const (
	// bucketsPerRun is how many buckets a run draws from the scenario's seeds.
	bucketsPerRun = 6
	// bucketKeys is how many keys of a bucket are in use at a time, bucketKeyUses
	// after how many operations one is left behind for a fresh one: siblings that
	// nobody has seen all stay, and judging takes the square of the operations.
	bucketKeys, bucketKeyUses = 8, 100
	// bucketThink is a client's pause: at this rate a key is in use for seconds, and
	// so meets faults.
	bucketThink = 4 * time.Millisecond
)

// bucketTraffic is operations on buckets that are not strong, over HTTP. Buckets and
// what clients do to them are drawn from the simulator's scenario of the same name.
type bucketTraffic struct {
	cluster  *cluster
	scenario *tortureScenario
	seed     uint64
	clock    func() int64
	buckets  []*tortureBucket
	clients  []*bucketClient // those of the load

	mu     sync.Mutex
	unlike []string // keys whose final reads did not agree
	alike  int      // how many did
}

// tortureBucket is one bucket of a run and what clients saw of its keys.
type tortureBucket struct {
	sim.OutsideBucket
	is      kv.Bucket // as it was made
	resized bool      // N changes while clients use it

	keyLog
}

func newBucketTraffic(r *tortureRun) *bucketTraffic {
	t := &bucketTraffic{cluster: r.cluster, scenario: r.scenario, seed: r.cmd.Seed, clock: r.nowNs}
	for i := range r.cmd.Clients {
		t.clients = append(t.clients, t.newClient(i))
	}
	return t
}

// prepare makes the buckets, and waits until every node knows them.
func (t *bucketTraffic) prepare(ctx context.Context) error {
	scenario, err := sim.FindScenario(t.scenario.name)
	if err != nil {
		return err
	}
	for _, drawn := range scenario.Outside(t.seed, len(t.cluster.members), bucketsPerRun) {
		b := &tortureBucket{OutsideBucket: drawn, resized: t.scenario.resizes}
		b.init()
		b.edge = drawn.EdgePercent
		if b.is, err = drawn.Bucket(0); err != nil {
			return err
		}
		var made struct {
			Slot    uint16
			Created kv.Epoch
		}
		if err := askNode(ctx, t.cluster.members[0], http.MethodPost, bucketsPath, b.creation(), &made); err != nil {
			return err
		}
		b.is.Slot, b.is.Created = made.Slot, made.Created
		t.buckets = append(t.buckets, b)
	}
	for _, m := range t.cluster.members {
		for _, b := range t.buckets {
			for askNode(ctx, m, http.MethodGet, bucketPath(b.Name), nil, nil) != nil {
				if ctx.Err() != nil {
					return fmt.Errorf("node %d does not know bucket %q within %v", m.id, b.Name, healBound)
				}
				time.Sleep(thinkTime)
			}
		}
	}
	return nil
}

// creation is the request that makes the bucket.
func (b *tortureBucket) creation() map[string]any {
	body := map[string]any{"name": b.Name, "mode": b.Mode, "n": b.N}
	if b.is.Mode == kv.Eventual {
		body["policy"], body["repair"], body["sloppy"] = b.Policy, b.Repair, b.Sloppy
		body["r"], body["w"] = numberOr(b.R), numberOr(b.W)
	}
	return body
}

// about says what the bucket is.
func (b *tortureBucket) about() string {
	if b.is.Mode != kv.Eventual {
		return fmt.Sprintf("%s: %s, n=%d", b.Name, b.Mode, b.N)
	}
	text := fmt.Sprintf("%s: %s, n=%d r=%s w=%s, repair %s", b.Name, b.Policy, b.N, b.R, b.W, b.Repair)
	if b.Sloppy {
		text += ", sloppy"
	}
	if b.resized {
		text += ", n changes"
	}
	return text
}

// askNode sends a request to a node, and reads what it answers if that is a success.
func askNode(ctx context.Context, m *member, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+m.http+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		return err
	case resp.StatusCode >= 300:
		return fmt.Errorf("%s %s at node %d: %s: %s", method, path, m.id, resp.Status, bytes.TrimSpace(text))
	case out == nil:
		return nil
	}
	return json.Unmarshal(text, out)
}

func (t *bucketTraffic) client(ctx context.Context, id int32) {
	var all sync.WaitGroup
	if id == 0 && t.scenario.resizes {
		all.Go(func() { t.resize(ctx) })
	}
	c := t.clients[id]
	travel(ctx, c, &c.gap, c.clock, c.r, t.scenario.think)
	c.door.CloseIdleConnections()
	all.Wait()
}

// resize changes the N of one bucket after the other until ctx ends. It stays above
// what an operation asks for in numbers.
func (t *bucketTraffic) resize(ctx context.Context) {
	pick := rand.New(rand.NewPCG(t.seed, 1<<48))
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(300+pick.IntN(700)) * time.Millisecond):
		}
		b := t.buckets[pick.IntN(len(t.buckets))]
		least := b.mostAsked()
		n := least + pick.IntN(len(t.cluster.members)-least+1)
		bounded, cancel := context.WithTimeout(ctx, time.Second)
		// A change that fails is made or not: both are right.
		_ = askNode(bounded, t.cluster.members[pick.IntN(len(t.cluster.members))], http.MethodPatch, bucketPath(b.Name), map[string]any{"n": n}, nil)
		cancel()
	}
}

// mostAsked is the highest number that the bucket or an operation asks for.
func (b *tortureBucket) mostAsked() int {
	most := max(1, int(b.is.R.Count), int(b.is.W.Count))
	for _, op := range b.Habits {
		for _, ask := range []string{op.R, op.W} {
			if a, err := kv.ParseAsk(ask); err == nil {
				most = max(most, int(a.Count))
			}
		}
	}
	return most
}

// owner is the first replica of a busy key.
func (t *bucketTraffic) owner(ctx context.Context, pick *rand.Rand) int {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	b := t.buckets[pick.IntN(len(t.buckets))]
	key, _ := b.place(pick.IntN(bucketKeys), false)
	var route struct{ Preference []struct{ Node int } }
	m := t.cluster.members[pick.IntN(len(t.cluster.members))]
	err := askNode(ctx, m, http.MethodGet, "/route?bucket="+url.QueryEscape(b.Name)+"&key="+url.QueryEscape(key), nil, &route)
	if err != nil || len(route.Preference) == 0 {
		return 0 // it is down, or cut off itself
	}
	return route.Preference[0].Node
}
