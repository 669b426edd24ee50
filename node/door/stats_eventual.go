package door

import (
	"time"

	"github.com/quoratedb/quorate/actors/kv"
)

// Eventual is what a node does for the buckets that are not strong. Counts are
// since its start.
type Eventual struct {
	Keys, Bytes uint64 // held here, tombstones and expired values included

	SiblingReads uint64 // reads coordinated here that found several values
	StaleReads   uint64 // reads coordinated here that found a replica behind
	Repaired     uint64 // objects that reads sent to replicas
	Forwards     uint64 // operations passed on to another coordinator
	Resends      uint64
	Drifted      uint64 // objects refused since their stamp was too far ahead of this node's clock
	Dead         uint64 // keys held that hold no value
	Skewed       uint64 // writes passed on since this node's clock was behind what it had seen
	Forgotten    uint64 // tombstones dropped

	Hints  Hints
	Repair Repair
}

// Hints are the objects kept here for replicas that did not take them.
type Hints struct {
	Pending   int
	Bytes     int64  // in memory
	Kept      uint64 // taken in
	Refused   uint64 // turned away because a bound was reached; anti-entropy has to bring those
	Delivered uint64
	Expired   uint64
	Failed    uint64 // deliveries without an answer
	Unkept    uint64 // objects coordinated here that nobody would keep a hint of
	For       []HintsFor
}

// HintsFor are those for one node.
type HintsFor struct {
	Node    kv.NodeID
	Pending int
	Bytes   int64
	Refused uint64
	Oldest  time.Time // zero: none
}

// Repair is how far anti-entropy is, as this node knows: a pair is a partition
// and another node that holds it too.
type Repair struct {
	Done, All int       // pairs known to be equal, and all
	LastFull  time.Time // when all pairs were last equal; zero: not since the buckets were placed as they are now
	Took      time.Duration
	Queued    int // partitions that wait for their session

	Rounds, Sessions, Abandoned, Unanswered uint64
	SentKeys, SentBytes, GotKeys, GotBytes  uint64
	Collected                               uint64 // tombstones that all replicas were told to drop
	Left                                    uint64 // copies handed to the replicas of another N, and dropped
	Leaving                                 int    // copies that are still to be
	Peers                                   []RepairPeer
}

// RepairPeer is anti-entropy with one node.
type RepairPeer struct {
	Node     kv.NodeID
	Shared   int // partitions
	Left     int // of which so many are not known to be equal
	Compared time.Time
	LastFull time.Time
}
