//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/client"
)

// eventualCluster is a running cluster with a client per node.
type eventualCluster struct {
	*cluster
	t       *testing.T
	clients []*client.Client
}

// startEventual starts three nodes with the given settings.
func startEventual(t *testing.T, flags ...string) *eventualCluster {
	t.Helper()
	t.Setenv(asQuorate, "1")
	c, logs, err := loggedCluster(t.TempDir(), testNodes)
	require.NoError(t, err)
	t.Cleanup(logs.close)
	t.Cleanup(func() { c.stop(stopBound) })
	e := &eventualCluster{cluster: c, t: t}
	for _, m := range c.members {
		m.flags = flags
		m.args = m.nodeArgs()
		one, err := client.New(client.Options{Addrs: []string{m.resp}, MaxAttempts: 200, Timeout: 5 * time.Second})
		require.NoError(t, err)
		t.Cleanup(func() { _ = one.Close() })
		e.clients = append(e.clients, one)
	}
	require.NoError(t, c.start())
	e.ready()
	return e
}

func (e *eventualCluster) ready() {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), startBound)
	defer cancel()
	require.NoError(e.t, e.waitReady(ctx))
}

// bucket makes a bucket with `quorate ctl`, and waits until all nodes have it.
func (e *eventualCluster) bucket(name string, args ...string) {
	e.t.Helper()
	all := append([]string{"ctl", "--addr", "http://" + e.members[0].http, "bucket", "create", name, "--mode", "eventual"}, args...)
	_, stderr, code := quorate(e.t, "", all...)
	require.Zero(e.t, code, stderr)
	within(e.t, startBound, "bucket "+name+" is everywhere", func() bool {
		for i := range e.clients {
			if _, err := e.in(i+1, name).Get(e.t.Context(), "none"); !errors.Is(err, client.ErrNotFound) {
				return false
			}
		}
		return true
	})
}

// in is a bucket as used through a node.
func (e *eventualCluster) in(id int, bucket string) *client.Bucket {
	return e.clients[id-1].Bucket(bucket)
}

func (e *eventualCluster) put(id int, bucket, key, value string, opts ...client.Option) client.Values {
	e.t.Helper()
	v, err := e.in(id, bucket).Put(e.t.Context(), key, []byte(value), opts...)
	require.NoError(e.t, err, "%s through node %d", key, id)
	return v
}

// metric sums the series of a name over labels, at one node.
func (e *eventualCluster) metric(id int, name string) (sum float64) {
	e.t.Helper()
	found := regexp.MustCompile(`(?m)^`+name+`(?:\{.*\})? (\S+)$`).FindAllSubmatch(fetch(e.t, e.members[id-1], "/metrics"), -1)
	require.NotEmpty(e.t, found, "node %d has no %s", id, name)
	for _, f := range found {
		v, err := strconv.ParseFloat(string(f[1]), 64)
		require.NoError(e.t, err)
		sum += v
	}
	return sum
}

// noQuorum checks that a write which asks for a majority is not acknowledged.
func (e *eventualCluster) noQuorum(id int, bucket, key string) {
	e.t.Helper()
	one, err := client.New(client.Options{Addrs: []string{e.members[id-1].resp}, MaxAttempts: 1})
	require.NoError(e.t, err)
	defer one.Close()
	_, err = one.Bucket(bucket).Put(e.t.Context(), key, []byte("v"), client.W(client.Quorum))
	require.True(e.t, errors.Is(err, client.ErrUnavailable) || errors.Is(err, client.ErrUnknownOutcome), "%v", err)
}

// pending are the hints that a node keeps for another one.
func (e *eventualCluster) pending(id, target int) float64 {
	e.t.Helper()
	return metricOf(e.t, e.members[id-1], fmt.Sprintf(`quorate_hints_pending{target="%d"}`, target))
}

// alone reads keys at one node, with all others stopped: only what that node
// itself holds can be the answer.
func (e *eventualCluster) alone(id int, bucket string, keys []string, value string) {
	e.t.Helper()
	for _, m := range e.members {
		if m.id != id {
			m.pause()
			defer m.resume()
		}
	}
	for _, key := range keys {
		v, err := e.in(id, bucket).Get(e.t.Context(), key, client.R("1"))
		require.NoError(e.t, err, "%s at node %d", key, id)
		require.Equal(e.t, []string{value}, texts(v))
	}
}

