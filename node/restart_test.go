package node

import (
	"testing"
	"time"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
)

// The time stamps of a node ascend over restarts, and still its first write after
// one does not wait: with a mark as far ahead as for a lazy sync policy the only
// node of a cluster would let it run out of time.
func TestANodeThatRestartsStampsWritesAtOnce(t *testing.T) {
	for _, mode := range []SyncMode{SyncAlways, SyncNever} {
		t.Run(mode.String(), func(t *testing.T) {
			c := newCluster(t, 1, func(_ int, c *Config) { c.Sync.Mode, c.Timing.Request = mode, time.Second }).startAll()
			_, err := c.change(0, kv.Change{Kind: kv.CreateBucket, Given: kv.FieldMode, Bucket: kv.Bucket{Name: "e", Mode: kv.Eventual}})
			require.NoError(t, err)
			for i := range 3 {
				require.Equal(t, kv.OK, c.in(0, "e", set("k", key(i))).Status)
				c.close(0)
				c.start(0)
				c.waitReady(0)
				require.Equal(t, key(i), string(c.in(0, "e", get("k")).Data))
			}
		})
	}
}
