// Package actors is the contract between the actors and the two hosts that run
// them (node: sockets, disks, clocks; sim: virtual ones).
//
// An actor is a step function: the host fills a Context, hands over messages,
// and carries out the effects that the actor left in it. An actor never reads
// a clock, starts a goroutine, takes a lock or touches a file.
package actors

import (
	"fmt"

	"github.com/quoratedb/quorate/actors/kv"
)

// Actor is one unit of logic.
type Actor interface {
	// Receive handles one message. It never blocks. A message of a type that
	// is not for this actor panics: that is a broken invariant of the host.
	Receive(c *Context, m Message)
	// Flush ends a batch: what was gathered is sent.
	Flush(c *Context)
}

// Restorer is an actor with durable state.
type Restorer interface {
	// Restore takes back one record that this actor persisted in an earlier
	// run. Records come in the order in which they were persisted, those of a
	// checkpoint first; the log after a checkpoint may repeat what the
	// checkpoint holds already, so restoring must be idempotent. The payload
	// is valid only during the call. A record that cannot be read is an error.
	Restore(payload []byte) error
	// Checkpoint appends records that rebuild the state to the context, about
	// limit of them, starting at the cursor that the previous call returned
	// (nil at first). It returns nil when all state has been emitted. Other
	// messages may be handled between two calls.
	Checkpoint(c *Context, cursor *Cursor, limit int) *Cursor
}

// Cursor says where a checkpoint goes on: after Key in Partition.
type Cursor struct {
	Partition kv.Partition
	Key       string
	Started   bool // the partition's own facts have been emitted
}

// Message is data, immutable once sent. The types live in actors/msg.
type Message interface{ MessageName() string }

// Record is something an actor makes durable. AppendTo appends its encoding,
// which starts with a kind byte that is unique among all records.
type Record interface{ AppendTo(b []byte) []byte }

// Kind says which actor of a node an address means.
type Kind uint8

// The kinds of actor. Coordinator, Store, Handoff and Repair serve the buckets
// that are not strong; Cluster keeps the map of the cluster. A Client is an edge: a connection of a front door, or a
// simulated client; it only ever receives results.
const (
	Shard Kind = iota + 1
	Replica
	Detector
	Client
	Coordinator
	Store
	Handoff
	Repair
	Cluster
)

func (k Kind) String() string {
	switch k {
	case Shard:
		return "shard"
	case Replica:
		return "replica"
	case Detector:
		return "detector"
	case Client:
		return "client"
	case Coordinator:
		return "coordinator"
	case Store:
		return "store"
	case Handoff:
		return "handoff"
	case Repair:
		return "repair"
	case Cluster:
		return "cluster"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Address names an actor: a small comparable value. Index is the number of a
// client; a detector and a cluster actor have 0, all others that of their lane.
type Address struct {
	Index uint32
	Node  kv.NodeID
	Kind  Kind
}

func (a Address) String() string { return fmt.Sprintf("n%d/%v/%d", a.Node, a.Kind, a.Index) }

// LaneOf maps a partition to the lane that runs it. The number of lanes is
// fixed for a cluster, so lane i of one node only ever talks to lane i of another.
func LaneOf(p kv.Partition, lanes int) uint32 { return uint32(int(p) % lanes) }

// Timer is delivered when a timer that the actor set has run out.
type Timer struct{ ID TimerID }

// MessageName implements Message.
func (Timer) MessageName() string { return "timer" }

// TimerID tells the timers of one actor apart.
type TimerID uint8
