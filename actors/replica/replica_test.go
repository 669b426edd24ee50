package replica

import (
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestAgainstSlowTwin: any requests in any order leave the replica as the
// twin's rule says; promises and floors never go down, nor does the version of
// a key but when its tombstone is collected.
func TestAgainstSlowTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDriver()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			before := newTwin()
			before.promised, before.floor = d.w.promised, d.w.floor
			for i := range d.w.regs {
				for k := range d.w.regs[i] { // order: into a map
					before.regs[i][k] = d.r.Lookup(kv.Partition(i), []byte(k))
				}
			}
			if diff := d.step(t); diff != "" {
				t.Fatal(diff)
			}
			if diff := d.w.same(d.r); diff != "" {
				t.Fatal(diff)
			}
			for i := range before.regs {
				p := kv.Partition(i)
				if d.r.Promised(p).Less(before.promised[i]) || d.r.Floor(p).Less(before.floor[i]) {
					t.Fatalf("partition %d: the promise or the floor went down", i)
				}
				for k, was := range before.regs[i] { // order: only checks
					now := d.r.Lookup(p, []byte(k))
					collected := was.Kind == kv.Tombstone && now.Kind == kv.Absent && !d.r.Floor(p).Less(was.Version)
					if now.Version.Less(was.Version) && !collected {
						t.Fatalf("partition %d key %q went from %v to %v", i, k, was.Version, now.Version)
					}
				}
			}
		}
	})
}

// TestStamps: the generation of an owner rises exactly when a partition that
// was promised to it is promised to another node.
func TestStamps(t *testing.T) {
	d := newDriver()
	b := func(round uint32, node kv.NodeID) kv.Ballot {
		return kv.Ballot{Epoch: 1, Round: round, Node: node, Inc: 1}
	}
	gen := func(owner kv.NodeID) uint64 {
		s := d.ask(&msg.Confirm{ID: 1}, owner).(*msg.Confirmed).Stamp
		require.EqualValues(t, 1, s.Inc)
		return s.Gen
	}
	prepare := func(p kv.Partition, bal kv.Ballot) msg.Promise {
		return d.ask(&msg.Prepare{Items: []msg.PartitionBallot{{Partition: p, Ballot: bal}}}, bal.Node).(*msg.Promises).Items[0]
	}
	for p := range kv.Partition(testPartitions) {
		require.Equal(t, msg.Promise{OK: true, Promised: b(1, 2), Stamp: msg.Stamp{Inc: 1}}, prepare(p, b(1, 2)))
	}
	require.Zero(t, gen(2))
	prepare(0, b(2, 2))
	require.Zero(t, gen(2), "its own higher claim takes nothing away")
	prepare(0, b(2, 1))
	require.Zero(t, gen(2), "a refused claim takes nothing away")
	require.Equal(t, uint64(0), prepare(0, b(3, 3)).Stamp.Gen)
	require.EqualValues(t, 1, gen(2), "prepare")
	d.ask(&msg.Touch{Items: []msg.TouchItem{{Key: []byte("k"), Ballot: b(3, 3), Partition: 1}}}, 3)
	require.EqualValues(t, 2, gen(2), "touch")
	require.True(t, prepare(0, b(4, 2)).OK)
	require.EqualValues(t, 1, gen(3))
	reg := kv.Register{Kind: kv.Value, Version: kv.Version{Ballot: b(5, 3), Seq: 1}}
	d.ask(&msg.Accept{Items: []*msg.AcceptItem{{Key: []byte("k"), Register: reg}}}, 3)
	require.EqualValues(t, 3, gen(2), "accept")
	require.EqualValues(t, 1, gen(3))
}

