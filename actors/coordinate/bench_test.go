package coordinate_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/coordinate"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/store"
	"github.com/quoratedb/quorate/ring"
	"github.com/stretchr/testify/require"
)

// pump passes messages between the only lanes of three nodes, each node's
// whole inbox as one batch. Records are discarded, as if the disk took no time.
type pump struct {
	tb     testing.TB
	layout *ring.Layout
	coord  []*coordinate.Coordinator
	store  []*store.Store
	ctx    []actors.Context
	in     [][]actors.Envelope
	spare  []actors.Envelope
	got    int
	nowNs  int64
	codec  bool // messages between nodes are encoded and decoded
	buf    []byte
}

func newPump(tb testing.TB) *pump {
	const nodes = 3
	cfg := ring.Config{Partitions: 256, VNodes: 128}
	for i := range nodes {
		cfg.Nodes = append(cfg.Nodes, ring.Node{ID: kv.NodeID(i + 1), Weight: 1})
	}
	layout, err := ring.NewLayout(cfg, 1, buckets())
	require.NoError(tb, err)
	p := &pump{tb: tb, layout: layout, nowNs: 1e15, ctx: make([]actors.Context, nodes), in: make([][]actors.Envelope, nodes)}
	for i := range nodes {
		id := kv.NodeID(i + 1)
		s := store.New(store.Config{Layout: layout, Node: id, Lanes: 1})
		p.store = append(p.store, s)
		p.coord = append(p.coord, coordinate.New(coordinate.Config{Layout: layout, Node: id, Inc: 1, Lanes: 1, RequestTimeoutNs: 1 << 60}, s, nil))
		p.ctx[i].Rand = rand.New(rand.NewPCG(uint64(i), 1))
		p.step(i, nil)
	}
	return p
}

func (p *pump) deliver(i int, e *actors.Envelope) {
	c := &p.ctx[i]
	c.Self, c.Sender = e.To, e.From
	if e.To.Kind == actors.Store {
		p.store[i].Receive(c, e.Message)
	} else {
		p.coord[i].Receive(c, e.Message)
	}
}

// step runs a batch at a node and takes its effects.
func (p *pump) step(i int, batch []actors.Envelope) {
	c := &p.ctx[i]
	c.NowNs, c.WallMs = p.nowNs, p.nowNs/1e6
	for k := range batch {
		p.deliver(i, &batch[k])
	}
	done := 0
	for {
		for ; done < len(c.Envelopes); done++ {
			if e := c.Envelopes[done]; e.To.Node == kv.NodeID(i+1) && e.To.Kind != actors.Client {
				p.deliver(i, &e)
			}
		}
		c.Self = actors.Address{Node: kv.NodeID(i + 1), Kind: actors.Coordinator}
		p.coord[i].Flush(c)
		if len(c.Envelopes) == done {
			break
		}
	}
	for _, e := range c.Envelopes {
		switch {
		case e.To.Kind == actors.Client:
			res := e.Message.(*msg.Results)
			p.got += len(res.Results)
			for k := range res.Results {
				if res.Results[k].Status != kv.OK {
					p.tb.Fatal(res.Results[k])
				}
			}
		case e.To.Node != kv.NodeID(i+1):
			if p.codec {
				b, err := msg.Append(p.buf[:0], e.Message)
				require.NoError(p.tb, err)
				p.buf = b
				e.Message, err = msg.Decode(append([]byte(nil), b...))
				require.NoError(p.tb, err)
			}
			p.in[e.To.Node-1] = append(p.in[e.To.Node-1], e)
		}
	}
	clear(c.Envelopes)
	c.Envelopes, c.Records, c.Timers = c.Envelopes[:0], c.Records[:0], c.Timers[:0]
}

// do carries out requests, which come to node 1 as one batch, until nothing is under way.
func (p *pump) do(ops []*msg.Ops) {
	p.got = 0
	client := actors.Address{Node: 1, Kind: actors.Client}
	coord := actors.Address{Node: 1, Kind: actors.Coordinator}
	for _, m := range ops {
		p.in[0] = append(p.in[0], actors.Envelope{From: client, To: coord, Message: m})
	}
	for busy := true; busy; {
		busy = false
		p.nowNs += 20e3
		for i := range p.in {
			if len(p.in[i]) == 0 {
				continue
			}
			busy = true
			batch := p.in[i]
			p.in[i], p.spare = p.spare[:0], nil
			p.step(i, batch)
			clear(batch)
			p.spare = batch
		}
	}
}

// BenchmarkLane is one lane of each of three nodes: coordinator and store,
// everything but sockets and disks. Client operations on 100,000 keys with
// values of 100 bytes come to one node, in requests of 16 and batches of 10
// requests, as pipelining clients make them. An op is one client operation, with
// all that the three nodes do for it.
func BenchmarkLane(b *testing.B) {
	const keys, pipeline, batch = 100_000, 16, 10
	value := make([]byte, 100)
	for _, wire := range []bool{false, true} {
		for _, bucket := range []string{"one", "lww", "off"} {
			p := newPump(b)
			p.codec = wire
			at := p.layout.Named(bucket)
			var sets, gets [][]*msg.Ops
			order := rand.New(rand.NewPCG(1, 2)).Perm(keys)
			for i := 0; i+pipeline*batch <= keys; i += pipeline * batch {
				var s, g []*msg.Ops
				for j := 0; j < pipeline*batch; j += pipeline {
					set, get := &msg.Ops{}, &msg.Ops{}
					for _, k := range order[i+j : i+j+pipeline] {
						key := fmt.Appendf(nil, "key:%012d", k)
						part := p.layout.PartitionOf(at, key)
						set.Ops = append(set.Ops, msg.Op{Op: kv.Op{Kind: kv.OpSet, Key: key, Value: value}, Partition: part})
						get.Ops = append(get.Ops, msg.Op{Op: kv.Op{Kind: kv.OpGet, Key: key}, Partition: part})
					}
					s, g = append(s, set), append(g, get)
				}
				sets, gets = append(sets, s), append(gets, g)
				p.do(s)
			}
			for _, kind := range []string{"set", "get"} {
				batches := map[string][][]*msg.Ops{"set": sets, "get": gets}[kind]
				name := fmt.Sprintf("%s/%s", bucket, kind)
				if wire {
					name += "/wire"
				}
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					for i := 0; i < b.N; i += pipeline * batch {
						p.do(batches[i/(pipeline*batch)%len(batches)])
						if p.got != pipeline*batch {
							b.Fatalf("%d results", p.got)
						}
					}
				})
			}
		}
	}
}
