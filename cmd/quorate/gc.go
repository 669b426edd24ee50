package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// The collector's work is in proportion to the live heap, and is done each time
// the heap has grown by a given percentage. A node with little data, or a simulation, would
// collect many times a second under load, so a small heap may grow by more:
// measured at 100,000 keys, 12 to 30 % less processor time per SET. A large one
// keeps Go's own setting, so memory stays at twice the data.
const (
	gcHeadroomBytes = 192 << 20
	gcLeastPercent  = 100
	gcMostPercent   = 1000
	gcLookEvery     = time.Second
)

// gcPercent is how much a heap with so many live bytes may grow.
func gcPercent(liveBytes uint64) int {
	if liveBytes == 0 {
		return gcMostPercent
	}
	return int(min(max(gcHeadroomBytes*100/liveBytes, gcLeastPercent), gcMostPercent))
}

// tuneGC follows the heap until done is closed. GOGC in the environment wins.
func tuneGC(done <-chan struct{}) {
	if os.Getenv("GOGC") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	look := time.NewTicker(gcLookEvery)
	defer look.Stop()
	for now := 0; ; {
		if metrics.Read(live); live[0].Value.Kind() == metrics.KindUint64 {
			if p := gcPercent(live[0].Value.Uint64()); p != now {
				debug.SetGCPercent(p)
				now = p
			}
		}
		select {
		case <-done:
			return
		case <-look.C:
		}
	}
}
