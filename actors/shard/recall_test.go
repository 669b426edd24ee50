package shard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/stretchr/testify/require"
)

// TestForwardGatheredAsItsPeerDies: an operation for an owner, and the news that
// it is dead, come in one batch. The operation has not left, so it goes elsewhere.
func TestForwardGatheredAsItsPeerDies(t *testing.T) {
	var out strings.Builder
	w := newWorld(t, &out, []string{"3", "1"})
	prefs := w.ring.Preference(0)
	owner, next := w.nodes[prefs[0]-1], w.nodes[prefs[1]-1]
	w.op(owner, "set a 1")
	w.run()

	w.cut[owner.id] = true
	w.asked[100] = []string{"set a"}
	self := actors.Address{Node: next.id, Kind: actors.Shard}
	op := msg.Op{Op: kv.Op{Kind: kv.OpSet, Key: []byte("a"), Value: []byte("2")}}
	w.step(next,
		actors.Envelope{From: actors.Address{Node: next.id, Kind: actors.Client}, To: self, Message: &msg.Ops{ID: 100, Ops: []msg.Op{op}}},
		actors.Envelope{From: self, To: self, Message: &msg.PeerStatus{Node: owner.id}})
	w.wait(w.nowNs + 50*ms)
	require.Contains(t, out.String(), fmt.Sprintf("> n%d answers: set a: ok", next.id))
}
