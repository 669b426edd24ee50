package node

import (
	"fmt"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// What the path from a front door's batch to its results costs, with and
// without peers: go test -run xxx -bench Do ./node
func BenchmarkDo(b *testing.B) {
	for _, nodes := range []int{1, 3} {
		for _, kind := range []kv.OpKind{kv.OpSet, kv.OpGet} {
			for _, batch := range []int{1, 16} {
				b.Run(fmt.Sprintf("nodes=%d/%v/batch=%d", nodes, kind, batch), func(b *testing.B) {
					benchmarkDo(b, nodes, kind, batch)
				})
			}
		}
	}
}

func benchmarkDo(b *testing.B, nodes int, kind kv.OpKind, batch int) {
	c := newCluster(b, nodes, func(_ int, c *Config) { c.Sync.Mode = SyncNever })
	for i := range nodes {
		c.start(i)
	}
	for !ready(c.nodes[0]) {
	}
	keys := make([]string, 4096)
	for i := range keys {
		keys[i] = key(i)
	}
	value := string(make([]byte, 100))
	b.ReportAllocs()
	b.SetParallelism(25)
	b.RunParallel(func(pb *testing.PB) {
		s := c.nodes[0].NewSession()
		defer s.Close()
		ops := make([]msg.Op, batch)
		next := 0
		for pb.Next() {
			for i := range ops {
				ops[i] = set(keys[next%len(keys)], value)
				ops[i].Kind = kind
				next += 7
			}
			s.Do(ops)
		}
	})
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "ops/s")
}

func ready(n *Node) bool {
	s := n.NewSession()
	defer s.Close()
	return s.Do([]msg.Op{set("ready", "yes")})[0].Status == kv.OK
}
