package causal

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"
)

// slowTree keeps the entries of each bucket and computes hashes from scratch,
// top down.
type slowTree struct {
	shape   Shape
	entries [][]Hash
}

func (s *slowTree) node(level int, low, high int) Hash {
	if level == 0 {
		var sum Hash
		for _, h := range s.entries[low] {
			sum = Hash{sum.Hi + h.Hi, sum.Lo + h.Lo}
		}
		return sum
	}
	span := 1 // leaves below a child
	for range level - 1 {
		span *= s.shape.Fanout
	}
	var b []byte
	for at := low; at < high; at += span {
		h := s.node(level-1, at, min(at+span, high))
		b = binary.LittleEndian.AppendUint64(b, h.Hi)
		b = binary.LittleEndian.AppendUint64(b, h.Lo)
	}
	h := xxh3.Hash128(b)
	return Hash{h.Hi, h.Lo}
}

func (s *slowTree) root() Hash {
	level, span := 0, 1
	for span < s.shape.Buckets {
		level, span = level+1, span*s.shape.Fanout
	}
	return s.node(level, 0, s.shape.Buckets)
}

func drawShape(t *rapid.T) Shape {
	return Shape{
		Buckets: 1 << rapid.IntRange(0, 8).Draw(t, "log2 buckets"),
		Fanout:  rapid.SampledFrom([]int{2, 3, 5, 16, 256}).Draw(t, "fan-out"),
	}
}

type treePair struct {
	tree *Tree
	slow slowTree
}

func newTreePair(shape Shape) *treePair {
	return &treePair{NewTree(shape), slowTree{shape, make([][]Hash, shape.Buckets)}}
}

func (p *treePair) step(t *rapid.T) {
	bucket := rapid.IntRange(0, p.slow.shape.Buckets-1).Draw(t, "bucket")
	at := p.slow.entries[bucket]
	if len(at) > 0 && rapid.Bool().Draw(t, "remove") {
		p.tree.Remove(uint32(bucket), at[len(at)-1])
		p.slow.entries[bucket] = at[:len(at)-1]
		return
	}
	n := rapid.Uint64Range(1, 3).Draw(t, "entry") // often the same: sums, not XOR
	h := Hash{n, n << 40}
	p.tree.Add(uint32(bucket), h)
	p.slow.entries[bucket] = append(slices.Clone(at), h)
}

func TestTreeAgreesWithItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newTreePair(drawShape(t))
		require.Equal(t, p.slow.root(), p.tree.Root(), "empty")
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			p.step(t)
			if rapid.Bool().Draw(t, "look") {
				require.Equal(t, p.slow.root(), p.tree.Root())
			}
		}
		require.Equal(t, p.slow.root(), p.tree.Root())
	})
}

func TestWalkFindsExactlyTheDifferingBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := drawShape(t)
		mine, theirs := newTreePair(shape), newTreePair(shape)
		for range rapid.IntRange(0, 20).Draw(t, "writes") {
			mine.step(t)
		}
		for bucket, entries := range mine.slow.entries { // a copy
			for _, h := range entries {
				theirs.tree.Add(uint32(bucket), h)
			}
			theirs.slow.entries[bucket] = slices.Clone(entries)
		}
		for range rapid.IntRange(0, 10).Draw(t, "differences") {
			theirs.step(t)
		}
		var want []uint32
		for i := range shape.Buckets {
			if mine.slow.node(0, i, i+1) != theirs.slow.node(0, i, i+1) {
				want = append(want, uint32(i))
			}
		}
		limit := rapid.IntRange(1, 8).Draw(t, "limit")
		require.Equal(t, want, walk(t, mine.tree, theirs.tree, limit))
	})
}

func walk(t require.TestingT, mine, theirs *Tree, limit int) []uint32 {
	w := NewWalk(mine, theirs.Root())
	for asked := w.Ask(limit); len(asked) > 0; asked = w.Ask(limit) {
		require.LessOrEqual(t, len(asked), limit)
		require.Equal(t, asked, w.Ask(limit), "a lost question can be asked again")
		var hashes []uint64
		for _, n := range asked {
			hashes = theirs.Halves(hashes, n)
		}
		require.False(t, w.Take(mine, asked, hashes[:len(hashes)-1]), "an answer that is too short")
		require.True(t, w.Take(mine, asked, hashes))
		require.False(t, w.Take(mine, asked, hashes), "an answer that comes twice")
	}
	return w.Buckets()
}

func TestTreeRefusesWhatItDoesNotHave(t *testing.T) {
	tree := NewTree(Shape{Buckets: 64, Fanout: 16})
	for _, n := range []NodeRef{{0, 0}, {1, 4}, {3, 0}, {255, 1 << 31}} {
		require.Empty(t, tree.Halves(nil, n))
	}
	require.Len(t, tree.Halves(nil, tree.RootRef()), 4)
	require.Error(t, Shape{Buckets: 3, Fanout: 2}.Check())
	require.Error(t, Shape{Buckets: 4, Fanout: 1}.Check())
	require.Error(t, Shape{Buckets: 2 * MaxBuckets, Fanout: 2}.Check())
	require.NoError(t, Shape{Buckets: DefaultBuckets, Fanout: DefaultFanout}.Check())
}
