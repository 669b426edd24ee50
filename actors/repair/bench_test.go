package repair_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/handoff"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/repair"
	"github.com/quoratedb/quorate/actors/store"
)

// What a node of three with a million keys in 256 partitions pays when nothing
// differs: it compares roots with the peer above it and is asked by the one
// below, and looks for tombstones. The unit is per cent of one core, over two
// passes of the collection.
func BenchmarkIdenticalReplicasOfAMillionKeys(b *testing.B) {
	const keys = 1_000_000
	layout := layoutOf(b, shape{nodes: 3, partitions: 256}, 1, kv.Bucket{Name: "a", Created: 1, Mode: kv.Eventual, N: 3, Policy: kv.LWW})
	st := store.New(store.Config{Layout: layout, Node: 2, Lanes: 1})
	c := &actors.Context{WallMs: epochMs, Rand: rand.New(rand.NewPCG(1, 1))}
	write := func(i int, ms int64) {
		key := fmt.Appendf(nil, "key-%09d", i)
		o := causal.Object{Register: causal.Value{Kind: kv.Value, Data: key, Stamp: causal.Stamp{Ms: ms, Node: 1}}}
		p := layout.PartitionOf(layout.Named("a"), key)
		st.Receive(c, &msg.Put{SentMs: c.WallMs, Epoch: 1, Why: msg.ForWrite, Items: []*msg.PutItem{{Partition: p, Key: key, Object: o}}})
		c.Effects = actors.Effects{}
	}
	for i := range keys {
		write(i, epochMs)
	}
	for _, writes := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("%d-writes-per-second", writes), func(b *testing.B) {
			var spent, virtual time.Duration
			for range b.N {
				r := repair.New(repair.Config{Layout: layout, Node: 2, Lanes: 1, Store: st, Hints: handoff.New(handoff.Config{Layout: layout, Node: 2, Lanes: 1})})
				var inbox []actors.Envelope
				self := actors.Address{Node: 2, Kind: actors.Repair}
				var asked *msg.Compare
				for second := range 1200 {
					for i := range writes {
						write((second*writes+i*7919)%keys, c.WallMs)
					}
					began := time.Now()
					c.NowNs, c.WallMs = int64(second+1)*1e9, epochMs+int64(second+1)*1000
					c.Self = self
					if second == 0 {
						r.Start(c)
					}
					for _, e := range inbox {
						c.Sender = e.From
						r.Receive(c, e.Message)
					}
					if asked != nil && second%10 == 0 { // the peer below asks the same
						c.Sender = actors.Address{Node: 1, Kind: actors.Repair}
						r.Receive(c, asked)
					}
					c.Sender = self
					r.Receive(c, actors.Timer{ID: 1})
					r.Flush(c)
					inbox = inbox[:0]
					for _, e := range c.Envelopes {
						if m, ok := e.Message.(*msg.Compare); ok {
							asked = m
							inbox = append(inbox, actors.Envelope{From: e.To, Message: &msg.Compared{ID: m.ID}})
						}
					}
					c.Effects = actors.Effects{}
					spent += time.Since(began)
					virtual += time.Second
				}
			}
			b.ReportMetric(100*spent.Seconds()/virtual.Seconds(), "%core")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// A node was away while all of a million keys were written: bytes moved over
// bytes lacking.
func BenchmarkCatchingUpOnAMillionKeys(b *testing.B) {
	for _, k := range []away{
		{"new, the peer begins", 1_000_000, 256, 100, false, 3, false},
		{"new, the node begins", 1_000_000, 256, 100, false, 1, false},
		{"overwritten, the peer begins", 1_000_000, 256, 100, true, 3, false},
		{"overwritten, the node begins", 1_000_000, 256, 100, true, 1, false},
	} {
		b.Run(k.name, func(b *testing.B) {
			for range b.N {
				w, lacked := lacking(b, k)
				began := w.nowNs
				for w.different() != "" {
					w.run(1_000 * ms)
				}
				b.ReportMetric(float64(w.moved())/float64(lacked), "moved/lacked")
				b.ReportMetric(float64(w.nowNs-began)/1e9, "virtual-s")
			}
		})
	}
}
