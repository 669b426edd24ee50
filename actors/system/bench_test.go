package system_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/shard"
	"github.com/quoratedb/quorate/actors/system"
	"github.com/quoratedb/quorate/ring"
	"github.com/stretchr/testify/require"
)

// pump passes messages between the only lanes of some nodes, each node's whole
// inbox as one batch. Records are discarded, as if the disk took no time.
type pump struct {
	tb    testing.TB
	ring  *ring.Layout
	lanes []*system.Lane // by id - 1
	ctx   []actors.Context
	in    [][]actors.Envelope
	spare []actors.Envelope
	tick  []int64
	got   *msg.Results
	nowNs int64
}

func newPump(tb testing.TB, nodes int) *pump {
	cfg := ring.Config{Partitions: 64, VNodes: 128, N: min(nodes, 3)}
	for i := range nodes {
		cfg.Nodes = append(cfg.Nodes, ring.Node{ID: kv.NodeID(i + 1), Weight: 1})
	}
	r, err := ring.First(cfg)
	require.NoError(tb, err)
	p := &pump{tb: tb, ring: r, nowNs: 1, ctx: make([]actors.Context, nodes), in: make([][]actors.Envelope, nodes), tick: make([]int64, nodes)}
	for i := range nodes {
		var sys system.Config
		sys.Shard = shard.Config{Layout: r, Node: kv.NodeID(i + 1), Inc: 1, Epoch: 1, Lanes: 1}
		sys.Detector.Node, sys.Detector.Inc, sys.Detector.Lanes = kv.NodeID(i+1), 1, 1
		p.lanes = append(p.lanes, system.New(sys).Lanes[0])
		p.ctx[i].Rand = rand.New(rand.NewPCG(uint64(i), 1))
		p.lanes[i].Start(&p.ctx[i])
		p.take(i)
	}
	for i := range nodes {
		for j := range nodes {
			a := actors.Address{Node: kv.NodeID(i + 1), Kind: actors.Shard}
			p.in[i] = append(p.in[i], actors.Envelope{From: a, To: a, Message: &msg.PeerStatus{Node: kv.NodeID(j + 1), Inc: 1, Alive: true}})
		}
	}
	return p
}

func (p *pump) take(i int) {
	c := &p.ctx[i]
	for _, e := range c.Envelopes {
		switch {
		case e.To.Kind == actors.Client:
			p.got = e.Message.(*msg.Results)
		case e.To.Kind != actors.Detector:
			p.in[e.To.Node-1] = append(p.in[e.To.Node-1], e)
		}
	}
	for _, t := range c.Timers {
		if t.Actor.Kind == actors.Shard {
			p.tick[i] = t.AtNs
		}
	}
	clear(c.Envelopes)
	c.Envelopes, c.Records, c.Timers = c.Envelopes[:0], c.Records[:0], c.Timers[:0]
}

// do carries out one request at a node, to the end.
func (p *pump) do(node int, ops *msg.Ops) *msg.Results {
	p.got = nil
	self := actors.Address{Node: kv.NodeID(node), Kind: actors.Shard}
	p.in[node-1] = append(p.in[node-1], actors.Envelope{From: actors.Address{Node: kv.NodeID(node), Kind: actors.Client}, To: self, Message: ops})
	for rounds := 0; p.got == nil; rounds++ {
		if rounds > 1000 {
			p.tb.Fatal("no answer")
		}
		p.nowNs += 20e3
		for i := range p.lanes {
			if p.tick[i] > 0 && p.tick[i] <= p.nowNs {
				p.tick[i] = 0
				a := actors.Address{Node: kv.NodeID(i + 1), Kind: actors.Shard}
				p.in[i] = append(p.in[i], actors.Envelope{From: a, To: a, Message: actors.Timer{ID: 1}})
			}
			if len(p.in[i]) == 0 {
				continue
			}
			batch := p.in[i]
			p.in[i], p.spare = p.spare[:0], nil
			p.ctx[i].NowNs = p.nowNs
			p.lanes[i].Step(&p.ctx[i], batch, true)
			p.take(i)
			clear(batch)
			p.spare = batch
		}
	}
	return p.got
}

// BenchmarkLane is one lane of each of three nodes, everything but sockets and
// disks: client operations on 100,000 keys with values of 100 bytes, in batches
// as a pipeline or 50 clients make them. An op is one client operation.
func BenchmarkLane(b *testing.B) {
	const keys = 100_000
	value := make([]byte, 100)
	for _, at := range []string{"owner", "other"} {
		p := newPump(b, 3)
		node := 1 // gets the requests
		var own []msg.Op
		for i := range keys {
			key := fmt.Appendf(nil, "key:%012d", i)
			op := msg.Op{Op: kv.Op{Kind: kv.OpSet, Key: key, Value: value}, Partition: p.ring.PartitionOf(nil, key)}
			if owner := p.ring.Preference(op.Partition)[0]; (owner == 1) == (at == "owner") {
				own = append(own, op)
			}
		}
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
		for _, kind := range []kv.OpKind{kv.OpSet, kv.OpGet} {
			for _, size := range []int{16, 800} {
				var batches []*msg.Ops
				for rest := own; len(rest) >= size && len(batches) < 2000; rest = rest[size:] {
					m := &msg.Ops{ID: 1, Ops: append([]msg.Op(nil), rest[:size]...)}
					p.do(node, m) // owned and filled
					if kind == kv.OpGet {
						for i := range m.Ops {
							m.Ops[i].Op = kv.Op{Kind: kv.OpGet, Key: m.Ops[i].Key}
						}
					}
					batches = append(batches, m)
				}
				b.Run(fmt.Sprintf("%v/%s/%d", kind, at, size), func(b *testing.B) {
					b.ReportAllocs()
					for i := 0; i < b.N; i += size {
						res := p.do(node, batches[i/size%len(batches)])
						if res.Results[0].Status != kv.OK {
							b.Fatal(res.Results[0].Status)
						}
					}
				})
			}
		}
	}
}

// TestPump keeps the benchmark honest: what it measures are operations that take effect.
func TestPump(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		p := newPump(t, nodes)
		for i := range 50 {
			var m msg.Ops
			for j := range 20 {
				key := fmt.Appendf(nil, "k%d", j)
				m.Ops = append(m.Ops, msg.Op{Op: kv.Op{Kind: kv.OpIncr, Key: key, Delta: 1}, Partition: p.ring.PartitionOf(nil, key)})
			}
			for _, res := range p.do(i%nodes+1, &m).Results {
				require.Equal(t, int64(i+1), res.Int)
			}
		}
	}
}