func texts(v client.Values) (s []string) {
	for _, b := range v.All {
		s = append(s, string(b))
	}
	return s
}

func names(prefix string, n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprint(prefix, i))
	}
	return keys
}

// replayBound is how long hints may take once their replica is back.
const replayBound = 10 * time.Second

// TestHintsOfRealProcesses: what a killed node misses is kept by others, survives
// their death, and reaches it when it is back. Anti-entropy is out of the way.
func TestHintsOfRealProcesses(t *testing.T) {
	e := startEventual(t, "--eventual.repair_every", "1h")
	e.bucket("strict", "--n", "3", "--r", "1", "--w", "quorum", "--policy", "lww", "--repair", "off")
	e.bucket("sloppy", "--n", "2", "--r", "1", "--w", "1", "--policy", "lww", "--repair", "off", "--sloppy")
	const keys = 100
	quorum, one := names("quorum-", keys), names("one-", keys)

	ok := t.Run("kept for a node that stands still", func(t *testing.T) {
		paused := names("paused-", keys)
		// Whoever coordinates a write keeps its hint; node 1 may have passed it on.
		kept := func() float64 {
			return e.metric(1, "quorate_hints_kept_total") + e.metric(2, "quorate_hints_kept_total")
		}
		before := kept()
		e.members[2].pause()
		defer e.members[2].resume()
		for _, key := range paused {
			e.put(1, "strict", key, "v")
		}
		within(t, startBound, "all hints are kept", func() bool { return kept()-before >= keys })
		e.members[2].resume()
		within(t, replayBound, "all hints are delivered", func() bool { return e.pending(1, 3)+e.pending(2, 3) == 0 })
		e.alone(3, "strict", paused, "v")
	})

	ok = ok && t.Run("kept while a node is away, and delivered", func(t *testing.T) {
		e.members[2].kill()
		for i := range keys {
			e.put(1, "strict", quorum[i], "v")
			e.put(2, "strict", one[i], "v", client.W("1"))
		}
		within(t, startBound, "all hints are kept", func() bool { return e.pending(1, 3)+e.pending(2, 3) >= 2*keys })
		// The keepers die too: one after the other, so that strong keys stay available.
		for _, m := range e.members[:2] {
			kept := e.pending(m.id, 3)
			m.kill()
			require.NoError(t, m.start())
			within(t, startBound, "the keeper is back", func() bool { return probe(m.resp, time.Second) == nil })
			require.Equal(t, kept, e.pending(m.id, 3), "node %d has its hints again", m.id)
		}
		require.NoError(t, e.members[2].start())
		e.ready()
		within(t, replayBound, "all hints are delivered", func() bool { return e.pending(1, 3)+e.pending(2, 3) == 0 })
		e.alone(3, "strict", append(quorum, one...), "v")
	})

	_ = ok && t.Run("writes go on with all replicas of a key dead", func(t *testing.T) {
		// Of three nodes two hold a key; node 3 is to hold none of these.
		var keys []string
		for i := 0; len(keys) < 20; i++ {
			key := fmt.Sprint("k", i)
			var route struct{ Preference []gossipPeer }
			require.NoError(t, json.Unmarshal(fetch(t, e.members[2], "/route?bucket=sloppy&key="+key), &route))
			if len(route.Preference) == 2 && route.Preference[0].Node+route.Preference[1].Node == 1+2 {
				keys = append(keys, key)
			}
		}
		e.members[0].kill()
		e.members[1].kill()
		for _, key := range keys {
			e.put(3, "sloppy", key, "v")
			v, err := e.in(3, "sloppy").Get(t.Context(), key)
			require.NoError(t, err, "what was written can be read")
			require.Equal(t, []string{"v"}, texts(v))
			// One of three replicas is left: without stand-ins, W=1 is what it can give.
			e.put(3, "strict", key, "v", client.W("1"))
			_, err = e.in(3, "strict").Get(t.Context(), key)
			require.NoError(t, err)
		}
		e.noQuorum(3, "strict", keys[0])
		require.NoError(t, e.members[0].start())
		require.NoError(t, e.members[1].start())
		e.ready()
		within(t, replayBound, "all hints are delivered", func() bool { return e.pending(3, 1)+e.pending(3, 2) == 0 })
		e.alone(1, "sloppy", keys, "v")
		e.alone(2, "sloppy", keys, "v")
	})
}

