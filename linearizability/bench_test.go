package linearizability

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// draws a history of many keys: ops operations in all.
func (x mix) drawKeys(r *rand.Rand, keys, ops int) (h History) {
	x.ops = ops / keys
	for k := range keys {
		for _, op := range x.draw(r) {
			op.Key = fmt.Sprint("key", k)
			h = append(h, op)
		}
	}
	return h
}

// workloads are the sizes and shapes that the project relies on. Its own tools never
// write a value twice: a history of few values, many of whose writes have an unknown
// outcome, has too many explanations for any search once none of them holds.
var workloads = []struct {
	mix
	keys, ops int
	most      time.Duration // a generous bound, against blow-ups
}{
	{mix{name: "register 100k", model: Register, kinds: []Kind{Get, Set}, unique: true, unknown: 0.05, clients: 20}, 100, 100_000, time.Second},
	{mix{name: "register 100k, one key", model: Register, kinds: []Kind{Get, Set}, unique: true, unknown: 0.05, clients: 20}, 1, 100_000, time.Second},
	{mix{name: "kv simulator", model: KV, kinds: []Kind{Get, Set, Get, Delete, CAS, Incr}, unique: true, unknown: 0.1, clients: 6, deltas: []int64{1}, saw: true}, 5, 300, 100 * time.Millisecond},
	{mix{name: "kv torture", model: KV, kinds: []Kind{Get, Set, Get, Delete, CAS}, unique: true, unknown: 0.02, clients: 8}, 50, 50_000, 3 * time.Second},
	{mix{name: "cas register", model: CASRegister, kinds: []Kind{Get, Set, CAS}, unique: true, unknown: 0.1, clients: 8}, 10, 10_000, 3 * time.Second},
	{mix{name: "cas register, three values", model: CASRegister, kinds: []Kind{Get, Set, CAS}, unknown: 0.02, clients: 8}, 10, 10_000, 3 * time.Second},
	{mix{name: "counter", model: Counter, kinds: []Kind{Get, Incr, Incr}, unknown: 0.1, clients: 8, deltas: []int64{1}}, 10, 10_000, 3 * time.Second},
	{mix{name: "counter of answers", model: Counter, kinds: []Kind{Get, Incr, Incr}, unknown: 0.1, clients: 8, deltas: []int64{1, 2, 3}, saw: true}, 10, 10_000, 3 * time.Second},
}

func TestWorkloadsAreDecided(t *testing.T) {
	for _, w := range workloads {
		for _, lie := range []float64{0, 0.001} {
			t.Run(fmt.Sprintf("%s lie %v", w.name, lie), func(t *testing.T) {
				w.lie = lie
				h := w.drawKeys(rand.New(rand.NewPCG(7, 7)), w.keys, w.ops)
				begin := time.Now()
				v := Check(h, w.model, Options{Timeout: 10 * w.most})
				t.Logf("%v in %v, stretch of %d", v.Answer, time.Since(begin), len(v.Stretch))
				require.NotEqual(t, Undecided, v.Answer)
				if lie == 0 {
					require.Equal(t, Linearizable, v.Answer)
				}
			})
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			h := w.drawKeys(rand.New(rand.NewPCG(7, 7)), w.keys, w.ops)
			var c Checker
			b.ReportAllocs()
			for b.Loop() {
				c.Check(h, w.model, Options{})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(h)), "ns/op-judged")
		})
	}
}
