package actors

import (
	"bytes"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type rawRecord []byte

func (r rawRecord) AppendTo(b []byte) []byte { return append(b, r...) }

// TestPersistRoundTrip: lengths around each width of the prefix, in sequences,
// so that a payload which is moved for its prefix leaves its neighbours alone.
func TestPersistRoundTrip(t *testing.T) {
	lengths := []int{0, 1, 126, 127, 128, 129, 16382, 16383, 16384, 16385, 1<<21 - 1, 1 << 21, 1<<21 + 1, 5, 127, 128}
	var c Context
	for i, n := range lengths {
		c.Persist(rawRecord(bytes.Repeat([]byte{byte(i + 1)}, n)))
	}
	rest := c.Records
	for i, n := range lengths {
		var payload []byte
		payload, rest = NextRecord(rest)
		require.Len(t, payload, n)
		require.Equal(t, n, bytes.Count(payload, []byte{byte(i + 1)}), "record %d is whole", i)
	}
	require.Empty(t, rest)
}

func TestPersistRandomSequences(t *testing.T) {
	length := rapid.OneOf(rapid.IntRange(0, 300), rapid.SampledFrom([]int{127, 128, 16383, 16384}))
	rapid.Check(t, func(t *rapid.T) {
		var c Context
		c.Records = make([]byte, 0, rapid.IntRange(0, 400).Draw(t, "capacity")) // a used buffer
		var want [][]byte
		for i, n := range rapid.SliceOfN(length, 1, 20).Draw(t, "lengths") {
			p := bytes.Repeat([]byte{byte(i)}, n)
			for j := range p {
				p[j] += byte(j)
			}
			want = append(want, p)
			c.Persist(rawRecord(p))
		}
		rest := c.Records
		for _, p := range want {
			var got []byte
			got, rest = NextRecord(rest)
			if !bytes.Equal(p, got) {
				t.Fatalf("want % x, got % x", p, got)
			}
		}
		if len(rest) > 0 {
			t.Fatalf("%d bytes too many", len(rest))
		}
	})
}

func TestNextRecordRefusesDamage(t *testing.T) {
	for _, b := range [][]byte{{}, {5, 1}, {0x80}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}} {
		require.Panics(t, func() { NextRecord(b) }, "% x", b)
	}
}

func TestEffectsKeepTheirOrder(t *testing.T) {
	self := Address{Node: 1, Kind: Shard}
	a, b := Address{Node: 2, Kind: Replica}, Address{Node: 3, Kind: Replica}
	c := Context{Self: self}
	c.Send(a, Timer{ID: 1})
	c.SendDurable(b, Timer{ID: 2})
	c.Send(b, Timer{ID: 3})
	require.Equal(t, []Envelope{
		{Message: Timer{ID: 1}, From: self, To: a},
		{Message: Timer{ID: 2}, From: self, To: b, Durable: true},
		{Message: Timer{ID: 3}, From: self, To: b},
	}, c.Envelopes)
	c.SetTimer(4, 0) // in the past: still a timer, not a cancellation
	c.CancelTimer(5)
	require.Equal(t, []TimerChange{{AtNs: 1, Actor: self, ID: 4}, {Actor: self, ID: 5}}, c.Timers)
}

func TestLaneOf(t *testing.T) {
	for p := range 16 {
		require.Equal(t, uint32(p%4), LaneOf(kv.Partition(p), 4))
	}
}
