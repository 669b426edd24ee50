package shard

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The keys in hand against a map, with fewer and with more than are walked.
func TestKeysInHand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, twin := &partition{}, map[string]*key{}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			name := fmt.Sprint(rapid.IntRange(0, 2*fewKeys).Draw(t, "key"))
			k := twin[name]
			require.Same(t, k, p.key([]byte(name)))
			switch {
			case k == nil:
				k = &key{p: p, raw: []byte(name)}
				p.enter(k)
				twin[name] = k
			case rapid.Bool().Draw(t, "leave"):
				p.leave(k)
				delete(twin, name)
			}
			require.Len(t, p.order, len(twin))
			for i, k := range p.order {
				require.Equal(t, i, k.orderAt)
				require.Same(t, k, twin[string(k.raw)])
			}
		}
	})
}
