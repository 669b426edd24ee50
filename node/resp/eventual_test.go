package resp

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/node"
)

// realNode is a node of its own with a bucket of each kind, and a client of it.
func realNode(t *testing.T) (*node.Node, *redis.Client, string) {
	t.Helper()
	n, err := node.Start(node.Config{Node: 1, Members: []node.Member{{ID: 1, Weight: 1}}, DataDir: t.TempDir(),
		Sync: node.SyncPolicy{Mode: node.SyncNever}, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	for _, b := range []kv.Bucket{
		{Name: "carts", Mode: kv.Eventual, Policy: kv.Siblings}, {Name: "cache", Mode: kv.Eventual, Policy: kv.LWW},
		{Name: "hits", Mode: kv.Eventual, Policy: kv.Counters}, {Name: "plain", Mode: kv.ABD}, {Name: "other", Mode: kv.Strong},
	} {
		given := kv.FieldMode
		if b.Policy != 0 {
			given |= kv.FieldPolicy
		}
		_, err := n.ChangeBuckets(context.Background(), &kv.Change{Kind: kv.CreateBucket, Given: given, Bucket: b})
		require.NoError(t, err)
	}
	s := New(Config{Host: n})
	addr := listen(t, s)
	c := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, PoolSize: 1, Protocol: 2})
	t.Cleanup(func() { _ = c.Close() })
	return n, c, addr
}

// step is a command and what it answers, arrays in brackets; an answer
// that ends in … is a beginning.
type step struct{ command, want string }

// TestBuckets: what one connection sees that goes from bucket to bucket. $C
// stands for the context of the last answer that had one.
func TestBuckets(t *testing.T) {
	_, c, _ := realNode(t)
	context := ""
	for _, st := range []step{
		{"SET k strong", "OK"}, {"SELECT carts", "OK"}, {"GET k", "<nil>"}, {"EXISTS k", "0"},
		{"SET k one", "OK"}, {"GET k", "one"}, {"EXISTS k k", "2"}, {"DBSIZE", "1"},
		{"SET k two", "OK"}, {"CGET k", "[$C two one]"}, {"GET k", "two"}, // nothing was seen: both stay
		{"CSET k $C three", "[$C]"}, {"CGET k R 1", "[$C three]"}, {"CGET k R all", "[$C three]"},
		{"CDEL k $C W quorum", "[$C]"}, {"CGET k", "[$C]"}, {"GET k", "<nil>"}, {"CSET k $C four W 1", "[$C]"}, {"CGET k", "[$C four]"},
		{"CDEL j ''", "[$C]"}, {"SET j a", "OK"}, {"CSET j - b", "ERR …"}, {"CSET j " + strings.Repeat("a", 17<<10) + " b", "ERR a context of 17408 bytes…"}, {"CSET j '' b", "[$C b a]"}, {"CDEL j ''", "[$C b a]"}, {"CDEL j $C", "[$C]"},
		{"CSET other $C x", "ERR malformed context token…"}, {"CGET k R 2", "ERR …"}, {"CGET k R none", "ERR \"none\" is no number of replicas, allowed are 1 to 7, one…"},
		{"CGET k W 1", "ERR syntax error, options here are R, with a value each"}, {"CGET k R", "ERR syntax error, options…"}, {"CGET k R 1 R 1", "ERR syntax error"},
		{"SET k v NX", "ERR a conditional write needs a bucket of mode strong…"}, {"GETDEL k", "ERR the value before a write is not known…"},
		{"CAS k a b", "ERR compare-and-set needs a bucket of mode strong…"}, {"INCR n", "ERR increments need a bucket of policy counters…"},

		{"SELECT cache", "OK"}, {"SET k a", "OK"}, {"SET k b", "OK"}, {"CGET k", "[$C b]"}, {"DEL k", "1"}, {"GET k", "<nil>"},
		{"MSET x 1 y 2", "OK"}, {"MGET x y z", "[1 2 <nil>]"}, {"DBSIZE", "2"}, {"SETEX e 100 v", "OK"}, {"GET e", "v"},

		{"SELECT hits", "OK"}, {"INCR n", "1"}, {"INCRBY n 10", "11"}, {"DECR n", "10"}, {"CINCRBY n -3 W 1", "7"}, {"GET n", "7"},
		{"CGET n", "[ 7]"}, {"CGET none", "[]"}, {"SET n 1", "ERR a bucket of policy counters allows get and incr alone…"},

		{"SELECT plain", "OK"}, {"SET k v", "OK"}, {"GET k", "v"}, {"CGET k", "ERR an abd bucket has no causal context…"}, {"INCR k", "ERR abd registers allow get, set and delete alone…"},
		{"PSETEX k 50 v", "OK"},

		{"SELECT other", "OK"}, {"SET k v NX", "OK"}, {"CAS k v w", "1"}, {"SETEX k 10 v", "ERR a strong bucket takes no r, w, causal context or ttl…"},
		{"CGET k", "ERR a strong bucket takes no r, w…"}, {"INCR n", "1"},
		{"SELECT none", "ERR no bucket is named \"none\"; there are default, carts, cache, hits, plain, other…"}, {"GET k", "w"},
		{"SELECT 2", "OK"}, {"GET x", "1"}, {"SELECT 9", "ERR DB index is out of range, there are 0 (default), 1 (carts), 2 (cache)…"},
		{"SELECT 0", "OK"}, {"GET k", "strong"}, {"SELECT carts", "OK"}, {"RESET", "RESET"}, {"GET k", "strong"},
	} {
		var args []any
		for _, a := range strings.Fields(st.command) {
			args = append(args, strings.NewReplacer("$C", context, "''", "").Replace(a))
		}
		got, err := c.Do(t.Context(), args...).Result()
		if list, ok := got.([]any); ok && strings.HasPrefix(st.want, "[$C") {
			context, _ = list[0].(string)
			require.NotEmpty(t, context, st.command)
			list[0] = "$C"
		}
		text := fmt.Sprint(got)
		if err != nil && err != redis.Nil {
			text = err.Error()
		}
		if begins, cut := strings.CutSuffix(st.want, "…"); cut {
			require.True(t, strings.HasPrefix(text, begins), "%s: %s", st.command, text)
			continue
		}
		require.Equal(t, st.want, text, st.command)
	}
}

