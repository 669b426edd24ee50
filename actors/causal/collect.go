package causal

import "github.com/pingcap/failpoint"

// Collection is what is known when a dead object (a tombstone, or all values
// expired) might be forgotten. Forgetting means losing the vector or stamp
// that keeps older writes of the key from coming back, so every way in which
// one could still come must be closed:
//
//  1. Confirmed: a replica of the key that lacks this state may hold an older
//     value, and anti-entropy would bring it to the others. So every replica
//     must have answered that it holds this very object, durably.
//  2. HintPending: an older write may wait for a replica on another node. The
//     coordinator asks those that it knows of; against the others hints have a
//     time to live, HintTTLMs, after which they are dropped.
//  3. GraceMs: an older write may be on its way in a message. A receiver drops replica messages that
//     are older than MessageTTLMs, by wall clocks, which may be DriftMs apart.
//  4. Moving: while the partition moves, new replicas take copies from old
//     ones, and "every replica" is not a fixed set. So it is until nobody but
//     its replicas has a copy.
//
// Dynamo leaves this open; compare Cassandra's gc_grace_seconds, which has 3
// alone and so brings deleted data back when repair is late.
type Collection struct {
	Replicas     int      // of the key, 1 to MaxReplicas
	Confirmed    Replicas // hold the same object, by digest, durably
	HintPending  bool
	Moving       bool
	DeadSinceMs  int64 // Object.DeadSinceMs
	NowMs        int64 // Clock.ReadMs
	GraceMs      int64
	HintTTLMs    int64
	MessageTTLMs int64
	DriftMs      int64
}

// Verdict is why a dead object must stay, or that it may go.
type Verdict uint8

// The verdicts.
const (
	Collect Verdict = iota
	Unconfirmed
	HintWaits
	PartitionMoves
	GraceRuns
	GraceTooShort // a setting: the grace does not outlast hints and messages
)

func (v Verdict) String() string {
	return [...]string{
		"collect", "not every replica has confirmed", "a hint is pending", "the partition moves", "the grace time runs",
		"the grace time does not outlast hints and messages",
	}[min(v, GraceTooShort)]
}

// Verdict judges. When it says Collect, each replica drops the object iff it
// still holds the confirmed digest.
func (c *Collection) Verdict() Verdict {
	everyone := Replicas(1)<<c.Replicas - 1
	confirmed := c.Confirmed&everyone == everyone
	failpoint.Inject("bug-39-tombstone-collected-early", func() { confirmed = c.Confirmed != 0 })
	switch {
	case c.GraceMs <= c.HintTTLMs+c.MessageTTLMs+c.DriftMs:
		return GraceTooShort
	case !confirmed:
		return Unconfirmed
	case c.HintPending:
		return HintWaits
	case c.Moving:
		return PartitionMoves
	case c.NowMs-c.DeadSinceMs <= c.GraceMs:
		return GraceRuns
	}
	return Collect
}
