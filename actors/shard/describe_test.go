package shard_test

import (
	"fmt"
	"strings"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

func ballot(b kv.Ballot) string {
	if b.IsZero() {
		return "-"
	}
	s := fmt.Sprintf("r%d.n%d", b.Round, b.Node)
	if b.Inc != 1 {
		s += fmt.Sprintf(".i%d", b.Inc)
	}
	return s
}

func version(v kv.Version) string {
	if v.IsZero() {
		return "absent"
	}
	return fmt.Sprintf("%s#%d", ballot(v.Ballot), v.Seq)
}

func register(r *kv.Register) string {
	switch r.Kind {
	case kv.Absent:
		return "absent"
	case kv.Tombstone:
		return version(r.Version) + " tombstone"
	}
	s := version(r.Version)
	if r.Rev != r.Version {
		s += " rev " + version(r.Rev)
	}
	if r.Data == nil {
		return s + " (spared)"
	}
	return fmt.Sprintf("%s %q", s, r.Data)
}

func refusals(refused []msg.Refusal) string {
	var b strings.Builder
	for _, r := range refused {
		why := map[msg.Reason]string{msg.ByPromise: "promised", msg.ByFloor: "floor,"}[r.Reason]
		fmt.Fprintf(&b, "; refused %d: %s %s", r.Index, why, ballot(r.Promised))
	}
	return b.String()
}

func (w *world) describe(e *actors.Envelope) string {
	head := fmt.Sprintf("n%d -> n%d %s", e.From.Node, e.To.Node, e.Message.MessageName())
	if e.To.Kind == actors.Client {
		head = fmt.Sprintf("n%d answers", e.From.Node)
	}
	var b strings.Builder
	item := func(format string, args ...any) { fmt.Fprintf(&b, "; "+format, args...) }
	switch m := e.Message.(type) {
	case *msg.Results:
		for i, r := range m.Results {
			item("%s: %s", w.asked[m.ID][i], result(&r))
		}
	case *msg.Forward:
		for _, op := range m.Ops {
			item("%v %d/%s", op.Kind, op.Partition, op.Key)
		}
	case *msg.Forwarded:
		if m.Refused {
			item("refused by boot %d", m.Inc)
		}
		for _, r := range m.Results {
			item("%s", result(&r))
		}
	case *msg.Prepare:
		for _, it := range m.Items {
			item("p%d %s", it.Partition, ballot(it.Ballot))
		}
	case *msg.Promises:
		for _, it := range m.Items {
			if it.OK {
				item("yes, gen %d", it.Stamp.Gen)
			} else {
				item("no, promised %s", ballot(it.Promised))
			}
		}
	case *msg.Touch:
		for _, it := range m.Items {
			item("%d/%s for %s, have %s", it.Partition, it.Key, ballot(it.Ballot), version(it.Have))
		}
	case *msg.Touched:
		for _, it := range m.Items {
			if it.Refused {
				item("no, promised %s", ballot(it.Promised))
			} else {
				item("%s", register(&it.Register))
			}
		}
	case *msg.Accept:
		for _, it := range m.Items {
			item("%d/%s = %s", it.Partition, it.Key, register(&it.Register))
		}
	case *msg.Accepted:
		b.WriteString(refusals(m.Refused))
	case *msg.Confirm:
		for _, it := range m.Checks {
			item("p%d still %s?", it.Partition, ballot(it.Ballot))
		}
	case *msg.Confirmed:
		item("inc %d gen %d", m.Stamp.Inc, m.Stamp.Gen)
		b.WriteString(refusals(m.Refused))
	case *msg.ReadVersions:
		for _, k := range m.Keys {
			item("%d/%s", k.Partition, k.Key)
		}
	case *msg.Versions:
		for _, v := range m.Versions {
			item("%s", version(v))
		}
	case *msg.HandOver:
		for _, it := range m.Items {
			item("p%d after %s", it.Partition, ballot(it.Ballot))
		}
	case *msg.Collect:
		for _, it := range m.Items {
			item("%d/%s at %s", it.Partition, it.Key, version(it.Version))
		}
	case *msg.Digest:
		item("p%d %s", m.Partition, ballot(m.Ballot))
	case *msg.Digested:
		switch {
		case m.Refused:
			item("refused, promised %s", ballot(m.Promised))
		case len(m.Buckets) == 0:
			item("equal")
		default:
			item("differs")
		}
	case *msg.ListKeys:
		item("p%d after %q", m.Partition, m.After)
	case *msg.ListedKeys:
		for _, k := range m.Keys {
			item("%s %s", k.Key, version(k.Version))
		}
	default:
		w.t.Fatalf("no description of a %T", m)
	}
	return strings.Replace(head+b.String(), ";", ":", 1)
}

func result(r *kv.Result) string {
	switch {
	case r.Status == kv.NotOwner:
		return "not the owner, ask " + ballot(r.Rev.Ballot)
	case r.Status != kv.OK:
		return r.Status.String()
	case r.Int != 0:
		return fmt.Sprint(r.Int)
	case r.Data != nil:
		return fmt.Sprintf("%q", r.Data)
	}
	return "ok"
}

// state writes down what each node promised, owns and holds.
func (w *world) state() {
	for _, m := range w.nodes {
		for p := range kv.Partition(w.ring.PerBucket()) {
			fmt.Fprintf(w.out, "> n%d p%d promised %s", m.id, p, ballot(m.lane.Replica.Promised(p)))
			if b, ok := m.lane.Shard.Owns(p); ok {
				fmt.Fprintf(w.out, ", owner under %s", ballot(b))
			}
			if f := m.lane.Replica.Floor(p); !f.IsZero() {
				fmt.Fprintf(w.out, ", floor %s", version(f))
			}
			m.lane.Replica.Each(p, func(key string, reg kv.Register) { fmt.Fprintf(w.out, "; %s = %s", key, register(&reg)) })
			fmt.Fprintln(w.out)
		}
	}
}
