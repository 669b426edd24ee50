package causal

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/pingcap/failpoint"
	"github.com/zeebo/xxh3"
)

// Hash is a 128-bit hash, or a sum of such modulo 2^64 in each half.
type Hash struct{ Hi, Lo uint64 }

// HashBytes is the length of an encoded Hash.
const HashBytes = 16

// Shape is the shape of a Merkle tree, the same at all replicas of a cluster.
type Shape struct {
	Buckets int // leaves, a power of two from 1 to MaxBuckets
	Fanout  int // children of a node, 2 to MaxFanout; of the last node of a level maybe fewer
}

// The default shape and the bounds of shapes.
const (
	DefaultBuckets = 1024
	DefaultFanout  = 16
	MaxBuckets     = 1 << 20
	MaxFanout      = 256
)

// Check says what is wrong with the shape and what is allowed.
func (s Shape) Check() error {
	if s.Buckets < 1 || s.Buckets > MaxBuckets || bits.OnesCount(uint(s.Buckets)) != 1 {
		return fmt.Errorf("causal: Merkle tree of %d buckets, allowed is a power of two from 1 to %d", s.Buckets, MaxBuckets)
	}
	if s.Fanout < 2 || s.Fanout > MaxFanout {
		return fmt.Errorf("causal: Merkle tree of fan-out %d, allowed are 2 to %d", s.Fanout, MaxFanout)
	}
	return nil
}

// NodeRef names a node of a tree: level 0 are the buckets.
type NodeRef struct {
	Level uint8
	Index uint32
}

// Tree is the Merkle tree of one partition (Merkle, "A Digital Signature Based
// on a Conventional Encryption Function", 1987; its use here: DeCandia et al.,
// "Dynamo", SOSP 2007, section 4.7). A bucket is the sum of its entries'
// hashes, so a write costs one subtraction and one addition; unlike XOR a sum
// does not cancel an entry that is counted twice. The nodes above hash their
// children, and are brought up to date when they are asked for.
//
// It finds differences between honest replicas. Sums of hashes can be forged by
// whoever may choose many keys, which hides that key's differences from repair.
type Tree struct {
	shape  Shape
	levels [][]Hash   // 0: the buckets; the last has one node
	dirty  [][]uint64 // per level above 0: bit i: node i is out of date
}

// NewTree returns the tree of an empty partition. It panics if the shape is
// not valid: shapes are checked where they are configured.
func NewTree(shape Shape) *Tree {
	if err := shape.Check(); err != nil {
		panic(err.Error())
	}
	t := &Tree{shape: shape}
	for width := shape.Buckets; ; width = (width + shape.Fanout - 1) / shape.Fanout {
		t.levels = append(t.levels, make([]Hash, width))
		t.dirty = append(t.dirty, make([]uint64, (width+63)/64))
		if width == 1 {
			break
		}
	}
	for level := 1; level < len(t.levels); level++ {
		for i := range t.levels[level] {
			t.mark(level, i)
		}
	}
	return t
}

// BucketOf returns the bucket of a key, given its KeyHash.
func (t *Tree) BucketOf(keyHash uint64) uint32 { return uint32(keyHash & uint64(t.shape.Buckets-1)) }

// Add puts an entry (its Digest) into a bucket.
func (t *Tree) Add(bucket uint32, h Hash) {
	leaf := &t.levels[0][bucket]
	leaf.Hi += h.Hi
	leaf.Lo += h.Lo
	t.touch(bucket)
}

// Remove takes out what Add has put in.
func (t *Tree) Remove(bucket uint32, h Hash) {
	leaf := &t.levels[0][bucket]
	leaf.Hi -= h.Hi
	leaf.Lo -= h.Lo
	t.touch(bucket)
}

// Warm begins to load a bucket. Its result has no meaning, but must be used, or
// the load is left out.
func (t *Tree) Warm(bucket uint32) uint64 { return t.levels[0][bucket].Lo }

func (t *Tree) touch(bucket uint32) {
	if len(t.levels) > 1 {
		t.mark(1, int(bucket)/t.shape.Fanout)
	}
}

func (t *Tree) mark(level, i int) { t.dirty[level][i/64] |= 1 << (i % 64) }

// refresh brings all nodes up to date.
func (t *Tree) refresh() {
	for level := 1; level < len(t.levels); level++ {
		for word := range t.dirty[level] {
			for set := t.dirty[level][word]; set != 0; set &= set - 1 {
				i := word*64 + bits.TrailingZeros64(set)
				t.levels[level][i] = t.combine(level, i)
				if level+1 < len(t.levels) {
					t.mark(level+1, i/t.shape.Fanout)
				}
			}
			t.dirty[level][word] = 0
		}
	}
}

func (t *Tree) combine(level, i int) Hash {
	var room [MaxFanout * HashBytes]byte
	b := room[:0]
	low, high := t.children(level, i)
	for _, h := range t.levels[level-1][low:high] {
		b = binary.LittleEndian.AppendUint64(b, h.Hi)
		b = binary.LittleEndian.AppendUint64(b, h.Lo)
	}
	h := xxh3.Hash128(b)
	return Hash{Hi: h.Hi, Lo: h.Lo}
}

// children returns the range [low, high) of a node's children in the level below.
func (t *Tree) children(level, i int) (low, high int) {
	low = i * t.shape.Fanout
	high = min(low+t.shape.Fanout, len(t.levels[level-1]))
	failpoint.Inject("bug-40-merkle-range-off-by-one", func() { high = max(low, high-1) })
	return low, high
}

// Root returns the hash of the whole tree. Partitions with equal roots hold the
// same objects, but for collisions of a 128-bit hash.
func (t *Tree) Root() Hash {
	t.refresh()
	return t.levels[len(t.levels)-1][0]
}

// RootRef names the root.
func (t *Tree) RootRef() NodeRef { return NodeRef{Level: uint8(len(t.levels) - 1)} }

// Has reports whether the tree has the node; a peer's may not.
func (t *Tree) Has(n NodeRef) bool {
	return int(n.Level) < len(t.levels) && int(n.Index) < len(t.levels[n.Level])
}

// Halves appends half of the hash of each of a node's children, at most Fanout:
// what a Walk compares, which a collision of 64 bits can mislead. None if the
// tree has no such node or it is a bucket.
func (t *Tree) Halves(dst []uint64, n NodeRef) []uint64 {
	if n.Level == 0 || !t.Has(n) {
		return dst
	}
	t.refresh()
	low, high := t.children(int(n.Level), int(n.Index))
	for _, h := range t.levels[n.Level-1][low:high] {
		dst = append(dst, h.Hi)
	}
	return dst
}
