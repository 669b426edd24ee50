package causal

import (
	"slices"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// objectWorld writes one key at several replicas under policies that change.
type objectWorld struct {
	t       *rapid.T
	at      []Object
	src     []Source
	seen    []Seen
	states  []Object
	logical uint32
}

func newObjectWorld(t *rapid.T) *objectWorld {
	w := &objectWorld{t: t, at: make([]Object, 3), seen: []Seen{{}}, states: []Object{{}}}
	for i := range w.at {
		w.src = append(w.src, NewSource(NewID(kv.NodeID(i+1), 1)))
	}
	return w
}

// value draws one with a fresh stamp above that of base.
func (w *objectWorld) value(base Stamp) Value {
	w.logical++
	v := Value{
		Kind:  rapid.SampledFrom([]kv.Kind{kv.Value, kv.Value, kv.Tombstone}).Draw(w.t, "kind"),
		Stamp: Stamp{Ms: base.Ms + rapid.Int64Range(0, 2).Draw(w.t, "ms"), Logical: w.logical, Node: 1},
	}
	if v.Kind == kv.Value {
		v.Data = rapid.SliceOfN(rapid.Byte(), 1, 3).Draw(w.t, "data")
		v.Media = kv.Media(rapid.IntRange(0, 2).Draw(w.t, "media"))
		v.ExpiresMs = rapid.SampledFrom([]int64{0, 0, 1, 5}).Draw(w.t, "expires")
	}
	return v
}

func (w *objectWorld) step() {
	i := rapid.IntRange(0, len(w.at)-1).Draw(w.t, "replica")
	o := &w.at[i]
	seen := rapid.SampledFrom(w.seen).Draw(w.t, "seen")
	var err error
	switch rapid.IntRange(0, 5).Draw(w.t, "step") {
	case 0:
		*o, err = o.Put(seen, &w.src[i], w.value(maxStamp(o.Newest(), seen.Register)))
	case 1:
		*o = o.PutNewest(w.value(o.Newest()))
	case 2:
		*o, err = o.Add(w.src[i].ID(), rapid.Int64Range(-3, 3).Draw(w.t, "delta"))
	case 3, 4:
		*o = o.Merge(&w.at[rapid.IntRange(0, len(w.at)-1).Draw(w.t, "from")])
	case 5:
		w.seen = append(w.seen, o.Seen())
	}
	require.NoError(w.t, err)
	w.states = append(w.states, *o)
}

func maxStamp(a, b Stamp) Stamp {
	if a.Less(b) {
		return b
	}
	return a
}

func drawObjects(t *rapid.T) *rapid.Generator[Object] {
	w := newObjectWorld(t)
	for range rapid.IntRange(0, 25).Draw(t, "steps") {
		w.step()
	}
	return rapid.SampledFrom(w.states)
}

func TestObjectMergeIsAJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := drawObjects(t)
		a, b, c := states.Draw(t, "a"), states.Draw(t, "b"), states.Draw(t, "c")
		ab, bc := a.Merge(&b), b.Merge(&c)
		require.Equal(t, ab, b.Merge(&a), "commutative")
		require.Equal(t, ab.Merge(&c), a.Merge(&bc), "associative")
		require.Equal(t, a, a.Merge(&a), "idempotent")
		require.Equal(t, slowOrder(a, b, func(a, b Object) Object { return a.Merge(&b) }), a.Compare(&b))
	})
}

func TestObjectEncodingIsCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := drawObjects(t)
		a, b := states.Draw(t, "a"), states.Draw(t, "b")
		ea, eb := a.Append(nil), b.Append([]byte("before"))[6:]
		got, err := DecodeObject(ea)
		require.NoError(t, err)
		require.Equal(t, a, got)
		require.Equal(t, a, got.Clone())
		require.Equal(t, a.Compare(&b) == Equal, string(ea) == string(eb))
		require.Equal(t, a.Compare(&b) == Equal, Digest([]byte("k"), ea) == Digest([]byte("k"), eb))
		require.NotEqual(t, Digest([]byte("k"), ea), Digest([]byte("l"), ea))
		for n := range ea {
			_, err := DecodeObject(ea[:n])
			require.ErrorIs(t, err, ErrMalformed, "cut to %d of %d bytes", n, len(ea))
		}
	})
}

