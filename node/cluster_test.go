package node

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door"
	"github.com/quoratedb/quorate/node/door/doortest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cluster is a few nodes in this process, on loopback ports of the system's choice.
type cluster struct {
	t     testing.TB
	cfgs  []Config
	nodes []*Node // nil: down
}

// newCluster prepares n nodes; change may adjust each one's configuration.
func newCluster(t testing.TB, n int, change func(i int, c *Config)) *cluster {
	t.Helper()
	c := &cluster{t: t, nodes: make([]*Node, n)}
	var members []Member
	for i := range n {
		members = append(members, Member{ID: kv.NodeID(i + 1), Weight: 1, Endpoints: door.Endpoints{Peer: doortest.FreeAddr(t)}})
	}
	for i := range n {
		cfg := Config{
			Cluster: "test", Node: members[i].ID, Members: members, Partitions: 16, VNodes: 16, Lanes: 2,
			DataDir: t.TempDir(), PeerListen: members[i].Endpoints.Peer, Key: []byte("secret"),
			Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
			// Patient, so that a busy machine is not taken for a dead one.
			Timing: Timing{Request: 10 * time.Second, Suspect: 3 * time.Second, Drain: time.Second},
		}
		if testing.Verbose() {
			cfg.Log = slog.New(slog.NewTextHandler(testWriter{t}, nil))
		}
		if change != nil {
			change(i, &cfg)
		}
		c.cfgs = append(c.cfgs, cfg)
	}
	t.Cleanup(c.stop)
	return c
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(p[:len(p)-1]))
	return len(p), nil
}

func (c *cluster) start(which ...int) {
	c.t.Helper()
	for _, i := range which {
		n, err := Start(c.cfgs[i])
		require.NoError(c.t, err)
		c.nodes[i] = n
	}
}

func (c *cluster) startAll() *cluster {
	for i := range c.nodes {
		c.start(i)
	}
	for i := range c.nodes {
		c.waitReady(i)
	}
	return c
}

func (c *cluster) waitReady(i int) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		s := c.nodes[i].NewSession()
		defer s.Close()
		return s.Do([]msg.Op{set("ready", "yes")})[0].Status == kv.OK
	}, 10*time.Second, 5*time.Millisecond)
}

func (c *cluster) close(i int) {
	c.t.Helper()
	n := c.nodes[i]
	c.nodes[i] = nil
	require.NoError(c.t, n.Close())
}

func (c *cluster) stop() {
	for i, n := range c.nodes {
		if n != nil {
			c.nodes[i] = nil
			_ = n.Close() // a test that cares closes it itself
		}
	}
}

func set(key, value string) msg.Op {
	return msg.Op{Op: kv.Op{Kind: kv.OpSet, Key: []byte(key), Value: []byte(value)}}
}

func get(key string) msg.Op { return msg.Op{Op: kv.Op{Kind: kv.OpGet, Key: []byte(key)}} }

func key(i int) string { return fmt.Sprintf("key-%d", i) }

// do carries out operations in a session of their own, and wants them all OK.
func do(t testing.TB, n *Node, ops ...msg.Op) []kv.Result {
	t.Helper()
	s := n.NewSession()
	defer s.Close()
	res := append([]kv.Result(nil), s.Do(ops)...)
	require.Len(t, res, len(ops))
	for i, r := range res {
		require.Equal(t, kv.OK, r.Status, "operation %d, %v %q", i, ops[i].Kind, ops[i].Key)
	}
	return res
}

func TestEveryNodeServesEveryKey(t *testing.T) {
	c := newCluster(t, 3, nil).startAll()
	for i, n := range c.nodes {
		var ops []msg.Op
		for k := range 50 {
			ops = append(ops, set(key(k), fmt.Sprintf("v%d-%d", i, k)))
		}
		do(t, n, ops...)
		for _, reader := range c.nodes {
			for k := range 50 {
				require.Equal(t, fmt.Sprintf("v%d-%d", i, k), string(do(t, reader, get(key(k)))[0].Data))
			}
		}
	}
}

func TestOneNodeKeepsDataOverRestarts(t *testing.T) {
	c := newCluster(t, 1, nil).startAll()
	for round := range 3 {
		do(t, c.nodes[0], set(key(round), "v"))
		inc := c.nodes[0].boot.Inc
		c.close(0)
		c.start(0)
		require.Equal(t, inc+1, c.nodes[0].boot.Inc)
		for k := range round + 1 {
			require.Equal(t, "v", string(do(t, c.nodes[0], get(key(k)))[0].Data))
		}
	}
}
