package sim

import (
	"strconv"
	"strings"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/linearizability/causalhist"
)

// Who is told of a violation wants to see the operations that it is about. What
// the histories show names them by itself; what the oracles object to while the
// cluster runs is about the answer that is leaving.

// blame says that the violations since the first known ones are about these
// operations: handles of the history, negative for none.
func (w *World) blame(known int, ops ...int) {
	for i := known; i < len(w.verdict); i++ {
		for _, op := range ops {
			if op >= 0 {
				w.verdict[i].Ops = append(w.verdict[i].Ops, op)
			}
		}
	}
}

// blameChange is blame for a change of the map.
func (w *World) blameChange(known, change int) {
	for i := known; i < len(w.verdict); i++ {
		w.verdict[i].Changes = append(w.verdict[i].Changes, change)
	}
}

// blameAnswer is blame for the operations that an answer to a client is about: of
// several those on the keys that a violation names.
func (w *World) blameAnswer(known int, env *actors.Envelope) {
	m, ok := env.Message.(*msg.Results)
	if len(w.verdict) == known || !ok || env.To.Kind != actors.Client {
		return
	}
	ops := w.asked(m.ID)
	for i := known; i < len(w.verdict); i++ {
		v := &w.verdict[i]
		for _, f := range ops {
			if len(ops) == 1 || strings.Contains(v.Detail, strconv.Quote(w.cfg.Keys[f.op.Key].Name)) {
				v.Ops = append(v.Ops, f.handle)
			}
		}
	}
}

// indexesOf finds operations that a check has copied.
func indexesOf(h, ops linearizability.History) []int {
	var found []int
	for k := range ops {
		for i := range h {
			if a, b := &h[i], &ops[k]; a.Call == b.Call && a.Client == b.Client && a.Key == b.Key && a.Kind == b.Kind {
				found = append(found, i)
				break
			}
		}
	}
	return found
}

// handlesOf are the operations of a finding in the run's history. What the
// replicas agree on in the end was no client's read, and is left out.
func (k *KeyHistory) handlesOf(f *causalhist.Finding) []int {
	var ops []int
	for _, i := range f.Ops {
		if h := k.Handles[i]; h >= 0 {
			ops = append(ops, h)
		}
	}
	return ops
}
