// Package msg holds the messages between actors: plain data, immutable once
// sent. Their wire encoding is in codec.go and the files beside it, the records
// that actors persist in record.go.
package msg

import "github.com/quoratedb/quorate/actors/kv"

// Op is an operation together with the partition of its key.
type Op struct {
	kv.Op
	Partition kv.Partition
}

// Ops asks a shard of the same node to carry out operations of one lane. They
// are executed in order per key. It comes from an edge and is never encoded.
type Ops struct {
	ID        uint64 // the edge's own; comes back in Results
	TimeoutNs int64  // from arrival; 0 means the shard's default
	// Epoch is that of the map by which the edge chose the partitions; 0: any.
	Epoch kv.Epoch
	Ops   []Op
}

// Results answers Ops, all at once, in the order of Ops.
type Results struct {
	ID      uint64
	Results []kv.Result
}

// Forward hands operations to the shard which the sender believes to own them.
//
//  1. (Sender node, SrcInc, lane, ID) names the request; the destination acts
//     on, or refuses, a name at most once.
//  2. It counts only at the destination's incarnation DestInc.
type Forward struct {
	ID        uint64
	SrcInc    kv.Incarnation
	DestInc   kv.Incarnation
	TimeoutNs int64
	Epoch     kv.Epoch
	Ops       []Op
}

// Forwarded answers Forward. A result with status kv.NotOwner was not and will
// not be executed; its Rev.Ballot holds the highest ballot that the answering
// node knows for the partition. Inc is the answering node's incarnation: with
// Refused set nothing was executed because DestInc was another one.
type Forwarded struct {
	ID      uint64
	Inc     kv.Incarnation
	Refused bool
	Results []kv.Result
}

// Count asks a replica lane how many live keys it holds in the given partitions.
type Count struct {
	ID         uint64
	Partitions []kv.Partition
}

// Counted answers Count.
type Counted struct {
	ID    uint64
	Keys  uint64 // with a value
	Bytes uint64 // of those keys and values
}

// PeerStatus tells the shards of a node what its detector believes.
type PeerStatus struct {
	Node  kv.NodeID
	Inc   kv.Incarnation // the last one heard of, 0 if none
	Alive bool
	// Cut says of a dead one that the connection to it broke: what was asked will
	// not be answered. One that is merely silent may answer yet.
	Cut bool
}

// LinkDown tells a node's own detector that the connection to a peer broke or
// was refused. It comes from the host and is never encoded.
type LinkDown struct{ Node kv.NodeID }

// LinkBusy tells a node's own detector that part of a large message from a peer
// has arrived: whatever else the peer says waits behind that. It comes from the
// host and is never encoded.
type LinkBusy struct {
	Node kv.NodeID
	Inc  kv.Incarnation // that speaks on the connection
}

// Drain asks a shard to hand what it owns to others, because its node is about
// to stop. It comes from the host and is never encoded.
type Drain struct{}

// MessageName implements actors.Message.
func (*Drain) MessageName() string      { return "drain" }
func (*Ops) MessageName() string        { return "ops" }
func (*Results) MessageName() string    { return "results" }
func (*Forward) MessageName() string    { return "forward" }
func (*Forwarded) MessageName() string  { return "forwarded" }
func (*Count) MessageName() string      { return "count" }
func (*Counted) MessageName() string    { return "counted" }
func (*PeerStatus) MessageName() string { return "peer-status" }
func (*LinkDown) MessageName() string   { return "link-down" }
func (*LinkBusy) MessageName() string   { return "link-busy" }
