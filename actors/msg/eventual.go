package msg

import (
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
)

// The messages of the buckets that are not strong, between the coordinators,
// stores, handoffs and repairs of one lane. Each is a batch: one message per
// destination and flush. An ID is unique among the requests of one boot of one
// actor; a reply carries the ID of its request.

// Why says what an object is sent for: for statistics only, every Put merges.
type Why uint8

// The reasons.
const (
	ForWrite  Why = iota + 1 // a client's write
	ForRead                  // read repair, and the write-back of abd
	ForHint                  // a hint is delivered
	ForRepair                // anti-entropy
	whys                     // count, keep last
)

// Valid reports whether w names a reason.
func (w Why) Valid() bool { return w >= ForWrite && w < whys }

// PutItem is a key with all that its sender knows of it.
type PutItem struct {
	Key       []byte
	Object    causal.Object
	Partition kv.Partition
}

// Put is the only way in which objects enter a store. Messages to several
// replicas share their items. Epoch is that of the sender's map, SentMs its
// wall clock: a put may not arrive after more than the life of a message. BornMs,
// of hints alone, is when the oldest was given to whom it was kept by.
type Put struct {
	ID     uint64
	SentMs int64
	BornMs int64
	Epoch  kv.Epoch
	Why    Why
	Items  []*PutItem
}

// PutReason says why an item was not stored.
type PutReason uint8

// The reasons. ByFull is of hints alone.
const (
	ByDrift    PutReason = iota + 1 // its stamp is too far ahead of the store's wall clock
	ByPlace                         // the partition is not at home here
	ByAge                           // it was on its way for longer than a message lives
	ByMap                           // its bucket is unknown here, or has another life
	ByFull                          // the bound of hints is reached
	putReasons                      // count, keep last
)

// Valid reports whether r names a reason.
func (r PutReason) Valid() bool { return r >= ByDrift && r < putReasons }

// PutRefusal names an item, by its index in the request, that was not taken.
type PutRefusal struct {
	Index  uint32
	Reason PutReason
}

// Stored answers Put: all items not refused are merged and durable.
type Stored struct {
	ID      uint64
	Refused []PutRefusal
}

// FetchItem asks for the object of a key. A replica whose object has the digest
// Have answers Same and spares the data.
type FetchItem struct {
	Key       []byte
	Have      causal.Hash
	Partition kv.Partition
}

// Fetch reads objects, of a store or (sloppy) of what a handoff keeps for others.
type Fetch struct {
	ID    uint64
	Epoch kv.Epoch
	Items []FetchItem
}

// FetchedItem answers one item. Refused is set where it can't be answered.
type FetchedItem struct {
	Object  *causal.Object // nil: Same, Refused, or the key was never written here
	Refused PutReason      // 0: not refused
	Same    bool
}

// Fetched answers Fetch, in its order. What it shows is durable.
type Fetched struct {
	ID    uint64
	Items []FetchedItem
}

// Hint gives a handoff objects to keep until Target takes them.
type Hint struct {
	ID     uint64
	SentMs int64
	Epoch  kv.Epoch
	Target kv.NodeID
	Items  []*PutItem
}

// Hinted answers Hint: all items not refused are kept, durably.
type Hinted struct {
	ID      uint64
	Refused []PutRefusal
}

// PartitionRoot is the root of the Merkle tree of a partition.
type PartitionRoot struct {
	Root      causal.Hash
	Partition kv.Partition
}

// Compare asks a peer which of the partitions that both hold differ.
type Compare struct {
	ID    uint64
	Epoch kv.Epoch
	Items []PartitionRoot
}

// Compared answers Compare: those whose root differs, with the answerer's.
type Compared struct {
	ID      uint64
	Differs []PartitionRoot
}

// TreeAsk asks for the children of nodes of a partition's tree.
type TreeAsk struct {
	ID        uint64
	Nodes     []causal.NodeRef
	Partition kv.Partition
}

// TreeTold answers TreeAsk: the children of each, one after the other, each by
// the half of its hash that causal.Walk looks at.
type TreeTold struct {
	ID     uint64
	Hashes []uint64
}

