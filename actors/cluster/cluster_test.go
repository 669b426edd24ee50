package cluster

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// bench is a cluster actor with its register and its lanes in the hands of a test.
type bench struct {
	t   *testing.T
	cl  *Cluster
	c   actors.Context
	reg kv.Register
	// heard is what gossip says of epochs.
	heard, said kv.Epoch
}

func (b *bench) Epoch() kv.Epoch     { return b.heard }
func (b *bench) SetEpoch(e kv.Epoch) { b.said = e }

const lanes = 2

func newBench(t *testing.T) *bench {
	nodes := []ring.Node{{ID: 1, Weight: 1}, {ID: 2, Weight: 1}, {ID: 3, Weight: 1}}
	layout, err := ring.First(ring.Config{Nodes: nodes, Partitions: 4, VNodes: 4, N: 3})
	require.NoError(t, err)
	b := &bench{t: t}
	b.cl = New(Config{Layout: layout, Node: 1, Inc: 1, Lanes: lanes, MaxWaiting: 2, Rules: kv.Rules{MinGraceMs: 1, GraceMs: 2}}, b)
	b.c.Rand = rand.New(rand.NewPCG(1, 1))
	b.c.NowNs = 1
	b.c.Self = actors.Address{Node: 1, Kind: actors.Cluster}
	b.cl.Start(&b.c)
	return b
}

// give hands a message to the actor.
func (b *bench) give(from actors.Address, m actors.Message) {
	b.c.Sender = from
	b.cl.Receive(&b.c, m)
	b.cl.Flush(&b.c)
}

// take removes and returns the messages to one kind of actor.
func (b *bench) take(to actors.Kind) (taken []actors.Envelope) {
	b.c.Envelopes = slices.DeleteFunc(b.c.Envelopes, func(e actors.Envelope) bool {
		if e.To.Kind == to {
			taken = append(taken, e)
		}
		return e.To.Kind == to
	})
	return taken
}

func edge(i uint32) actors.Address {
	return actors.Address{Node: 1, Kind: actors.Client, Index: i}
}

func (b *bench) create(id uint64, name string) {
	b.give(edge(7), &msg.MapChange{ID: id, Change: kv.Change{Kind: kv.CreateBucket, Bucket: kv.Bucket{Name: name}}})
}

// asked is the operation on the register under way.
func (b *bench) asked() (actors.Envelope, *msg.Ops) {
	b.t.Helper()
	for range 10 {
		if ops := b.take(actors.Shard); len(ops) > 0 {
			require.Len(b.t, ops, 1)
			m := ops[0].Message.(*msg.Ops)
			require.Equal(b.t, ring.SystemPartition, m.Ops[0].Partition)
			return ops[0], m
		}
		b.c.NowNs += DefaultAskNs * 2
		b.give(b.c.Self, actors.Timer{ID: tick})
	}
	b.t.Fatal("nothing is asked of the shard")
	return actors.Envelope{}, nil
}

// carryOut does what the shard would, and returns the answer.
func (b *bench) carryOut(op *kv.Op) kv.Result {
	held := op.Cond == kv.Always || op.Cond == kv.IfAbsent && !b.reg.Found() || op.Cond == kv.IfRev && b.reg.Rev == op.Rev
	switch {
	case op.Kind == kv.OpGet && !b.reg.Found():
		return kv.Result{Status: kv.NotFound}
	case op.Kind == kv.OpGet:
		return kv.Result{Data: b.reg.Data, Rev: b.reg.Rev, Found: true}
	case !held:
		return kv.Result{Status: kv.CondFailed}
	}
	b.reg.Kind, b.reg.Data = kv.Value, op.Value
	b.reg.Rev.Seq++
	b.reg.Version = b.reg.Rev
	return kv.Result{Rev: b.reg.Rev}
}

// serve answers the next operation; as replaces the status that is told.
func (b *bench) serve(does bool, as kv.Status) *msg.Ops {
	b.t.Helper()
	e, m := b.asked()
	r := kv.Result{Status: as}
	if does {
		if r = b.carryOut(&m.Ops[0].Op); as != kv.OK {
			r = kv.Result{Status: as}
		}
	}
	b.give(e.To, &msg.Results{ID: m.ID, Results: []kv.Result{r}})
	return m
}

