package sim

import (
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/linearizability/causalhist"
)

// eventualWorld is a cluster of three with key "k" in a bucket of a policy.
func eventualWorld(t *testing.T, policy string) *World {
	return bucketWorld(t, BucketCfg{Name: "b", Mode: "eventual", N: 3, Policy: policy, R: "1", W: "2", Repair: "off"})
}

// bucketWorld is the same with any bucket.
func bucketWorld(t *testing.T, b BucketCfg) *World {
	plan := Draw(1, scenario(t, "quiet"))
	c := &plan.Config
	c.Nodes, c.N, c.Lanes, c.Partitions, c.MaxClockMs = 3, 3, 1, 1, 1
	c.Buckets = []BucketCfg{b}
	c.Keys = []Key{{Name: "k", Bucket: "b", Counter: b.Policy == "counters"}}
	plan.Ops = nil
	w, err := newWorld(plan, Options{})
	require.NoError(t, err)
	for _, n := range w.nodes {
		n.boot()
	}
	return w
}

func (w *World) part() kv.Partition { return partitionOf(w.layout, &w.cfg.Keys[0]) }

func register(ms int64, node kv.NodeID, data string) causal.Object {
	return causal.Object{Register: causal.Value{Kind: kv.Value, Data: []byte(data), Stamp: causal.Stamp{Ms: epochMs + ms, Node: node}}}
}

func (w *World) item(o causal.Object) *msg.PutItem {
	return &msg.PutItem{Key: []byte("k"), Partition: w.part(), Object: o}
}

// put lets a node's store take an object in, durably.
func (w *World) put(n *node, o causal.Object) {
	w.storeStep(n, w.putOf(n, o))
}

func (w *World) putOf(n *node, o causal.Object) *msg.Put {
	return &msg.Put{ID: 1, SentMs: n.clock.wall(w.nowNs), Epoch: kv.FirstEpoch, Why: msg.ForRepair, Items: []*msg.PutItem{w.item(o)}}
}

// storeStep lets a node's store handle messages in one batch.
func (w *World) storeStep(n *node, messages ...actors.Message) {
	l := &n.lanes[0]
	n.prepare(l, 0)
	var batch []actors.Envelope
	for _, m := range messages {
		batch = append(batch, actors.Envelope{Message: m, From: actors.Address{Node: 9, Kind: actors.Repair}, To: actors.Address{Node: n.id, Kind: actors.Store}})
	}
	n.sys.Lanes[0].Step(&l.ctx, batch, true)
	w.oracle.eventual.stepped(n, 0)
	w.oracle.eventual.persisted(n, 0, restoredSeq)
	l.ctx.Effects = actors.Effects{}
}

func (w *World) sentPut(n *node, why msg.Why, objects ...causal.Object) {
	m := &msg.Put{Why: why}
	for _, o := range objects {
		m.Items = append(m.Items, w.item(o))
	}
	w.oracle.sent(n, &actors.Envelope{Message: m, From: actors.Address{Node: n.id, Kind: actors.Coordinator}, To: actors.Address{Node: 2, Kind: actors.Store}})
}

func TestOracleOneValuePerStampAndDot(t *testing.T) {
	w := eventualWorld(t, "lww")
	w.sentPut(w.nodes[0], msg.ForWrite, register(1, 1, "a"))
	w.sentPut(w.nodes[1], msg.ForRepair, register(1, 1, "a"))
	require.Empty(t, w.verdict)
	w.sentPut(w.nodes[1], msg.ForRepair, register(1, 1, "b"))
	w.requireOne(t, "two values")

	w = eventualWorld(t, "siblings")
	sibling := func(data string, ms int64) causal.Object {
		d := causal.Dot{ID: causal.ID{Node: 1, Inc: 1}, Seq: 1}
		return causal.Object{Set: causal.Set{Vector: causal.Vector{causal.Entry(d)}, Siblings: []causal.Sibling{
			{Dot: d, Value: causal.Value{Kind: kv.Value, Data: []byte(data), Stamp: causal.Stamp{Ms: epochMs + ms, Node: 1}}}}}}
	}
	w.sentPut(w.nodes[0], msg.ForWrite, sibling("a", 1))
	w.sentPut(w.nodes[0], msg.ForWrite, sibling("b", 2))
	w.requireOne(t, "event n1.i1.t0#1 of key \"k\" has two values")
}

