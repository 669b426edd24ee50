package kv

import "fmt"

// Mode is what a bucket promises. It never changes while the bucket lives.
type Mode uint8

// The modes.
const (
	Strong   Mode = iota + 1 // every operation on a key is linearizable: owner ballots
	ABD                      // get, set, delete linearizable, without an owner (Attiya, Bar-Noy, Dolev, JACM 1995)
	Eventual                 // tunable N, R, W; always writable (DeCandia et al., "Dynamo", SOSP 2007)
	modes                    // count, keep last
)

// Valid reports whether m names a mode.
func (m Mode) Valid() bool { return m >= Strong && m < modes }

func (m Mode) String() string {
	switch m {
	case Strong:
		return "strong"
	case ABD:
		return "abd"
	case Eventual:
		return "eventual"
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// ParseMode reads the name of a mode.
func ParseMode(s string) (Mode, error) {
	for m := Strong; m < modes; m++ {
		if s == m.String() {
			return m, nil
		}
	}
	return 0, fmt.Errorf("mode %q, allowed are strong, abd and eventual", s)
}

// Policy is how an eventual bucket settles concurrent writes.
type Policy uint8

// The policies. Siblings and LWW may be exchanged for each other while a bucket
// lives; Counters is for its whole life.
const (
	Siblings Policy = iota + 1 // keep them all, the client merges
	LWW                        // the highest stamp wins
	Counters                   // every key is a PN-counter
	policies                   // count, keep last
)

// Valid reports whether p names a policy.
func (p Policy) Valid() bool { return p >= Siblings && p < policies }

func (p Policy) String() string {
	switch p {
	case Siblings:
		return "siblings"
	case LWW:
		return "lww"
	case Counters:
		return "counters"
	}
	return fmt.Sprintf("policy(%d)", uint8(p))
}

// ParsePolicy reads the name of a policy.
func ParsePolicy(s string) (Policy, error) {
	for p := Siblings; p < policies; p++ {
		if s == p.String() {
			return p, nil
		}
	}
	return 0, fmt.Errorf("policy %q, allowed are siblings, lww and counters", s)
}

// Repair is when a read of an eventual bucket mends the replicas that it found behind.
type Repair uint8

// The ways of read repair.
const (
	RepairAsync    Repair = iota + 1 // after the answer
	RepairBlocking                   // before it
	RepairOff                        // never
	repairs                          // count, keep last
)

// Valid reports whether r names a way.
func (r Repair) Valid() bool { return r >= RepairAsync && r < repairs }

func (r Repair) String() string {
	switch r {
	case RepairAsync:
		return "async"
	case RepairBlocking:
		return "blocking"
	case RepairOff:
		return "off"
	}
	return fmt.Sprintf("repair(%d)", uint8(r))
}

// ParseRepair reads the name of a way.
func ParseRepair(s string) (Repair, error) {
	for r := RepairAsync; r < repairs; r++ {
		if s == r.String() {
			return r, nil
		}
	}
	return 0, fmt.Errorf("repair %q, allowed are async, blocking and off", s)
}

// Sizes is a set of numbers of replicas, 1 to MaxReplicas.
type Sizes uint8

// Has reports whether n is one of them.
func (s Sizes) Has(n int) bool { return s>>n&1 != 0 }

// With returns the set with n.
func (s Sizes) With(n int) Sizes { return s | 1<<n }

// Bucket is what the cluster map says of a bucket. Slot names its block of
// partitions: with P partitions per bucket those are Slot*P to Slot*P+P-1.
type Bucket struct {
	Name    string
	Slot    uint16 // 0: the default bucket
	Created Epoch  // at which the map got it; a slot that is used again has a newer one
	Mode    Mode
	N       uint8 // replicas, 1 to MaxReplicas
	Had     Sizes // what N was before; empty if it never changed

	// The rest is of eventual buckets alone (TTL and grace of abd too). It changes live.
	Policy  Policy
	Repair  Repair
	Sloppy  bool
	R, W    Ask
	TTLMs   int64 // life of a value that names none, milliseconds; 0: for ever
	GraceMs int64 // after which a tombstone may be collected, milliseconds; 0: the default
}
