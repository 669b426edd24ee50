package client_test

import (
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/client"
	"github.com/quoratedb/quorate/node"
	"github.com/quoratedb/quorate/node/resp"
)

// realNode is a node of its own, with a bucket of each kind, and a client of it.
func realNode(t *testing.T) (*node.Node, *client.Client) {
	t.Helper()
	n, err := node.Start(node.Config{Node: 1, Members: []node.Member{{ID: 1, Weight: 1}}, DataDir: t.TempDir(),
		Sync: node.SyncPolicy{Mode: node.SyncNever}, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	for _, b := range []kv.Bucket{{Name: "carts", Policy: kv.Siblings}, {Name: "cache", Policy: kv.LWW}, {Name: "hits", Policy: kv.Counters}} {
		b.Mode = kv.Eventual
		_, err := n.ChangeBuckets(ctx, &kv.Change{Kind: kv.CreateBucket, Given: kv.FieldMode | kv.FieldPolicy, Bucket: b})
		require.NoError(t, err)
	}
	_, err = n.ChangeBuckets(ctx, &kv.Change{Kind: kv.CreateBucket, Bucket: kv.Bucket{Name: "strong"}})
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := resp.New(resp.Config{Host: n})
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() { require.NoError(t, s.Close()); <-served })
	return n, connect(t, l.Addr().String())
}

func text(values [][]byte) (s []string) {
	for _, v := range values {
		s = append(s, string(v))
	}
	return s
}

func TestSiblings(t *testing.T) {
	_, c := realNode(t)
	b := c.Bucket("carts")
	v, err := b.Get(ctx, "k")
	require.ErrorIs(t, err, client.ErrNotFound)
	assert.NotEmpty(t, v.Context)
	v, err = b.Put(ctx, "k", []byte("a"))
	require.NoError(t, err)
	assert.Empty(t, v.All, "nothing beside it")
	v, err = b.Put(ctx, "k", []byte("\r\n"), client.W(client.All), client.TTL(time.Hour))
	require.NoError(t, err)
	assert.Equal(t, []string{"\r\n", "a"}, text(v.All), "its context speaks for both")
	v, err = b.Get(ctx, "k", client.R("1"))
	require.NoError(t, err)
	assert.Equal(t, []string{"\r\n", "a"}, text(v.All))
	w, err := b.Put(ctx, "k", []byte("both"), client.Seen(v.Context))
	require.NoError(t, err)
	stays, err := b.Delete(ctx, "k", client.Seen(v.Context))
	require.NoError(t, err)
	assert.Equal(t, []string{"both"}, text(stays.All), "which that context had not seen")
	_, err = b.Delete(ctx, "k", client.Seen(w.Context), client.W("1"))
	require.NoError(t, err)
	_, err = b.Get(ctx, "k")
	require.ErrorIs(t, err, client.ErrNotFound)
}

func TestCountersAndExpiry(t *testing.T) {
	_, c := realNode(t)
	hits, cache := c.Bucket("hits"), c.Bucket("cache")
	n, err := hits.Count(ctx, "n")
	require.NoError(t, err)
	assert.Zero(t, n)
	for want := int64(-3); want >= -9; want -= 3 {
		n, err = hits.Incr(ctx, "n", -3, client.W(client.Quorum))
		require.NoError(t, err)
		assert.Equal(t, want, n)
	}
	n, err = hits.Count(ctx, "n", client.R(client.All))
	require.NoError(t, err)
	assert.EqualValues(t, -9, n)

	_, err = cache.Put(ctx, "k", []byte("v"), client.TTL(20*time.Millisecond))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := cache.Get(ctx, "k")
		return err != nil
	}, 5*time.Second, time.Millisecond)
	_, err = cache.Get(ctx, "k")
	require.ErrorIs(t, err, client.ErrNotFound)
}

// TestBucketsShareConnections: calls of several buckets over few connections never
// meet another bucket's keys, and one that does not exist carries nothing out.
func TestBucketsShareConnections(t *testing.T) {
	n, c := realNode(t)
	strong := c.In("strong")
	for range 20 {
		require.NoError(t, c.Set(ctx, "k", []byte("default")))
		require.NoError(t, strong.Set(ctx, "k", []byte("strong")))
		_, err := c.Bucket("cache").Put(ctx, "k", []byte("cache"))
		require.NoError(t, err)
		var refused client.ServerError
		require.ErrorAs(t, c.In("none").Set(ctx, "k", []byte("none")), &refused)
		require.ErrorContains(t, refused, `no bucket is named "none"; there are default`)
		for _, in := range []struct {
			c    *client.Client
			want string
		}{{c, "default"}, {strong, "strong"}, {c.In("cache"), "cache"}, {c.In("default"), "default"}} {
			v, err := in.c.Get(ctx, "k")
			require.NoError(t, err)
			require.Equal(t, in.want, string(v))
		}
	}
	require.NoError(t, strong.CAS(ctx, "k", []byte("strong"), []byte("new")))
	require.ErrorContains(t, c.In("cache").CAS(ctx, "k", []byte("cache"), []byte("new")), "needs a bucket of mode strong")
	_, err := c.Bucket("strong").Put(ctx, "k", []byte("new"), client.W("1"))
	require.ErrorContains(t, err, "a strong bucket takes no r, w")

	_, err = n.ChangeBuckets(ctx, &kv.Change{Kind: kv.DropBucket, Bucket: kv.Bucket{Name: "strong"}})
	require.NoError(t, err)
	_, err = strong.Get(ctx, "k")
	require.ErrorContains(t, err, `no bucket is named "strong"`)
}

// TestOptionsThatACallDoesNotKnow: they are errors, not ignored.
func TestOptionsThatACallDoesNotKnow(t *testing.T) {
	b := connect(t, unused(t)).Bucket("carts")
	_, err := b.Get(ctx, "k", client.W("1"))
	require.ErrorContains(t, err, "does not take that option: W")
	_, err = b.Put(ctx, "k", nil, client.R("1"))
	require.ErrorContains(t, err, "does not take that option: R")
	_, err = b.Delete(ctx, "k", client.TTL(time.Second))
	require.ErrorContains(t, err, "does not take that option: TTL")
	_, err = b.Incr(ctx, "k", 1, client.Seen("x"))
	require.ErrorContains(t, err, "does not take that option: Seen")
	_, err = b.Put(ctx, "k", nil, client.TTL(time.Microsecond))
	require.ErrorContains(t, err, "allowed is 1ms and more")
}