func TestObjectReadAgreesWithWhatIsDead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawObjects(t).Draw(t, "object")
		now := rapid.Int64Range(0, 30).Draw(t, "now")
		since, dead := o.DeadSinceMs(now)
		all := o.Read(nil, kv.Siblings, now)
		if !o.IsZero() && len(o.Count) == 0 {
			require.Equal(t, len(all) == 0, dead)
		}
		one := o.Read(nil, kv.LWW, now)
		require.LessOrEqual(t, len(one), min(1, len(all)))
		for i := range one {
			require.Contains(t, all, one[i])
		}
		if dead {
			_, still := o.DeadSinceMs(max(now, since) + 1)
			require.True(t, still, "the dead stay dead")
		}
	})
}

func TestPoliciesMayChange(t *testing.T) {
	src := NewSource(NewID(1, 1))
	value := func(s string, ms int64) Value {
		return Value{Kind: kv.Value, Data: []byte(s), Stamp: Stamp{Ms: ms, Node: 1}}
	}
	var o Object
	o, err := o.Put(Seen{}, &src, value("a", 1))
	require.NoError(t, err)
	o, err = o.Put(Seen{}, &src, value("b", 2))
	require.NoError(t, err)
	require.Len(t, o.Read(nil, kv.Siblings, 10), 2)
	require.Equal(t, "b", string(o.Read(nil, kv.LWW, 10)[0].Data))

	o = o.PutNewest(value("c", 3))
	require.Len(t, o.Read(nil, kv.Siblings, 10), 1)
	// A write that has not seen c stays beside it; one that has overwrites it,
	// and also an older register that arrives later.
	blind, err := o.Put(Seen{}, &src, value("d", 4))
	require.NoError(t, err)
	require.Len(t, blind.Read(nil, kv.Siblings, 10), 2)
	o, err = o.Put(o.Seen(), &src, value("e", 5))
	require.NoError(t, err)
	late := Object{Register: value("late", 2)}
	o = o.Merge(&late)
	require.Equal(t, "e", string(o.Read(nil, kv.Siblings, 10)[0].Data))
	require.Len(t, o.Read(nil, kv.Siblings, 10), 1)
	require.Equal(t, "e", string(o.Read(nil, kv.LWW, 10)[0].Data))
}

func TestPoliciesDropNothingNewer(t *testing.T) {
	src := NewSource(NewID(1, 1))
	value := func(s string, ms int64) Value {
		return Value{Kind: kv.Value, Data: []byte(s), Stamp: Stamp{Ms: ms, Node: 1}}
	}
	// A write under LWW by a node whose clock is behind.
	newer, err := (&Object{}).Put(Seen{}, &src, value("new", 9))
	require.NoError(t, err)
	o := newer.PutNewest(value("old", 3))
	require.Equal(t, "new", string(o.Read(nil, kv.LWW, 10)[0].Data))
	// A register that was overwritten does not hide what is concurrent with that.
	o = (&Object{}).PutNewest(value("gone", 5))
	gone := o.Seen().Register
	o, err = (&Object{}).Put(Seen{}, &src, value("beside", 3))
	require.NoError(t, err)
	o, err = o.Put(Seen{Register: gone}, &src, Value{Kind: kv.Tombstone, Stamp: Stamp{Ms: 2, Node: 1}})
	require.NoError(t, err)
	require.Equal(t, "beside", string(o.Read(nil, kv.LWW, 10)[0].Data))
}