// TestAntiEntropyOfRealProcesses: what no hint was kept for reaches a replica too.
func TestAntiEntropyOfRealProcesses(t *testing.T) {
	e := startEventual(t, "--eventual.hint_bytes", "4KiB", "--eventual.repair_every", "300ms", "--eventual.repair_wait", "100ms")
	e.bucket("b", "--n", "3", "--r", "1", "--w", "1", "--policy", "lww", "--repair", "off")
	keys, value := names("k", 300), strings.Repeat("v", 200)
	e.members[2].kill()
	within(t, gossipBound, "it is known to be dead", func() bool { return metricOf(t, e.members[0], `quorate_peer_alive{peer="3"}`) == 0 })
	for _, key := range keys {
		e.put(1, "b", key, value)
	}
	within(t, startBound, "more hints than fit were turned away", func() bool { return e.metric(1, "quorate_hints_refused_total") > 200 })
	began := time.Now()
	require.NoError(t, e.members[2].start())
	e.ready()
	within(t, startBound, "all replicas are level", func() bool {
		for _, m := range e.members[1:] {
			if e.metric(m.id, "quorate_repair_last_full_seconds") < float64(began.UnixMilli())/1000 ||
				e.metric(m.id, "quorate_repair_pairs_level") != e.metric(m.id, "quorate_repair_pairs") {
				return false
			}
		}
		return true
	})
	e.alone(3, "b", keys, value)
	require.Positive(t, e.metric(1, "quorate_repair_keys_total")+e.metric(2, "quorate_repair_keys_total")+e.metric(3, "quorate_repair_keys_total"))
	out, stderr, code := quorate(t, "", "ctl", "--addr", "http://"+e.members[2].http, "bucket", "show", "b")
	require.Zero(t, code, stderr)
	for _, word := range []string{"promise", "last_full", "keys     300", "anti_entropy", "hints"} {
		require.Contains(t, out, word)
	}
	e.grow()
}

// grow changes N of a live bucket: `bucket show` warns until the new replicas
// have what the old ones had.
func (e *eventualCluster) grow() {
	t := e.t
	t.Helper()
	e.bucket("grow", "--n", "2", "--r", "2", "--w", "2", "--policy", "lww", "--repair", "off")
	keys := names("g", 100)
	for _, key := range keys {
		e.put(1, "grow", key, "v")
	}
	show := func() string {
		out, stderr, code := quorate(t, "", "ctl", "--addr", "http://"+e.members[0].http, "bucket", "show", "grow")
		require.Zero(t, code, stderr)
		return out
	}
	require.NotContains(t, show(), "warning")
	e.members[2].kill() // so that it is not over before anybody looks
	_, stderr, code := quorate(t, "", "ctl", "--addr", "http://"+e.members[0].http, "bucket", "set", "grow", "--n", "3")
	require.Zero(t, code, stderr)
	require.Contains(t, show(), "N has changed, and anti-entropy has not gone through all replicas since")
	require.NoError(t, e.members[2].start())
	e.ready()
	within(t, startBound, "three replicas are level", func() bool { return !strings.Contains(show(), "warning") })
	within(t, startBound, "to all nodes", func() bool {
		for _, m := range e.members {
			if e.metric(m.id, "quorate_repair_last_full_seconds") == 0 {
				return false
			}
		}
		return true
	})
	for id := 1; id <= testNodes; id++ {
		e.alone(id, "grow", keys, "v")
	}
}