// act lets the lanes act on the map that they were sent.
func (b *bench) act() {
	for _, e := range b.take(actors.Cluster) {
		if m, ok := e.Message.(*msg.LaneMap); ok {
			require.True(b.t, e.Durable, "no lane acts on a map that a crash can take back")
			b.give(e.To, &msg.LaneMapped{Epoch: m.Map.Epoch})
		}
	}
}

func (b *bench) answers() (all []*msg.MapChanged) {
	for _, e := range b.take(actors.Client) {
		all = append(all, e.Message.(*msg.MapChanged))
	}
	return all
}

func TestAChangeIsToldWhenAllLanesActOnIt(t *testing.T) {
	b := newBench(t)
	b.create(5, "x")
	b.serve(true, kv.OK)
	m := b.serve(true, kv.OK)
	require.Equal(t, kv.IfAbsent, m.Ops[0].Cond)
	require.NotEmpty(t, b.c.Records, "the map is persisted")
	require.Empty(t, b.answers())
	require.Equal(t, kv.FirstEpoch, b.cl.Published().Epoch())
	b.act()
	require.Equal(t, []*msg.MapChanged{{ID: 5, Epoch: 2}}, b.answers())
	require.NotNil(t, b.cl.Published().Named("x"))
	require.Equal(t, kv.Epoch(2), b.said)
}

// TestADoubtfulChange: what came through is not made again, and what did not is
// tried as the very same attempt.
func TestADoubtfulChange(t *testing.T) {
	for _, does := range []bool{true, false} {
		b := newBench(t)
		b.create(5, "x")
		b.serve(true, kv.OK)
		first := b.serve(does, kv.Unknown)
		b.serve(true, kv.OK)
		if !does {
			again := b.serve(true, kv.OK)
			require.Equal(t, first.Ops[0].Value, again.Ops[0].Value)
		}
		b.act()
		require.Equal(t, []*msg.MapChanged{{ID: 5, Epoch: 2}}, b.answers())
		require.Equal(t, kv.Epoch(2), b.cl.Held().Epoch)
	}
}

// TestAnotherChangeComesBetween: the attempt is lost, and a new one is made on
// the map that has the other change.
func TestAnotherChangeComesBetween(t *testing.T) {
	b := newBench(t)
	b.create(5, "x")
	b.serve(true, kv.OK)
	other, err := b.cl.first().Apply(&kv.Change{Kind: kv.CreateBucket, Bucket: kv.Bucket{Name: "y"}}, &b.cl.cfg.Rules, kv.ChangeID{Node: 2}, b.cl.reusable)
	require.NoError(t, err)
	b.carryOut(&kv.Op{Kind: kv.OpSet, Value: msg.AppendMap(nil, other)})
	b.serve(true, kv.OK) // the condition does not hold
	b.serve(true, kv.OK) // read
	b.serve(true, kv.OK) // the new attempt
	b.act()
	require.Equal(t, []*msg.MapChanged{{ID: 5, Epoch: 3}}, b.answers())
	require.NotNil(t, b.cl.Held().Named("y"))
	require.Equal(t, uint16(2), b.cl.Held().Named("x").Slot)
}

// TestWhatEndsWithoutSuccess: refused at once, too many, and out of time with and
// without an attempt that has left.
func TestWhatEndsWithoutSuccess(t *testing.T) {
	b := newBench(t)
	b.create(1, "x/y")
	b.create(2, "x")
	b.create(3, "z")
	require.Equal(t, []*msg.MapChanged{{ID: 3, Status: kv.Busy}}, b.answers())
	b.serve(true, kv.OK)
	refused := b.answers()
	require.Len(t, refused, 1)
	require.Equal(t, kv.BadRequest, refused[0].Status)
	require.ErrorIs(t, refused[0].Why.Err(refused[0].Text), kv.ErrBadBucket)
	b.create(4, "z")
	b.serve(true, kv.OK)
	b.serve(false, kv.Unknown)
	b.c.NowNs += 2 * DefaultTimeoutNs
	b.give(b.c.Self, actors.Timer{ID: tick})
	require.Equal(t, []*msg.MapChanged{{ID: 2, Status: kv.Unknown}, {ID: 4, Status: kv.Unavailable}}, b.answers())
}

