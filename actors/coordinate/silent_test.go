package coordinate_test

import (
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/stretchr/testify/require"
)

// An increment that another node was asked to make is not given up at once when
// that node is taken for dead because it was silent: it may answer yet. One
// that went over a connection which broke will not be answered.
func TestASilentNodeMayAnswerYet(t *testing.T) {
	asked := func(t *testing.T) (w *world, at, to *node, id uint64) {
		w = newWorld(t, 5, 1).up()
		w.delayNs = 20 * ms
		at = w.nodes[w.others("counters", "k")[0]-1]
		to = w.nodes[w.prefs("counters", "k")[0]-1]
		id = w.ask(int(at.id), "counters", incr("k", 1))
		w.run(1 * ms)
		require.Nil(t, w.got[id])
		return w, at, to, id
	}
	silent := func(n *node) *msg.PeerStatus { return &msg.PeerStatus{Node: n.id, Inc: n.inc} }
	t.Run("it answers", func(t *testing.T) {
		w, at, to, id := asked(t)
		w.believe(at, silent(to))
		w.run(300 * ms)
		require.Equal(t, kv.OK, w.got[id][0].Status)
	})
	t.Run("it does not", func(t *testing.T) {
		w, at, to, id := asked(t)
		w.cut[to.id] = true
		w.believe(at, silent(to))
		w.run(400 * ms)
		require.Nil(t, w.got[id])
		w.run(200 * ms)
		require.Equal(t, kv.Unknown, w.got[id][0].Status, "a quarter of the time that an operation has")
	})
	t.Run("the connection broke", func(t *testing.T) {
		w, at, to, id := asked(t)
		w.cut[to.id] = true
		w.believe(at, silent(to))
		w.run(50 * ms)
		require.Nil(t, w.got[id])
		broken := silent(to)
		broken.Cut = true
		w.believe(at, broken)
		w.run(1 * ms)
		require.Equal(t, kv.Unknown, w.got[id][0].Status)
	})
}
