package shard

import (
	"math/rand/v2"
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
	"github.com/stretchr/testify/require"
)

// promised is a replica that promised a ballot and holds nothing.
type promised struct{ ballot kv.Ballot }

func (l *promised) Promised(kv.Partition) kv.Ballot             { return l.ballot }
func (l *promised) Warm(int, func(int) (kv.Partition, []byte))  {}
func (l *promised) Lookup(kv.Partition, []byte) (r kv.Register) { return r }
func (l *promised) Sum(kv.Partition) (s msg.Sum)                { return s }
func (l *promised) Buckets(kv.Partition) []msg.Sum              { return make([]msg.Sum, msg.Buckets) }
func (l *promised) Floor(kv.Partition) (v kv.Version)           { return v }
func (l *promised) List(kv.Partition, string, uint64, int) ([]msg.KeyVersion, bool) {
	return nil, false
}
func (l *promised) Tombstones(kv.Partition, string, int) []msg.KeyVersion { return nil }

// lonely is the owner of the only partition, cut off since it became that.
func lonely(t *testing.T) (*Shard, *actors.Context) {
	r, err := ring.First(ring.Config{Partitions: 1, VNodes: 8, N: 3, Nodes: []ring.Node{{ID: 1, Weight: 1}, {ID: 2, Weight: 1}, {ID: 3, Weight: 1}}})
	require.NoError(t, err)
	local := &promised{}
	s := New(Config{Layout: r, Node: r.Preference(0)[0], Inc: 1, Epoch: 1, Lanes: 1}, local)
	c := &actors.Context{Rand: rand.New(rand.NewPCG(1, 1)), NowNs: 1}
	c.Self = s.self.addrShard
	s.Start(c)
	s.Receive(c, &msg.Ops{ID: 1, Ops: []msg.Op{{Op: kv.Op{Kind: kv.OpSet, Key: []byte("k")}}}})
	s.Flush(c)
	local.ballot = s.parts.At(0).ballot
	for _, e := range c.Envelopes {
		if m, ok := e.Message.(*msg.Prepare); ok {
			c.Sender = e.To
			s.Receive(c, &msg.Promises{ID: m.ID, Items: []msg.Promise{{OK: true, Promised: m.Items[0].Ballot}}})
		}
	}
	s.Flush(c)
	_, owns := s.Owns(0)
	require.True(t, owns)
	c.Effects = actors.Effects{}
	return s, c
}

// TestAnOwnerCutOffForgetsWhatItAnswered: a round that can't end keeps neither
// the operations that have waited for it in vain nor the requests to replicas.
func TestAnOwnerCutOffForgetsWhatItAnswered(t *testing.T) {
	s, c := lonely(t)
	answered := 0
	for i := range 20_000 {
		c.NowNs += 5e6
		op := kv.Op{Kind: []kv.OpKind{kv.OpSet, kv.OpGet, kv.OpIncr}[i%3], Key: []byte{"kq"[i%2]}}
		c.Sender = actors.Address{Node: c.Self.Node, Kind: actors.Client}
		s.Receive(c, &msg.Ops{ID: uint64(i + 2), Ops: []msg.Op{{Op: op}}})
		if s.tickAtNs <= c.NowNs {
			s.Receive(c, actors.Timer{ID: tick})
		}
		s.Flush(c)
		for _, e := range c.Envelopes {
			if m, ok := e.Message.(*msg.Results); ok {
				answered++
				require.Contains(t, []kv.Status{kv.Unknown, kv.Unavailable}, m.Results[0].Status)
			}
		}
		c.Effects = actors.Effects{}
	}
	const open = 2e9/5e6 + 50 // the operations of one time-out
	require.Greater(t, answered, 19_000)
	require.Less(t, s.pending, int(open))
	require.Less(t, len(s.requests), int(open))
	require.Less(t, len(s.sent), int(open))
	require.Less(t, len(s.sentFIFO), int(open))
	require.Less(t, len(s.reads.list), int(open))
	require.Less(t, len(s.delayed), int(open))
	for _, k := range s.parts.At(0).order {
		require.Less(t, len(k.waiting), int(open))
	}
	require.Less(t, len(s.parts.At(0).queue), int(open))
}

// TestNothingFromAPeerPanics: answers to questions never asked, of wrong
// lengths, for partitions that do not exist, from nodes that do not exist.
func TestNothingFromAPeerPanics(t *testing.T) {
	s, c := lonely(t)
	ballot := kv.Ballot{Epoch: 9, Round: 9, Node: 999, Inc: 9}
	items := []msg.PartitionBallot{{Partition: 65535, Ballot: ballot}, {Partition: 0, Ballot: ballot}}
	refused := []msg.Refusal{{Index: 1 << 31, Reason: msg.ByPromise, Promised: ballot}, {Index: 0, Reason: msg.ByFloor}}
	for _, from := range []kv.NodeID{1, 2, 3, 0, 999, 65535} {
		c.Sender = actors.Address{Node: from, Kind: actors.Shard}
		for id := range s.nextID + 3 {
			id |= uint64(s.cfg.Inc) << seqBits
			for _, m := range []actors.Message{
				&msg.Promises{ID: id}, &msg.Promises{ID: id, Items: make([]msg.Promise, 3)},
				&msg.Touched{ID: id}, &msg.Touched{ID: id, Items: make([]msg.TouchedItem, 3)},
				&msg.Accepted{ID: id, Refused: refused}, &msg.Confirmed{ID: id, Refused: refused},
				&msg.Versions{ID: id}, &msg.Versions{ID: id, Versions: make([]kv.Version, 3)},
				&msg.Digested{ID: id}, &msg.Digested{ID: id, Refused: true, Promised: ballot},
				&msg.ListedKeys{ID: id, More: true}, &msg.ListedKeys{ID: id, Keys: make([]msg.KeyVersion, 2), More: true},
				&msg.Forwarded{ID: id, Refused: true}, &msg.Forwarded{ID: id, Results: make([]kv.Result, 2)},
				&msg.HandOver{Items: items}, &msg.PeerStatus{Node: from, Alive: false},
				&msg.Forward{ID: id, SrcInc: 1, DestInc: 1, Epoch: 1, TimeoutNs: -5, Ops: []msg.Op{{Partition: 65535}, {}, {Op: kv.Op{Kind: 99}}}},
				&msg.Forward{ID: id + 1, SrcInc: 1, DestInc: 1, Epoch: 1, TimeoutNs: 1 << 62},
			} {
				require.NotPanics(t, func() { s.Receive(c, m) }, "%s from %d", m.MessageName(), from)
			}
			require.NotPanics(t, func() { s.Flush(c) })
			c.Effects = actors.Effects{}
		}
	}
}
