package handoff

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// patient is a world whose buckets keep tombstones for much longer than hints live.
func patient(t *testing.T, seed uint64, sloppy bool) *world {
	w := newWorld(t, seed, 5, Config{HintTTLMs: 100_000})
	b := eventual("a", 0, 1, 3)
	b.GraceMs, b.Sloppy = 1_000_000, sloppy
	w.layout = layout(t, 5, 1, b)
	for _, n := range w.nodes {
		n.crash()
		n.boot()
	}
	return w
}

// In a sloppy bucket a hint may be all that there is of a write: while all
// replicas are away it stays, for as long as the grace allows.
func TestAHintThatMayBeTheOnlyCopyStays(t *testing.T) {
	w := patient(t, 21, true)
	target, at := w.replica("k0")
	n, p := w.nodes[at-1], partitionOf(w.layout, "k0")
	for _, id := range w.layout.Preference(p) {
		w.nodes[id-1].crash()
	}
	w.give(at, target, "k0")
	w.run(900_000 * ms)
	require.Equal(t, 1, w.hints())
	_, ok := n.h.Lookup(p, []byte("k0"), w.wallMs())
	require.True(t, ok)
	w.nodes[target-1].boot()
	w.run(5_000 * ms)
	require.Zero(t, w.hints())
	w.checkKept()

	w.nodes[target-1].crash()
	w.give(at, target, "k0")
	w.run(1_000_000 * ms) // 1,000 s less a message's life and twice the cap
	require.Zero(t, w.hints())
	require.Equal(t, uint64(1), n.h.Stats().Expired)
}

// When its target stays away another replica will do.
func TestAnOverdueHintGoesToALivingReplica(t *testing.T) {
	w := patient(t, 22, true)
	target, at := w.replica("k0")
	w.nodes[target-1].crash()
	w.give(at, target, "k0")
	w.run(90_000 * ms)
	require.Equal(t, 1, w.hints(), "not before: the target may come back")
	w.run(80_000 * ms)
	require.Zero(t, w.hints())
	s := w.nodes[at-1].h.Stats()
	require.Equal(t, uint64(1), s.Moved)
	require.Zero(t, s.Expired)
	held := 0
	for _, id := range w.layout.Preference(partitionOf(w.layout, "k0")) {
		if o := w.nodes[id-1].synced["k0"]; !o.IsZero() {
			held++
		}
	}
	require.Equal(t, 1, held)
}

// In a strict bucket replicas hold what was acknowledged.
func TestAHintOfAStrictBucketEnds(t *testing.T) {
	w := patient(t, 23, false)
	target, at := w.replica("k0")
	w.nodes[target-1].crash()
	w.give(at, target, "k0")
	w.run(170_000 * ms)
	require.Zero(t, w.hints())
	require.Equal(t, uint64(1), w.nodes[at-1].h.Stats().Expired)
}
