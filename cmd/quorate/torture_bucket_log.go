package main

import (
	"fmt"
	"slices"
	"sync"

	"github.com/quoratedb/quorate/linearizability/causalhist"
	"github.com/quoratedb/quorate/sim"
)

// keyLog is what the clients did to the keys of a bucket and were answered, all of
// them in one list per key: a write names the operation whose context it carries.
type keyLog struct {
	mu         sync.Mutex
	edge       int // percent of the places whose keys are named by sim.EdgeName
	uses       [bucketKeys]int
	increments map[string]int // by key, so far
	ops        map[string][]causalhist.Op
}

func (l *keyLog) init() {
	l.increments, l.ops = map[string]int{}, map[string][]causalhist.Op{}
}

// place is the key that is in use at a place, 0 to bucketKeys-1. incr: it is for an
// increment, if another one fits a sum; delta is what that adds, else 0.
func (l *keyLog) place(n int, incr bool) (key string, delta int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key = fmt.Sprintf("k%d.%d", n, l.uses[n]/bucketKeyUses)
	if 100*n < l.edge*bucketKeys {
		key = sim.EdgeName(key)
	}
	l.uses[n]++
	if !incr {
		return key, 0
	}
	d, ok := sim.IncrementOf(l.increments[key])
	if !ok {
		return key, 0
	}
	l.increments[key]++
	return key, d
}

// invoke enters an operation of which nothing is known yet. It returns its number.
func (l *keyLog) invoke(key string, op causalhist.Op) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	op.Outcome = causalhist.Unknown
	l.ops[key] = append(l.ops[key], op)
	return len(l.ops[key]) - 1
}

// complete enters what became of it.
func (l *keyLog) complete(key string, number int, op causalhist.Op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ops[key][number] = op
}

// keys are all that were used, in order.
func (l *keyLog) keys() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var keys []string
	for key := range l.ops {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// history is that of a key, where a write that nobody was told of has the stamp that
// reads of its value told.
func (l *keyLog) history(key string) []causalhist.Op {
	l.mu.Lock()
	defer l.mu.Unlock()
	ops := slices.Clone(l.ops[key])
	told := map[string]causalhist.Stamp{}
	for i := range ops {
		if op := &ops[i]; op.Kind == causalhist.Get && len(op.Saw) > 0 && op.Stamp != (causalhist.Stamp{}) {
			told[op.Saw[0]] = op.Stamp
		}
	}
	for i := range ops {
		if op := &ops[i]; op.Kind == causalhist.Set && op.Stamp == (causalhist.Stamp{}) {
			if stamp, ok := told[op.Value]; ok {
				op.Stamp, op.Node, op.Boot = stamp, stamp.Node, noWritesBoot
			}
		}
	}
	return ops
}
