package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/cmd/quorate/netfault"
	"github.com/quoratedb/quorate/sim"
)

func TestParseFaults(t *testing.T) {
	kinds, err := parseFaults("kill,partition", 3)
	require.NoError(t, err)
	assert.Equal(t, []string{"kill", "partition"}, kinds)
	kinds, err = parseFaults("none", 3)
	require.NoError(t, err)
	assert.Empty(t, kinds)
	kinds, err = parseFaults("all", 1)
	require.NoError(t, err)
	assert.Contains(t, kinds, "kill")
	assert.NotContains(t, kinds, "partition", "there is nobody to be parted from")
	_, err = parseFaults("kill,flood", 3)
	assert.ErrorContains(t, err, `unknown fault "flood"`)
	_, err = parseFaults("slow", 1)
	assert.ErrorContains(t, err, "two nodes or more")
}

func TestScenariosShareTheSimulatorsNames(t *testing.T) {
	named := map[string]bool{}
	for _, f := range faults {
		named[f.name] = true
		assert.Contains(t, faultKinds, f.kind)
	}
	for _, s := range tortureScenarios {
		_, err := sim.FindScenario(s.name)
		assert.NoError(t, err)
		for _, f := range s.favours {
			assert.True(t, named[f], "%s favours %q, which is no fault", s.name, f)
		}
		for _, k := range s.kinds {
			assert.Contains(t, faultKinds, k)
		}
	}
}

// Every fault of the network is done once, on links that nobody uses: it must
// leave all of them good, and say what it did.
func TestNetworkFaultsHeal(t *testing.T) {
	c := &cluster{}
	for id := range 3 {
		c.members = append(c.members, &member{id: id + 1})
	}
	for _, f := range networkFaults {
		links := &mesh{nodes: 3, links: map[way]*netfault.Link{}}
		for from := 1; from <= 3; from++ {
			for to := 1; to <= 3; to++ {
				if from != to {
					l, err := netfault.Listen(hostPort(1), 1)
					require.NoError(t, err)
					links.links[way{from, to}] = l
				}
			}
		}
		var log bytes.Buffer
		n := &nemesis{cluster: c, mesh: links, log: &log, nowNs: func() int64 { return 0 },
			owner: func(context.Context, *rand.Rand) int { return 2 }}
		h := &hand{nemesis: n, rng: rand.New(rand.NewPCG(1, 1)), now: happening{Name: f.name}}
		ended, cancel := context.WithCancel(context.Background())
		cancel() // so that nothing rests
		f.do(h, ended)
		for w, l := range links.links {
			assert.Equal(t, netfault.State{}, l.State(), "%s left %v bad", f.name, w)
		}
		assert.NotEmpty(t, h.now.Nodes, f.name)
		assert.Contains(t, log.String(), f.name)
		links.close()
	}
}

func TestCuttingIsDirected(t *testing.T) {
	bad := cutStyles[0].state
	for _, c := range []struct {
		ways func(way) bool
		cut  []way
	}{
		{outOf(1), []way{{1, 2}, {1, 3}}},
		{into(1), []way{{2, 1}, {3, 1}}},
		{at(1), []way{{1, 2}, {1, 3}, {2, 1}, {3, 1}}},
	} {
		state := cutting(cutStyles[0], c.ways)
		for from := 1; from <= 3; from++ {
			for to := 1; to <= 3; to++ {
				w := way{from, to}
				if from != to {
					assert.Equal(t, slices.Contains(c.cut, w), state(w) == bad, "%v", w)
				}
			}
		}
	}
}

func TestGapsByKind(t *testing.T) {
	ms := func(n int64) int64 { return n * int64(time.Millisecond) }
	var g gap
	for _, at := range []int64{ms(1), ms(2), ms(30), ms(31), ms(100)} {
		g.success(at)
	}
	assert.Equal(t, []span{{ms(2), ms(30)}, {ms(31), ms(100)}}, g.long)
	timeline := []happening{
		{Kind: "kill", FromNs: ms(10), ToNs: ms(20)},
		{Kind: "slow", FromNs: ms(20), ToNs: ms(40)},
		{Kind: "clock", FromNs: ms(200), ToNs: ms(210)},
	}
	got := gapsByKind(timeline, []*loadClient{{gap: g}})
	assert.Equal(t, map[string]int64{"kill": ms(28), "slow": ms(69), "clock": 0}, got)
}

func TestFaultsThatMetNothingProveNothing(t *testing.T) {
	kill, cut := happening{Kind: "kill"}, happening{Kind: "partition"}
	assert.False(t, harmed(nil))
	assert.True(t, harmed([]happening{kill}))
	assert.False(t, harmed([]happening{kill, cut}))
	cut.Harmed = 1
	assert.True(t, harmed([]happening{cut, kill, {Kind: "slow"}}))
}
