package coordinate

import (
	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors/causal"
)

// tally counts who has answered, as sets of positions in the preference list:
// an answer that comes twice counts once.
//
//  1. acks are replicas that answered themselves, durably.
//  2. standIns are replicas for which another node answered. They count in
//     sloppy buckets alone: a read of R replicas need not meet a stand-in, so
//     R + W > N promises nothing with them ("Dynamo", section 4.6).
type tally struct {
	acks, standIns, refused causal.Replicas
}

// stored reports whether a write has what it needs.
func (t *tally) stored(need *causal.Need, sloppy bool) bool {
	failpoint.Inject("bug-26-hint-counted-strictly", func() { sloppy = true })
	return t.met(need, sloppy)
}

// seen reports whether a read has what it needs.
func (t *tally) seen(need *causal.Need, sloppy bool) bool {
	return t.met(need, asksStandIns(sloppy))
}

func (t *tally) met(need *causal.Need, sloppy bool) bool {
	yes := t.acks
	if sloppy {
		yes |= t.standIns
	}
	return need.Met(yes)
}

// asksStandIns reports whether a read asks stand-ins of dead replicas.
func asksStandIns(sloppy bool) bool {
	failpoint.Inject("bug-27-fallback-counted-strictly", func() { sloppy = true })
	return sloppy
}
