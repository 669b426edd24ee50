//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// gossipBound is how long news may take here. On an idle machine they take some
// 0.3 s, and half a second when only silence tells; see docs/gossip.md.
const gossipBound = 5 * time.Second

// gossipView is what one node says of the members, at /api/v1/admin/stats.
type gossipView struct {
	Incarnation uint64
	Gossip      struct {
		Pings             uint64
		Acks              uint64
		Suspicions        uint64
		Refutations       uint64
		RefutedSuspicions uint64 `json:"refuted_suspicions"`
	}
	Nodes []gossipPeer
}

type gossipPeer struct {
	Node      int `json:"node_id"`
	Alive     bool
	State     string // "" of the node itself
	Boot      uint64 `json:"incarnation"`
	Refuted   uint64 `json:"gossip_incarnation"`
	SilenceMs int64  `json:"silence_ms"`
	Dead      string `json:"dead_because"`
}

// statsOf asks a node with `quorate ctl stat`.
func statsOf(t *testing.T, m *member) (v gossipView) {
	t.Helper()
	out, stderr, code := quorate(t, "", "ctl", "--json", "--addr", "http://"+m.http, "stat")
	require.Zero(t, code, stderr)
	require.NoError(t, json.Unmarshal([]byte(out), &v))
	require.Len(t, v.Nodes, testNodes)
	return v
}

// of is what the node says of a peer.
func (v *gossipView) of(peer *member) gossipPeer { return v.Nodes[peer.id-1] }

// healthOf asks a node how many members live, and whether one does.
func healthOf(t *testing.T, m, peer *member) (status string, alive int, lives bool) {
	t.Helper()
	var body struct {
		Status string
		Alive  int
		Nodes  []gossipPeer
	}
	require.NoError(t, json.Unmarshal(fetch(t, m, "/api/v1/cluster/health"), &body))
	return body.Status, body.Alive, body.Nodes[peer.id-1].Alive
}

func fetch(t *testing.T, m *member, path string) []byte {
	t.Helper()
	client := http.Client{Timeout: gossipBound}
	resp, err := client.Get("http://" + m.http + path)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return text
}

// metricOf is the value of a series, by its name with labels.
func metricOf(t *testing.T, m *member, series string) float64 {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindSubmatch(fetch(t, m, "/metrics"))
	require.NotNil(t, found, "node %d has no %s", m.id, series)
	value, err := strconv.ParseFloat(string(found[1]), 64)
	require.NoError(t, err)
	return value
}

// within polls until all is as it should be, and returns how long it took.
func within(t *testing.T, bound time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if holds() {
			took := time.Since(began)
			t.Logf("%s after %v", what, took.Round(time.Millisecond))
			return took
		}
		require.Less(t, time.Since(began), bound, "not within the bound: %s", what)
	}
}

// believe reports whether every observer holds a peer for alive, or for not
// alive, by its ears and by gossip, in all three places where it says so.
func believe(t *testing.T, observers []*member, peer *member, lives bool) bool {
	t.Helper()
	for _, m := range observers {
		status, alive, up := healthOf(t, m, peer)
		stats := statsOf(t, m)
		byGossip, metric := stats.of(peer), 0.0
		if lives {
			metric = 1
		}
		same := up == lives && byGossip.Alive == lives && (byGossip.Dead == "") == lives && (byGossip.State == "alive") == lives &&
			metricOf(t, m, fmt.Sprintf(`quorate_peer_alive{peer="%d"}`, peer.id)) == metric
		whole := map[bool]string{true: "healthy", false: "degraded"}[lives]
		if !same || status != whole || alive != map[bool]int{true: testNodes, false: testNodes - 1}[lives] {
			return false
		}
	}
	return true
}

