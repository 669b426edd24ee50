// Package quorum tallies the answers of replicas: pending, won or lost, over
// DISTINCT replicas. It is pure arithmetic on bit masks and allocates nothing.
package quorum

import (
	"fmt"
	"math/bits"

	"github.com/pingcap/failpoint"
)

// MaxMembers is the largest replica set that a Tally counts.
const MaxMembers = 7

// Outcome is the state of a vote.
type Outcome uint8

// A vote is pending until a majority said yes, or so many said no that a
// majority can't say yes any more.
const (
	Pending Outcome = iota
	Won
	Lost
)

func (o Outcome) String() string {
	switch o {
	case Pending:
		return "pending"
	case Won:
		return "won"
	case Lost:
		return "lost"
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Majority is the smallest number of n members such that any two sets of that
// size share a member: n/2 + 1, for even n too (Gifford, "Weighted Voting for
// Replicated Data", 1979).
func Majority(n int) int {
	failpoint.Inject("bug-14-half-is-a-majority", func() {
		failpoint.Return((n + 1) / 2)
	})
	return n/2 + 1
}

// Tally counts the votes of one question put to n replicas. A replica is named
// by its position in the preference list, 0 to n-1.
//
//  1. A replica votes once: its first vote stands, later ones (duplicates, or
//     the answer to a re-send) change nothing.
//  2. Outcome never leaves Won or Lost.
//  3. The zero Tally has no members and can't be used; take one from New.
type Tally struct {
	yes, no   uint8 // who voted, one bit per replica
	yesN, noN uint8 // how many distinct replicas voted
	n         uint8
}

// New returns the tally of a question to n replicas. It panics unless n is 1 to
// MaxMembers: the size of a replica set is checked where it is configured.
func New(n int) Tally {
	if n < 1 || n > MaxMembers {
		panic(fmt.Sprintf("quorum: %d members, allowed are 1 to %d", n, MaxMembers))
	}
	return Tally{n: uint8(n)}
}

// Yes records that replica i agreed.
func (t *Tally) Yes(i int) { t.vote(i, &t.yes, &t.yesN) }

// No records that replica i refused.
func (t *Tally) No(i int) { t.vote(i, &t.no, &t.noN) }

func (t *Tally) vote(i int, mask, count *uint8) {
	if i < 0 || i >= int(t.n) {
		panic(fmt.Sprintf("quorum: vote of replica %d in a set of %d", i, t.n))
	}
	bit := uint8(1) << i
	voted := (t.yes|t.no)&bit != 0
	failpoint.Inject("bug-13-duplicate-reply-counted", func() {
		voted = false
	})
	if voted {
		return
	}
	*mask |= bit
	*count++
}

// Outcome tells where the vote stands.
func (t *Tally) Outcome() Outcome {
	need := Majority(int(t.n))
	switch {
	case int(t.yesN) >= need:
		return Won
	case int(t.n)-int(t.noN) < need:
		return Lost
	}
	return Pending
}

// All reports whether every replica agreed.
func (t *Tally) All() bool { return t.yes == t.members() }

// Voted reports whether replica i has voted, either way.
func (t *Tally) Voted(i int) bool { return (t.yes|t.no)>>i&1 != 0 }

// Agreed reports whether replica i said yes.
func (t *Tally) Agreed(i int) bool { return t.yes>>i&1 != 0 }

// Missing is how many replicas have not voted.
func (t *Tally) Missing() int { return bits.OnesCount8(t.members() &^ (t.yes | t.no)) }

// Members is the size of the replica set.
func (t *Tally) Members() int { return int(t.n) }

func (t *Tally) members() uint8 { return uint8(1)<<t.n - 1 }

func (t *Tally) String() string {
	return fmt.Sprintf("%v (%d yes, %d no of %d)", t.Outcome(), t.yesN, t.noN, t.n)
}
