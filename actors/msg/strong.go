package msg

import "github.com/quoratedb/quorate/actors/kv"

// The messages of strong mode, between a shard that owns or wants to own
// partitions and the replicas of the same lane. Each is a batch: one message
// per destination and flush. An ID is unique among the requests of one boot of
// one shard; a reply carries the ID of its request.

// Stamp names a period of a replica during which it promised none of the
// partitions that it had promised to one owner away: see DESIGN, confirms.
type Stamp struct {
	Inc kv.Incarnation
	Gen uint64
}

// PartitionBallot is a claim on one partition.
type PartitionBallot struct {
	Partition kv.Partition
	Ballot    kv.Ballot
}

// Prepare asks for promises (Paxos phase 1a, for whole partitions).
type Prepare struct {
	ID    uint64
	Items []PartitionBallot
}

// Promise answers one item of Prepare, in its order. Promised is the replica's
// ballot afterwards: the asked one iff the promise was given. Sum is the digest
// of the partition at that moment.
type Promise struct {
	Promised kv.Ballot
	Sum      Sum
	Stamp    Stamp
	OK       bool
}

// Promises answers Prepare.
type Promises struct {
	ID    uint64
	Items []Promise
}

// Sum digests the versions of a partition's registers: the sum, modulo 2^128,
// of a hash of every (key, version). Equal sums mean equal versions, but for
// collisions of a 128-bit hash.
type Sum struct{ Hi, Lo uint64 }

// TouchItem asks for the register of a key on behalf of ballot Ballot. Have is
// the version that the owner holds: a replica with the same one spares the data.
type TouchItem struct {
	Key       []byte
	Ballot    kv.Ballot
	Have      kv.Version
	Partition kv.Partition
}

// Touch is the first look at keys under a ballot.
type Touch struct {
	ID    uint64
	Items []TouchItem
}

// Touched answers one item of Touch. Refused: the replica has promised the
// higher ballot Promised. Otherwise it now promises the item's ballot, and
// Register is what it holds (without Data if the version equals Have).
type TouchedItem struct {
	Register kv.Register
	Promised kv.Ballot
	Refused  bool
}

// Touched answers Touch, in its order.
type Touched struct {
	ID    uint64
	Items []TouchedItem
}

// AcceptItem asks a replica to accept a register (Paxos phase 2a). Its ballot
// is Register.Version.Ballot. Kind is kv.Value or kv.Tombstone.
type AcceptItem struct {
	Key       []byte
	Register  kv.Register
	Partition kv.Partition
}

// Accept is one batch of them. The messages to several replicas share their items.
type Accept struct {
	ID    uint64
	Items []*AcceptItem
}

// Refusal says why an item was not accepted.
type Refusal struct {
	Promised kv.Ballot // ByPromise: the ballot it was refused for
	Index    uint32    // into the items of the request
	Reason   Reason
}

// Reason of a refusal.
type Reason uint8

// The reasons.
const (
	ByPromise Reason = iota + 1 // a higher ballot was promised
	ByFloor                     // the key is absent and the version not above the floor
)

// Accepted answers Accept: all items not refused are accepted and durable.
type Accepted struct {
	ID      uint64
	Refused []Refusal
}

// Confirm asks a replica lane whether it still promises what it promised. The
// answer covers the partitions whose stamp equals the answer's; Checks asks
// about others singly.
type Confirm struct {
	ID     uint64
	Checks []PartitionBallot
}

// Confirmed answers Confirm. Of the checks, those listed are no longer promised.
type Confirmed struct {
	ID      uint64
	Stamp   Stamp
	Refused []Refusal
}

// KeyRef names a key.
type KeyRef struct {
	Key       []byte
	Partition kv.Partition
}

// ReadVersions asks for the versions of keys, without a ballot: for majority
// reads, and before tombstones are collected.
type ReadVersions struct {
	ID    uint64
	Epoch kv.Epoch
	Keys  []KeyRef
}

// Versions answers ReadVersions, in its order; none if the replica is at another epoch.
type Versions struct {
	ID       uint64
	Epoch    kv.Epoch
	Versions []kv.Version
}

// HandOver invites the shard that receives it to take partitions over: their
// owner has drained them and steps down from Ballot.
type HandOver struct{ Items []PartitionBallot }

// CollectItem names a tombstone that every replica was seen to hold at Version.
type CollectItem struct {
	Key       []byte
	Version   kv.Version
	Ballot    kv.Ballot
	Partition kv.Partition
}

// Collect drops tombstones and raises floors.
type Collect struct{ Items []CollectItem }

// Buckets is the number of digests that a partition is divided into.
const Buckets = 64

// Digest asks how far a replica's partition differs from the asker's, whose
// digest is Sum.
type Digest struct {
	ID        uint64
	Sum       Sum
	Partition kv.Partition
	Ballot    kv.Ballot
}

// Digested answers Digest. Buckets is empty if the sums are equal.
type Digested struct {
	ID       uint64
	Sum      Sum
	Buckets  []Sum
	Promised kv.Ballot // with Refused: the higher ballot
	Refused  bool
}

// ListKeys asks for the keys and versions of some buckets of a partition, in
// key order after After, Limit at most.
type ListKeys struct {
	ID        uint64
	After     []byte
	Mask      uint64 // bit i: bucket i is wanted
	Limit     uint32
	Partition kv.Partition
}

// KeyVersion is one entry of a listing.
type KeyVersion struct {
	Key     []byte
	Version kv.Version
}

// ListedKeys answers ListKeys. More: there may be keys after the last one.
type ListedKeys struct {
	ID   uint64
	Keys []KeyVersion
	More bool
}

// MessageName implements actors.Message.
func (*Prepare) MessageName() string      { return "prepare" }
func (*Promises) MessageName() string     { return "promises" }
func (*Touch) MessageName() string        { return "touch" }
func (*Touched) MessageName() string      { return "touched" }
func (*Accept) MessageName() string       { return "accept" }
func (*Accepted) MessageName() string     { return "accepted" }
func (*Confirm) MessageName() string      { return "confirm" }
func (*Confirmed) MessageName() string    { return "confirmed" }
func (*ReadVersions) MessageName() string { return "read-versions" }
func (*Versions) MessageName() string     { return "versions" }
func (*HandOver) MessageName() string     { return "hand-over" }
func (*Collect) MessageName() string      { return "collect" }
func (*Digest) MessageName() string       { return "digest" }
func (*Digested) MessageName() string     { return "digested" }
func (*ListKeys) MessageName() string     { return "list-keys" }
func (*ListedKeys) MessageName() string   { return "listed-keys" }
