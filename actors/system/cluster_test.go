package system_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/shard"
	"github.com/quoratedb/quorate/actors/system"
	"github.com/quoratedb/quorate/ring"
	"github.com/stretchr/testify/require"
)

// cluster runs the lanes of some nodes against a perfect network and disk, one
// message at a time: enough to show that operations get through.
type cluster struct {
	t      *testing.T
	ring   *ring.Layout
	nodes  map[kv.NodeID]*system.Node
	ctx    map[actors.Address]*actors.Context // by lane: {node, shard, lane}
	queue  []actors.Envelope
	timers map[timerKey]int64
	nowNs  int64
	got    map[uint64]*msg.Results
	nextID uint64
	cut    map[kv.NodeID]bool
}

type timerKey struct {
	a  actors.Address
	id actors.TimerID
}

func newCluster(t *testing.T, nodes, n int) *cluster {
	cfg := ring.Config{Partitions: 8, VNodes: 16, N: n}
	for i := range nodes {
		cfg.Nodes = append(cfg.Nodes, ring.Node{ID: kv.NodeID(i + 1), Weight: 1})
	}
	r, err := ring.First(cfg)
	require.NoError(t, err)
	c := &cluster{t: t, ring: r, nodes: map[kv.NodeID]*system.Node{}, ctx: map[actors.Address]*actors.Context{},
		timers: map[timerKey]int64{}, nowNs: 1, got: map[uint64]*msg.Results{}, cut: map[kv.NodeID]bool{}}
	for _, m := range cfg.Nodes {
		c.boot(m.ID, 1)
	}
	return c
}

func (c *cluster) boot(id kv.NodeID, inc kv.Incarnation) {
	var sys system.Config
	sys.Shard = shard.Config{Layout: c.ring, Node: id, Inc: inc, Epoch: 1, Lanes: 1, LevelNs: 100e6}
	sys.Detector.Node, sys.Detector.Inc, sys.Detector.Epoch, sys.Detector.Lanes = id, inc, 1, 1
	for _, m := range c.ring.Nodes() {
		sys.Detector.Peers = append(sys.Detector.Peers, m.ID)
	}
	n := system.New(sys)
	c.nodes[id] = n
	ctx := &actors.Context{Rand: rand.New(rand.NewPCG(uint64(id), uint64(inc)))}
	c.ctx[actors.Address{Node: id}] = ctx
	ctx.NowNs = c.nowNs
	n.Lanes[0].Start(ctx)
	c.take(ctx)
}

func (c *cluster) take(ctx *actors.Context) {
	for _, t := range ctx.Timers {
		key := timerKey{t.Actor, t.ID}
		if t.AtNs == 0 {
			delete(c.timers, key)
		} else {
			c.timers[key] = t.AtNs
		}
	}
	c.queue = append(c.queue, ctx.Envelopes...)
	ctx.Effects = actors.Effects{}
}

func (c *cluster) step(e actors.Envelope) {
	if e.To.Kind == actors.Client {
		m := e.Message.(*msg.Results)
		c.got[m.ID] = m
		return
	}
	if c.cut[e.To.Node] || c.cut[e.From.Node] {
		return
	}
	ctx := c.ctx[actors.Address{Node: e.To.Node}]
	ctx.NowNs = c.nowNs
	ctx.WallMs = c.nowNs / 1e6
	c.nodes[e.To.Node].Lanes[0].Step(ctx, []actors.Envelope{e}, false)
	c.take(ctx)
}

// run lets messages and timers take their course until the results of id are
// there or the time is over.
func (c *cluster) run(forNs int64, until func() bool) {
	end := c.nowNs + forNs
	for !until() {
		if len(c.queue) > 0 {
			e := c.queue[0]
			c.queue = c.queue[1:]
			c.step(e)
			continue
		}
		var next *timerKey
		for k := range c.timers { // order: the earliest, ties by name
			k := k
			if next == nil || c.timers[k] < c.timers[*next] || c.timers[k] == c.timers[*next] && fmt.Sprint(k) < fmt.Sprint(*next) {
				next = &k
			}
		}
		if next == nil || c.timers[*next] > end {
			return
		}
		c.nowNs = max(c.nowNs, c.timers[*next])
		delete(c.timers, *next)
		c.step(actors.Envelope{To: next.a, From: next.a, Message: actors.Timer{ID: next.id}})
	}
}