func TestDecodeRefusesASecondWayToSayTheSame(t *testing.T) {
	vector := []byte{1, 1, 0, 0, 1} // n1.i0.t0 up to 1
	sibling := func(seq byte) []byte { return []byte{1, 0, 0, seq, 1, 5, 0, 1, 0} }
	object := func(parts ...[]byte) []byte { return append([]byte{hasSet}, slices.Concat(parts...)...) }
	_, err := DecodeObject(object(vector, []byte{1}, sibling(1)))
	require.NoError(t, err)
	for why, b := range map[string][]byte{
		"longer than it need be":      object([]byte{0x81, 0, 1, 0, 0, 1}, []byte{1}, sibling(1)),
		"the vector does not have":    object(vector, []byte{1}, sibling(2)),
		"siblings that do not ascend": object(vector, []byte{2}, sibling(1), sibling(1)),
		"ids that do not ascend":      object([]byte{2, 1, 0, 0, 1, 1, 0, 0, 1}, []byte{0}),
		"a set of nothing":            object([]byte{0, 0}),
		"outside 1 to":                object([]byte{1, 1, 0, 0, 0}, []byte{0}),
		"more items than bytes":       object([]byte{200, 1}),
		"an unknown flag":             {8},
		"a counter of nothing":        {hasCount, 0},
		"an empty count":              {hasCount, 1, 1, 0, 0, 0, 0},
		"a kind that can't be here":   object(vector, []byte{1}, []byte{1, 0, 0, 1, 0, 5, 0, 1, 0}),
		"left over":                   {0, 0},
	} {
		_, err := DecodeObject(b)
		require.ErrorIs(t, err, ErrMalformed)
		require.ErrorContains(t, err, why)
	}
}

func TestLastWriterWinsIsATotalOrder(t *testing.T) {
	draw := rapid.Custom(func(t *rapid.T) Value {
		return Value{
			Data:      rapid.SliceOfN(rapid.ByteRange(0, 1), 0, 2).Draw(t, "data"),
			Stamp:     Stamp{Ms: rapid.Int64Range(0, 1).Draw(t, "ms"), Logical: rapid.Uint32Range(0, 1).Draw(t, "logical")},
			ExpiresMs: rapid.Int64Range(0, 1).Draw(t, "expires"),
			Kind:      kv.Kind(rapid.IntRange(0, 2).Draw(t, "kind")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := draw.Draw(t, "a"), draw.Draw(t, "b"), draw.Draw(t, "c")
		require.Equal(t, a.Compare(&b), -b.Compare(&a))
		if a.Compare(&b) <= 0 && b.Compare(&c) <= 0 {
			require.LessOrEqual(t, a.Compare(&c), 0)
		}
		require.Equal(t, 0, newer(&a, &b).Compare(newer(&b, &a)), "whichever comes first")
		require.Equal(t, 0, newer(newer(&a, &b), &c).Compare(newer(&a, newer(&b, &c))))
	})
}

func TestDeadSinceTheLastOneDied(t *testing.T) {
	src := NewSource(NewID(1, 1))
	dead := func(ms int64) Value { return Value{Kind: kv.Tombstone, Stamp: Stamp{Ms: ms, Node: 1}} }
	o, err := (&Object{}).Put(Seen{}, &src, dead(7))
	require.NoError(t, err)
	o, err = o.Put(Seen{}, &src, dead(4))
	require.NoError(t, err)
	ms, ok := o.DeadSinceMs(9)
	require.True(t, ok)
	require.Equal(t, int64(7), ms)
}

func TestExpiry(t *testing.T) {
	require.Equal(t, int64(0), ExpiresAt(Stamp{Ms: 7}, 0))
	require.Equal(t, int64(12), ExpiresAt(Stamp{Ms: 7}, 5))
	require.Equal(t, int64(MaxMs), ExpiresAt(Stamp{Ms: 7}, 1<<62))
	v := Value{Kind: kv.Value, ExpiresMs: 12, Stamp: Stamp{Ms: 7}}
	require.True(t, v.Live(11))
	require.False(t, v.Live(12))
	// Expired, it still hides what it overwrote.
	old := Value{Kind: kv.Value, Stamp: Stamp{Ms: 6}}
	o := (&Object{}).PutNewest(v)
	o = o.Merge(&Object{Register: old})
	require.Empty(t, o.Read(nil, kv.LWW, 12))
}
