package detector

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// twin is the obvious detector of one peer: it looks through all that ever
// happened, in order, and knows no timers.
type twin struct {
	events []twinEvent
}

type twinEvent struct {
	atNs int64
	inc  kv.Incarnation // 0: the link broke
	seq  uint64
}

func (w *twin) at(nowNs, suspectNs int64) (alive bool, inc kv.Incarnation) {
	var seq uint64
	var last int64
	for _, e := range w.events {
		switch {
		case e.inc == 0:
			alive = false
		case e.inc > inc, e.inc == inc && e.seq > seq:
			alive, inc, seq, last = true, e.inc, e.seq, e.atNs
		}
	}
	return alive && nowNs-last < suspectNs, inc
}

func TestDetectorAgreesWithItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const never = 300 // silence alone decides
		phi := rapid.SampledFrom([]float64{1, 8, never}).Draw(t, "phi")
		h := newHost(Config{Peers: []kv.NodeID{1, 2, 3}, Node: 1, Inc: 1, Lanes: 1, PhiThreshold: phi}, rapid.Uint64().Draw(t, "seed"))
		twins := map[kv.NodeID]*twin{2: {}, 3: {}}
		told := map[kv.NodeID]msg.PeerStatus{}
		note := func(_ int64, e actors.Envelope) {
			if s, ok := e.Message.(*msg.PeerStatus); ok {
				require.NotEqual(t, told[s.Node], *s, "told again of what was known")
				told[s.Node] = *s
			}
		}
		h.Start(&h.c)
		h.take()
		now := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now += ms * rapid.Int64Range(0, 200).Draw(t, "pause")
			h.run(now, note)
			node := kv.NodeID(rapid.IntRange(2, 3).Draw(t, "node"))
			e := twinEvent{atNs: now, inc: kv.Incarnation(rapid.IntRange(0, 3).Draw(t, "inc")), seq: rapid.Uint64Range(1, 20).Draw(t, "seq")}
			twins[node].events = append(twins[node].events, e)
			var m actors.Message = &msg.Ping{Gossip: msg.Gossip{Inc: e.inc, Seq: e.seq}}
			if e.inc == 0 {
				m = &msg.LinkDown{Node: node}
			}
			for _, out := range h.receive(now, node, m) {
				note(now, out)
			}
			for _, n := range []kv.NodeID{2, 3} {
				alive, inc := twins[n].at(now, h.cfg.SuspectNs)
				if phi < never {
					// It may suspect sooner, never later, and not at once.
					recently, _ := twins[n].at(now, h.cfg.IntervalNs)
					require.True(t, alive || !h.Alive(n), "node %d at %d ms", n, now/ms)
					require.True(t, !recently || h.Alive(n), "node %d at %d ms", n, now/ms)
					alive = h.Alive(n)
				}
				require.Equal(t, alive, h.Alive(n), "node %d at %d ms", n, now/ms)
				require.Equal(t, inc, h.Inc(n))
				require.Equal(t, alive, told[n].Alive, "what the shards were told of node %d", n)
				require.True(t, !alive || told[n].Inc == inc)
			}
		}
	})
}

// parcel is a heartbeat on its way.
type parcel struct {
	atNs     int64
	from, to kv.NodeID
	m        actors.Message
}

// cluster runs several detectors over a network which loses, delays and
// duplicates, while nodes restart; until it is healed.
type cluster struct {
	t     *rapid.T
	hosts []*host // by node - 1
	peers []kv.NodeID
	wire  []parcel
	nowNs int64
	lossy bool
}

func (k *cluster) boot(node kv.NodeID, inc kv.Incarnation) {
	h := newHost(Config{Peers: k.peers, Node: node, Inc: inc, Lanes: 1}, uint64(node))
	h.c.NowNs = k.nowNs
	h.Start(&h.c)
	k.hosts[node-1] = h
	k.post(h.take())
}

func (k *cluster) post(out []actors.Envelope) {
	for _, e := range out {
		if e.To.Kind != actors.Detector {
			continue
		}
		copies, delay := 1, int64(1)
		if k.lossy {
			copies, delay = rapid.IntRange(0, 2).Draw(k.t, "copies"), rapid.Int64Range(1, 2000).Draw(k.t, "delay")
		}
		for range copies {
			k.wire = append(k.wire, parcel{k.nowNs + delay*ms, e.From.Node, e.To.Node, e.Message})
		}
	}
}

// runUntil moves on in steps of one millisecond.
func (k *cluster) runUntil(untilNs int64) {
	for ; k.nowNs <= untilNs; k.nowNs += ms {
		for _, h := range k.hosts {
			h.run(k.nowNs, func(_ int64, e actors.Envelope) { k.post([]actors.Envelope{e}) })
		}
		due := k.wire
		k.wire = nil
		for _, p := range due {
			if p.atNs > k.nowNs {
				k.wire = append(k.wire, p)
				continue
			}
			k.post(k.hosts[p.to-1].receive(k.nowNs, p.from, p.m))
		}
	}
}

func TestAfterHealingAllAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := &cluster{t: t, hosts: make([]*host, 3), peers: []kv.NodeID{1, 2, 3}, lossy: true}
		incs := []kv.Incarnation{1, 1, 1}
		for _, n := range k.peers {
			k.boot(n, 1)
		}
		for range rapid.IntRange(0, 4).Draw(t, "faults") {
			k.runUntil(k.nowNs + ms*rapid.Int64Range(0, 300).Draw(t, "until"))
			n := rapid.SampledFrom(k.peers).Draw(t, "victim")
			if rapid.Bool().Draw(t, "restarts") {
				incs[n-1]++
				k.boot(n, incs[n-1])
			} else {
				k.post(k.hosts[n-1].receive(k.nowNs, n, &msg.LinkDown{Node: rapid.SampledFrom(k.peers).Draw(t, "peer")}))
			}
		}
		k.lossy = false
		// What the bad network still holds may arrive for two seconds more; a beat
		// after that suffices.
		k.runUntil(k.nowNs + 2200*ms)
		for i, h := range k.hosts {
			for j, n := range k.peers {
				require.True(t, h.Alive(n), "node %d of node %d", i+1, n)
				require.Equal(t, incs[j], h.Inc(n), "node %d of node %d", i+1, n)
			}
		}
	})
}

func TestForeignMessagesPanic(t *testing.T) {
	h := newHost(Config{Peers: []kv.NodeID{1, 2}, Node: 1, Lanes: 1}, 1)
	h.Start(&h.c)
	require.Panics(t, func() { h.receive(1, 2, &msg.Confirm{}) })
	require.Panics(t, func() { h.receive(1, 1, actors.Timer{ID: 99}) })
}
