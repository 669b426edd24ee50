package node

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door"
)

func (c *cluster) change(at int, ch kv.Change) (kv.Epoch, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return c.nodes[at].ChangeBuckets(ctx, &ch)
}

func (c *cluster) in(at int, bucket string, op msg.Op) kv.Result {
	s := c.nodes[at].NewSession()
	defer s.Close()
	return s.DoIn(bucket, []msg.Op{op})[0]
}

// everywhere waits until all nodes act on the map of an epoch.
func (c *cluster) everywhere(e kv.Epoch) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		for _, n := range c.nodes {
			if _, at := n.Buckets(); at < e {
				return false
			}
		}
		return true
	}, 20*time.Second, 5*time.Millisecond)
}

// TestBucketsComeAndGo: what one node makes all have; buckets don't share keys;
// and the successor of a dropped one begins empty, in the very slot, and over restarts.
func TestBucketsComeAndGo(t *testing.T) {
	c := newCluster(t, 3, nil)
	c.start(0, 1, 2)
	for i, mode := range []kv.Mode{kv.Strong, kv.Eventual, kv.ABD} {
		e, err := c.change(i, kv.Change{Kind: kv.CreateBucket, Given: kv.FieldMode, Bucket: kv.Bucket{Name: mode.String(), Mode: mode}})
		require.NoError(t, err)
		require.Equal(t, kv.Epoch(2+i), e)
		require.NotNil(t, c.nodes[i].Bucket(mode.String()), "the node that was asked acts on it")
	}
	c.everywhere(4)
	for i, b := range []string{"default", "strong", "eventual", "abd"} {
		require.Equal(t, kv.OK, c.in(i%3, b, set("k", b)).Status, b)
	}
	for i, b := range []string{"default", "strong", "abd"} {
		require.Equal(t, b, string(c.in((i+1)%3, b, get("k")).Data))
	}
	require.Equal(t, kv.BadRequest, c.in(0, "none", get("k")).Status)

	created := c.nodes[0].Bucket("strong").Slot
	_, err := c.change(2, kv.Change{Kind: kv.DropBucket, Bucket: kv.Bucket{Name: "strong"}})
	require.NoError(t, err)
	c.everywhere(5)
	require.Equal(t, kv.BadRequest, c.in(1, "strong", get("k")).Status)
	require.Eventually(t, func() bool { // a slot is free again only when all have said that they let go
		name := "again" + string(rune('a'+c.epoch(0)))
		_, err := c.change(0, kv.Change{Kind: kv.CreateBucket, Bucket: kv.Bucket{Name: name}})
		require.NoError(t, err)
		b := c.nodes[0].Bucket(name)
		require.Equal(t, kv.NotFound, c.in(0, name, get("k")).Status)
		require.Equal(t, kv.OK, c.in(0, name, set("k", "new")).Status)
		return b.Slot == created
	}, 20*time.Second, time.Millisecond)
	want, e := c.nodes[0].Buckets()
	c.everywhere(e)
	for i := range c.nodes {
		require.NoError(t, c.nodes[i].Close())
		c.nodes[i] = nil
	}
	c.start(0, 1, 2)
	for i := range c.nodes {
		have, at := c.nodes[i].Buckets()
		require.Equal(t, e, at)
		require.Equal(t, want, have)
	}
	for _, b := range want {
		if b.Slot == created {
			require.Equal(t, "new", string(c.in(1, b.Name, get("k")).Data))
		}
	}
	require.Equal(t, "eventual", string(c.in(0, "eventual", get("k")).Data))
}

func (c *cluster) epoch(i int) kv.Epoch {
	_, e := c.nodes[i].Buckets()
	return e
}

// TestChangesThatAreRefused: the error says which rule it is about.
func TestChangesThatAreRefused(t *testing.T) {
	c := newCluster(t, 1, nil)
	c.start(0)
	for want, ch := range map[error]kv.Change{
		kv.ErrBadBucket:    {Kind: kv.CreateBucket, Bucket: kv.Bucket{Name: "no/slash"}},
		kv.ErrNoBucket:     {Kind: kv.DropBucket, Bucket: kv.Bucket{Name: "none"}},
		kv.ErrBucketExists: {Kind: kv.CreateBucket, Bucket: kv.Bucket{Name: "default"}},
	} {
		_, err := c.change(0, ch)
		require.ErrorIs(t, err, want)
	}
	_, e := c.nodes[0].Buckets()
	require.Equal(t, kv.FirstEpoch, e)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := c.nodes[0].ChangeBuckets(ctx, &kv.Change{Kind: kv.CreateBucket, Bucket: kv.Bucket{Name: "late"}})
	require.True(t, err == nil || errors.Is(err, door.ErrMapUnknown), "%v", err)
}
