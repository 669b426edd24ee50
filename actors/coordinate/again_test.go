package coordinate_test

import (
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/ring"
	"github.com/stretchr/testify/require"
)

// know gives a node the map of an epoch.
func (w *world) know(n *node, l *ring.Layout) {
	w.clock(n)
	n.ctx.Self = w.address(n, actors.Store)
	n.store.SetLayout(&n.ctx, l)
	n.ctx.Self = w.address(n, actors.Coordinator)
	n.coord.SetLayout(&n.ctx, l)
	n.ctx.Self = w.address(n, actors.Handoff)
	n.handoff.SetLayout(&n.ctx, l)
	w.take(n)
}

// A bucket can be used at the node that knows it first, before the others do.
func TestABucketThatOthersDoNotKnowYet(t *testing.T) {
	for _, bucket := range []string{"lww", "siblings", "counters", "abd", "blocking", "sloppy"} {
		t.Run(bucket, func(t *testing.T) {
			w := newWorld(t, 5, 1).up()
			before, err := ring.NewLayout(w.ring, 1, buckets()[:1])
			require.NoError(t, err)
			after := buckets()
			for i := range after[1:] {
				after[1+i].Created = 2
			}
			w.layout, err = ring.NewLayout(w.ring, 2, after)
			require.NoError(t, err)
			for _, n := range w.nodes {
				w.know(n, before)
			}
			home := w.prefs(bucket, "k")
			first, last := w.nodes[home[0]-1], w.nodes[w.others(bucket, "k")[0]-1]
			op := set("k", "v")
			if bucket == "counters" {
				op = incr("k", 1)
			}
			for _, at := range []*node{first, last} { // a replica, and one that forwards where that is needed
				w.know(at, w.layout)
				write, read := w.ask(int(at.id), bucket, op), w.ask(int(at.id), bucket, get("other"))
				w.run(60 * ms)
				require.Nil(t, w.got[write])
				require.Nil(t, w.got[read])
				for _, n := range w.nodes {
					w.know(n, w.layout)
				}
				w.run(80 * ms)
				require.NotNil(t, w.got[write])
				require.Equal(t, kv.OK, w.got[write][0].Status)
				require.Equal(t, kv.NotFound, w.got[read][0].Status)
				for _, n := range w.nodes {
					w.know(n, before)
				}
			}
			for _, n := range w.nodes {
				w.know(n, w.layout)
			}
			if bucket == "counters" {
				require.Equal(t, int64(1), w.one(int(first.id), bucket, incr("k", 1)).Int, "before the bucket began anew")
			}
		})
	}
}

// Who refuses for good is not waited for longer than the operation has.
func TestABucketThatOthersNeverKnow(t *testing.T) {
	w := newWorld(t, 3, 1).up()
	before, err := ring.NewLayout(w.ring, 1, buckets()[:1])
	require.NoError(t, err)
	w.know(w.nodes[1], before)
	w.know(w.nodes[2], before)
	require.Equal(t, kv.Unknown, w.one(1, "lww", set("k", "v")).Status)
	require.Equal(t, kv.Unavailable, w.one(1, "lww", get("k")).Status)
	w.run(10_000 * ms)
	w.know(w.nodes[1], w.layout)
	w.run(10_000 * ms)
	o := w.holds(2, "lww", "k")
	require.Equal(t, causal.Value{Kind: kv.Value, Data: []byte("v")}, causal.Value{Kind: o.Register.Kind, Data: o.Register.Data}, "a hint brought it")
}
