package main

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
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
		links := &mesh{nodes: 3, links: map[way]*netfault.Link{}, whole: apart(c)}
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
			assert.Equal(t, links.whole[w], l.State(), "%s left %v bad", f.name, w)
		}
		assert.NotEmpty(t, h.now.Nodes, f.name)
		assert.Contains(t, log.String(), f.name)
		links.close()
	}
}

func TestZonesAreApart(t *testing.T) {
	c := &cluster{}
	for id := range 6 {
		c.members = append(c.members, &member{id: id + 1})
	}
	whole := apart(c)
	assert.Zero(t, whole[way{1, 4}].Out.Delay, "of one zone")
	assert.Equal(t, 5*time.Millisecond, whole[way{1, 2}].Out.Delay)
	assert.Equal(t, 15*time.Millisecond, whole[way{3, 2}].Back.Delay)
	for w, s := range whole {
		assert.Equal(t, s, whole[way{w.to, w.from}])
	}
}

func TestBatches(t *testing.T) {
	for _, s := range strongScenarios {
		d, several := newDraw(1, 2, newKeyspace(&s)), 0
		for range 100 {
			ops := d.batch()
			assert.LessOrEqual(t, len(ops), 8)
			if len(ops) > 1 {
				several++
			}
		}
		assert.Equal(t, s.pipelined > 0, several > 0, s.name)
	}
}

// Only what a node needs to start, and writes no more, is cold.
func TestRotHitsWhatIsCold(t *testing.T) {
	m := &member{dir: t.TempDir()}
	wal := filepath.Join(m.dir, "wal")
	require.NoError(t, os.Mkdir(wal, 0o755))
	h := &hand{rng: rand.New(rand.NewPCG(1, 1))}
	put := func(names ...string) {
		for _, name := range names {
			require.NoError(t, os.WriteFile(filepath.Join(wal, name), append(bytes.Repeat([]byte{0}, 5000), 7, 0, 0), 0o600))
		}
	}
	assert.Empty(t, h.coldFile(m))
	put("01.wal", "02.wal")
	assert.Equal(t, filepath.Join(wal, "01.wal"), h.coldFile(m))
	put("03.ckpt", "03.wal", "04.wal", "05.wal")
	chosen := map[string]bool{}
	for range 100 {
		chosen[filepath.Base(h.coldFile(m))] = true
	}
	assert.Equal(t, map[string]bool{"03.ckpt": true, "03.wal": true, "04.wal": true}, chosen)

	file := filepath.Join(wal, "04.wal")
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	where, bit, err := h.flip(file)
	require.NoError(t, err)
	assert.EqualValues(t, 5000, where, "the only byte that holds something")
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, byte(7)^1<<bit, after[where])
	require.NoError(t, flipBit(file, where, bit))
	after, err = os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, before, after)
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
	got := gapsByKind(timeline, []*gap{&g})
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