// TestASlotIsFreeWhenAllHaveLetGo: until every member has said so, a new bucket
// gets a slot that nobody ever used.
func TestASlotIsFreeWhenAllHaveLetGo(t *testing.T) {
	b := newBench(t)
	change := func(kind kv.ChangeKind, name string) {
		b.give(edge(1), &msg.MapChange{Change: kv.Change{Kind: kind, Bucket: kv.Bucket{Name: name}}})
		b.serve(true, kv.OK)
		b.serve(true, kv.OK)
		b.act()
		require.Len(t, b.answers(), 1)
	}
	change(kv.CreateBucket, "x")
	change(kv.DropBucket, "x")
	change(kv.CreateBucket, "y")
	require.Equal(t, uint16(2), b.cl.Held().Named("y").Slot)
	b.give(actors.Address{Node: 2, Kind: actors.Cluster}, &msg.MapSeen{Epoch: 4})
	change(kv.CreateBucket, "z")
	require.Equal(t, uint16(3), b.cl.Held().Named("z").Slot, "node 3 has not said that it let go")
	b.give(actors.Address{Node: 3, Kind: actors.Cluster}, &msg.MapSeen{Epoch: 3})
	change(kv.CreateBucket, "again")
	require.Equal(t, uint16(1), b.cl.Held().Named("again").Slot)
}

// TestAMapIsFetched from who knows a newer one, by gossip or by its own word.
func TestAMapIsFetched(t *testing.T) {
	b := newBench(t)
	b.heard = 2
	b.give(b.c.Self, actors.Timer{ID: tick})
	asks := b.take(actors.Cluster)
	require.Len(t, asks, 2)
	require.Equal(t, &msg.MapAsk{Have: 1}, asks[0].Message)
	next, err := b.cl.first().Apply(&kv.Change{Kind: kv.CreateBucket, Bucket: kv.Bucket{Name: "y"}}, &b.cl.cfg.Rules, kv.ChangeID{Node: 2}, b.cl.reusable)
	require.NoError(t, err)
	b.give(asks[0].To, &msg.MapTold{Map: next})
	b.act()
	require.NotNil(t, b.cl.Published().Named("y"))
	b.take(actors.Cluster)
	b.give(asks[0].To, &msg.MapAsk{Have: 1})
	b.give(asks[0].To, &msg.MapTold{Map: b.cl.first()})
	require.Equal(t, kv.Epoch(2), b.cl.Held().Epoch, "a map never goes back")
	told := b.take(actors.Cluster)
	require.Len(t, told, 1)
	require.Equal(t, &msg.MapTold{Map: next}, told[0].Message)
}

// TestTheMapComesBack from its records, the newest whatever their order.
func TestTheMapComesBack(t *testing.T) {
	b := newBench(t)
	next, err := b.cl.first().Apply(&kv.Change{Kind: kv.CreateBucket, Bucket: kv.Bucket{Name: "y"}}, &b.cl.cfg.Rules, kv.ChangeID{Node: 2}, b.cl.reusable)
	require.NoError(t, err)
	after, err := next.Apply(&kv.Change{Kind: kv.DropBucket, Bucket: kv.Bucket{Name: "y"}}, &b.cl.cfg.Rules, kv.ChangeID{Node: 2}, b.cl.reusable)
	require.NoError(t, err)
	for _, m := range []*kv.Map{after, next} {
		require.NoError(t, b.cl.Restore((&msg.MapRecord{From: m.Epoch - 1, Map: m}).AppendTo(nil)))
	}
	require.Equal(t, after, b.cl.Held())
	require.Error(t, b.cl.Restore([]byte{msg.KindMap, 9}))
	b.c.Records = nil
	require.Nil(t, b.cl.Checkpoint(&b.c, nil, 1))
	payload, rest := actors.NextRecord(b.c.Records)
	require.Empty(t, rest)
	var rec msg.MapRecord
	require.NoError(t, rec.DecodeFrom(payload))
	require.Equal(t, after, rec.Map)
}
