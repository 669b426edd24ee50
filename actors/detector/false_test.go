package detector

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

var long = flag.Bool("long", false, "measure for longer, and false suspicions at 1,000 nodes too")

// mistakes watches what a pump's nodes wrongly believe.
type mistakes struct {
	*pump
	wrong   map[[2]kv.NodeID]int64 // by whom, of whom: since when a live peer is believed dead
	wrongNs int64
	count   int
	excused map[kv.NodeID]int64 // paused nodes, until when it is right to believe them dead
	worstNs int64               // the longest single mistake
	paused  int
}

func watch(p *pump) *mistakes {
	w := &mistakes{pump: p, wrong: map[[2]kv.NodeID]int64{}, excused: map[kv.NodeID]int64{}}
	p.told = w.note
	return w
}

func (w *mistakes) note(by kv.NodeID, s *msg.PeerStatus) {
	pair := [2]kv.NodeID{by, s.Node}
	if since, ok := w.wrong[pair]; ok && s.Alive {
		w.wrongNs += w.nowNs - since
		w.worstNs = max(w.worstNs, w.nowNs-since)
		delete(w.wrong, pair)
	} else if !s.Alive && w.excused[s.Node] < w.nowNs {
		w.wrong[pair] = w.nowNs
		w.count++
	}
}

// suspicions sums a counter up.
func (w *mistakes) sum(f func(*Counters) uint64) float64 {
	k := uint64(0)
	for _, h := range w.hosts {
		k += f(&h.stats)
	}
	return float64(k)
}

// settled is a cluster in which everybody knows everybody.
func settled(t *testing.T, n int, seed uint64) *pump {
	p := newPump(n, seed)
	p.startAll(0)
	ok := p.runWhile(p.nowNs+100*p.periodNs(), func() bool { return !p.all(0, func(h *host) bool { return h.aliveCount() == n-1 }) })
	require.True(t, ok)
	p.run(p.nowNs + 20*p.periodNs())
	return p
}

// TestLossRarelyLooksLikeDeath measures what lost messages do. Nobody fails, so
// every suspicion is a false one.
func TestLossRarelyLooksLikeDeath(t *testing.T) {
	for _, size := range []struct{ n, periods, long int }{{3, 2000, 120000}, {5, 1000, 120000}, {10, 500, 40000}, {100, 20, 4000}, {1000, 0, 100}} {
		periods := size.periods
		if *long {
			periods = size.long
		}
		if periods == 0 {
			continue
		}
		for _, percent := range []int{0, 1, 5, 20} {
			p := settled(t, size.n, 7)
			w := watch(p)
			p.lossPPM = percent * 10_000
			clear(p.sent)
			for _, h := range p.hosts {
				h.stats = Counters{}
			}
			p.run(p.nowNs + int64(periods)*p.periodNs())
			total, busiest := 0, 0
			for _, k := range p.sent {
				total, busiest = total+k, max(busiest, k)
			}
			hours := float64(size.n) * float64(periods) * float64(p.periodNs()) / 3600e9
			for _, since := range w.wrong {
				w.wrongNs += p.nowNs - since
			}
			share := float64(w.wrongNs) / (float64(size.n*(size.n-1)) * float64(int64(periods)*p.periodNs()))
			t.Logf("%4d nodes, %2d%% lost, %.2f node hours: %.1f suspicions and %.2f refutations per node and hour, told dead %d times (longest %.0f ms), wrong %.6f%% of the time; %.2f messages per node and period (busiest %.2f)",
				size.n, percent, hours, w.sum(func(c *Counters) uint64 { return c.Suspicions })/hours, w.sum(func(c *Counters) uint64 { return c.Refutations })/hours,
				w.count, float64(w.worstNs)/1e6, 100*share, float64(total)/float64(size.n*periods), float64(busiest)/float64(periods))
			require.Less(t, float64(busiest)/float64(periods), 8*float64(fanout(size.n-1))+2, "messages per node and period")
			if percent <= 5 {
				require.Zero(t, w.count, "told dead")
			}
			require.Less(t, share, 0.005, "share of the time in which a live peer was believed dead")
		}
	}
}

// TestPausesConcernThePausedAlone lets nodes stand still, one after the other.
// Whoever is away may be believed dead; nobody else may, least of all by the
// one that wakes.
func TestPausesConcernThePausedAlone(t *testing.T) {
	for _, size := range []struct{ n, pauses, long int }{{3, 30, 40}, {5, 20, 30}, {10, 10, 10}, {100, 1, 2}} {
		if *long {
			size.pauses = size.long
		}
		for _, pauseMs := range []int64{100, 200, 300, 1000, 3000} {
			p := settled(t, size.n, 11)
			w := watch(p)
			taken := map[int]bool{}
			var current kv.NodeID
			p.told = func(by kv.NodeID, s *msg.PeerStatus) {
				if s.Node == current && !s.Alive {
					taken[w.paused] = true
				}
				w.note(by, s)
			}
			for range size.pauses {
				w.paused++
				current = kv.NodeID(1 + p.rng.IntN(size.n))
				// News of its death may be on their way for a while after it is back.
				w.excused[current] = p.nowNs + pauseMs*ms + 20*p.periodNs()
				p.pause(current, pauseMs*ms)
				p.run(p.nowNs + pauseMs*ms + 20*p.periodNs())
				require.True(t, p.all(0, func(h *host) bool { return h.aliveCount() == size.n-1 }), "all are alive again")
			}
			t.Logf("%4d nodes, %d pauses of %d ms: %d taken for a death, %d others suspected", size.n, size.pauses, pauseMs, len(taken), w.count)
			require.Zero(t, w.count, "somebody who was there was believed dead")
			if pauseMs <= 100 {
				require.Empty(t, taken, "short pauses are no death")
			}
			if pauseMs >= 1000 && size.n <= closeMembers {
				require.Len(t, taken, size.pauses, "long ones are noticed")
			}
		}
	}
}