func TestOracleStampsAscend(t *testing.T) {
	w := eventualWorld(t, "lww")
	w.sentPut(w.nodes[0], msg.ForWrite, register(5, 1, "a"))
	w.sentPut(w.nodes[0], msg.ForWrite, register(9, 2, "b"))
	w.sentPut(w.nodes[0], msg.ForRepair, register(3, 1, "c"))
	require.Empty(t, w.verdict, "what it passes on it need not have made now")
	w.sentPut(w.nodes[0], msg.ForWrite, register(4, 1, "d"))
	w.requireOne(t, "after one with")
}

// TestOracleTagsAscendWithinABoot: an earlier boot may have given a higher tag to a
// write that hardly anybody got.
func TestOracleTagsAscendWithinABoot(t *testing.T) {
	tag := func(counter int64, boot kv.Incarnation, data string) causal.Object {
		o := register(0, 1, data)
		o.Register.Stamp.Ms, o.Register.Stamp.Logical = counter, uint32(boot)
		return o
	}
	w := bucketWorld(t, BucketCfg{Name: "b", Mode: "abd", N: 3})
	n := w.nodes[0]
	w.sentPut(n, msg.ForWrite, tag(5, 1, "a"))
	n.inc = 2
	w.sentPut(n, msg.ForWrite, tag(4, 2, "b"))
	w.sentPut(n, msg.ForRepair, tag(5, 1, "a"))
	require.Empty(t, w.verdict)
	w.sentPut(n, msg.ForWrite, tag(3, 2, "c"))
	w.requireOne(t, "after one with 4.2@n1")

	w = bucketWorld(t, BucketCfg{Name: "b", Mode: "abd", N: 3})
	w.sentPut(w.nodes[0], msg.ForWrite, tag(5, 7, "a"))
	w.requireOne(t, "does not name its boot 1")
}

func TestOracleStoresNeverGoBack(t *testing.T) {
	w := eventualWorld(t, "lww")
	w.put(w.nodes[0], register(1, 1, "a"))
	w.put(w.nodes[0], register(2, 2, "b"))
	w.put(w.nodes[0], register(1, 3, "c"))
	require.Empty(t, w.verdict)
	o := &w.oracle.eventual
	known := register(9, 1, "z")
	o.copies[0][0].object = known // as if it had been seen to hold that
	w.put(w.nodes[0], register(3, 1, "d"))
	w.requireOne(t, "went back")
}

func TestOracleStoresTakeNothingFromTheFuture(t *testing.T) {
	w := eventualWorld(t, "lww")
	n := w.nodes[0]
	o, future := &w.oracle.eventual, register(n.clock.wall(0)-epochMs+causal.DefaultCapMs+50, 2, "a")
	o.changed(n, 0, &o.copies[0][0], &future, causal.Hash{Hi: 1})
	w.requireOne(t, "ahead of its wall clock")
}

func TestOracleToldWritesAreHeldByEnough(t *testing.T) {
	for _, holders := range []int{1, 2} {
		w := eventualWorld(t, "lww")
		value := register(1, 1, valueOf(7))
		w.sentPut(w.nodes[0], msg.ForWrite, value)
		for i := range holders {
			w.put(w.nodes[i], value)
		}
		w.oracle.eventual.enough(w.nodes[0], &ClientOp{Key: 0, Do: "set", Value: 7}, w.oracle.eventual.knows(&ClientOp{Key: 0, Do: "set", Value: 7}))
		if holders == 2 {
			require.Empty(t, w.verdict)
			continue
		}
		w.requireOne(t, "is done with w=2, and replicas")
	}
}