func (c *cluster) do(node kv.NodeID, ops ...kv.Op) []kv.Result {
	c.nextID++
	m := &msg.Ops{ID: c.nextID}
	for _, op := range ops {
		m.Ops = append(m.Ops, msg.Op{Op: op, Partition: c.ring.PartitionOf(nil, op.Key)})
	}
	c.queue = append(c.queue, actors.Envelope{
		From: actors.Address{Node: node, Kind: actors.Client}, To: actors.Address{Node: node, Kind: actors.Shard}, Message: m})
	id := c.nextID
	c.run(5e9, func() bool { return c.got[id] != nil })
	require.NotNil(c.t, c.got[id], "no answer")
	return c.got[id].Results
}

func set(k, v string) kv.Op { return kv.Op{Kind: kv.OpSet, Key: []byte(k), Value: []byte(v)} }
func get(k string) kv.Op    { return kv.Op{Kind: kv.OpGet, Key: []byte(k)} }
func del(k string) kv.Op    { return kv.Op{Kind: kv.OpDelete, Key: []byte(k)} }
func incr(k string) kv.Op   { return kv.Op{Kind: kv.OpIncr, Key: []byte(k), Delta: 1} }

func TestOperationsGetThrough(t *testing.T) {
	for _, shape := range []struct{ nodes, n int }{{1, 1}, {2, 2}, {3, 3}, {5, 3}, {4, 4}, {7, 7}} {
		t.Run(fmt.Sprintf("%d nodes N=%d", shape.nodes, shape.n), func(t *testing.T) {
			c := newCluster(t, shape.nodes, shape.n)
			for i := range 40 {
				node := kv.NodeID(i%shape.nodes + 1)
				key := fmt.Sprintf("k%d", i%10)
				res := c.do(node, get(key), set(key, fmt.Sprint(i)), get(key), incr(key), get(key), del(key), get(key), set(key, "x"))
				want := "x"
				if i < 10 {
					require.Equal(t, kv.NotFound, res[0].Status)
				} else {
					require.Equal(t, want, string(res[0].Data), "%v", res[0])
				}
				require.Equal(t, kv.OK, res[1].Status)
				require.Equal(t, fmt.Sprint(i), string(res[2].Data))
				require.Equal(t, int64(i+1), res[3].Int)
				require.Equal(t, fmt.Sprint(i+1), string(res[4].Data))
				require.Equal(t, kv.OK, res[5].Status)
				require.Equal(t, kv.NotFound, res[6].Status)
				require.Equal(t, kv.OK, res[7].Status)
			}
		})
	}
}

func TestAnotherNodeTakesOver(t *testing.T) {
	c := newCluster(t, 3, 3)
	for i := range 16 {
		require.Equal(t, kv.OK, c.do(1, set(fmt.Sprint("k", i), "a"))[0].Status)
	}
	c.cut[1] = true
	c.run(1e9, func() bool { return false })
	for i := range 16 {
		require.Equal(t, "a", string(c.do(2, get(fmt.Sprint("k", i)))[0].Data))
		require.Equal(t, kv.OK, c.do(3, set(fmt.Sprint("k", i), "b"))[0].Status)
		require.Equal(t, kv.NotFound, c.do(2, del(fmt.Sprint("d", i)))[0].Status)
	}
	delete(c.cut, 1)
	c.run(5e9, func() bool { return false })
	for i := range 16 {
		require.Equal(t, "b", string(c.do(1, get(fmt.Sprint("k", i)))[0].Data))
	}
	c.run(20e9, func() bool { return false })
	for p := range c.ring.PerBucket() {
		id := kv.Partition(p)
		sum := c.nodes[1].Lanes[0].Replica.Sum(id)
		for _, n := range c.nodes {
			require.Equal(t, sum, n.Lanes[0].Replica.Sum(id), "partition %d", p)
		}
		_, owned := c.nodes[c.ring.Preference(id)[0]].Lanes[0].Shard.Owns(id)
		require.True(t, owned || c.nodes[1].Lanes[0].Replica.Promised(id).IsZero(), "partition %d is back with its first node", p)
	}
}
