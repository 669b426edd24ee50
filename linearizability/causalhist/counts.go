package causalhist

import (
	"fmt"
	"strconv"

	"github.com/quoratedb/quorate/actors/kv"
)

// Counts are how often a history shows anomalies that a setting may permit, and
// out of how many operations.
type Counts struct {
	Reads        int // answered, during faults and after
	Stale        int // reads that missed a write acknowledged before they began
	NonMonotonic int // reads that knew less than an earlier one of their client
	Writes       int // acknowledged sets, increments and deletes
	Lost         int // of these, gone in the end though nothing that followed them (siblings: nothing that had seen them) replaced them
	Updates      int // acknowledged sets that carried a context: read, modify, write
	LostUpdates  int // of these, replaced by a write that had not seen them
	Diverged     int // 1: final reads of the key differ
}

// Add sums up.
func (c *Counts) Add(o Counts) {
	c.Reads += o.Reads
	c.Stale += o.Stale
	c.NonMonotonic += o.NonMonotonic
	c.Writes += o.Writes
	c.Lost += o.Lost
	c.Updates += o.Updates
	c.LostUpdates += o.LostUpdates
	c.Diverged += o.Diverged
}

// Count looks at a history without regard to what its bucket promised: the
// sessions of clients count whatever coordinator they went to, and every read
// is asked for all that was acknowledged before it.
func Count(h []Op, rules Rules) Counts {
	c, _ := Inspect(h, rules)
	return c
}

// Inspect is Count, with the first example of each anomaly.
func Inspect(h []Op, rules Rules) (Counts, []Finding) {
	j := &judge{view: newView(h), rules: rules, found: map[string]bool{}}
	var c Counts
	last := -1
	for i := range h {
		op := &h[i]
		switch {
		case op.Outcome != OK:
		case op.Kind == Get:
			c.Reads++
			j.countRead(i, &c)
			if op.Final {
				if last >= 0 && !alike(&h[last], op) {
					c.Diverged = 1
				}
				last = i
			}
		default:
			c.Writes++
		}
	}
	if last >= 0 {
		j.countLost(last, &c)
	}
	return c, j.list
}

func alike(a, b *Op) bool {
	if a.Sum != b.Sum || len(a.Saw) != len(b.Saw) {
		return false
	}
	for _, s := range a.Saw {
		if !has(b.Saw, s) {
			return false
		}
	}
	return true
}

func (j *judge) countRead(r int, c *Counts) {
	read := &j.h[r]
	missed, before := -1, -1 // a write that it misses, a read that knew more
	for i := range j.h {
		op := &j.h[i]
		if op.Outcome != OK || op.Return >= read.Call {
			continue
		}
		stale, back := false, false
		switch {
		case j.rules.Policy == kv.Counters:
			stale = op.Kind == Incr && op.Delta != j.rules.Unit && read.Sum&op.Delta == 0
			back = op.Client == read.Client && op.Kind == Get && read.Sum < op.Sum
		case op.Kind != Get:
			stale = j.misses(r, i)
		case op.Client == read.Client:
			back = j.goesBack(i, r)
		}
		if stale {
			missed = i
		}
		if back {
			before = i
		}
	}
	if missed >= 0 {
		c.Stale++
		j.find(StaleRead, []int{missed, r}, "client %d was told that %s is done, and client %d then read %s",
			j.h[missed].Client, j.h[missed].written(), read.Client, read.seen())
	}
	if before >= 0 {
		c.NonMonotonic++
		j.find(MonotonicReads, []int{before, r}, "client %d read %s, and later %s", read.Client, j.h[before].seen(), read.seen())
	}
}

// written says what a write writes.
func (o *Op) written() string {
	switch o.Kind {
	case Incr:
		return fmt.Sprintf("an increment by %d", o.Delta)
	case Delete:
		return "a delete"
	}
	return fmt.Sprintf("the write of %q", o.Value)
}

// seen says what a read showed.
func (o *Op) seen() string {
	if o.Sum != 0 {
		return strconv.FormatInt(o.Sum, 10)
	}
	return fmt.Sprintf("%q", o.Saw)
}

// countLost compares what was acknowledged with a final read.
func (j *judge) countLost(final int, c *Counts) {
	f := &j.h[final]
	for i := range j.h {
		op := &j.h[i]
		if !op.acked() || op.Return >= f.Call {
			continue
		}
		switch {
		case op.Kind == Incr:
			if op.Delta != j.rules.Unit && f.Sum&op.Delta == 0 {
				c.Lost++
				j.find(LostWrite, []int{i, final}, "%s was acknowledged and is gone in the end: the sum is %d", op.written(), f.Sum)
			}
		case op.Kind != Set:
		default:
			gone := !j.covers(final, op.Value)
			if op.Context > 0 {
				c.Updates++
				if gone {
					c.LostUpdates++
					j.find(LostUpdate, []int{i, final}, "%s, made of what its client had read, was replaced by a write that had not seen it: in the end there is %s", op.written(), f.seen())
				}
			}
			if gone && (j.rules.Policy != kv.LWW || !j.followed(op, f)) { // blind writes leave siblings alone
				c.Lost++
				j.find(LostWrite, []int{i, final}, "%s was acknowledged, nothing that followed replaced it, and in the end there is %s", op.written(), f.seen())
			}
		}
	}
}

// followed reports whether something that a final read shows, or a delete, may
// have followed a write in real time, so that it may have replaced it.
func (j *judge) followed(op *Op, final *Op) bool {
	for _, s := range final.Saw {
		if w, ok := j.writes[s]; ok && (j.h[w].Outcome != OK || j.h[w].Return >= op.Call) {
			return true
		}
	}
	for i := range j.h {
		if d := &j.h[i]; d.Kind == Delete && d.did() && (d.Outcome != OK || d.Return >= op.Call) {
			return true
		}
	}
	return false
}
