package replica

import (
	"bytes"
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func restored(t *rapid.T, buffers ...[]byte) *Replica {
	r := newReplica(2)
	for _, b := range buffers {
		scratch := bytes.Clone(b) // a payload is valid only during the call
		for rest := scratch; len(rest) > 0; {
			var payload []byte
			payload, rest = actors.NextRecord(rest)
			if err := r.Restore(payload); err != nil {
				t.Fatal(err)
			}
			clear(payload)
		}
	}
	return r
}

// TestReplay: the records of any number of batches rebuild the state that
// stood at the end of the last of them.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDriver()
		cut := rapid.IntRange(0, 60).Draw(t, "cut")
		for i := range 60 {
			if i == cut {
				break
			}
			if diff := d.step(t); diff != "" {
				t.Fatal(diff)
			}
		}
		if diff := d.w.same(restored(t, d.c.Records)); diff != "" {
			t.Fatal(diff)
		}
		if diff := d.w.same(restored(t, d.c.Records, d.c.Records)); diff != "" {
			t.Fatalf("replayed twice: %s", diff)
		}
	})
}

// TestFuzzyCheckpoint: requests go on between the pieces of a checkpoint; the
// checkpoint and the records since its begin rebuild the live state, after any
// number of restarts and further checkpoints.
func TestFuzzyCheckpoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDriver()
		steps := func(most int) {
			for range rapid.IntRange(0, most).Draw(t, "steps") {
				if diff := d.step(t); diff != "" {
					t.Fatal(diff)
				}
			}
		}
		steps(40)
		for range rapid.IntRange(1, 2).Draw(t, "checkpoints") {
			begin := len(d.c.Records)
			var ckpt actors.Context
			var cursor *actors.Cursor
			for pieces := 0; ; pieces++ {
				cursor = d.r.Checkpoint(&ckpt, cursor, rapid.IntRange(1, 4).Draw(t, "limit"))
				if cursor == nil {
					break
				}
				if pieces > 1000 {
					t.Fatal("the checkpoint does not end")
				}
				steps(4)
			}
			if len(ckpt.Envelopes) > 0 || len(ckpt.Timers) > 0 {
				t.Fatal("a checkpoint has effects")
			}
			if diff := d.w.same(restored(t, ckpt.Records, d.c.Records[begin:])); diff != "" {
				t.Fatalf("at the end of the checkpoint: %s", diff)
			}
			steps(10)
			since := bytes.Clone(d.c.Records[begin:])
			r := restored(t, ckpt.Records, since)
			if diff := d.w.same(r); diff != "" {
				t.Fatal(diff)
			}
			d.r, d.c.Records = r, append(bytes.Clone(ckpt.Records), since...) // go on after a restart
		}
	})
}

// TestRestoreNeverGoesBack: records that a checkpoint has overtaken change nothing.
func TestRestoreNeverGoesBack(t *testing.T) {
	b := func(round uint32) kv.Ballot { return kv.Ballot{Epoch: 1, Round: round, Node: 2, Inc: 1} }
	v := func(round uint32, seq uint64) kv.Version { return kv.Version{Ballot: b(round), Seq: seq} }
	accept := func(key string, kind kv.Kind, at kv.Version) actors.Record {
		return &msg.AcceptRecord{Key: []byte(key), Register: kv.Register{Kind: kind, Version: at, Rev: at}}
	}
	r := newReplica(1)
	restore := func(records ...actors.Record) {
		for _, rec := range records {
			require.NoError(t, r.Restore(rec.AppendTo(nil)))
		}
	}
	restore(&msg.PromiseRecord{Ballot: b(5)}, &msg.FloorRecord{Floor: v(3, 3)},
		accept("k", kv.Value, v(4, 2)), accept("grave", kv.Tombstone, v(4, 3)))
	sum := r.Sum(0)
	restore(&msg.PromiseRecord{Ballot: b(2)}, &msg.FloorRecord{Floor: v(1, 1)}, accept("k", kv.Tombstone, v(4, 1)), accept("k", kv.Value, v(2, 9)),
		&msg.DropRecord{Key: []byte("k"), Version: v(2, 1)}, &msg.DropRecord{Key: []byte("k"), Version: v(4, 2)}, &msg.DropRecord{Key: []byte("grave"), Version: v(4, 1)})
	require.Equal(t, sum, r.Sum(0))
	require.Equal(t, b(5), r.Promised(0))
	require.Equal(t, v(4, 2), r.Floor(0), "a drop raises the floor even where the key is not what it dropped")
	restore(&msg.DropRecord{Key: []byte("grave"), Version: v(4, 3)})
	require.Equal(t, v(4, 3), r.Floor(0))
	require.Zero(t, r.Lookup(0, []byte("grave")))
}

// TestCheckpointEmitsEachRegisterOnce: whatever the size of a piece.
func TestCheckpointEmitsEachRegisterOnce(t *testing.T) {
	const keys = 7
	r := newReplica(1)
	for i := range keys {
		v := kv.Version{Ballot: kv.Ballot{Epoch: 1, Round: 1, Node: 2, Inc: 1}, Seq: uint64(i + 1)}
		rec := msg.AcceptRecord{Key: []byte{byte('a' + i)}, Partition: kv.Partition(i % testPartitions), Register: kv.Register{Kind: kv.Value, Version: v, Rev: v}}
		require.NoError(t, r.Restore(rec.AppendTo(nil)))
	}
	for limit := 1; limit <= keys+1; limit++ {
		var c actors.Context
		var cursor *actors.Cursor
		for range 2*keys + 2 {
			if cursor = r.Checkpoint(&c, cursor, limit); cursor == nil {
				break
			}
		}
		require.Nil(t, cursor, "it ends")
		emitted := 0
		for rest := c.Records; len(rest) > 0; {
			var payload []byte
			if payload, rest = actors.NextRecord(rest); msg.RecordKind(payload) == msg.KindAccept {
				emitted++
			}
		}
		require.Equal(t, keys, emitted, "in pieces of %d", limit)
	}
}

// TestCheckpointPiecesAreBounded: large values come in more pieces, and all of them come.
func TestCheckpointPiecesAreBounded(t *testing.T) {
	const keys, size = 9, 400 << 10
	r := newReplica(1)
	for i := range keys {
		v := kv.Version{Ballot: kv.Ballot{Epoch: 1, Round: 1, Node: 2, Inc: 1}, Seq: uint64(i + 1)}
		rec := msg.AcceptRecord{Key: []byte{byte('a' + i)}, Register: kv.Register{Kind: kv.Value, Version: v, Rev: v, Data: make([]byte, size)}}
		require.NoError(t, r.Restore(rec.AppendTo(nil)))
	}
	bytes := 0
	for cursor := (*actors.Cursor)(nil); ; {
		var c actors.Context
		cursor = r.Checkpoint(&c, cursor, 1000)
		require.Less(t, len(c.Records), pieceBytes+size+1024, "of one piece")
		bytes += len(c.Records)
		if cursor == nil {
			break
		}
	}
	require.InDelta(t, keys*size, bytes, keys*256)
}
