package detector

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// sizes of cluster, and how many trials of each a test may cost.
var sizes = []struct{ n, trials int }{{3, 20}, {5, 20}, {10, 10}, {100, 3}, {1000, 1}}

// figures of one cluster size, durations in periods.
type figures struct {
	boot, join, view, doubt, spread, dead, refute []float64
	messages, busiest, bytes                      float64
}

// within is what is asserted of every spread of news: c*log2(n)+d periods.
func within(n int) float64 { return math.Log2(float64(n)) + 4 }

// TestNewsReachAllInLogarithmicTime measures how many periods pass until all
// nodes know of a start, a join, a death and a refutation, and what it costs.
func TestNewsReachAllInLogarithmicTime(t *testing.T) {
	var per []float64
	for _, size := range sizes {
		var f figures
		trials := size.trials
		if *long {
			trials *= 10
		}
		for trial := range trials {
			f.trial(t, size.n, uint64(trial))
		}
		bound := within(size.n)
		for name, v := range map[string][]float64{"boot": f.boot, "join": f.join, "view": f.view, "spread": f.spread, "refute": f.refute} {
			require.LessOrEqual(t, slices.Max(v), bound, "%s at %d nodes took more than %.1f periods", name, size.n, bound)
		}
		t.Logf("%4d nodes: boot %s, join %s, newcomer %s, suspected %s after death and by all %s later, dead %s, refuted %s; messages %.2f (busiest %.2f), %.0f bytes each",
			size.n, sketch(f.boot), sketch(f.join), sketch(f.view), sketch(f.doubt), sketch(f.spread), sketch(f.dead), sketch(f.refute), f.messages, f.busiest, f.bytes)
		// Each ping is one message and asks for one; who is asked is chance.
		usual := 2 * float64(fanout(size.n-1))
		require.LessOrEqual(t, f.messages, usual+0.3, "messages per node and period at %d nodes", size.n)
		require.LessOrEqual(t, f.busiest, usual+3, "messages of one node per period at %d nodes", size.n)
		per = append(per, f.messages)
	}
	last := per[len(per)-1]
	require.InDelta(t, per[len(per)-2], last, 0.1*last, "the load does not depend on the size")
}

// sketch is median, 95th percentile and maximum.
func sketch(v []float64) string {
	slices.Sort(v)
	return fmt.Sprintf("%.1f/%.1f/%.1f", v[len(v)/2], v[len(v)*95/100], v[len(v)-1])
}

func (f *figures) trial(t *testing.T, n int, seed uint64) {
	p := newPump(n, seed)
	period := p.periodNs()
	wait := func(into *[]float64, what string, limit float64, done func() bool) {
		from := p.nowNs
		require.True(t, p.runWhile(from+int64(limit*float64(period)), func() bool { return !done() }), "%s at %d nodes, seed %d", what, n, seed)
		*into = append(*into, float64(p.nowNs-from)/float64(period))
	}
	const most = 100
	last, victim, liar := kv.NodeID(n), kv.NodeID(2), kv.NodeID(1)
	p.startAll(1)
	wait(&f.boot, "boot", most, func() bool { return p.all(0, func(h *host) bool { return h.aliveCount() == n-2 }) })
	p.run(p.nowNs + 10*period)
	p.boot(last, 1)
	wait(&f.join, "join", most, func() bool { return p.all(last, func(h *host) bool { return h.Alive(last) }) })
	wait(&f.view, "the newcomer's view", most, func() bool { return p.hosts[last-1].aliveCount() == n-1 })
	p.run(p.nowNs + 10*period)
	f.load(p, 10)
	// Somebody is taken for silent by one node, and is not.
	h := p.hosts[liar-1]
	i, _ := h.find(victim)
	h.c.NowNs = p.nowNs
	h.accuse(&h.c, i)
	p.post(liar, h.take())
	wait(&f.refute, "refutation", most, func() bool {
		return p.all(victim, func(h *host) bool { return h.rumorOf(victim) == rumor{1, 1, msg.Alive} })
	})
	p.run(p.nowNs + 10*period + p.rng.Int64N(period))
	p.kill(victim)
	doubted := func(h *host) bool { return h.rumorOf(victim).state > msg.Alive }
	wait(&f.doubt, "suspicion", most, func() bool { return !p.all(0, func(h *host) bool { return !doubted(h) }) })
	wait(&f.spread, "spread of suspicion", most, func() bool { return p.all(0, doubted) })
	wait(&f.dead, "death", most, func() bool { return p.all(0, func(h *host) bool { return !h.Alive(victim) }) })
	f.dead[len(f.dead)-1] += f.doubt[len(f.doubt)-1] + f.spread[len(f.spread)-1]
}

// load counts messages over some quiet periods.
func (f *figures) load(p *pump, periods int) {
	clear(p.sent)
	p.bytes, p.sized = 0, true
	p.run(p.nowNs + int64(periods)*p.periodNs())
	p.sized = false
	total := 0
	for _, k := range p.sent {
		total += k
		f.busiest = max(f.busiest, float64(k)/float64(periods))
	}
	f.messages = float64(total) / float64(periods*len(p.hosts))
	f.bytes = float64(p.bytes) / float64(total)
}
