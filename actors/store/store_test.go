package store_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/store"
	"github.com/quoratedb/quorate/ring"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	partitions = 2
	wallMs     = 1_000_000
)

var shape = causal.Shape{Buckets: 8, Fanout: 2}

// layout has an eventual bucket in slot 1, of which node 1 holds everything,
// made at epoch created.
func layout(t require.TestingT, epoch, created kv.Epoch) *ring.Layout {
	cfg := ring.Config{Partitions: partitions, VNodes: 4, Nodes: []ring.Node{{ID: 1, Weight: 1}, {ID: 2, Weight: 1}}}
	buckets := []kv.Bucket{{Name: "strong", Created: 1, Mode: kv.Strong, N: 2}}
	if created > 0 {
		buckets = append(buckets, kv.Bucket{Name: "b", Slot: 1, Created: created, Mode: kv.Eventual, Policy: kv.LWW, N: 2})
	}
	l, err := ring.NewLayout(cfg, epoch, buckets)
	require.NoError(t, err)
	return l
}

// host is a store with its context; every record is in log.
type host struct {
	t   require.TestingT
	s   *store.Store
	c   actors.Context
	log []byte
}

func newHost(t require.TestingT, l *ring.Layout) *host {
	h := &host{t: t, s: store.New(store.Config{Layout: l, Node: 1, Lanes: 1, Shape: shape})}
	h.c.WallMs = wallMs
	h.c.Self = actors.Address{Node: 1, Kind: actors.Store}
	h.c.Sender = actors.Address{Node: 2, Kind: actors.Coordinator}
	return h
}

// ask delivers a message and returns the answer, nil for none.
func (h *host) ask(m actors.Message) actors.Message {
	h.s.Receive(&h.c, m)
	h.s.Flush(&h.c)
	return h.take()
}

func (h *host) take() actors.Message {
	h.log = append(h.log, h.c.Records...)
	var reply actors.Message
	for _, e := range h.c.Envelopes {
		require.Nil(h.t, reply, "two answers")
		require.Equal(h.t, h.c.Sender, e.To)
		require.True(h.t, e.Durable, "what is answered may not be lost")
		reply = e.Message
	}
	h.c.Effects = actors.Effects{}
	return reply
}

// put stores one object and returns why it was refused, or 0. The message's
// bytes are overwritten afterwards, as a host may do with a frame.
func (h *host) put(epoch kv.Epoch, p kv.Partition, key string, o causal.Object) msg.PutReason {
	b, err := msg.Append(nil, &msg.Put{ID: 7, SentMs: wallMs, Epoch: epoch, Why: msg.ForWrite, Items: []*msg.PutItem{{Partition: p, Key: []byte(key), Object: o}}})
	require.NoError(h.t, err)
	m, err := msg.Decode(b)
	require.NoError(h.t, err)
	reply := h.ask(m).(*msg.Stored)
	for i := range b {
		b[i] = 0xee
	}
	require.Equal(h.t, uint64(7), reply.ID)
	if len(reply.Refused) > 0 {
		return reply.Refused[0].Reason
	}
	return 0
}

func (h *host) restore(t require.TestingT, log []byte) {
	for len(log) > 0 {
		var payload []byte
		payload, log = actors.NextRecord(log)
		payload = slices.Clone(payload)
		require.NoError(t, h.s.Restore(payload))
		for i := range payload {
			payload[i] = 0xee
		}
	}
}

// drawObject makes one of what writers make of what is there: a new write under
// some policy, or something old.
func drawObject(t *rapid.T, base causal.Object, src *causal.Source) causal.Object {
	stamp := causal.Stamp{Ms: int64(rapid.IntRange(1, 12).Draw(t, "ms")), Node: kv.NodeID(rapid.IntRange(1, 3).Draw(t, "node"))}
	v := causal.Value{Kind: kv.Value, Data: []byte(rapid.StringN(0, 6, 12).Draw(t, "data")), Stamp: stamp}
	if len(v.Data) == 0 {
		v.Data = nil
	}
	if rapid.Bool().Draw(t, "dead") {
		v = causal.Value{Kind: kv.Tombstone, Stamp: stamp}
	}
	switch rapid.IntRange(0, 4).Draw(t, "how") {
	case 0:
		o, err := base.Put(causal.Seen{}, src, v)
		require.NoError(t, err)
		return o
	case 1:
		o, err := base.Put(base.Seen(), src, v)
		require.NoError(t, err)
		return o
	case 2:
		o, err := base.Add(src.ID(), 1)
		require.NoError(t, err)
		return o
	case 3:
		return base.PutNewest(v)
	}
	return causal.Object{Register: v}
}

