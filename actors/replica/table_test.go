package replica

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A table against a map. Few distinct homes make long runs of probing, so that
// removal has something to move.
func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tb, twin := table{seed: rapid.Uint64().Draw(t, "seed")}, map[string]*entry{}
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			key := fmt.Sprintf("%0*d", rapid.SampledFrom([]int{1, inlineKey, inlineKey + 1}).Draw(t, "width"), rapid.IntRange(0, 40).Draw(t, "key"))
			e := twin[key]
			require.Same(t, e, tb.find([]byte(key)))
			switch {
			case e == nil:
				e = newEntry([]byte(key))
				tb.add(e)
				twin[key] = e
			case rapid.Bool().Draw(t, "remove"):
				tb.remove(e)
				delete(twin, key)
			}
			require.Equal(t, len(twin), tb.count)
		}
		for key, e := range twin { // order: only checks
			require.Same(t, e, tb.find([]byte(key)))
		}
	})
}
