package main

import (
	"context"
	"time"
)

// span is a piece of time, in nanoseconds since the start of a run.
type span struct{ fromNs, toNs int64 }

// gap is the longest time of a client without a success, and every one that is
// long enough to be remembered.
type gap struct {
	lastNs, longestNs, fromNs int64
	long                      []span
}

// longGapNs is the shortest gap that is held against a fault.
const longGapNs = 5e6

func (g *gap) success(nowNs int64) {
	d := nowNs - g.lastNs
	if d > g.longestNs {
		g.longestNs, g.fromNs = d, g.lastNs
	}
	if d >= longGapNs {
		g.long = append(g.long, span{g.lastNs, nowNs})
	}
	g.lastNs = nowNs
}

// longestStall looks, until ctx ends, how late this process itself gets to run,
// in nanoseconds: gaps of that length are the machine's.
func longestStall(ctx context.Context) (longest int64) {
	const every = 10 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return longest
		case <-tick.C:
		}
		now := time.Now()
		longest = max(longest, (now.Sub(last) - every).Nanoseconds())
		last = now
	}
}

// gapsByKind is the longest gap of any client that overlaps with a fault of
// each kind. A gap during which faults of two kinds were on counts for both.
func gapsByKind(timeline []happening, gaps []*gap) map[string]int64 {
	longest := map[string]int64{}
	for _, h := range timeline {
		most := longest[h.Kind]
		for _, client := range gaps {
			for _, g := range client.long {
				if g.fromNs < h.ToNs && h.FromNs < g.toNs {
					most = max(most, g.toNs-g.fromNs)
				}
			}
		}
		longest[h.Kind] = most
	}
	return longest
}