// MarkBits is the length of the hashes and weights of keys.
const MarkBits = 24

// KeyMark stands for a key in the listing of a bucket, in few bytes: a hash of
// its name, and a weight that most often is the higher one (as a serial number,
// RFC 1982) in the newer of two states. Each is below 1<<MarkBits.
type KeyMark struct{ Name, Weight uint32 }

// ListBuckets asks in what the keys of buckets, which ascend, of a partition's
// tree differ from the asker's. Of each of those it has a hash of name and state,
// below 1<<MarkBits: Counts[i] of States are of Buckets[i]. All hashes have a
// salt, so that two which coincide in one session do not in the next.
type ListBuckets struct {
	ID        uint64
	Salt      uint64
	Buckets   []uint32
	Counts    []uint32
	States    []uint32
	Partition kv.Partition
}

// BucketsListed answers ListBuckets for the first len(Counts) buckets asked for:
// so many of the marks are of each, of the keys whose state the asker does not
// have. Lacks has a bit for each state of the asker in these buckets, the lowest
// of a byte first: set where it is not known here.
type BucketsListed struct {
	ID     uint64
	Counts []uint32
	Marks  []KeyMark
	Lacks  []byte
}

// WantItem names all keys of a bucket with that KeyMark.Name.
type WantItem struct{ Bucket, Name uint32 }

// Want asks for whole objects: all of the buckets in Whole, then Items. Both
// ascend by bucket.
type Want struct {
	ID        uint64
	Salt      uint64
	Whole     []uint32
	Items     []WantItem
	Partition kv.Partition
}

// Given answers the first Answered of the buckets and items of Want, with all
// objects that they name; none if the first is more than fits a message.
type Given struct {
	ID       uint64
	Answered uint32
	Items    []*PutItem
}

// DeadItem names a dead object (causal.Object.DeadSinceMs) by its digest.
type DeadItem struct {
	Key       []byte
	Digest    causal.Hash
	Partition kv.Partition
}

// AskDead asks a replica whether it holds these very objects, and whether hints
// for any of the keys wait on its node.
type AskDead struct {
	ID    uint64
	Epoch kv.Epoch
	Items []DeadItem
}

// DeadAnswer answers one item of AskDead. Gone says that the answerer is no
// replica and has no copy of the partition left.
type DeadAnswer struct{ Holds, HintPending, Gone bool }

// DeadTold answers AskDead, in its order. What it holds is durable.
type DeadTold struct {
	ID    uint64
	Items []DeadAnswer
}

// Forget drops objects from a store, where they still have that digest.
type Forget struct{ Items []DeadItem }

// Leave tells the store of its own lane that the replicas of a partition hold
// all that it has a copy of. It drops the copy if by the map of Epoch, and that
// is its own, it is no replica.
type Leave struct {
	Epoch     kv.Epoch
	Partition kv.Partition
}

// MarkDurable tells a coordinator that the mark of its clock is on disk. It
// sends that to itself.
type MarkDurable struct{ MarkMs int64 }

// MessageName implements actors.Message.
func (*MarkDurable) MessageName() string   { return "mark-durable" }
func (*Put) MessageName() string           { return "put" }
func (*Stored) MessageName() string        { return "stored" }
func (*Fetch) MessageName() string         { return "fetch" }
func (*Fetched) MessageName() string       { return "fetched" }
func (*Hint) MessageName() string          { return "hint" }
func (*Hinted) MessageName() string        { return "hinted" }
func (*Compare) MessageName() string       { return "compare" }
func (*Compared) MessageName() string      { return "compared" }
func (*TreeAsk) MessageName() string       { return "tree-ask" }
func (*TreeTold) MessageName() string      { return "tree-told" }
func (*ListBuckets) MessageName() string   { return "list-buckets" }
func (*BucketsListed) MessageName() string { return "buckets-listed" }
func (*Want) MessageName() string          { return "want" }
func (*Given) MessageName() string         { return "given" }
func (*AskDead) MessageName() string       { return "ask-dead" }
func (*DeadTold) MessageName() string      { return "dead-told" }
func (*Forget) MessageName() string        { return "forget" }
func (*Leave) MessageName() string         { return "leave" }
