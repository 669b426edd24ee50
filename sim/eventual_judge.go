package sim

import (
	"fmt"
	"slices"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability/causalhist"
)

// KeyHistory is what clients saw of a key of an eventual bucket.
type KeyHistory struct {
	Key   Key
	Rules causalhist.Rules
	Ops   []causalhist.Op
	// Handles are the same operations in the run's history; -1 for what all replicas
	// hold in the end.
	Handles []int
}

// Counts are the anomalies of the history.
func (k *KeyHistory) Counts() causalhist.Counts { return causalhist.Count(k.Ops, k.Rules) }

// eventualHistories returns the histories of all keys of eventual buckets.
func (w *World) eventualHistories() []KeyHistory {
	var list []KeyHistory
	for i := range w.cfg.Keys {
		key := &w.cfg.Keys[i]
		if w.modeOf(i) != kv.Eventual {
			continue
		}
		b := bucketOf(w.newestLayout(), key)
		h := KeyHistory{Key: *key, Ops: w.eventual.ops[i], Handles: w.eventual.handles[i], Rules: RulesOf(b, b.Had != 0)}
		h.Rules.Lossy = *w.lossy.at(partitionOf(w.layout, key))
		w.nameStamps(i, h.Ops)
		list = append(list, h)
	}
	return list
}

// RulesOf are what a bucket of mode eventual promises. resized: its N has changed
// while clients used it.
func RulesOf(b *kv.Bucket, resized bool) causalhist.Rules {
	r := causalhist.Rules{Policy: b.Policy, N: int(b.N), Unit: 1, WriteBack: b.Repair == kv.RepairBlocking && !b.Sloppy}
	if resized {
		// What is promised then is that nothing acknowledged is lost.
		r.Moving, r.WriteBack = true, false
	}
	return r
}

// nameStamps fills in what the coordinators were seen to stamp writes with.
func (w *World) nameStamps(key int, ops []causalhist.Op) {
	for i := range ops {
		op := &ops[i]
		by, ok := w.eventual.writes[writeKey{key, op.Value}]
		if op.Kind != causalhist.Set {
			continue
		}
		w.setLife(op, bucketOf(w.newestLayout(), &w.cfg.Keys[key]), by.stamp)
		if !ok {
			continue
		}
		op.Stamp = stampFor(by.stamp)
		op.Node, op.Boot = by.stamp.Node, uint64(by.boot)
	}
}

// setLife fills in when a value may, and when it must be taken for expired. A node
// judges by its wall clock, or the time that its stamps have reached.
func (w *World) setLife(op *causalhist.Op, b *kv.Bucket, stamp causal.Stamp) {
	if b.TTLMs == 0 {
		return
	}
	op.MayExpire = max(op.Call, 1)
	if stamp.IsZero() || w.cfg.MaxClockMs == 0 {
		return
	}
	end := stamp.Ms + b.TTLMs - epochMs
	op.MayExpire = max(op.MayExpire, (end-w.cfg.MaxClockMs-w.mostAheadMs())*1e6)
	op.Expires = max((end+w.cfg.MaxClockMs+1)*1e6, 1)
}

func stampFor(s causal.Stamp) causalhist.Stamp {
	return causalhist.Stamp{Ms: s.Ms, Logical: s.Logical, Node: s.Node}
}

// finalReads enters what the replicas of each key agree on, once they do, as a
// read of all of them. TTLs have no part in it: it shows what was not overwritten.
func (w *World) finalReads() {
	for i := range w.cfg.Keys {
		if w.modeOf(i) != kv.Eventual {
			continue
		}
		p := partitionOf(w.layout, &w.cfg.Keys[i])
		l := w.newestLayout()
		n := w.nodes[l.Preference(p)[0]-1]
		b := bucketOf(l, &w.cfg.Keys[i])
		object, _ := n.store(p).Lookup(p, []byte(w.cfg.Keys[i].Name))
		op := causalhist.Op{Client: -1, Call: w.nowNs, Return: w.nowNs, Kind: causalhist.Get, Outcome: causalhist.OK, Final: true, Quorum: int(b.N)}
		for _, v := range object.Read(nil, b.Policy, 0) {
			op.Saw = append(op.Saw, string(v.Data))
		}
		op.Sum, _ = object.Count.Value()
		w.eventual.enter(i, -1, op)
	}
}

// judgeEventual turns what the histories of eventual buckets show into violations.
func (r *Result) judgeEventual() {
	for i := range r.Eventual {
		h := &r.Eventual[i]
		for _, f := range causalhist.Judge(h.Ops, h.Rules) {
			check := CheckOf(f.Check)
			if slices.Contains(r.Plan.Config.Unjudged, check) || len(r.Violations) >= maxViolations {
				continue
			}
			at := r.VirtualNs
			if n := len(f.Ops); n > 0 {
				at = h.Ops[f.Ops[n-1]].Return
			}
			r.Violations = append(r.Violations, Violation{Check: check, AtNs: at, Detail: fmt.Sprintf("key %q: %s: %s", h.Key.Name, f.Check, f.Detail),
				Ops: h.handlesOf(&f)})
		}
	}
}

// CheckOf is the simulator's name for a finding.
func CheckOf(finding string) string {
	switch finding {
	case causalhist.LostWrite, causalhist.WrongSum:
		return LostWrite
	case causalhist.StaleRead, causalhist.ReadYourWrites, causalhist.MonotonicReads, causalhist.Expired:
		return Session
	}
	return Causality
}