// TestForeignPartitions: a peer with another map, or a damaged one, asks for
// what is not here. Everything is refused, nothing panics.
func TestForeignPartitions(t *testing.T) {
	d := newDriver()
	b := kv.Ballot{Epoch: 1, Round: 9, Node: 2, Inc: 1}
	v := kv.Version{Ballot: b, Seq: 1}
	key := []byte("k")
	for _, p := range []kv.Partition{testPartitions, 999, 1 << 15} {
		require.Equal(t, []msg.Promise{{}}, d.ask(&msg.Prepare{Items: []msg.PartitionBallot{{Partition: p, Ballot: b}}}, 2).(*msg.Promises).Items)
		require.True(t, d.ask(&msg.Touch{Items: []msg.TouchItem{{Key: key, Ballot: b, Partition: p}}}, 2).(*msg.Touched).Items[0].Refused)
		require.Len(t, d.ask(&msg.Accept{Items: []*msg.AcceptItem{{Key: key, Register: kv.Register{Kind: kv.Value, Version: v}, Partition: p}}}, 2).(*msg.Accepted).Refused, 1)
		require.Len(t, d.ask(&msg.Confirm{Checks: []msg.PartitionBallot{{Partition: p, Ballot: b}}}, 2).(*msg.Confirmed).Refused, 1)
		require.Equal(t, []kv.Version{{}}, d.ask(&msg.ReadVersions{Epoch: 1, Keys: []msg.KeyRef{{Key: key, Partition: p}}}, 2).(*msg.Versions).Versions)
		require.True(t, d.ask(&msg.Digest{Partition: p, Ballot: b}, 2).(*msg.Digested).Refused)
		require.Empty(t, d.ask(&msg.ListKeys{Partition: p, Mask: ^uint64(0), Limit: 10}, 2).(*msg.ListedKeys).Keys)
		require.Nil(t, d.ask(&msg.Collect{Items: []msg.CollectItem{{Key: key, Version: v, Ballot: b, Partition: p}}}, 2))
		require.False(t, d.r.Holds(p))
		require.Zero(t, d.r.Promised(p))
		require.Zero(t, d.r.Lookup(p, key))
	}
	require.Empty(t, d.c.Records)
	require.Empty(t, d.ask(&msg.ReadVersions{Epoch: 2, Keys: []msg.KeyRef{{Key: key}}}, 2).(*msg.Versions).Versions, "another epoch")
	require.Panics(t, func() { d.r.Receive(&d.c, &msg.Promises{}) }, "a message that is not for a replica")
	require.NoError(t, d.r.Restore((&msg.PromiseRecord{Partition: 999, Ballot: b}).AppendTo(nil)), "of a bucket that is gone")
	require.False(t, d.r.Holds(999))
	require.Error(t, d.r.Restore([]byte{99, 0, 0}))
	require.Error(t, d.r.Restore(nil))
}

// TestListing: pages join up to the whole listing, whatever the page's size.
func TestListing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDriver()
		b := kv.Ballot{Epoch: 1, Round: 1, Node: 2, Inc: 1}
		keys := rapid.SliceOfDistinct(rapid.StringMatching(`[a-e]{1,4}`), rapid.ID[string]).Draw(t, "keys")
		for i, k := range keys {
			reg := kv.Register{Kind: kv.Value, Version: kv.Version{Ballot: b, Seq: uint64(i + 1)}}
			d.ask(&msg.Accept{Items: []*msg.AcceptItem{{Key: []byte(k), Register: reg}}}, 2)
		}
		mask := rapid.Uint64().Draw(t, "mask") | 1<<(rapid.IntRange(0, 63).Draw(t, "bucket"))
		var want []string
		d.r.Each(0, func(k string, _ kv.Register) {
			if mask>>bucketOf([]byte(k))&1 == 1 {
				want = append(want, k)
			}
		})
		var got []string
		var after []byte
		for {
			page := d.ask(&msg.ListKeys{After: after, Mask: mask, Limit: uint32(rapid.IntRange(1, 5).Draw(t, "limit"))}, 2).(*msg.ListedKeys)
			for _, kv := range page.Keys {
				got = append(got, string(kv.Key))
			}
			if !page.More {
				break
			}
			after = page.Keys[len(page.Keys)-1].Key
		}
		require.Equal(t, want, got)
	})
}

var _ actors.Restorer = (*Replica)(nil)
