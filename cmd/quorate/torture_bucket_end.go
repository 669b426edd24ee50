package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability/causalhist"
)

// finalPause is between two looks at what has not settled yet.
const finalPause = 50 * time.Millisecond

// finish waits until the nodes say themselves that nothing is under way, and then
// reads every key through every node, until all tell the same.
func (t *bucketTraffic) finish(ctx context.Context) (finalFromNs int64, broken []string) {
	finalFromNs = t.clock()
	if why := t.settle(ctx); why != "" {
		broken = append(broken, fmt.Sprintf("within %v of the end of all faults %s", healBound, why))
	}
	var all sync.WaitGroup
	clients := t.clients
	for i, b := range t.buckets {
		readers := t.readers(i)
		clients = append(clients, readers...)
		all.Go(func() {
			for _, key := range b.keys() {
				t.readFinally(ctx, readers, b, key)
			}
		})
	}
	all.Wait()
	for _, c := range clients {
		broken = append(broken, c.odd...)
	}
	return finalFromNs, broken
}

// settle waits until no node keeps a hint, and anti-entropy has found all replicas
// equal since it was called. It returns what is missing when ctx ends.
func (t *bucketTraffic) settle(ctx context.Context) (missing string) {
	began := float64(time.Now().UnixMilli()) / 1000
	for {
		missing = ""
		for _, m := range t.cluster.members {
			is, err := metricsOf(ctx, m.http)
			switch {
			case err != nil:
				missing = fmt.Sprintf("node %d told nothing: %v", m.id, err)
			case is["quorate_hints_pending"] > 0:
				missing = fmt.Sprintf("node %d still kept %v hints", m.id, is["quorate_hints_pending"])
			case is["quorate_repair_pairs"] > 0 && is["quorate_repair_last_full_seconds"] < began:
				missing = fmt.Sprintf("node %d did not find all replicas equal, but %v of %v", m.id, is["quorate_repair_pairs_level"], is["quorate_repair_pairs"])
			}
		}
		if missing == "" {
			return ""
		}
		select {
		case <-ctx.Done():
			return missing
		case <-time.After(finalPause):
		}
	}
}

// readers are clients that stay with one node each, and are patient.
func (t *bucketTraffic) readers(of int) (list []*bucketClient) {
	for i := range t.cluster.members {
		c := t.newClient(len(t.clients) + of*len(t.cluster.members) + i)
		c.at, c.door.Timeout = i, healBound
		list = append(list, c)
	}
	return list
}

// readFinally reads a key through every node, of one replica and of all, until all
// reads are alike. Those of all replicas are final in the history.
func (t *bucketTraffic) readFinally(ctx context.Context, readers []*bucketClient, b *tortureBucket, key string) {
	asks := []string{"1", "all"}
	if b.is.Mode == kv.ABD {
		asks = []string{""}
	}
	for {
		var reads []causalhist.Op
		for _, c := range readers {
			for _, ask := range asks {
				reads = append(reads, c.do(bucketOp{bucket: b, key: key, ask: ask, op: causalhist.Op{Kind: causalhist.Get, Final: ask != "1"}}))
			}
		}
		odd := slices.IndexFunc(reads, func(r causalhist.Op) bool { return r.Outcome != causalhist.OK || !sameAnswer(&r, &reads[0]) })
		if odd < 0 || ctx.Err() != nil {
			t.ended(b, key, reads, max(odd, 0), odd < 0)
			return
		}
		b.unfinal(key)
		time.Sleep(finalPause)
	}
}

// ended enters whether the final reads of a key were alike.
func (t *bucketTraffic) ended(b *tortureBucket, key string, reads []causalhist.Op, odd int, alike bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if alike {
		t.alike++
		return
	}
	tell := func(r *causalhist.Op) string {
		if r.Outcome != causalhist.OK {
			return fmt.Sprintf("node %d does not answer", r.Node)
		}
		return fmt.Sprintf("node %d tells %q, sum %d, stamp %v", r.Node, r.Saw, r.Sum, r.Stamp)
	}
	t.unlike = append(t.unlike, fmt.Sprintf("bucket %s, key %s, %v after the end of all faults: %s, and %s", b.about(), key, healBound, tell(&reads[0]), tell(&reads[odd])))
}

// sameAnswer reports whether two reads tell the same. A tombstone that has been
// collected in between tells no stamp any more.
func sameAnswer(a, b *causalhist.Op) bool {
	stamped := a.Stamp != (causalhist.Stamp{}) && b.Stamp != (causalhist.Stamp{})
	if a.Sum != b.Sum || len(a.Saw) != len(b.Saw) || stamped && a.Stamp != b.Stamp {
		return false
	}
	return !slices.ContainsFunc(a.Saw, func(v string) bool { return !slices.Contains(b.Saw, v) })
}

// unfinal makes reads that were meant to be the last ones of a key ordinary.
func (l *keyLog) unfinal(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.ops[key] {
		l.ops[key][i].Final = false
	}
}
