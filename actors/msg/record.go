package msg

import "github.com/quoratedb/quorate/actors/kv"

// The records of a replica's journal. The kind byte and the encoding of each
// are in record_codec.go.

// PromiseRecord: the partition's promise rose to Ballot.
type PromiseRecord struct {
	Partition kv.Partition
	Ballot    kv.Ballot
}

// AcceptRecord: the key's register became Register, and the partition's
// promise is at least Register.Version.Ballot.
type AcceptRecord struct {
	Key       []byte
	Register  kv.Register
	Partition kv.Partition
}

// DropRecord: the tombstone of Key at Version was collected, and the
// partition's floor is at least Version.
type DropRecord struct {
	Key       []byte
	Version   kv.Version
	Partition kv.Partition
}

// FloorRecord: the partition's floor is at least Floor (checkpoints only).
type FloorRecord struct {
	Floor     kv.Version
	Partition kv.Partition
}

// PeerRecord is the host's: member Node was met with the data directory Store.
// If it comes with another one it has lost what it promised, and must not
// speak with its old identity.
type PeerRecord struct {
	Store uint64
	Node  kv.NodeID
}

// BootRecord is the host's: the node's identity and its incarnation, durable
// before the incarnation is used.
type BootRecord struct {
	Cluster string // cluster id
	Store   uint64 // random, made with the data directory
	Inc     kv.Incarnation
	Node    kv.NodeID
}
