package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/quoratedb/quorate/actors/kv"
	lin "github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/linearizability/causalhist"
	"github.com/quoratedb/quorate/sim"
)

// maxFindings is how many findings of a check are told.
const maxFindings = 10

func (t *bucketTraffic) gaps() (list []*gap) {
	for _, c := range t.clients {
		list = append(list, &c.gap)
	}
	return list
}

func (t *bucketTraffic) count(rep *tortureReport) {
	outcomes := map[causalhist.Outcome]lin.Outcome{causalhist.OK: lin.OK, causalhist.Failed: lin.Failed, causalhist.Unknown: lin.Unknown}
	for _, b := range t.buckets {
		rep.Buckets = append(rep.Buckets, b.about())
		for _, key := range b.keys() {
			rep.Keys++
			for _, op := range b.history(key) {
				rep.outcome(outcomes[op.Outcome], op.Kind != causalhist.Get)
			}
		}
	}
}

// judge checks abd buckets as strong keys are, and eventual ones by what their
// settings promise: the checks of the simulator.
func (t *bucketTraffic) judge(dir string, finalFromNs int64) (checks []checkOutcome, stretch lin.Verdict, err error) {
	var registers lin.History
	var causal causalChecks
	for _, b := range t.buckets {
		for _, key := range b.keys() {
			if b.is.Mode == kv.ABD {
				registers = append(registers, asRegister(b.Name+"/"+key, b.history(key))...)
			} else {
				causal.judge(b, key, b.history(key))
			}
		}
	}
	if registers != nil {
		err = writeHistory(filepath.Join(dir, "history.jsonl"), registers)
		checks, stretch = runChecks(registers, finalFromNs)
	}
	if causal.ops > 0 {
		checks = append(checks, causal.outcomes(t.alike, t.unlike)...)
		err = errors.Join(err, t.writeHistories(filepath.Join(dir, "eventual.jsonl")))
	}
	return checks, stretch, err
}

// asRegister is a history as the checker for linearizability takes it. A delete does
// not tell whether there was a value.
func asRegister(key string, ops []causalhist.Op) (h lin.History) {
	kinds := map[causalhist.Kind]lin.Kind{causalhist.Get: lin.Get, causalhist.Set: lin.Set, causalhist.Delete: lin.Delete}
	for i := range ops {
		op := &ops[i]
		l := lin.Op{Key: key, Kind: kinds[op.Kind], Value: op.Value, Client: int32(op.Client), Call: op.Call}
		switch op.Outcome {
		case causalhist.OK:
			l.Return, l.Outcome, l.Applied = op.Return, lin.OK, true
		case causalhist.Failed:
			l.Return, l.Outcome = op.Return, lin.Failed
		}
		if op.Kind == causalhist.Get && op.Outcome == causalhist.OK {
			l.Saw, l.Found = lin.SawValue, len(op.Saw) > 0
			if l.Found {
				l.Out = op.Saw[0]
			}
		}
		h = append(h, l)
	}
	return h
}

// causalChecks sums up what causalhist says of each key.
type causalChecks struct {
	lost, sessions, causality checkOutcome
	ops                       int
}

func (c *causalChecks) judge(b *tortureBucket, key string, ops []causalhist.Op) {
	rules := sim.RulesOf(&b.is, b.resized)
	c.ops += len(ops)
	c.causality.Judged += len(ops)
	wrote, final, most := false, false, 0
	for i := range ops {
		if op := &ops[i]; op.Outcome == causalhist.OK {
			final = final || op.Final
			if op.Kind != causalhist.Get {
				wrote, most = true, max(most, op.Quorum)
			}
		}
	}
	for i := range ops {
		switch op := &ops[i]; {
		case op.Kind != causalhist.Get || op.Outcome != causalhist.OK:
		case rules.Policy != kv.Counters && !rules.Moving && op.Quorum > 0 && op.Quorum+most > rules.N:
			c.sessions.Judged++
		default:
			c.sessions.Unjudged++
		}
	}
	if wrote && final {
		c.lost.Judged++
	} else {
		c.lost.Unjudged++
	}
	for _, f := range causalhist.Judge(ops, rules) {
		to := &c.causality
		switch sim.CheckOf(f.Check) {
		case sim.LostWrite:
			to = &c.lost
		case sim.Session:
			to = &c.sessions
		}
		text := fmt.Sprintf("bucket %s, key %s: %s: %s", b.about(), key, f.Check, f.Detail)
		for _, i := range f.Ops {
			text += "\n    " + tellOp(&ops[i])
		}
		to.breach(text)
	}
}

// tellOp writes an operation in a line.
func tellOp(op *causalhist.Op) string {
	text, _ := json.Marshal(op) // it has only fields that can be written
	return string(text)
}

func (c *checkOutcome) breach(text string) {
	c.Breaches++
	if len(c.Findings) < maxFindings {
		c.Findings = append(c.Findings, text)
	}
}

// outcomes are the checks, with that of the final reads: how many keys agreed, and
// which did not.
func (c *causalChecks) outcomes(alike int, unlike []string) []checkOutcome {
	same := checkOutcome{Judged: alike + len(unlike)}
	for _, text := range unlike {
		same.breach(text)
	}
	var list []checkOutcome
	for _, one := range []struct {
		name, unit string
		is         checkOutcome
	}{{"lost-writes", "keys", c.lost}, {"sessions", "reads", c.sessions}, {"causality", "operations", c.causality}, {"convergence", "keys", same}} {
		one.is.Check, one.is.Unit, one.is.Verdict = one.name, one.unit, checkKept
		switch {
		case one.is.Breaches > 0:
			one.is.Verdict = checkBroken
		case one.is.Judged == 0:
			one.is.Verdict = checkNotJudged
		}
		list = append(list, one.is)
	}
	return list
}

// writeHistories writes what was judged of the keys of eventual buckets, for
// `quorate check --model eventual`.
func (t *bucketTraffic) writeHistories(path string) error {
	var keys []causalhist.Key
	for _, b := range t.buckets {
		if b.is.Mode != kv.Eventual {
			continue
		}
		for _, key := range b.keys() {
			keys = append(keys, causalhist.Key{Name: b.Name + "/" + key, Rules: sim.RulesOf(&b.is, b.resized), Ops: b.history(key)})
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(causalhist.WriteJSONL(f, keys), f.Close())
}
