package main

import (
	"context"
	"math/rand/v2"
	"time"

	lin "github.com/quoratedb/quorate/linearizability"
)

// traffic is what the clients of a run do, and how it is judged: strongTraffic or
// bucketTraffic.
type traffic interface {
	// prepare makes what the clients need, in a cluster that serves.
	prepare(ctx context.Context) error
	// client issues operations until ctx ends, once for each id from 0 on.
	client(ctx context.Context, id int32)
	// finish uses every node and reads every key once more, when all faults have healed.
	// What is called after finalFromNs are the final reads. It also returns what went
	// wrong beside the answers, which are for judge.
	finish(ctx context.Context) (finalFromNs int64, broken []string)
	// owner is the node that comes first for a busy key, as some node sees it; 0 if
	// it does not say.
	owner(ctx context.Context, pick *rand.Rand) int
	// gaps are the clients' times without a success.
	gaps() []*gap
	// count enters into the report what became of the operations.
	count(rep *tortureReport)
	// judge checks the history, whose final reads were called after finalFromNs, and
	// leaves it in dir. The verdict is that of the check for linearizability.
	judge(dir string, finalFromNs int64) ([]checkOutcome, lin.Verdict, error)
}

// traveller is a client that is at one node at a time.
type traveller interface {
	// arrive reports whether the node takes connections; if not it is at another one.
	arrive() bool
	// act carries something out there, and leaves after a failure.
	act()
	// leave turns to the next node.
	leave()
}

// roamOnceIn is how many times a client acts at a node, on average.
const roamOnceIn = 50

// travel lets a client act until ctx ends, pause apart. Now and then it leaves without
// need: somebody must wait at a paused node for the moment when it wakes and does not
// know yet that it owns nothing any more.
func travel(ctx context.Context, c traveller, g *gap, clock func() int64, r *rand.Rand, pause time.Duration) {
	g.lastNs = clock()
	for ctx.Err() == nil {
		if c.arrive() {
			c.act()
			if r.IntN(roamOnceIn) == 0 {
				c.leave()
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	g.success(clock()) // an open gap counts up to the end
}

func newTraffic(r *tortureRun) traffic {
	if r.scenario.buckets {
		return newBucketTraffic(r)
	}
	return newStrongTraffic(r)
}