// A majority of the asked node's own zone counts, and a hint for whichever replica is missing.
func TestOracleQuorumsOfAZone(t *testing.T) {
	plan := Draw(1, scenario(t, "quiet"))
	c := &plan.Config
	c.Nodes, c.N, c.Zones, c.Lanes, c.Partitions = 3, 3, 2, 1, 1
	w, err := newWorld(plan, Options{})
	require.NoError(t, err)
	p := kv.Partition(0)
	prefs, zones := w.layout.Preference(p), w.layout.Zones(nil, p)
	for _, n := range w.nodes {
		var local, away causal.Replicas
		for i := range prefs {
			if zones[i] == w.layout.Zone(n.id) {
				local = local.With(i)
			} else {
				away = away.With(i)
			}
		}
		size := bits.OnesCount8(uint8(local))
		for _, k := range []struct {
			acks    causal.Replicas
			keepers int
			met     bool
		}{{local, 0, true}, {away, 0, false}, {away, size/2 + 1, true}, {0, size/2 + 1, true}, {0, size / 2, false}} {
			require.Equal(t, k.met, met(w, kv.Ask{Level: kv.LocalQuorum}, p, n, k.acks, k.keepers), "node %d of zones %v: %+v", n.id, zones, k)
		}
	}
}

func TestOracleWhatIsNotYetOnDiskDoesNotCount(t *testing.T) {
	w := eventualWorld(t, "lww")
	value := register(1, 1, valueOf(7))
	w.sentPut(w.nodes[0], msg.ForWrite, value)
	for i := range 2 {
		w.put(w.nodes[i], value)
		for k := range w.oracle.eventual.copies[i][0].states {
			w.oracle.eventual.copies[i][0].states[k].seq = 1 << 40 // handed to the journal, not synced
		}
	}
	op := &ClientOp{Key: 0, Do: "set", Value: 7}
	w.oracle.eventual.enough(w.nodes[0], op, w.oracle.eventual.knows(op))
	w.requireOne(t, "replicas 0 of")
}

func TestOracleDurableObjectsComeBack(t *testing.T) {
	w := eventualWorld(t, "lww")
	n := w.nodes[0]
	w.put(n, register(1, 1, "a"))
	n.crash(false)
	n.boot() // its log has nothing: the records of put were thrown away
	w.requireOne(t, "after a restart")
}

func TestOracleCollectsOnlyWhatNobodyHasOlder(t *testing.T) {
	dead := causal.Object{Register: causal.Value{Kind: kv.Tombstone, Stamp: causal.Stamp{Ms: epochMs + 9, Node: 1}}}
	held := func() *World {
		w := eventualWorld(t, "lww")
		for _, n := range w.nodes {
			w.put(n, dead)
		}
		return w
	}
	w := held()
	w.oracle.eventual.forgot(w.nodes[0], 0, &w.oracle.eventual.copies[0][0])
	require.Empty(t, w.verdict)

	older := register(1, 1, "a")
	w.oracle.eventual.copies[1][0].object = older
	w.oracle.eventual.forgot(w.nodes[0], 0, &w.oracle.eventual.copies[0][0])
	w.requireOne(t, "node 2 holds an older state")

	w = held()
	w.cfg.HintTTLMs = 1000
	hint := keptHint{target: 2, object: older, bornMs: w.nodes[2].clock.wall(w.nowNs) - 1000}
	w.oracle.eventual.kept.kept[2][0] = []keptHint{hint}
	w.oracle.eventual.forgot(w.nodes[0], 0, &w.oracle.eventual.copies[0][0])
	w.requireOne(t, "keeps a hint with an older state")

	w = held() // nor one that is too old to be delivered
	w.cfg.HintTTLMs = 1000
	hint.bornMs--
	w.oracle.eventual.kept.kept[2][0] = []keptHint{hint}
	w.oracle.eventual.forgot(w.nodes[0], 0, &w.oracle.eventual.copies[0][0])
	require.Empty(t, w.verdict)

	for ageMs, refused := range map[int64]bool{700: false, 701: true} {
		w = held()
		w.cfg.HintTTLMs = 700 - causal.DefaultCapMs
		sentMs := w.nodes[2].clock.wall(w.nowNs) - ageMs
		put := &msg.Put{SentMs: sentMs, Items: []*msg.PutItem{w.item(older)}}
		w.q.push(5, event{kind: evDeliver, node: 2, env: actors.Envelope{Message: put, To: actors.Address{Node: 3}}})
		w.oracle.eventual.forgot(w.nodes[0], 0, &w.oracle.eventual.copies[0][0])
		if refused {
			require.Empty(t, w.verdict, "too old to be taken")
		} else {
			w.requireOne(t, "carries an older state")
		}
	}
}

