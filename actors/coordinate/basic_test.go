package coordinate_test

import (
	"fmt"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
)

func TestSetGetDelete(t *testing.T) {
	for _, bucket := range []string{"lww", "one", "siblings", "abd", "blocking", "off", "sloppy"} {
		t.Run(bucket, func(t *testing.T) {
			w := newWorld(t, 4, 1).up()
			for i := range 20 {
				at := i%4 + 1
				key := fmt.Sprint("k", i)
				require.Equal(t, kv.NotFound, w.one(at, bucket, get(key)).Status)
				require.Equal(t, kv.OK, w.one(at, bucket, set(key, "v")).Status)
				w.run(10 * ms)
				got := w.one(i%3+1, bucket, get(key))
				require.Equal(t, kv.OK, got.Status)
				require.True(t, got.Found)
				require.Equal(t, "v", string(got.Data))
				if bucket == "siblings" {
					continue
				}
				require.Equal(t, kv.OK, w.one(at, bucket, del(key)).Status)
				w.run(10 * ms)
				require.Equal(t, kv.NotFound, w.one(i%3+1, bucket, get(key)).Status)
			}
		})
	}
}

func TestCounters(t *testing.T) {
	w := newWorld(t, 5, 1).up()
	for i := range 20 {
		res := w.one(i%5+1, "counters", incr("k", int64(i)))
		require.Equal(t, kv.OK, res.Status)
	}
	got := w.one(3, "counters", get("k"))
	require.Equal(t, "190", string(got.Data))
	require.Equal(t, int64(190), got.Int)
	require.Equal(t, kv.NotFound, w.one(3, "counters", get("other")).Status)
	// Within one batch every increment builds on the one before it.
	results := w.do(1, "counters", incr("b", 1), incr("b", 1), incr("b", 1), get("b"), incr("b", -2), get("b"))
	for i, want := range []int64{1, 2, 3, 3, 1, 1} {
		require.Equal(t, want, results[i].Int, "%d", i)
	}
}

func TestOrderWithinARequest(t *testing.T) {
	for _, bucket := range []string{"lww", "abd", "one"} {
		w := newWorld(t, 3, 1).up()
		w.delayNs = 20 * ms
		for i := range 20 {
			v, u := fmt.Sprint("v", i), fmt.Sprint("u", i)
			r := w.do(1, bucket, set("k", v), get("k"), set("k", u), get("k"), get("x"))
			require.Equal(t, u, string(r[3].Data), bucket)
			require.Equal(t, v, string(r[1].Data), bucket)
		}
	}
}
