package causalhist

import (
	"cmp"

	"github.com/quoratedb/quorate/actors/kv"
)

// Kind of an operation.
type Kind uint8

// The kinds.
const (
	Get Kind = iota + 1
	Set
	Delete
	Incr
)

// Outcome is what the client was told.
type Outcome uint8

// The outcomes. An operation that is still open at the end is Unknown.
const (
	OK Outcome = iota + 1
	Failed
	Unknown
)

// Stamp is the place of a write in the order of last-writer-wins. The zero
// Stamp: not known.
type Stamp struct {
	Ms      int64     `json:"ms"`
	Logical uint32    `json:"logical"`
	Node    kv.NodeID `json:"node"`
}

// Compare returns -1, 0 or +1.
func (s Stamp) Compare(o Stamp) int {
	return cmp.Or(cmp.Compare(s.Ms, o.Ms), cmp.Compare(s.Logical, o.Logical), cmp.Compare(s.Node, o.Node))
}

// Op is one operation on the key that a history is of.
//
//  1. No two Sets have the same Value.
//  2. Deltas of Incr are powers of two, no two alike, so that a sum names the
//     increments in it; increments by Extra.Unit are the exception.
type Op struct {
	Client       int
	Node         kv.NodeID // that was asked
	Boot         uint64    // of that node: operations of one boot share its clock
	Call, Return int64     // Return counts with OK only
	Kind         Kind
	Outcome      Outcome
	Value        string // Set
	Delta        int64  // Incr
	// Context is 1 + the index of the operation whose context this write
	// carried; 0: a blind write.
	Context int
	// Saw is the values in the answer, Whole that these are all that there were:
	// then the answer's context is the state that they are of.
	Saw   []string
	Whole bool
	Sum   int64 // Get and Incr of a counter: the value in the answer
	Stamp Stamp // of the write, or of what a read of lww showed, if known
	// From MayExpire on, some node may take the value of a Set for expired, from
	// Expires on all must. 0: it has no end.
	MayExpire, Expires int64
	// LimitMs is the highest Stamp.Ms that the coordinator of a read could take for
	// a time that is not in the future; 0: any.
	LimitMs int64
	// Final: a read when all had healed and the replicas agreed.
	Final bool
	// Quorum is how many distinct replicas of the key the answer waited for; 0:
	// not known, or others stood in for them.
	Quorum int
	// Zone is the one whose replicas it waited for a majority of, counted from 1;
	// EachZone: of every zone; 0: the count alone says what it waited for.
	Zone int
}

// EachZone is the Zone of an operation that waited for a majority in every one.
const EachZone = -1

// did reports whether the operation may have had an effect.
func (o *Op) did() bool { return o.Kind != Get && o.Outcome != Failed }

// acked reports whether the client was told that the write is done.
func (o *Op) acked() bool { return o.Kind != Get && o.Outcome == OK }

// Finding is something that a history shows and its policy forbids.
type Finding struct {
	Check  string // one of the names below
	Detail string
	Ops    []int // the operations that contradict each other, by index
}

// The checks.
const (
	MadeUp         = "made-up-value"
	LostWrite      = "lost-write"
	Expired        = "expired-value"
	Resurrected    = "resurrected-value"
	WrongSum       = "wrong-sum"
	StampOrder     = "stamp-order"
	StaleRead      = "stale-read"
	ReadYourWrites = "read-your-writes"
	MonotonicReads = "monotonic-reads"
	LostUpdate     = "lost-update" // an anomaly, of Inspect alone
)

// Rules say what the bucket promised.
type Rules struct {
	Policy kv.Policy
	// Unit is the delta of increments that are not powers of two of their own;
	// only how many of them a sum holds is judged. 0: there are none.
	Unit int64
	// N is the number of replicas: a read whose quorum meets that of a write that
	// was acknowledged before must know of it (Gifford, "Weighted Voting for
	// Replicated Data", SOSP 1979).
	N int
	// Moving: N changed while clients used the key. Which quorums met then depends on
	// the N that each operation had.
	Moving bool
	// WriteBack: before a read answers, its quorum holds what it returns; so a
	// later read whose quorum meets that one's knows as much.
	WriteBack bool
	// Lossy: acknowledged writes may be lost (the sync policy allows it).
	Lossy bool
}