// A lane may collect what is dead and take in a write that knows nothing of it in one batch.
func TestOracleSeesACollectionAndAWriteInOneBatch(t *testing.T) {
	batch := func(older bool) *World {
		w := eventualWorld(t, "lww")
		for _, n := range w.nodes {
			w.put(n, causal.Object{Register: causal.Value{Kind: kv.Tombstone, Stamp: causal.Stamp{Ms: epochMs + 9, Node: 1}}})
		}
		if older {
			w.oracle.eventual.copies[1][0].object = register(1, 1, "a")
		}
		n, c := w.nodes[0], &w.oracle.eventual.copies[0][0]
		w.storeStep(n, &msg.Forget{Items: []msg.DeadItem{{Key: []byte("k"), Digest: c.digest, Partition: w.part()}}}, w.putOf(n, register(3, 2, "b")))
		require.Equal(t, "b", string(c.object.Register.Data))
		return w
	}
	require.Empty(t, batch(false).verdict)
	batch(true).requireOne(t, "node 2 holds an older state")
}

// What was written where the dead object had been collected knows nothing of it, and
// has nothing that it replaced.
func TestOnlyReplacedValuesComeBack(t *testing.T) {
	dot := func(node kv.NodeID, seq uint64) causal.Dot { return causal.Dot{ID: causal.NewID(node, 1), Seq: seq} }
	set := func(d causal.Dot, kind kv.Kind) *causal.Object {
		return &causal.Object{Set: causal.Set{Vector: causal.Vector{causal.Entry(d)}, Siblings: []causal.Sibling{{Dot: d, Value: causal.Value{Kind: kind}}}}}
	}
	dead := set(dot(1, 2), kv.Tombstone)
	require.True(t, bringsBack(set(dot(1, 1), kv.Value), dead))
	require.False(t, bringsBack(dead, dead))
	require.False(t, bringsBack(set(dot(2, 1), kv.Value), dead))
	require.False(t, bringsBack(&causal.Object{Set: causal.Set{Vector: causal.Vector{causal.Entry(dot(1, 1))}}}, dead), "a vector is no value")
}

func TestEventualDifferenceSeesAReplicaBehind(t *testing.T) {
	w := eventualWorld(t, "lww")
	require.Empty(t, w.eventualDifference())
	w.put(w.nodes[0], register(2, 1, "a"))
	require.Contains(t, w.eventualDifference(), "keys")
	w.put(w.nodes[1], register(2, 1, "a"))
	w.put(w.nodes[2], register(1, 1, "b"))
	require.Contains(t, w.eventualDifference(), `key "k" is`)
	w.put(w.nodes[2], register(2, 1, "a"))
	require.Empty(t, w.eventualDifference())
}

