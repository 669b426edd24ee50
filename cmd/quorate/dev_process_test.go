//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDevServesThroughEveryNode(t *testing.T) {
	c := startDev(t)
	ctx := context.Background()

	size, err := c.clients[0].DBSize(ctx).Result()
	require.NoError(t, err)
	assert.Zero(t, size, "being ready leaves no key behind")

	info, err := c.clients[0].ClientInfo(ctx).Result()
	require.NoError(t, err)
	assert.Equal(t, "go-redis", strings.Split(info.LibName, "(")[0])

	for i, client := range c.clients {
		next := c.clients[(i+1)%testNodes]
		key := fmt.Sprintf("key-%d", i)
		require.NoError(t, client.Set(ctx, key, "one", 0).Err())
		assert.Equal(t, "one", next.Get(ctx, key).Val())
		assert.Equal(t, int64(1), next.Do(ctx, "CAS", key, "one", "two").Val())
		assert.Equal(t, int64(0), client.Do(ctx, "CAS", key, "one", "three").Val())
		assert.Equal(t, "two", client.Get(ctx, key).Val())
		n, err := client.Incr(ctx, "counter").Result()
		require.NoError(t, err)
		assert.Equal(t, int64(i+1), n)
	}

	t.Run("http", func(t *testing.T) { overHTTP(t, c) })
	t.Run("ctl", func(t *testing.T) { ctlOutputs(t, c) })
	t.Run("second dev", func(t *testing.T) {
		_, stderr, code := quorate(t, "", c.args...)
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, stderr, "node 1 cannot listen on its http port, "+hostPort(c.http))
	})
	t.Run("locked directory", func(t *testing.T) {
		_, stderr, code := quorate(t, "", "node", "--config", c.config(2))
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, stderr, "in use")
		assert.NotZero(t, c.pid(2))
		require.NoError(t, syscall.Kill(c.pid(2), 0), "the pid file still names the running node")
	})

	assert.Zero(t, c.terminate())
	for id := 1; id <= testNodes; id++ {
		c.waitDown(id)
		assert.NoFileExists(t, c.nodeDir(id)+"/"+pidFileName, "a clean end removes it")
	}
}

