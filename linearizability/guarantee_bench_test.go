package linearizability

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// workload is a legal history of clients on several registers, one lost answer in 20.
func workload(ops, keys, clients int) History {
	r := seeded(1)
	var h History
	state := make([]string, keys)
	now := int64(0)
	names := make([]int32, clients)
	for c := range names {
		names[c] = int32(c)
	}
	for i := range ops {
		now += 10
		k, c := r.IntN(keys), r.IntN(clients)
		key := "key-" + strconv.Itoa(k)
		if r.IntN(2) == 0 {
			h = append(h, get(names[c], now-int64(r.IntN(20)), now+int64(r.IntN(20)), key, state[k]))
			continue
		}
		op := set(names[c], now-int64(r.IntN(20)), now+int64(r.IntN(20)), key, "v"+strconv.Itoa(i))
		if r.IntN(10) == 0 {
			op = lost(op)
			names[c] += int32(clients)
		}
		state[k] = op.Value
		h = append(h, op)
	}
	return h
}

func BenchmarkGuarantees(b *testing.B) {
	for _, n := range []struct{ ops, keys int }{{300, 8}, {2000, 20}, {100_000, 100}} {
		h := workload(n.ops, n.keys, 20)
		b.Run(strconv.Itoa(n.ops), func(b *testing.B) {
			b.ReportAllocs()
			var o Observations
			for b.Loop() {
				o.Load(h, KV)
				sessions, lost := o.Sessions(SessionOptions{}), o.LostWrites(AfterLastWrite)
				worst, _ := o.Staleness(StalenessBound{})
				converged := o.Convergence(AfterLastWrite)
				if !sessions.Kept() || !lost.Kept() || worst.Stale > 0 || !converged.Kept() {
					b.Fatal("a legal history was accused")
				}
			}
		})
	}
}