// The store against a map of merged objects, with checkpoints in pieces, restarts
// from checkpoint and log, forgetting, and buckets that are dropped and made anew.
func TestStoreAgainstSlowTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		epoch, created := kv.Epoch(5), kv.Epoch(2)
		h := newHost(t, layout(t, epoch, created))
		twin := map[string]causal.Object{}
		src := causal.NewSource(causal.NewID(3, 1))
		var checkpoint, since []byte // since: the log from the checkpoint's beginning on
		partial, cursor, from := []byte(nil), (*actors.Cursor)(nil), -1
		at := func(key string) kv.Partition { return kv.Partition(partitions + int(key[1])%partitions) }
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			key := fmt.Sprint("k", rapid.IntRange(0, 9).Draw(t, "key"))
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0: // forget
				o := twin[key]
				_, digest := h.s.Lookup(at(key), []byte(key))
				right := rapid.Bool().Draw(t, "right digest")
				if !right {
					digest.Lo++
				}
				require.Nil(t, h.ask(&msg.Forget{Items: []msg.DeadItem{{Partition: at(key), Key: []byte(key), Digest: digest}}}))
				if right && !o.IsZero() {
					delete(twin, key)
				}
			case 1: // the bucket goes, and perhaps another comes
				epoch++
				if created = 0; rapid.Bool().Draw(t, "another") {
					created = epoch
				}
				h.s.SetLayout(&h.c, layout(t, epoch, created))
				h.take()
				clear(twin)
			case 2: // a piece of a checkpoint
				if cursor == nil {
					partial, from = nil, len(h.log)
				}
				cursor = h.s.Checkpoint(&h.c, cursor, rapid.IntRange(1, 4).Draw(t, "limit"))
				partial = append(partial, h.c.Records...)
				h.c.Effects = actors.Effects{}
				if cursor == nil {
					checkpoint, since = partial, h.log[from:]
					h.log = slices.Clone(since)
				}
			case 3: // restart
				h2 := newHost(t, layout(t, epoch, created))
				h2.restore(t, checkpoint)
				h2.restore(t, h.log)
				h2.log, cursor = h.log, nil
				h = h2
				h.s.SetLayout(&h.c, layout(t, epoch, created))
				h.take()
			default:
				o := drawObject(t, twin[key], &src)
				reason := h.put(epoch, at(key), key, o)
				if created == 0 {
					require.Equal(t, msg.ByMap, reason)
					continue
				}
				require.Zero(t, reason)
				old := twin[key]
				if merged := old.Merge(&o); !merged.IsZero() {
					twin[key] = merged.Clone()
				}
			}
			compare(t, h, twin, at, epoch, created)
		}
	})
}

// compare looks at the store in every way there is.
func compare(t *rapid.T, h *host, twin map[string]causal.Object, at func(string) kv.Partition, epoch, created kv.Epoch) {
	fresh := newHost(t, layout(t, epoch, max(created, 1)))
	for key, want := range twin {
		got, digest := h.s.Lookup(at(key), []byte(key))
		require.Equal(t, want.Append(nil), got.Append(nil), key)
		require.Equal(t, causal.Digest([]byte(key), want.Append(nil)), digest)
		require.Zero(t, fresh.put(epoch, at(key), key, want))
		bucket := h.s.Tree(at(key)).BucketOf(causal.KeyHash([]byte(key)))
		list, more := h.s.List(at(key), bucket, nil, 100)
		require.False(t, more)
		require.True(t, slices.ContainsFunc(list, func(k causal.KeyDigest) bool { return string(k.Key) == key && k.Digest == digest }))
		_, isDead := want.DeadSinceMs(wallMs)
		dead := h.s.Dead(at(key), bucket, wallMs, wallMs)
		require.Equal(t, isDead, slices.ContainsFunc(dead, func(k causal.KeyDigest) bool { return string(k.Key) == key }), "%s: %v", key, want)
	}
	keys := 0
	for p := kv.Partition(partitions); p < 2*partitions; p++ {
		require.Equal(t, fresh.s.Root(p), h.s.Root(p))
		require.Equal(t, fresh.s.Bytes(p), h.s.Bytes(p))
		require.Equal(t, fresh.s.Plain(p), h.s.Plain(p))
		keys += h.s.Keys(p)
		listed := 0
		for b := range uint32(shape.Buckets) {
			var after []byte
			for more := true; more; { // one at a time, in order
				var list []causal.KeyDigest
				if list, more = h.s.List(p, b, after, 1); len(list) > 0 {
					require.Negative(t, bytes.Compare(after, list[0].Key))
					after = list[0].Key
					listed++
				}
			}
		}
		require.Equal(t, h.s.Keys(p), listed)
	}
	require.Equal(t, len(twin), keys)
	require.Equal(t, uint64(len(twin)), h.s.Stats().Keys)
	require.Equal(t, h.s.Bytes(partitions)+h.s.Bytes(partitions+1), h.s.Stats().Bytes)
}

