package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// quietWorld is a cluster of three that has done nothing yet, all nodes up.
func quietWorld(t *testing.T) *World {
	plan := Draw(1, scenario(t, "quiet"))
	plan.Config.Nodes, plan.Config.N, plan.Config.Lanes, plan.Config.Partitions = 3, 3, 1, 1
	plan.Config.Keys = []Key{{Name: "k"}}
	plan.Ops = nil
	w, err := newWorld(plan, Options{})
	require.NoError(t, err)
	for _, n := range w.nodes {
		n.boot()
	}
	return w
}

func shardOf(n *node) actors.Address   { return actors.Address{Node: n.id, Kind: actors.Shard} }
func replicaOf(n *node) actors.Address { return actors.Address{Node: n.id, Kind: actors.Replica} }

func ballotOf(n *node, round uint32) kv.Ballot {
	return kv.Ballot{Epoch: 1, Round: round, Node: n.id, Inc: n.inc}
}

func accept(id uint64, b kv.Ballot, seq uint64, data string) *msg.Accept {
	v := kv.Version{Ballot: b, Seq: seq}
	return &msg.Accept{ID: id, Items: []*msg.AcceptItem{{Key: []byte("k"),
		Register: kv.Register{Version: v, Rev: v, Kind: kv.Value, Data: []byte(data)}}}}
}

func (w *World) observe(from *node, to actors.Address, self actors.Address, m actors.Message) {
	w.oracle.sent(from, &actors.Envelope{Message: m, From: self, To: to})
}

func (w *World) requireOne(t *testing.T, detail string) {
	t.Helper()
	require.Len(t, w.verdict, 1)
	require.Equal(t, Invariant, w.verdict[0].Check)
	require.Contains(t, w.verdict[0].Detail, detail)
}

func TestOracleOneValuePerVersion(t *testing.T) {
	w := quietWorld(t)
	a, b := w.nodes[0], w.nodes[1]
	w.observe(a, replicaOf(b), shardOf(a), accept(1, ballotOf(a, 1), 1, "x"))
	w.observe(a, replicaOf(w.nodes[2]), shardOf(a), accept(1, ballotOf(a, 1), 1, "x"))
	require.Empty(t, w.verdict, "the same value to another replica")
	w.observe(a, replicaOf(b), shardOf(a), accept(2, ballotOf(a, 1), 1, "y"))
	w.requireOne(t, "is given to two values")
}

func TestOracleOneOwnerPerBallot(t *testing.T) {
	w := quietWorld(t)
	a, b := w.nodes[0], w.nodes[1]
	w.observe(a, replicaOf(b), shardOf(a), accept(1, ballotOf(b, 1), 1, "x"))
	w.requireOne(t, "accepts under ballot e1.r1.n2.i1, which is not its own")

	w = quietWorld(t)
	a, b = w.nodes[0], w.nodes[1]
	old := ballotOf(a, 1)
	old.Inc--
	w.observe(a, replicaOf(b), shardOf(a), &msg.Prepare{Items: []msg.PartitionBallot{{Ballot: old}}})
	w.requireOne(t, "claims under ballot")
}

// TestOracleAcknowledgedIsThereAfterRestart lets a replica acknowledge what it
// does not hold, and restarts it.
func TestOracleAcknowledgedIsThereAfterRestart(t *testing.T) {
	for name, c := range map[string]struct {
		ask, answer func(a *node) actors.Message
		want        string
	}{
		"promise": {
			func(a *node) actors.Message {
				return &msg.Prepare{ID: 1, Items: []msg.PartitionBallot{{Ballot: ballotOf(a, 1)}}}
			},
			func(a *node) actors.Message {
				return &msg.Promises{ID: 1, Items: []msg.Promise{{OK: true, Promised: ballotOf(a, 1)}}}
			},
			"promised e1.r1.n1.i1 for partition 0, and after a restart only",
		},
		"accept": {
			func(a *node) actors.Message { return accept(1, ballotOf(a, 1), 1, "x") },
			func(*node) actors.Message { return &msg.Accepted{ID: 1} },
			"promised e1.r1.n1.i1 for partition 0",
		},
		"version shown": {
			func(*node) actors.Message { return &msg.ReadVersions{ID: 1, Keys: []msg.KeyRef{{Key: []byte("k")}}} },
			func(a *node) actors.Message {
				return &msg.Versions{ID: 1, Versions: []kv.Version{{Ballot: ballotOf(a, 1), Seq: 1}}}
			},
			"told others of e1.r1.n1.i1#1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := quietWorld(t)
			a, b := w.nodes[0], w.nodes[1]
			w.observe(a, replicaOf(b), shardOf(a), c.ask(a))
			w.observe(b, shardOf(a), replicaOf(b), c.answer(a))
			require.Empty(t, w.verdict)
			b.crash(true)
			b.boot()
			require.NotEmpty(t, w.verdict)
			require.Contains(t, w.verdict[0].Detail, c.want)
		})
	}
}

func TestOracleRefusedAcceptNeedNotBeThere(t *testing.T) {
	w := quietWorld(t)
	a, b := w.nodes[0], w.nodes[1]
	w.observe(a, replicaOf(b), shardOf(a), accept(1, ballotOf(a, 1), 1, "x"))
	w.observe(b, shardOf(a), replicaOf(b), &msg.Accepted{ID: 1, Refused: []msg.Refusal{{Reason: msg.ByPromise}}})
	b.crash(true)
	b.boot()
	require.Empty(t, w.verdict)
}

func TestOracleToldValueIsHeldByAMajority(t *testing.T) {
	w := quietWorld(t)
	a := w.nodes[0]
	w.begin(0, []ClientOp{{Node: 1, Do: "get"}})
	v := kv.Version{Ballot: ballotOf(a, 1), Seq: 1}
	answer := &msg.Results{ID: w.clients[0].id, Results: []kv.Result{{Rev: v, Found: true}}}
	w.oracle.told(a, answer)
	w.requireOne(t, "which 0 of 3 replicas hold")
}

func TestConvergenceSeesADifference(t *testing.T) {
	w := quietWorld(t)
	require.Empty(t, w.difference())
	rec := msg.AcceptRecord{Key: []byte("k"), Register: accept(1, ballotOf(w.nodes[0], 1), 1, "x").Items[0].Register}
	require.NoError(t, w.nodes[1].laneOf(0).Replica.Restore(rec.AppendTo(nil)))
	require.Contains(t, w.difference(), "keys against")

	w = quietWorld(t)
	w.nodes[2].crash(false)
	require.Contains(t, w.difference(), "node 3 is down")
}