// The failure detector on real sockets and a real clock: a killed node, its
// return, and one that stood still and has to refute.
func TestGossipOfRealProcesses(t *testing.T) {
	t.Setenv(asQuorate, "1")
	c, logs, err := loggedCluster(t.TempDir(), testNodes)
	require.NoError(t, err)
	defer logs.close()
	defer c.stop(stopBound)
	require.NoError(t, c.start())
	ctx, cancel := context.WithTimeout(t.Context(), startBound)
	defer cancel()
	require.NoError(t, c.waitReady(ctx))
	one, two, three := c.members[0], c.members[1], c.members[2]
	within(t, gossipBound, "everybody knows everybody", func() bool {
		return believe(t, []*member{two, three}, one, true) && believe(t, []*member{one, three}, two, true) && believe(t, []*member{one, two}, three, true)
	})

	ok := t.Run("a killed node", func(t *testing.T) {
		others := []*member{one, two}
		seen := statsOf(t, one)
		before := seen.of(three)
		assert.Positive(t, before.Boot)
		three.kill()
		within(t, gossipBound, "a killed node is dead to all others", func() bool { return believe(t, others, three, false) })
		for _, m := range others {
			stats := statsOf(t, m)
			assert.Equal(t, before.Boot, stats.of(three).Boot, "nothing came after it")
		}

		require.NoError(t, three.start())
		require.NoError(t, three.waitReady(ctx))
		within(t, gossipBound, "it is alive again", func() bool { return believe(t, others, three, true) })
		own := statsOf(t, three).Incarnation
		assert.Greater(t, own, before.Boot)
		for _, m := range others {
			stats := statsOf(t, m)
			assert.Equal(t, own, stats.of(three).Boot, "node %d knows the new boot", m.id)
			assert.EqualValues(t, own, metricOf(t, m, `quorate_peer_incarnation{peer="3"}`))
		}
	})

	ok = ok && t.Run("a paused node", func(t *testing.T) {
		const pause = 2 * time.Second
		others := []*member{one, three}
		before := statsOf(t, two)
		refutedBefore := map[*member]uint64{}
		for _, m := range others {
			stats := statsOf(t, m)
			refutedBefore[m] = stats.of(two).Refuted
		}
		two.pause()
		defer two.resume()
		began := time.Now()
		within(t, pause, "a paused node is suspect or dead to all others", func() bool { return believe(t, others, two, false) })
		for time.Since(began) < pause {
			for _, m := range others {
				_, _, lives := healthOf(t, m, two)
				require.False(t, lives, "it has not said a word, and node %d believes it alive", m.id)
			}
			time.Sleep(50 * time.Millisecond)
		}
		var begun float64
		for _, m := range others {
			begun += metricOf(t, m, "quorate_suspicions_total")
		}
		assert.Positive(t, begun, "somebody suspected it")

		two.resume()
		within(t, gossipBound, "it is alive again to all others", func() bool { return believe(t, others, two, true) })
		within(t, gossipBound, "and they are to it", func() bool {
			return believe(t, []*member{two}, one, true) && believe(t, []*member{two}, three, true)
		})
		after := statsOf(t, two)
		assert.Equal(t, before.Incarnation, after.Incarnation, "it is the same boot")
		assert.Greater(t, after.Gossip.Refutations, before.Gossip.Refutations, "it refuted")
		assert.GreaterOrEqual(t, metricOf(t, two, "quorate_refutations_total"), float64(after.Gossip.Refutations))
		for _, m := range others {
			stats := statsOf(t, m)
			got := stats.of(two)
			assert.Equal(t, before.Incarnation, got.Boot)
			assert.Greater(t, got.Refuted, refutedBefore[m], "node %d heard the refutation", m.id)
			assert.Positive(t, stats.Gossip.RefutedSuspicions)
			assert.GreaterOrEqual(t, metricOf(t, m, "quorate_refuted_suspicions_total"), float64(stats.Gossip.RefutedSuspicions))
		}
	})

	_ = ok && t.Run("what is shown", func(t *testing.T) {
		stats := statsOf(t, one)
		assert.Positive(t, stats.Gossip.Pings)
		assert.Positive(t, stats.Gossip.Acks)
		assert.GreaterOrEqual(t, metricOf(t, one, `quorate_gossip_messages_total{kind="ping"}`), float64(stats.Gossip.Pings))
		text, stderr, code := quorate(t, "", "ctl", "--addr", "http://"+one.http, "stat")
		require.Zero(t, code, stderr)
		for _, word := range []string{"\ngossip\n", "pings", "suspicions", "refutations", "gossip_incarnation", "silence_ms", "phi"} {
			assert.True(t, bytes.Contains([]byte(text), []byte(word)), "`ctl stat` says nothing of %q:\n%s", word, text)
		}
	})
}
