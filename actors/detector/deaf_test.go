package detector

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// TestADeafPeerIsAsGoodAsDead: a peer that talks all the time and answers nothing is
// believed dead after a while, and alive when it answers once more. That it says it
// hears this node is as good as answers, which may wait behind large messages.
func TestADeafPeerIsAsGoodAsDead(t *testing.T) {
	h := newHost(Config{Node: 1, Inc: 1, Peers: []kv.NodeID{1, 2, 3}, Lanes: 1}, 1)
	h.Start(&h.c)
	var pinged, seq uint64 // of the latest ping to it, and of its own messages
	changes := 0
	note := func(_ int64, e actors.Envelope) {
		switch m := e.Message.(type) {
		case *msg.Ping:
			if e.To.Node == 2 {
				pinged = m.Seq
			}
		case *msg.PeerStatus:
			if m.Node == 2 {
				changes++
			}
		}
	}
	said := func(now int64, m func(msg.Gossip) actors.Message) {
		seq++
		for _, e := range h.receive(now, 2, m(msg.Gossip{Inc: 1, Seq: seq})) {
			note(now, e)
		}
	}
	for _, e := range h.take() {
		note(0, e)
	}
	now, suspects := int64(0), h.cfg.SuspectNs
	hears := false
	talk := func(until int64, answers bool) {
		for ; now < until; now += 40 * ms {
			h.run(now, note)
			said(now, func(g msg.Gossip) actors.Message { return &msg.Ping{Gossip: g, Hears: hears} })
			if answers {
				said(now, func(g msg.Gossip) actors.Message { return &msg.Ack{Gossip: g, Of: pinged} })
			}
		}
	}

	talk(4*suspects, true)
	require.True(t, h.Alive(2))
	require.Equal(t, 1, changes)
	talk(13*suspects, false)
	require.True(t, h.Alive(2), "answers may come late")
	talk(15*suspects, false)
	require.False(t, h.Alive(2))
	talk(30*suspects, false)
	require.Equal(t, 2, changes, "it is said once")
	talk(30*suspects+1, true)
	require.True(t, h.Alive(2))
	talk(60*suspects, true)
	hears = true
	talk(90*suspects, false)
	require.Equal(t, 3, changes)
}
