package config_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/client"
	"github.com/quoratedb/quorate/node"
	"github.com/quoratedb/quorate/node/config"
	"github.com/quoratedb/quorate/node/door/doortest"
)

// TestCluster: three nodes started from written files serve every door.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three nodes")
	}
	dir := t.TempDir()
	var members []config.Member
	for id := 1; id <= 3; id++ {
		members = append(members, config.Member{ID: id, Peer: doortest.FreeAddr(t), HTTP: doortest.FreeAddr(t), RESP: doortest.FreeAddr(t)})
	}
	var addrs []string
	for i, m := range members {
		f := &config.File{Node: config.Node{ID: m.ID, Data: "store"}, Members: members,
			Cluster: config.Cluster{SharedKey: "a secret of the test", Lanes: 1}, Limits: config.Limits{Value: "1MiB"}}
		b, err := config.Marshal(f)
		require.NoError(t, err)
		path := filepath.Join(dir, fmt.Sprint("n", m.ID), "quorate.yaml")
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, b, 0o600))
		loaded, err := config.Load(path, nil, nil)
		require.NoError(t, err)
		n, err := node.Start(loaded.Config("test", slog.New(slog.DiscardHandler)))
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, n.Close()) })
		addrs = append(addrs, members[i].RESP)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + members[2].HTTP + "/readyz")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == 200
	}, 10*time.Second, 10*time.Millisecond)

	c, err := client.New(client.Options{Addrs: addrs})
	require.NoError(t, err)
	defer c.Close()
	require.Eventually(t, func() bool { return c.Set(ctx, "k", []byte("v1")) == nil }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, c.CAS(ctx, "k", []byte("v1"), []byte("v2")))
	require.ErrorIs(t, c.CAS(ctx, "k", []byte("v1"), []byte("v3")), client.ErrConditionFailed)
	require.ErrorIs(t, c.SetNX(ctx, "k", []byte("v")), client.ErrConditionFailed)

	for _, addr := range addrs {
		throughRedis(ctx, t, addr)
	}
	for i, m := range members {
		throughHTTP(t, "http://"+m.HTTP, fmt.Sprint("doc", i))
	}
}

func throughRedis(ctx context.Context, t *testing.T, addr string) {
	r := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	defer r.Close()
	assert.Equal(t, "v2", r.Get(ctx, "k").Val())
	assert.Equal(t, "v2", r.SetArgs(ctx, "k", "v2", redis.SetArgs{Get: true}).Val())
	old, err := r.Do(ctx, "SET", "k", "v9", "NX", "GET").Text()
	require.NoError(t, err)
	assert.Equal(t, "v2", old, "SET NX GET gives the value that stood in the way")
	assert.EqualValues(t, 1, r.Exists(ctx, "k", "absent").Val())
	assert.ErrorIs(t, r.Get(ctx, "absent").Err(), redis.Nil)
	var incrs []*redis.IntCmd
	_, err = r.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 200 {
			p.Set(ctx, fmt.Sprint("p", i), i, 0)
			incrs = append(incrs, p.Incr(ctx, "n-"+addr))
		}
		return nil
	})
	require.NoError(t, err)
	for i, c := range incrs {
		assert.EqualValues(t, i+1, c.Val(), "operations on one key keep their order")
	}
	assert.Equal(t, "199", r.GetDel(ctx, "p199").Val())
	require.ErrorContains(t, r.Incr(ctx, "k").Err(), "not an integer")
	require.NoError(t, r.MSet(ctx, "m1", 1, "m2", 2).Err())
	assert.Equal(t, []any{"1", nil, "2"}, r.MGet(ctx, "m1", "p199", "m2").Val())
	assert.EqualValues(t, 2, r.Del(ctx, "m1", "m2", "m3").Val())
	n, err := r.DBSize(ctx).Result()
	require.NoError(t, err)
	assert.GreaterOrEqual(t, n, int64(200))
	require.ErrorContains(t, r.Set(ctx, "k", strings.Repeat("v", 1<<20+1), 0).Err(), "the limit is 1048576 bytes")
	large := strings.Repeat("v", 1<<20)
	require.NoError(t, r.Set(ctx, "large", large, 0).Err())
	assert.Equal(t, large, r.Get(ctx, "large").Val())
	var gets []*redis.StringCmd
	_, err = r.Pipelined(ctx, func(p redis.Pipeliner) error { // more than one message between nodes may hold
		for range 100 {
			gets = append(gets, p.Get(ctx, "large"))
		}
		return nil
	})
	require.NoError(t, err)
	for _, g := range gets {
		require.Len(t, g.Val(), len(large))
	}
}

func throughHTTP(t *testing.T, base, key string) {
	do := func(method, path, body string, headers ...string) (*http.Response, string) {
		req, err := http.NewRequest(method, base+path, bytes.NewReader([]byte(body)))
		require.NoError(t, err)
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, string(b)
	}
	resp, body := do("PUT", "/kv?key="+key, `{"a": 1}`, "Content-Type", "application/json", "If-None-Match", "*")
	require.Equal(t, 200, resp.StatusCode, body)
	first := resp.Header.Get("ETag")
	resp, body = do("GET", "/kv?key="+key, "")
	assert.Equal(t, first, resp.Header.Get("ETag"))
	assert.Contains(t, body, `{"found":true,"value":{"a": 1},"ts":1`)
	resp, _ = do("PUT", "/kv?key="+key, "2", "If-Match", first)
	assert.Equal(t, 200, resp.StatusCode)
	resp, _ = do("PUT", "/kv?key="+key, "3", "If-Match", first)
	assert.Equal(t, 412, resp.StatusCode)
	resp, _ = do("DELETE", "/kv?key="+key, "")
	assert.Equal(t, 200, resp.StatusCode)
	resp, body = do("GET", "/api/v1/kv/"+key, "")
	assert.Equal(t, 404, resp.StatusCode)
	assert.Equal(t, `{"found":false}`, strings.TrimSpace(body))
	for path, want := range map[string]string{"/route?key=" + key: `"preference":[{`, "/api/v1/cluster/health": `"status":"healthy"`,
		"/api/v1/cluster/stats": `"quorum":{"n":3,"r":2,"w":2}`, "/api/v1/admin/stats": `"wal_syncs":`, "/metrics": "quorate_wal_syncs_total"} {
		resp, body = do("GET", path, "")
		assert.Equal(t, 200, resp.StatusCode, path)
		assert.Contains(t, body, want, path)
		assert.Equal(t, strings.HasPrefix(path, "/metrics"), !json.Valid([]byte(body)), path)
	}
}
