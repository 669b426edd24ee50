package store

import (
	"testing"
	"unsafe"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPartitionAgainstAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPartition(1, 1, causal.Shape{Buckets: 4, Fanout: 2}, rapid.Uint64().Draw(t, "seed"))
		twin := map[string]*entry{}
		key := rapid.StringMatching(`[a-c]{0,3}(x{40})?`)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			k := key.Draw(t, "key")
			if e := twin[k]; e == nil {
				twin[k] = p.add([]byte(k), 7)
			} else if rapid.Bool().Draw(t, "remove") {
				delete(twin, k)
				p.entries.Remove(e)
			}
			require.Equal(t, len(twin), p.entries.Len())
			k = key.Draw(t, "look for")
			require.Same(t, twin[k], p.entries.Find([]byte(k)))
		}
		for k, e := range twin {
			require.Same(t, e, p.entries.Find([]byte(k)))
			require.Equal(t, k, string(e.Key()))
		}
	})
}

// A million keys are a million entries: a word more is 16 MB.
func TestEntriesFillTheirAllocation(t *testing.T) {
	require.EqualValues(t, 144, unsafe.Sizeof(entry{}))
}
