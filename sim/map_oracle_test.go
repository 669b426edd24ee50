package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// TestOracleBucketsOfTheBeginningAreNoChanges: two buckets of the configuration may
// have drawn the same TTL.
func TestOracleBucketsOfTheBeginningAreNoChanges(t *testing.T) {
	plan := Draw(1, scenario(t, "quiet"))
	bucket := BucketCfg{Mode: "eventual", N: plan.Config.N, Policy: "lww", R: "1", W: "1", Repair: "off", TTLMs: 1305}
	for _, bucket.Name = range []string{"b0", "b1"} {
		plan.Config.Buckets = append(plan.Config.Buckets, bucket)
	}
	require.Equal(t, VerdictOK, mustRun(t, plan, Options{}).Verdict)

	w, err := newWorld(plan, Options{})
	require.NoError(t, err)
	w.nodes[0].boot()
	first := w.oracle.maps.held[0]
	w.oracle.maps.one(w.nodes[0], &kv.Map{Epoch: 2, Buckets: first.Buckets})
	require.Empty(t, w.verdict, "nor are they of later maps")
}

func TestOracleChangesAreMadeOnce(t *testing.T) {
	w := quietWorld(t)
	n, o := w.nodes[0], &w.oracle.maps
	with := func(e kv.Epoch, ttls ...int64) *kv.Map {
		m := &kv.Map{Epoch: e}
		for i, ttl := range ttls {
			m.Buckets = append(m.Buckets, kv.Bucket{Name: string(rune('a' + i)), Slot: uint16(i + 1), TTLMs: ttl})
		}
		return m
	}
	o.one(n, with(2, tagTTL(7)))
	o.one(n, with(3, tagTTL(7), tagTTL(8)))
	o.one(n, with(5, tagTTL(8), tagTTL(7)))
	require.Empty(t, w.verdict, "what became of it in between nobody saw")
	o.one(n, with(6, tagTTL(8), tagTTL(8)))
	w.requireOne(t, `ttl 3600008 of bucket "b" at epoch 3 was made again at epoch 6`)

	w = quietWorld(t)
	w.oracle.maps.told(w.nodes[0], &MapOp{Do: "set", Bucket: "a", Tag: 7}, &msg.MapChanged{Status: kv.Unavailable})
	w.oracle.maps.one(w.nodes[0], with(2, tagTTL(7)))
	w.requireOne(t, "has what a client was told never comes")
}
