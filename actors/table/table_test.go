package table

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A table against a map. Few distinct keys make long runs of probing in small
// tables, so that removal has something to move.
func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tb, twin := New[int](rapid.Uint64().Draw(t, "seed")), map[string]*Entry[int]{}
		width := rapid.SampledFrom([]int{0, 1, ShortKey, ShortKey + 1, 100})
		key := rapid.Custom(func(t *rapid.T) string {
			if w := width.Draw(t, "width"); w > 0 {
				return fmt.Sprintf("%0*d", w, rapid.IntRange(0, 40).Draw(t, "number"))
			}
			return ""
		})
		for i := range rapid.IntRange(1, 300).Draw(t, "steps") {
			k := key.Draw(t, "key")
			e := twin[k]
			require.Same(t, e, tb.Find([]byte(k)))
			switch {
			case e == nil:
				given := []byte(k)
				e = NewEntry[int](given)
				clear(given) // the key is a copy
				e.Held = i
				tb.Add(e)
				twin[k] = e
			case rapid.Bool().Draw(t, "remove"):
				tb.Remove(e)
				delete(twin, k)
			}
			require.Equal(t, len(twin), tb.Len())
			tb.valid(t)
		}
		for k, e := range twin {
			hash := tb.Hash([]byte(k))
			require.Same(t, e, tb.FindHashed([]byte(k), hash))
			require.Same(t, e, tb.Likely(hash)) // no two of so few hashes are the same
			tb.WarmSlot(hash)
			require.Equal(t, k, string(e.Key()))
		}
	})
}

// valid checks the numbered invariants.
func (t *Table[P]) valid(tb rapid.TB) {
	taken := 0
	for i, s := range t.slots {
		if s.e == nil {
			continue
		}
		taken++
		require.Equal(tb, t.Hash(s.e.Key()), s.hash)
		for at := t.home(s.hash); at != i; at = (at + 1) & (len(t.slots) - 1) {
			require.NotNil(tb, t.slots[at].e)
		}
	}
	require.Equal(tb, t.count, taken)
	require.LessOrEqual(tb, taken, len(t.slots)-len(t.slots)/8)
}

// Different keys with the same hash, whose run goes around the end of the slots.
func TestEqualHashesAndTheEndOfTheSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tb := New[int](0)
		tb.grow()
		hashes := map[*Entry[int]]uint64{}
		hash := rapid.Uint64Range(leastSlots-3, leastSlots)
		for i := range leastSlots - 1 {
			e := NewEntry[int](fmt.Append(nil, i))
			hashes[e] = hash.Draw(t, "hash")
			tb.place(slot[int]{e, hashes[e]})
			tb.count++
		}
		for e, h := range hashes { // order: only checks
			require.Same(t, e, tb.FindHashed(e.Key(), h))
			require.Equal(t, h, hashes[tb.Likely(h)])
		}
		require.Nil(t, tb.FindHashed([]byte("none"), hash.Draw(t, "of none")))
	})
}

func TestEmpty(t *testing.T) {
	var tb Table[int]
	require.Nil(t, tb.Find(nil))
	require.Nil(t, tb.FindHashed([]byte("k"), 1))
	require.Nil(t, tb.Likely(1))
	require.Zero(t, tb.WarmSlot(1))
}
