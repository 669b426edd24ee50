package coordinate

import (
	"fmt"
	"strings"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// refusal says why a bucket can't carry an operation out, and what it can; ""
// if it can. Everything conditional needs one place that decides, which only
// strong mode has.
func refusal(b *kv.Bucket, op *kv.Op) string {
	if !op.Kind.Valid() || !op.Cond.Valid() {
		return "not a valid operation"
	}
	if b.Mode == kv.ABD {
		return refusalABD(op)
	}
	switch {
	case op.Kind == kv.OpCAS:
		return "compare-and-set needs a bucket of mode strong: replicas of an eventual bucket take concurrent writes without asking each other. Here: give the causal context of the read back with the write"
	case op.Cond != kv.Always:
		return "a conditional write needs a bucket of mode strong: replicas of an eventual bucket take concurrent writes without asking each other. Allowed here are unconditional writes, with the causal context of a read"
	case op.WantOld:
		return "the value before a write is not known in an eventual bucket: writes don't wait for a read. Allowed are get and set, one after the other, or a bucket of mode strong"
	case op.Kind == kv.OpIncr && b.Policy != kv.Counters:
		return "increments need a bucket of policy counters, or of mode strong; this one has policy " + b.Policy.String()
	case b.Policy == kv.Counters && op.IsWrite() && op.Kind != kv.OpIncr:
		return "a bucket of policy counters allows get and incr alone: to set or delete a counter would lose increments made elsewhere at the same time"
	case b.Policy == kv.Counters && op.Tuning != nil && op.Tuning.TTLMs > 0:
		return "a counter has no time to live: its increments can't be forgotten one by one"
	}
	return ""
}

// invalid ends an operation that can't be carried out as it was asked. Its client
// has no use for the name of the package that found out.
func (s *Coordinator) invalid(c *actors.Context, f ref, err error) {
	s.finish(c, f, kv.Refused(strings.TrimPrefix(err.Error(), "causal: ")))
}

// noRoom says why a value finds no room beside those that its writer has not
// seen; "" if it does. An object travels and is stored whole, so clients that never
// give a context would let it outgrow every message. What takes values away from
// the key, or is the only one, finds room.
func (s *Coordinator) noRoom(base *causal.Object, seen *causal.Seen, op *msg.Op) string {
	held := siblingBytes(&base.Set)
	if op.Kind == kv.OpDelete || held+len(op.Value) <= s.cfg.MaxSiblingBytes {
		return ""
	}
	stay := base.Set.Discard(seen.Vector)
	bytes := siblingBytes(&stay)
	if bytes == 0 || bytes+len(op.Value) <= max(held, s.cfg.MaxSiblingBytes) {
		return ""
	}
	return fmt.Sprintf("%d concurrent values of this key, of %d bytes, were never replaced, and with this one they would have more than %d: read the key and give the causal context of that read with the write, which then takes their place",
		len(stay.Siblings), bytes, s.cfg.MaxSiblingBytes)
}

// siblingBytes is what the values of a set take, roughly.
func siblingBytes(s *causal.Set) (n int) {
	for i := range s.Siblings {
		n += 24 + len(s.Siblings[i].Value.Data)
	}
	return n
}

func refusalABD(op *kv.Op) string {
	switch {
	case op.Kind == kv.OpIncr || op.Kind == kv.OpCAS || op.Cond != kv.Always:
		return "abd registers allow get, set and delete alone: read-modify-write needs consensus (Herlihy 1991), so a bucket of mode strong"
	case op.WantOld:
		return "the value before a write is not known in an abd bucket: another write may come between. Allowed are get and set, one after the other, or a bucket of mode strong"
	case op.Tuning != nil && (!op.Tuning.R.IsZero() || !op.Tuning.W.IsZero()):
		return "an abd bucket asks a quorum, always; r and w are for buckets of mode eventual"
	case op.Tuning != nil && (op.Tuning.Context != "" || op.Tuning.WantContext):
		return "an abd bucket has no causal context: its operations are linearizable; contexts are for buckets of mode eventual"
	}
	return ""
}
