package sim

import (
	"maps"
	"slices"
	"strconv"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability"
)

// Under the sync policies interval and never, a node that loses power may forget
// promises and writes that it acknowledged, and one such replica is enough for a
// majority to be wrong. What is judged then:
//
//   - a node keeps what it had acknowledged when its log was last synced;
//   - partitions of which no replica lost power are as strict as ever;
//   - of the others no value is made up, versions and ballots stay unique, every
//     operation ends after the faults, and the replicas become equal.

// synced is told that all that a node had written is on its disk.
func (o *oracle) synced(n *node) {
	if o.every && o.w.cfg.Disk.Sync != "always" {
		o.safe[n.idx] = replicaMemory{maps.Clone(o.acked[n.idx]), o.promised[n.idx].clone()}
	}
}

// replicaMemory is what a replica has let others know of.
type replicaMemory struct {
	acked    map[ackKey]kv.Version
	promised perPartition[kv.Ballot]
}

// lostPower forgets what a node may have forgotten.
func (o *oracle) lostPower(n *node) {
	w := o.w
	if w.cfg.Disk.Sync == "always" || w.cfg.Strict {
		return
	}
	w.cover.hit(MayBeLost)
	o.maps.lostPower()
	w.layout.Each(func(p kv.Partition) {
		if w.layout.IndexOf(p, n.id) >= 0 || w.layout.Mode(p) == kv.Eventual { // its clock stamps keys that it does not hold
			*w.lossy.at(p) = true
		}
	})
	if !o.every {
		return
	}
	clear(o.acked[n.idx])
	o.firm[n.idx].clear()
	maps.Copy(o.acked[n.idx], o.safe[n.idx].acked)
	o.promised[n.idx] = o.safe[n.idx].promised.clone()
}

// lossyKeys are the keys whose partition has a replica that may have forgotten.
func (w *World) lossyKeys() []Key {
	var keys []Key
	for _, k := range w.cfg.Keys {
		if *w.lossy.at(partitionOf(w.layout, &k)) {
			keys = append(keys, k)
		}
	}
	return keys
}

// strictKeys are the keys that must be linearizable.
func (r *Result) strictKeys() []Key {
	var keys []Key
	for _, k := range r.Plan.Config.Keys {
		if !slices.Contains(r.MayBeLost, k) && k.strict(&r.Plan.Config) {
			keys = append(keys, k)
		}
	}
	return keys
}

// strictHistory leaves out what may have been lost, what eventual buckets hold,
// and buckets that come and go.
func (r *Result) strictHistory() linearizability.History {
	keys := r.strictKeys()
	if len(keys) == len(r.Plan.Config.Keys) && len(r.Plan.MapOps) == 0 {
		return r.History
	}
	var h linearizability.History
	for i := range r.History {
		if slices.ContainsFunc(keys, func(k Key) bool { return k.Name == r.History[i].Key }) {
			h = append(h, r.History[i])
		}
	}
	return h
}

// checkOrigins looks for values of lossy keys that nobody can have written.
func (r *Result) checkOrigins() {
	for _, key := range r.MayBeLost {
		for i := range r.History {
			op := &r.History[i]
			if op.Key != key.Name || op.Outcome != linearizability.OK || op.Saw != linearizability.SawValue {
				continue
			}
			if text, ok := r.origin(key, op); !ok {
				r.Violations = append(r.Violations, Violation{Check: Linearizability, AtNs: op.Return,
					Detail: "key " + strconv.Quote(key.Name) + ": a client saw " + text + ", which nobody had written", Ops: []int{i}})
				return
			}
		}
	}
}

// origin reports whether what an operation saw may come from writes that began
// before it was answered.
func (r *Result) origin(key Key, op *linearizability.Op) (string, bool) {
	if key.Counter {
		value := op.Num
		if op.Kind != linearizability.Incr {
			value, _ = strconv.ParseInt(op.Out, 10, 64) // absent counts as 0
		}
		written := int64(0)
		for i := range r.History {
			if w := &r.History[i]; w.Key == key.Name && w.Kind == linearizability.Incr && w.Delta >= firstDelta && w.Call <= op.Return {
				written |= w.Delta
			}
		}
		return strconv.FormatInt(value, 10), value&^(written|(firstDelta-1)) == 0
	}
	if !op.Found {
		return "", true
	}
	return strconv.Quote(op.Out), slices.ContainsFunc(r.History, func(w linearizability.Op) bool {
		return w.Key == key.Name && w.Value == op.Out && w.Call <= op.Return
	})
}