func overHTTP(t *testing.T, c *testCluster) {
	do := func(method, url, media, body string) (int, string) {
		req, err := http.NewRequest(method, url, strings.NewReader(body))
		require.NoError(t, err)
		if media != "" {
			req.Header.Set("Content-Type", media)
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(text)
	}
	code, text := do(http.MethodPut, c.url(1)+"/kv?key=k", "application/x-www-form-urlencoded", "hello")
	require.Equal(t, 2, code/100, text)
	code, text = do(http.MethodGet, c.url(2)+"/kv?key=k", "", "")
	require.Equal(t, http.StatusOK, code)
	var got struct {
		Found bool   `json:"found"`
		Value string `json:"value"`
		TS    int64  `json:"ts"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &got), text)
	assert.True(t, got.Found)
	assert.Equal(t, "hello", got.Value)
	assert.InDelta(t, time.Now().UnixMilli(), got.TS, 1e5)
	code, text = do(http.MethodPut, c.url(3)+"/api/v1/kv/user1", "application/json", `{"value":"Alice"}`)
	require.Equal(t, 2, code/100, text)
	_, text = do(http.MethodGet, c.url(1)+"/api/v1/kv/user1", "", "")
	assert.Contains(t, text, `"Alice"`)
	assert.Equal(t, "hello", c.get(3, "k"), "one store behind both doors")
}

func ctlOutputs(t *testing.T, c *testCluster) {
	for _, command := range [][]string{{"stat"}, {"route", "some key"}, {"health"}} {
		args := append([]string{"ctl"}, command...)
		stdout, stderr, code := quorate(t, "", append(args, "--addr", c.url(2))...)
		assert.Zero(t, code, stderr)
		assert.NotEmpty(t, stdout)
		stdout, _, code = quorate(t, "", append(args, "--json", "--addr", c.url(3))...)
		assert.Zero(t, code)
		assert.True(t, json.Valid([]byte(stdout)), stdout)
	}
	_, stderr, code := quorate(t, "", "ctl", "health", "--addr", "http://"+hostPort(freeRange(t)))
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "no answer from http://127.0.0.1:")
	_, _, code = quorate(t, "", "ctl", "health", "--addr", "nonsense")
	assert.Equal(t, exitUsage, code)
}

// ackedWriter writes ever higher numbers to its key through any node, and
// remembers the last one that was acknowledged.
type ackedWriter struct {
	loadClient
	key          string
	acked, asked int
}

func (w *ackedWriter) run(ctx context.Context) {
	for ctx.Err() == nil {
		if !w.arrive() {
			time.Sleep(thinkTime)
			continue
		}
		w.asked++
		reply, err := w.conn.do(clientTimeout, "SET", w.key, strconv.Itoa(w.asked))
		if err != nil || reply.kind == '-' {
			w.leave()
			continue
		}
		w.acked = w.asked
	}
}

// writeDuring has a few clients write while f runs.
func writeDuring(c *testCluster, f func()) []*ackedWriter {
	ctx, cancel := context.WithCancel(context.Background())
	var addrs []string
	for id := range testNodes {
		addrs = append(addrs, c.respAddr(id+1))
	}
	writers := make([]*ackedWriter, 6)
	var all sync.WaitGroup
	for i := range writers {
		w := &ackedWriter{loadClient: loadClient{addrs: addrs, at: i % testNodes}, key: fmt.Sprintf("w%d", i)}
		writers[i] = w
		all.Add(1)
		go func() {
			defer all.Done()
			w.run(ctx)
		}()
	}
	f()
	cancel()
	all.Wait()
	return writers
}

// requireKept checks that no acknowledged write is gone.
func requireKept(c *testCluster, writers []*ackedWriter) {
	c.t.Helper()
	for i, w := range writers {
		require.NotZero(c.t, w.acked, "writer %d was never acknowledged", i)
		last, err := strconv.Atoi(c.get(1+i%testNodes, w.key))
		require.NoError(c.t, err)
		// What came after the last acknowledged one may or may not be there.
		assert.GreaterOrEqual(c.t, last, w.acked)
		assert.LessOrEqual(c.t, last, w.asked)
	}
}

func TestAnyNodeMayDie(t *testing.T) {
	c := startDev(t)
	writers := writeDuring(c, func() {
		for id := 1; id <= testNodes; id++ {
			c.crash(id)
			for other := 1; other <= testNodes; other++ {
				if other != id {
					c.set(other, fmt.Sprintf("while %d is down", id), "served")
				}
			}
			c.revive(id)
			assert.Equal(t, "served", c.get(id, fmt.Sprintf("while %d is down", id)))
		}
	})
	requireKept(c, writers)
	select {
	case <-c.done:
		t.Error("dev ended although only its nodes died")
	default:
	}
}

func TestAllNodesDieAtOnce(t *testing.T) {
	c := startDev(t)
	writers := writeDuring(c, func() {
		time.Sleep(500 * time.Millisecond) // of load; nothing waits for it
		for id := 1; id <= testNodes; id++ {
			require.NoError(t, syscall.Kill(c.pid(id), syscall.SIGKILL))
		}
		for id := 1; id <= testNodes; id++ {
			c.waitDown(id)
		}
	})
	assert.Zero(t, c.terminate())
	c.again(t) // over stale pid files
	requireKept(c, writers)
}

func TestKilledDevTakesItsNodesAlong(t *testing.T) {
	c := startDev(t)
	frozen := c.pid(2)
	require.NoError(t, syscall.Kill(frozen, syscall.SIGSTOP))
	t.Cleanup(func() { _ = syscall.Kill(frozen, syscall.SIGCONT) })
	c.kill()
	for _, id := range []int{1, 3} {
		c.waitDown(id)
	}
	if hasParentDeathSignal {
		c.waitDown(2)
	}
}

func TestDevRestartsItsNodes(t *testing.T) {
	c := startDev(t, "--restart")
	before := c.pid(3)
	c.set(1, "k", "v")
	require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(c.nodeDir(3) + "/" + pidFileName)
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil && pid != before
	}, startBound, 20*time.Millisecond)
	c.waitServing(3)
	assert.Equal(t, "v", c.get(3, "k"))
}

func TestDevKeepsDataOnOtherPorts(t *testing.T) {
	c := startDev(t)
	c.set(1, "k", "v")
	require.Zero(t, c.terminate())
	moved := *c
	moved.http, moved.resp, moved.peer = freeRange(t), freeRange(t), freeRange(t)
	args := []string{"dev", "--data", c.dir, "--http-port", strconv.Itoa(moved.http), "--resp-port", strconv.Itoa(moved.resp), "--peer-port", strconv.Itoa(moved.peer)}
	p := launch(t, append(args, "--stop-hint", "somebody stops them")...)
	p.waitLine("ready: 3 nodes serve, data in " + c.dir + "; somebody stops them")
	conn, err := dialRESP(hostPort(moved.resp+2), time.Second)
	require.NoError(t, err)
	defer conn.close()
	reply, err := conn.do(5*time.Second, "GET", "k")
	require.NoError(t, err)
	assert.Equal(t, "v", reply.text)
	assert.Zero(t, p.terminate())

	_, stderr, code := quorate(t, "", append(args, "--nodes", "5")...)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "was made with 3 nodes")
}

// A second dev must not give the files of nodes that run other ports.
func TestDevLeavesRunningNodesTheirFiles(t *testing.T) {
	c := startDev(t)
	before, err := os.ReadFile(c.config(1))
	require.NoError(t, err)
	_, stderr, code := quorate(t, "", "dev", "--data", c.dir, "--http-port", strconv.Itoa(freeRange(t)),
		"--resp-port", strconv.Itoa(freeRange(t)), "--peer-port", strconv.Itoa(freeRange(t)))
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "the data directory is in use")
	after, err := os.ReadFile(c.config(1))
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
}

func TestDevListensNowhereElse(t *testing.T) {
	c := startDev(t)
	for _, base := range []int{c.http, c.resp, c.peer} {
		conn, err := net.Dial("tcp", hostPort(base+testNodes))
		if err == nil {
			_ = conn.Close()
		}
		assert.Error(t, err, "port %d", base+testNodes)
	}
	if inodes := listeningSockets(t, c.pid(1)); inodes >= 0 {
		assert.Equal(t, 3, inodes, "a node listens on its three ports")
	}
}
