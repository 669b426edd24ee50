package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The collector's default lets garbage grow to the size of what is alive: too
// often for a small store, where a collection every few milliseconds costs a
// quarter of the processor, and too much for a large one.
const (
	gcSlackBytes = 128 << 20 // garbage allowed at least
	gcMinPercent = 50        // of the live heap
	gcMaxPercent = 3200
	gcLookEvery  = 500 * time.Millisecond
)

// tuneGC keeps the collector's percentage at what the live heap asks for,
// until ctx ends. A GOGC in the environment is left alone.
func tuneGC(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	look := time.NewTicker(gcLookEvery)
	defer look.Stop()
	last := 100
	for {
		metrics.Read(sample)
		if percent := gcPercent(sample[0].Value.Uint64()); percent != last {
			debug.SetGCPercent(percent)
			last = percent
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// gcPercent is the percentage for a live heap, in bytes. It comes in steps, so
// that the collector is not told anew for every change.
func gcPercent(live uint64) int {
	percent := int(gcSlackBytes * 100 / max(live, 1<<20))
	step := 10
	if percent > 400 {
		step = 100
	}
	return min(max(percent/step*step, gcMinPercent), gcMaxPercent)
}
