package msg

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
)

// benchBallot is an owner's after some takeovers and restarts.
func benchBallot(p kv.Partition) kv.Ballot {
	return kv.Ballot{Epoch: 1, Round: 3 + uint32(p%2), Inc: 7, Node: 2}
}

// benchAccept is a batch of n writes of 100 bytes over a few partitions.
func benchAccept(n int) *Accept {
	m := &Accept{ID: 123456}
	for i := range n {
		p := kv.Partition(i % 16 * 2)
		v := kv.Version{Ballot: benchBallot(p), Seq: 100000 + uint64(i)}
		m.Items = append(m.Items, &AcceptItem{
			Key: fmt.Appendf(nil, "key:%012d", i), Partition: p,
			Register: kv.Register{Version: v, Rev: v, Data: make([]byte, 100), TimeMs: 1770000000000, Kind: kv.Value},
		})
	}
	return m
}

func benchForward(n int) *Forward {
	m := &Forward{ID: 99, SrcInc: 7, DestInc: 8, TimeoutNs: 2e9, Epoch: 1}
	for i := range n {
		m.Ops = append(m.Ops, Op{Partition: kv.Partition(i), Op: kv.Op{
			Kind: kv.OpSet, Key: fmt.Appendf(nil, "key:%012d", i), Value: make([]byte, 100),
		}})
	}
	return m
}

func benchResults(n int) *Results {
	m := &Results{ID: 99}
	for i := range n {
		p := kv.Partition(i % 16 * 2)
		m.Results = append(m.Results, kv.Result{
			Rev: kv.Version{Ballot: benchBallot(p), Seq: 100000 + uint64(i)}, Data: make([]byte, 100), TimeMs: 1770000000000, Found: true,
		})
	}
	return m
}

func benchMessages() map[string]actors.Message {
	return map[string]actors.Message{
		"accept-64": benchAccept(64), "forward-16": benchForward(16), "results-16": benchResults(16),
		"accepted": &Accepted{ID: 5}, "confirm": &Confirm{ID: 5}, "ping": &Ping{Gossip: Gossip{Inc: 3, Epoch: 1, Seq: 1e6}},
	}
}

func BenchmarkEncode(b *testing.B) {
	for name, m := range benchMessages() {
		b.Run(name, func(b *testing.B) {
			buf, err := Append(nil, m)
			require.NoError(b, err)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = Append(buf[:0], m)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, m := range benchMessages() {
		b.Run(name, func(b *testing.B) {
			buf, err := Append(nil, m)
			require.NoError(b, err)
			b.SetBytes(int64(len(buf)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAcceptRecord(b *testing.B) {
	it := benchAccept(1).Items[0]
	d := AcceptRecord(*it)
	buf := d.AppendTo(nil)
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf = d.AppendTo(buf[:0])
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := d.DecodeFrom(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Decoding takes the message, its items and (Accept) the slice of pointers to
// them, and nothing per item.
func TestDecodeAllocatesOncePerMessageAndSlice(t *testing.T) {
	for name, m := range benchMessages() {
		buf, err := Append(nil, m)
		require.NoError(t, err)
		require.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = Decode(buf) }), 3.0, name)
		require.Zero(t, testing.AllocsPerRun(100, func() { buf, _ = Append(buf[:0], m) }), name)
	}
	d := AcceptRecord{}
	b := (&AcceptRecord{Key: []byte("k"), Register: benchAccept(1).Items[0].Register}).AppendTo(nil)
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = d.DecodeFrom(b); b = d.AppendTo(b[:0]) }))
}
