package detector

import (
	"math/bits"

	"github.com/quoratedb/quorate/actors/kv"
)

// Config is what a detector is told at its start. Durations are nanoseconds.
type Config struct {
	Peers []kv.NodeID // all members, itself included or not
	Node  kv.NodeID
	Inc   kv.Incarnation
	Epoch kv.Epoch
	Lanes int // shards of this node to tell
	// IntervalNs is the protocol period, SuspectNs the silence after which a
	// peer of a small cluster is believed dead whatever else speaks for it.
	IntervalNs, SuspectNs int64
	// PhiThreshold is the suspicion level from which on a peer that answers
	// neither directly nor through others is believed dead before SuspectNs.
	// Default 8: by the measured arrivals, such a silence is one in 10^8.
	PhiThreshold float64
	// Helpers is how many members are asked to ping one that did not answer.
	Helpers int
}

// Defaults fills in what is zero.
func (c Config) Defaults() Config {
	if c.IntervalNs == 0 {
		c.IntervalNs = 50e6
	}
	if c.SuspectNs == 0 {
		c.SuspectNs = 500e6
	}
	if c.PhiThreshold == 0 {
		c.PhiThreshold = 8
	}
	if c.Helpers == 0 {
		c.Helpers = 3
	}
	return c
}

const (
	// closeMembers is the size of cluster up to which each node judges each
	// other one by what it hears itself.
	closeMembers = 16
	// maxFanout bounds the pings per period. It makes a cluster of up to 7
	// send as much as heartbeats to everybody would, and a larger one no more.
	maxFanout = 3
	// maxUpdates bounds the gossip in one message, fillUpdates is how much a
	// message carries when there is no news: then members in turn, so that what
	// bounded retransmission failed to spread arrives late instead of never.
	maxUpdates, fillUpdates = 8, 2
	// maxQueue bounds the news that wait to be passed on.
	maxQueue = 256
	// maxSync bounds the answer to a newcomer that asks for all that is known.
	maxSync = 4096
	// syncPeriods is for how many periods a newcomer asks.
	syncPeriods = 8
	// maxHealth bounds how much a slow node stretches its own time-outs
	// (Lifeguard calls it the local health multiplier).
	maxHealth = 4
	// closeGaps and farGaps are the sizes of the window of arrivals per peer,
	// minGaps is how many it must hold to mean anything.
	closeGaps, farGaps, minGaps = 64, 8, 8
)

// log2 is the number of doublings from 1 to at least n.
func log2(n int) int { return bits.Len(uint(n)) }

// fanout is the number of pings per period among n other members.
func fanout(n int) int { return min((n+1)/2, maxFanout) }

// retransmissions is how often one piece of gossip is passed on in a cluster of
// n (SWIM section 4.1: a small multiple of log n suffices).
func retransmissions(n int) int { return 3 * log2(n) }

// suspicionPeriods is how long a suspect may refute in a cluster of n: time for
// the suspicion to reach it, and for its answer to reach everybody.
func suspicionPeriods(n int) int64 { return int64(max(4, 3*log2(n))) }
