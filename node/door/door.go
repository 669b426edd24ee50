// Package door is the seam between the front doors (RESP, HTTP, ...) and the
// host that runs the actors: what a door may ask, and nothing of how.
package door

import (
	"context"
	"errors"
	"time"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// Host is a running node as its front doors see it.
type Host interface {
	// NewSession makes a session for one connection or request.
	NewSession() Session
	// NewGate makes a gate for one goroutine. Wake is called, by any goroutine,
	// when Finished has something new; it must neither block nor use the gate.
	NewGate(wake func()) Gate
	// Bucket returns the settings of a bucket, nil if there is none of that
	// name. They belong to one version of the map: ask again for each request.
	Bucket(name string) *kv.Bucket
	// Buckets lists all buckets by slot, and the epoch of the map that says so.
	Buckets() ([]kv.Bucket, kv.Epoch)
	// ChangeBuckets creates, sets or drops a bucket, and returns the epoch of the
	// map that did. It waits until this node acts on it. The error wraps
	// kv.ErrBadBucket, kv.ErrNoBucket, kv.ErrBucketExists or kv.ErrNoSlot (nothing
	// was changed, and the text says why), ErrMapBusy or ErrMapUnavailable (nothing
	// was changed), or ErrMapUnknown (it may have been, or may still be: look).
	ChangeBuckets(ctx context.Context, c *kv.Change) (kv.Epoch, error)
	// Partition places a key of a bucket; nil is the default one.
	Partition(b *kv.Bucket, key []byte) kv.Partition
	// Limits bounds what doors accept.
	Limits() Limits
	// Route says where a key of a bucket lives; nil is the default one.
	Route(b *kv.Bucket, key []byte) Route
	// Stats describes this node and, as far as it knows, the cluster.
	Stats() Stats
	// CountKeys counts the live keys of a bucket, nil being the default one, in the
	// whole cluster; approximate while nodes are down, and in a bucket that is
	// not strong while replicas differ.
	CountKeys(b *kv.Bucket) (keys, bytes uint64, err error)
	// Ready reports whether the node serves, and if not, why.
	Ready() (bool, string)
}

// Session carries out operations, one batch at a time. Not for concurrent use.
type Session interface {
	// Do carries out the operations in order per key and returns their results
	// in the same order. It sends one message per lane and waits once, and does
	// so again for what exceeds Limits.BatchOps or a few MiB. The
	// bytes of ops are not used after it returns unless it has copied them. The returned
	// slice is valid until the next Do.
	Do(ops []msg.Op) []kv.Result
	// DoIn is Do in the bucket of that name. Without such a bucket every result is
	// kv.BadRequest and says so in its data.
	DoIn(bucket string, ops []msg.Op) []kv.Result
	// Close ends the session.
	Close()
}

// The errors of ChangeBuckets that are not about the change itself.
var (
	ErrMapBusy        = errors.New("too many changes of the map wait: try again later")
	ErrMapUnavailable = errors.New("no majority of the voters answers: nothing was changed")
	ErrMapUnknown     = errors.New("the outcome is not known: the map may have been changed, or may still be")
)

// Gate carries out the operations of many connections for one goroutine: what
// they start leaves together, each is answered on its own, and no one waits for
// another. Only its own goroutine uses a gate and its sessions.
type Gate interface {
	// Open makes a session; Finished names it by its owner.
	Open(owner any) GateSession
	// Flush sends what was started: one message per session, one hand-over per lane.
	Flush()
	// Finished returns the owners whose operations have ended since the last
	// call. The slice is valid until the next call.
	Finished() []any
	// Pending reports whether Finished has something to return.
	Pending() bool
}

// GateSession is a session of a gate, one batch at a time.
type GateSession interface {
	// Start begins what Session.DoIn does. Operations and their bytes stay as they
	// are until Finished returns the session's owner.
	Start(bucket string, ops []msg.Op)
	// Results returns the results of the last Start, once it has finished; they
	// are valid until the next.
	Results() []kv.Result
	// Close ends a session with nothing under way.
	Close()
}

// Limits bounds keys, values and batches, in bytes and operations.
type Limits struct {
	KeyBytes   int // 64 KiB by default, the most the format allows
	ValueBytes int // 8 MiB by default
	BatchOps   int // operations that are carried out at a time
}

// Route says where a key lives.
type Route struct {
	Partition  kv.Partition
	Preference []kv.NodeID
	Owner      kv.NodeID // believed, 0 if unknown
	Epoch      kv.Epoch
	Addresses  map[kv.NodeID]Endpoints
}

// Endpoints is where a member listens, host:port each, empty where unknown.
type Endpoints struct{ HTTP, RESP, Peer string }

// PeerState is what a node believes of a member.
type PeerState struct {
	Node      kv.NodeID
	Endpoints Endpoints
	Zone      string
	Alive     bool // itself: always
	Inc       kv.Incarnation
	Gossip    *PeerGossip // nil: of the node itself
}

// PeerGossip is what a node's detector knows of a peer.
type PeerGossip struct {
	Inc       kv.Incarnation // boot counter, by gossip; 0: unheard
	GossipInc uint32         // raised by the peer whenever it refutes, from 0 at each boot
	State     string         // by gossip: unheard, alive, suspect or dead
	Dead      string         // why this node does not believe it alive: unheard, cut, deaf, silent, gossip; or empty
	Phi       float64        // suspicion level of its silence
	Silence   time.Duration  // since it was heard directly; below 0: never heard
	Load      uint32         // operations open there
}

// Gossip counts what a node's detector did since the start.
type Gossip struct {
	Pings, PingReqs, Acks, Updates             uint64 // sent
	Suspicions, Refutations, RefutedSuspicions uint64
	Epoch                                      kv.Epoch // the newest one heard of
	Health                                     int      // 0: well; to 4: how much it stretches its own time-outs
}

// Stats describes a node.
type Stats struct {
	Node          kv.NodeID
	Cluster       string
	Version       string
	Inc           kv.Incarnation
	Epoch         kv.Epoch
	UptimeSeconds float64
	Partitions    int // of the cluster
	Owned         int // of which this node owns now
	Replicated    int // of which this node holds a copy
	Lanes         int
	Replicas      int    // N
	Keys          uint64 // live keys held here
	DataBytes     uint64 // of those keys and values
	Tombstones    uint64
	WALBytes      int64
	WALSegments   int
	WALSyncs      uint64
	HeapBytes     uint64
	Goroutines    int
	Ops           map[string]uint64 // by kind, since start
	Outcomes      map[string]uint64 // by status, since start
	Peers         []PeerState
	Gossip        Gossip
	Eventual      Eventual
}