// TestEventualKeysOfRealProcesses: siblings, counters, expiry, and buckets that
// outlive all processes.
func TestEventualKeysOfRealProcesses(t *testing.T) {
	e := startEventual(t)
	e.bucket("carts", "--n", "3", "--r", "quorum", "--w", "1")
	e.bucket("hits", "--n", "3", "--r", "quorum", "--w", "quorum", "--policy", "counters")
	e.bucket("cache", "--n", "3", "--r", "1", "--w", "quorum", "--policy", "lww", "--ttl", "1h")

	ok := t.Run("siblings through two nodes while the third stands still", func(t *testing.T) {
		seen := e.put(1, "carts", "k", "milk", client.W(client.All))
		e.members[2].pause()
		e.put(1, "carts", "k", "milk, bread", client.Seen(seen.Context))
		e.put(2, "carts", "k", "milk, tea", client.Seen(seen.Context))
		e.members[2].resume()
		var both client.Values
		within(t, startBound, "node 3 has both", func() bool {
			v, err := e.in(3, "carts").Get(t.Context(), "k", client.R(client.All))
			both = v
			return err == nil && len(v.All) == 2
		})
		require.ElementsMatch(t, []string{"milk, bread", "milk, tea"}, texts(both))
		e.put(3, "carts", "k", "milk, bread, tea", client.Seen(both.Context), client.W(client.All))
		for id := 1; id <= testNodes; id++ {
			v, err := e.in(id, "carts").Get(t.Context(), "k", client.R("1"))
			require.NoError(t, err)
			require.Equal(t, []string{"milk, bread, tea"}, texts(v))
		}
	})

	ok = ok && t.Run("a counter through the death of a replica", func(t *testing.T) {
		acknowledged, unknown := int64(0), int64(0)
		for i := range 300 {
			switch i {
			case 100:
				e.members[2].kill()
			case 200:
				require.NoError(t, e.members[2].start())
			}
			switch _, err := e.in(1+i%2, "hits").Incr(t.Context(), "n", 1); {
			case err == nil:
				acknowledged++
			case errors.Is(err, client.ErrUnknownOutcome):
				unknown++
			default:
				require.NoError(t, err)
			}
		}
		e.ready()
		var sum int64
		within(t, startBound, "every replica has them all", func() bool {
			n, err := e.in(3, "hits").Count(t.Context(), "n", client.R(client.All))
			sum = n
			return err == nil && n >= acknowledged
		})
		require.LessOrEqual(t, sum, acknowledged+unknown)
		t.Logf("%d acknowledged, %d unknown, %d counted", acknowledged, unknown, sum)
	})

	ok = ok && t.Run("expiry", func(t *testing.T) {
		e.put(1, "cache", "short", "v", client.TTL(200*time.Millisecond), client.W(client.All))
		e.put(1, "cache", "long", "v", client.W(client.All))
		for id := 1; id <= testNodes; id++ {
			within(t, startBound, "it has expired", func() bool {
				_, err := e.in(id, "cache").Get(t.Context(), "short")
				return errors.Is(err, client.ErrNotFound)
			})
			v, err := e.in(id, "cache").Get(t.Context(), "long")
			require.NoError(t, err)
			require.Equal(t, []string{"v"}, texts(v))
		}
	})

	_ = ok && t.Run("over a restart of all", func(t *testing.T) {
		ctl := func(args ...string) string {
			out, stderr, code := quorate(t, "", append([]string{"ctl", "--json", "--addr", "http://" + e.members[1].http, "bucket"}, args...)...)
			require.Zero(t, code, stderr)
			return out
		}
		ctl("drop", "hits")
		ctl("set", "cache", "--w", "1", "--sloppy")
		for _, m := range e.members {
			m.kill()
		}
		for _, m := range e.members {
			require.NoError(t, m.start())
		}
		e.ready()
		list := ctl("list")
		require.Contains(t, list, `"name":"carts"`)
		require.NotContains(t, list, `"name":"hits"`)
		require.Regexp(t, `"name":"cache".*"w":1.*"sloppy":true`, list)
		v, err := e.in(2, "carts").Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, []string{"milk, bread, tea"}, texts(v))
		_, err = e.in(1, "hits").Count(t.Context(), "n")
		require.ErrorContains(t, err, `no bucket is named "hits"; there are default, carts, cache`)
	})
}

// A bucket can be used through the node that made it as soon as that has said so,
// though the others may not know it yet.
func TestABucketIsUsedAtOnce(t *testing.T) {
	e := startEventual(t)
	at := "http://" + e.members[0].http + "/api/v1/buckets"
	do := func(method, url, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, 2, resp.StatusCode/100, "%s %s: %s", method, url, text)
	}
	for i := range 10 {
		for kind, settings := range map[string]string{
			"lww": `"mode":"eventual","policy":"lww"`, "siblings": `"mode":"eventual"`, "counters": `"mode":"eventual","policy":"counters"`, "abd": `"mode":"abd"`,
		} {
			name := fmt.Sprint(kind, i)
			do(http.MethodPost, at, `{"name":"`+name+`",`+settings+`}`)
			if kind == "counters" {
				do(http.MethodPost, at+"/"+name+"/kv/k/incr", "")
			} else {
				do(http.MethodPut, at+"/"+name+"/kv/k", `{"value":"v"}`)
			}
			do(http.MethodGet, at+"/"+name+"/kv/k", "")
		}
	}
}
