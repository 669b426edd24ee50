package detector

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// Whatever kills, pauses, broken links and partitions have led nodes to
// believe, soon after they end all believe the same, and rightly.
func TestAnyClusterAgreesAfterHealing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{2, 3, 5, 16, 17, 24}).Draw(t, "nodes")
		p := newPump(n, rapid.Uint64().Draw(t, "seed"))
		p.startAll(0)
		incs := make([]kv.Incarnation, n)
		for i := range incs {
			incs[i] = 1
		}
		for range rapid.IntRange(0, 6).Draw(t, "faults") {
			p.run(p.nowNs + ms*rapid.Int64Range(0, 1500).Draw(t, "wait"))
			node := kv.NodeID(rapid.IntRange(1, n).Draw(t, "node"))
			switch rapid.SampledFrom([]string{"kill", "restart", "pause", "link", "loss", "split"}).Draw(t, "fault") {
			case "kill":
				p.kill(node)
			case "restart":
				incs[node-1]++
				p.boot(node, incs[node-1])
			case "pause":
				p.pause(node, ms*rapid.Int64Range(50, 3000).Draw(t, "pause"))
			case "link":
				if h := p.hosts[node-1]; h != nil {
					p.post(node, h.receive(p.nowNs, node, &msg.LinkDown{Node: kv.NodeID(rapid.IntRange(1, n).Draw(t, "peer"))}))
				}
			case "loss":
				p.lossPPM = 1000 * rapid.IntRange(0, 500).Draw(t, "loss")
			case "split":
				for i := range p.side {
					p.side[i] = rapid.IntRange(0, 1).Draw(t, "side")
				}
			}
		}
		p.lossPPM = 0
		clear(p.side)
		for i, h := range p.hosts {
			if h == nil {
				incs[i]++
				p.boot(kv.NodeID(i+1), incs[i])
			}
		}
		// A pause may go on for 3 s; then each has its turn to be pinged.
		p.run(p.nowNs + 3000*ms + 40*p.periodNs())
		for _, by := range p.peers {
			for _, of := range p.peers {
				require.True(t, p.hosts[by-1].Alive(of), "node %d of node %d", by, of)
				require.Equal(t, incs[of-1], p.hosts[by-1].Inc(of), "node %d of node %d", by, of)
				if by != of {
					r := p.hosts[by-1].rumorOf(of)
					require.Equal(t, rumor{incs[of-1], p.hosts[of-1].gossipInc, msg.Alive}, r, "node %d of node %d", by, of)
				}
			}
		}
	})
}

// Gossip in any order, any number of times, ends in the same.
func TestGossipMergesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{4, 40}).Draw(t, "nodes")
		one := rapid.Custom(func(t *rapid.T) msg.Update {
			return msg.Update{
				Node: kv.NodeID(rapid.IntRange(1, 6).Draw(t, "node")), Inc: kv.Incarnation(rapid.IntRange(1, 2).Draw(t, "inc")),
				GossipInc: rapid.Uint32Range(0, 2).Draw(t, "gossip"), State: msg.Alive + msg.MemberState(rapid.IntRange(0, 2).Draw(t, "state")),
				LoadSeq: rapid.Uint64Range(0, 3).Draw(t, "load"),
			}
		})
		first := rapid.SliceOfN(one, 0, 20).Draw(t, "updates")
		for i := range first {
			first[i].Load = uint32(first[i].LoadSeq) + 10*uint32(first[i].Inc)
		}
		second := rapid.Permutation(first).Draw(t, "again")
		second = append(second, second[:len(second)/2]...)
		a, b := fed(n, first), fed(n, second)
		for i := range a.peers {
			p, q := &a.peers[i], &b.peers[i]
			require.Equal(t, p.rumor, q.rumor)
			require.Equal(t, p.load, q.load, "node %d", p.node)
			var most rumor
			for _, u := range first {
				if r := (rumor{u.Inc, u.GossipInc, u.State}); u.Node == p.node && most.less(r) {
					most = r
				}
			}
			require.Equal(t, most, p.rumor)
		}
		require.Equal(t, a.gossipInc, b.gossipInc)
		require.LessOrEqual(t, len(a.suspects), len(a.peers))
	})
}

func fed(n int, updates []msg.Update) *host {
	h := newHost(Config{Peers: members(n), Node: 1, Inc: 2, Lanes: 1}, 1)
	h.Start(&h.c)
	h.take()
	for i := range updates {
		h.learn(&h.c, &updates[i], false)
	}
	return h
}

// The queue, the messages and the lists of a detector stay bounded, whatever
// it is told.
func TestEverythingIsBounded(t *testing.T) {
	const n = 600
	h := newHost(Config{Peers: members(n), Node: 1, Inc: 1, Lanes: 1}, 1)
	h.Start(&h.c)
	h.take()
	sent := 0
	for k := range 20_000 {
		u := msg.Update{Node: kv.NodeID(2 + k%(n-1)), Inc: 1, GossipInc: uint32(k / n), State: msg.Alive + msg.MemberState(k%3)}
		for _, e := range h.receive(int64(k)*ms, kv.NodeID(2+k%7), &msg.Ping{Gossip: msg.Gossip{Inc: 1, Seq: uint64(k), Updates: []msg.Update{u}}}) {
			if a, ok := e.Message.(*msg.Ack); ok {
				require.LessOrEqual(t, len(a.Updates), maxUpdates)
				sent++
			}
		}
		h.run(int64(k)*ms, func(int64, actors.Envelope) {})
		require.LessOrEqual(t, len(h.queue), maxQueue)
		require.LessOrEqual(t, len(h.probing), 4*maxFanout*(1+maxHealth), "probes last two periods, stretched")
		require.Less(t, len(h.suspects), n)
	}
	require.Equal(t, 20_000, sent)
	require.LessOrEqual(t, len(h.everything()), maxSync)
}

func TestLoadAndEpochReachEverybody(t *testing.T) {
	for _, n := range []int{3, 40} {
		p := settled(t, n, 5)
		h := p.hosts[1]
		h.SetLoad(123)
		h.SetEpoch(9)
		p.run(p.nowNs + 40*p.periodNs())
		require.True(t, p.all(2, func(h *host) bool {
			i, _ := h.find(2)
			return h.peers[i].load == 123 && h.Epoch() == 9
		}), "%d nodes", n)
	}
}
