package msg

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
)

// FuzzDecode feeds any bytes to Decode: an error of the documented kinds, or a
// message whose encoding decodes to the same message again.
func FuzzDecode(f *testing.F) {
	fill := filler{rand.New(rand.NewPCG(3, 3)), false}
	for _, m := range samples() {
		for range 3 {
			fill.into(m)
			b, err := Append(nil, m)
			require.NoError(f, err)
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkDecode(t, b) })
}

func checkDecode(t *testing.T, b []byte) {
	m, err := Decode(b)
	if err != nil {
		if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnknownType) {
			t.Fatalf("an error of no documented kind: %v", err)
		}
		return
	}
	again, err := Append(nil, m)
	require.NoError(t, err)
	got, err := Decode(again)
	require.NoError(t, err)
	require.Equal(t, m, got)
}

// FuzzRecord is the same for records.
func FuzzRecord(f *testing.F) {
	fill := filler{rand.New(rand.NewPCG(4, 4)), false}
	for _, d := range recordSamples() {
		for range 3 {
			fill.into(d)
			f.Add(d.AppendTo(nil))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { checkRecord(t, b) })
}

func checkRecord(t *testing.T, b []byte) {
	d, err := DecodeRecord(b)
	if err != nil {
		require.ErrorIs(t, err, ErrMalformed)
		return
	}
	got, err := DecodeRecord(d.AppendTo(nil))
	require.NoError(t, err)
	require.Equal(t, d, got)
}

// FuzzEnvelope is the same for envelopes.
func FuzzEnvelope(f *testing.F) {
	b, err := AppendEnvelope(nil, &actors.Envelope{
		Message: &Ping{Gossip: Gossip{Inc: 1}},
		From:    actors.Address{Kind: actors.Detector}, To: actors.Address{Kind: actors.Detector},
	})
	require.NoError(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeEnvelope(b, 1, 2)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnknownType) {
				t.Fatalf("an error of no documented kind: %v", err)
			}
			return
		}
		again, err := AppendEnvelope(nil, &e)
		require.NoError(t, err)
		got, err := DecodeEnvelope(again, 1, 2)
		require.NoError(t, err)
		require.Equal(t, e, got)
	})
}

// Every message cut short, lengthened, or with any one byte changed is refused
// or is some other valid message; it never panics.
func TestDamagedInput(t *testing.T) {
	fill := filler{rand.New(rand.NewPCG(5, 5)), true}
	for _, m := range samples() {
		fill.into(m)
		whole, err := Append(nil, m)
		require.NoError(t, err)
		damage(whole, func(b []byte) { checkDecode(t, b) })
		for n := range whole {
			_, err := Decode(whole[:n])
			require.ErrorIs(t, err, ErrMalformed, "%s cut to %d of %d bytes", m.MessageName(), n, len(whole))
		}
		_, err = Decode(append(whole, 0))
		require.ErrorIs(t, err, ErrMalformed, "%s with a byte more", m.MessageName())
	}
	for _, d := range recordSamples() {
		fill.into(d)
		whole := d.AppendTo(nil)
		damage(whole, func(b []byte) { checkRecord(t, b) })
		for n := range whole {
			_, err := DecodeRecord(whole[:n])
			require.ErrorIs(t, err, ErrMalformed, "%T cut to %d of %d bytes", d, n, len(whole))
		}
		_, err := DecodeRecord(append(whole, 0))
		require.ErrorIs(t, err, ErrMalformed, "%T with a byte more", d)
	}
}

// damage calls f with each byte of b set to a few others.
func damage(b []byte, f func([]byte)) {
	for i := range b {
		for _, v := range []byte{0, 1, 0x10, 0x7f, 0x80, 0xff, b[i] + 1, b[i] ^ 0x40} {
			d := bytes.Clone(b)
			d[i] = v
			f(d)
		}
	}
}

func TestUnknownTypes(t *testing.T) {
	known := map[byte]bool{}
	fill := filler{rand.New(rand.NewPCG(6, 6)), true}
	for _, m := range samples() {
		fill.into(m)
		b, err := Append(nil, m)
		require.NoError(t, err)
		require.False(t, known[b[0]], "two messages of type %d", b[0])
		known[b[0]] = true
	}
	for k := range 256 {
		_, err := Decode([]byte{byte(k), 0, 0, 0})
		require.Equal(t, !known[byte(k)], errors.Is(err, ErrUnknownType), "type %d", k)
	}
	_, err := Append(nil, actors.Timer{})
	require.Error(t, err)
}

// A few bytes that announce millions of items take no memory for them.
func TestCountsAreBoundedByTheInput(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0x7f}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for k := range 64 {
		for lead := range 24 {
			b := append([]byte{byte(k)}, make([]byte, lead)...)
			_, _ = Decode(append(b, huge...))
		}
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20))
}

func TestEnvelope(t *testing.T) {
	e := actors.Envelope{
		Message: &Confirm{ID: 9, Checks: []PartitionBallot{{Partition: 300}}},
		From:    actors.Address{Node: 3, Kind: actors.Shard, Index: 5},
		To:      actors.Address{Node: 4, Kind: actors.Replica, Index: 500},
	}
	b, err := AppendEnvelope(nil, &e)
	require.NoError(t, err)
	got, err := DecodeEnvelope(b, 3, 4)
	require.NoError(t, err)
	require.Equal(t, e, got)
	for n := range b {
		_, err := DecodeEnvelope(b[:n], 3, 4)
		require.ErrorIs(t, err, ErrMalformed)
	}
	for _, kinds := range []byte{0x01, 0x10, 0xa1, 0x1a} {
		_, err := DecodeEnvelope(append([]byte{kinds}, b[1:]...), 3, 4)
		require.ErrorIs(t, err, ErrMalformed)
	}
	b[4] = 200 // the type, behind kinds, an index of two bytes and one of one
	_, err = DecodeEnvelope(b, 3, 4)
	require.ErrorIs(t, err, ErrUnknownType)

	out, err := AppendEnvelope([]byte("kept"), &actors.Envelope{Message: actors.Timer{}})
	require.Error(t, err)
	require.Equal(t, "kept", string(out))
}

func TestBrokenInvariantsPanicInTheSender(t *testing.T) {
	for _, m := range []actors.Message{
		&Ops{Ops: make([]Op, 1)},                          // no kind
		&Accepted{Refused: make([]Refusal, 1)},            // no reason
		&Results{Results: []kv.Result{{Status: 200}}},     // no such status
		&Accept{Items: []*AcceptItem{{}}},                 // nothing to accept
		&Digested{Buckets: make([]Sum, Buckets-1)},        // a bucket too few
		&Ping{Gossip: Gossip{Updates: make([]Update, 1)}}, // of no state
	} {
		require.Panics(t, func() { _, _ = Append(nil, m) }, m.MessageName())
	}
}