// TestWritesStayAvailable: with W=1 one replica is enough, and in a sloppy
// bucket any node, although all others are dead from the first moment on.
func TestWritesStayAvailable(t *testing.T) {
	for name, c := range map[string]struct {
		nodes, alive int
		bucket       BucketCfg
	}{
		"one replica of three":            {3, 0, BucketCfg{Name: "b", Mode: "eventual", N: 3, Policy: "lww", R: "1", W: "1", Repair: "async"}},
		"one replica, siblings":           {3, 0, BucketCfg{Name: "b", Mode: "eventual", N: 3, Policy: "siblings", R: "1", W: "1", Repair: "async"}},
		"one node that holds no replica":  {5, -1, BucketCfg{Name: "b", Mode: "eventual", N: 3, Policy: "lww", R: "1", W: "1", Repair: "async", Sloppy: true}},
		"the same, siblings":              {5, -1, BucketCfg{Name: "b", Mode: "eventual", N: 3, Policy: "siblings", R: "1", W: "1", Repair: "async", Sloppy: true}},
		"the same, where counters gather": {5, -1, BucketCfg{Name: "b", Mode: "eventual", N: 3, Policy: "counters", R: "1", W: "1", Repair: "async", Sloppy: true}},
	} {
		plan := Draw(3, scenario(t, "quiet"))
		cfg := &plan.Config
		cfg.Nodes, cfg.N, cfg.Lanes, cfg.Partitions, cfg.Clients, cfg.SafetyNs = c.nodes, 3, 1, 1, 2, 3e9
		cfg.RequestTimeoutNs, cfg.ClientTimeoutNs, cfg.MaxClockMs = 200e6, 400e6, 50
		cfg.Buckets = []BucketCfg{c.bucket}
		cfg.Keys = []Key{{Name: "k", Bucket: "b", Counter: c.bucket.Policy == "counters"}}
		l, err := cfg.layout()
		require.NoError(t, err)
		prefs := l.Preference(partitionOf(l, &cfg.Keys[0]))
		alive := prefs[0]
		if c.alive < 0 {
			alive = l.Fallbacks(partitionOf(l, &cfg.Keys[0]))[0]
		}
		plan.Faults = nil
		for i := range c.nodes {
			if id := kv.NodeID(i + 1); id != alive {
				plan.Faults = append(plan.Faults, Fault{AtNs: 100e6, ForNs: 2800e6, Kind: FaultKill, Nodes: []kv.NodeID{id}})
			}
		}
		plan.Ops = nil
		const writes = 20
		for i := range int64(writes) {
			op := ClientOp{AtNs: 1e9 + i*50e6, Client: int(i % 2), Node: alive, Key: 0, Do: "set", Value: i + 1}
			if cfg.Keys[0].Counter {
				op.Do, op.Value = "incr", firstDelta<<i
			}
			plan.Ops = append(plan.Ops, op)
		}
		r := mustRun(t, plan, Options{})
		require.Equal(t, VerdictOK, r.Verdict, "%s: %v", name, r.Violations)
		for _, op := range r.Eventual[0].Ops[:writes] {
			require.Equal(t, causalhist.OK, op.Outcome, "%s: with %d of %d nodes dead", name, c.nodes-1, c.nodes)
		}
	}
}

// Clocks that were set far ahead for a while hold up buckets that stamp by them until
// the others have caught up, and clocks that stay apart for good: by right, and no longer.
func TestClocksThatWereApartAreWaitedFor(t *testing.T) {
	for name, k := range map[string]struct {
		skewMs, jumpMs, aheadMs int64
		apart                   bool
	}{
		"as they should be":  {0, 0, 1000, false},
		"once ahead":         {0, 17_000, 18_000, false},
		"too far ahead once": {0, 40_000, 0, true},
		"apart for good":     {501, 0, 0, true},
	} {
		w := World{cfg: &Config{}}
		for range 3 {
			w.nodes = append(w.nodes, &node{w: &w, clock: newClock(0, 0, 1000)})
		}
		n := w.nodes[1]
		n.clockJumps(k.skewMs)
		n.clockJumps(k.jumpMs)
		n.clockJumps(-k.jumpMs)
		w.clocksHealed()
		require.Equal(t, k.apart, w.apart, name)
		require.Equal(t, k.aheadMs*1e6, w.agreeNs, name)
	}
}