// TestBucketOfAPipeline: a SELECT in the middle of a pipeline is for what comes after it.
func TestBucketOfAPipeline(t *testing.T) {
	_, _, addr := realNode(t)
	conn := dial(t, addr)
	ask(t, conn, cmd("SET", "k", "a")+cmd("SELECT", "cache")+cmd("SET", "k", "b")+cmd("GET", "k")+cmd("SELECT", "0")+cmd("GET", "k"),
		"+OK\r\n+OK\r\n+OK\r\n$1\r\nb\r\n+OK\r\n$1\r\na\r\n")
}

// TestDroppedBucket: a connection that works in a bucket hears of its end.
func TestDroppedBucket(t *testing.T) {
	n, c, _ := realNode(t)
	require.NoError(t, c.Do(t.Context(), "SELECT", "cache").Err())
	require.NoError(t, c.Set(t.Context(), "k", "v", 0).Err())
	_, err := n.ChangeBuckets(t.Context(), &kv.Change{Kind: kv.DropBucket, Bucket: kv.Bucket{Name: "cache"}})
	require.NoError(t, err)
	require.ErrorContains(t, c.Get(t.Context(), "k").Err(), `no bucket is named "cache"; there are default`)
	require.ErrorContains(t, c.DBSize(t.Context()).Err(), `no bucket is named "cache"`, "and not the keys of another")
}

// TestExpiry: what has a time to live goes, and the rest stays.
func TestExpiry(t *testing.T) {
	_, c, _ := realNode(t)
	require.NoError(t, c.Do(t.Context(), "SELECT", "cache").Err())
	require.NoError(t, c.Set(t.Context(), "short", "v", 20*time.Millisecond).Err())
	require.NoError(t, c.Set(t.Context(), "long", "v", time.Hour).Err())
	require.Eventually(t, func() bool { return c.Get(t.Context(), "short").Err() == redis.Nil }, 5*time.Second, time.Millisecond)
	require.Equal(t, "v", c.Get(t.Context(), "long").Val())
}