func register(ms int64, data string) causal.Object {
	return causal.Object{Register: causal.Value{Kind: kv.Value, Data: []byte(data), Stamp: causal.Stamp{Ms: ms, Node: 1}}}
}

func TestRefusals(t *testing.T) {
	h := newHost(t, layout(t, 5, 3))
	require.Zero(t, h.put(5, 2, "k", register(wallMs+causal.DefaultCapMs, "v")))
	require.Equal(t, msg.ByDrift, h.put(5, 2, "k", register(wallMs+causal.DefaultCapMs+1, "w")))
	require.Equal(t, msg.ByMap, h.put(2, 2, "k", register(1, "w")), "the sender's map is older than the bucket")
	require.Zero(t, h.put(9, 2, "k", register(1, "w")), "a newer map")
	require.Equal(t, msg.ByMap, h.put(5, 0, "k", register(1, "w")), "a strong bucket")
	require.Equal(t, msg.ByMap, h.put(5, 99, "k", register(1, "w")), "no bucket")
	got, _ := h.s.Lookup(2, []byte("k"))
	require.Equal(t, "v", string(got.Register.Data))

	late := h.ask(&msg.Put{SentMs: wallMs - store.DefaultMessageTTLMs - 1, Epoch: 5, Why: msg.ForHint, Items: []*msg.PutItem{{Partition: 2, Key: []byte("k")}}})
	require.Equal(t, []msg.PutRefusal{{Index: 0, Reason: msg.ByAge}}, late.(*msg.Stored).Refused)

	notHere := newHost(t, layout(t, 5, 3))
	notHere.s = store.New(store.Config{Layout: layout(t, 5, 3), Node: 9, Lanes: 1})
	require.Equal(t, msg.ByPlace, notHere.put(5, 2, "k", register(1, "w")))
}

func TestFetch(t *testing.T) {
	h := newHost(t, layout(t, 5, 3))
	require.Zero(t, h.put(5, 2, "k", register(1, "v")))
	_, digest := h.s.Lookup(2, []byte("k"))
	ask := func(items ...msg.FetchItem) []msg.FetchedItem {
		return h.ask(&msg.Fetch{ID: 4, Epoch: 5, Items: items}).(*msg.Fetched).Items
	}
	got := ask(msg.FetchItem{Partition: 2, Key: []byte("k")}, msg.FetchItem{Partition: 2, Key: []byte("k"), Have: digest},
		msg.FetchItem{Partition: 2, Key: []byte("x")}, msg.FetchItem{Partition: 2, Key: []byte("x"), Have: digest}, msg.FetchItem{Partition: 0, Key: []byte("k")})
	require.Equal(t, "v", string(got[0].Object.Register.Data))
	require.True(t, got[1].Same)
	require.True(t, got[2].Same, "neither has it")
	require.Equal(t, msg.FetchedItem{}, got[3], "the asker has it, this store does not")
	require.Equal(t, msg.ByMap, got[4].Refused)

	big := make([]byte, 600<<10)
	for i := range big {
		big[i] = byte(rand.Uint32())
	}
	var items []msg.FetchItem
	for i := range 4 {
		key := fmt.Sprint("big", i)
		require.Zero(t, h.put(5, 2, key, register(2, string(big))))
		items = append(items, msg.FetchItem{Partition: 2, Key: []byte(key)})
	}
	got = ask(items...)
	require.NotNil(t, got[1].Object)
	require.Equal(t, msg.ByFull, got[2].Refused, "the answer is large enough")
}

// What brings nothing new is acknowledged durably as well, but not written again.
func TestKnownObjectsAreNotPersistedAgain(t *testing.T) {
	h := newHost(t, layout(t, 5, 3))
	require.Zero(t, h.put(5, 2, "k", register(2, "v")))
	n := len(h.log)
	require.Zero(t, h.put(5, 2, "k", register(2, "v")))
	require.Zero(t, h.put(5, 2, "k", register(1, "u")))
	require.Zero(t, h.put(5, 2, "x", causal.Object{}))
	require.Len(t, h.log, n)
	require.Equal(t, 1, h.s.Keys(2))
}

func TestCount(t *testing.T) {
	h := newHost(t, layout(t, 5, 3))
	require.Zero(t, h.put(5, 2, "k", register(2, "v")))
	require.Zero(t, h.put(5, 2, "gone", causal.Object{Register: causal.Value{Kind: kv.Tombstone, Stamp: causal.Stamp{Ms: 1, Node: 1}}}))
	h.s.Receive(&h.c, &msg.Count{ID: 3, Partitions: []kv.Partition{2, 3}})
	require.Equal(t, &msg.Counted{ID: 3, Keys: 1, Bytes: uint64(len("kv") + len("gone"))}, h.c.Envelopes[0].Message)
}
