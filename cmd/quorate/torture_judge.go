package main

import (
	"math"
	"strconv"

	lin "github.com/quoratedb/quorate/linearizability"
)

// lostWrite is an acknowledged write which the final state does not show and
// nothing later explains.
type lostWrite struct {
	Key   string `json:"key"`
	Op    string `json:"op"`
	Final string `json:"final"`
}

// lostWrites compares the acknowledged writes of a history with the answers to
// its final reads, which began after everything else had ended. It needs unique
// values. It is weaker than the check for linearizability, and says more plainly
// what went wrong when a node forgot something.
func lostWrites(history lin.History, final map[string]lin.Result) []lostWrite {
	byKey := map[string][]*lin.Op{}
	for i := range history {
		byKey[history[i].Key] = append(byKey[history[i].Key], &history[i])
	}
	var lost []lostWrite
	for i := range history {
		key := history[i].Key
		ops, read := byKey[key], final[key]
		if ops == nil || read.Outcome != lin.OK {
			continue
		}
		byKey[key] = nil // once per key, in order of appearance
		if isCounter(ops) {
			lost = append(lost, lostIncrements(ops, read)...)
			continue
		}
		latest := latestWriterOf(ops, read)
		for _, op := range ops {
			if changes(op) && op.Outcome == lin.OK && op.Call > latest {
				lost = append(lost, lostWrite{key, op.String(), show(read)})
			}
		}
	}
	return lost
}

// changes reports whether op may have changed its key.
func changes(op *lin.Op) bool {
	return op.Kind != lin.Get && op.Outcome != lin.Failed && (op.Outcome == lin.Unknown || op.Applied)
}

// latestWriterOf is the last instant at which the value read may have been
// written: the return of the last operation that leads to it.
func latestWriterOf(ops []*lin.Op, read lin.Result) int64 {
	latest := int64(math.MinInt64) // absent from the start
	for _, op := range ops {
		leads := op.Kind != lin.Delete && read.Found && op.Value == read.Out || op.Kind == lin.Delete && !read.Found
		if !changes(op) || !leads {
			continue
		}
		if op.Outcome == lin.Unknown {
			return math.MaxInt64 // it may take effect at any time
		}
		latest = max(latest, op.Return)
	}
	return latest
}

func isCounter(ops []*lin.Op) bool {
	for _, op := range ops {
		if op.Kind == lin.Incr {
			return true
		}
	}
	return false
}

// lostIncrements reports a counter that ended below the sum of what was
// acknowledged. All deltas are positive.
func lostIncrements(ops []*lin.Op, read lin.Result) []lostWrite {
	var acked int64
	for _, op := range ops {
		if op.Kind == lin.Incr && op.Outcome == lin.OK && op.Applied {
			acked += op.Delta
		}
	}
	var final int64
	if read.Found {
		final, _ = strconv.ParseInt(read.Out, 10, 64) // not a number: 0, and lost
	}
	if final >= acked {
		return nil
	}
	return []lostWrite{{ops[0].Key, "increments that sum up to " + strconv.FormatInt(acked, 10), show(read)}}
}

func show(read lin.Result) string {
	if !read.Found {
		return "absent"
	}
	return strconv.Quote(read.Out)
}
