package node

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/zeebo/xxh3"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door"
)

func beat(seq uint64) *actors.Envelope {
	return &actors.Envelope{
		Message: &msg.Ping{Gossip: msg.Gossip{Inc: 1, Epoch: 1, Seq: seq}},
		From:    actors.Address{Node: 1, Kind: actors.Detector}, To: actors.Address{Node: 2, Kind: actors.Detector},
	}
}

func TestFramesCarryEnvelopesInOrder(t *testing.T) {
	var f frames
	const n = 40_000 // more than one frame
	for i := range n {
		require.True(t, f.add(beat(uint64(i)), 1<<10))
	}
	require.Greater(t, len(f.starts), 1)
	f.seal()
	r := bytes.NewReader(f.buf)
	next := uint64(0)
	for r.Len() > 0 {
		body, err := readFrame(r, 2*frameTarget, func() {})
		require.NoError(t, err)
		for len(body) > 0 {
			var b []byte
			b, body, err = nextEnvelope(body)
			require.NoError(t, err)
			e, err := msg.DecodeEnvelope(b, 1, 2)
			require.NoError(t, err)
			require.Equal(t, next, e.Message.(*msg.Ping).Seq)
			next++
		}
	}
	require.EqualValues(t, n, next)
}

func TestFramesRefuseAnEnvelopeThatIsTooLarge(t *testing.T) {
	var f frames
	big := &actors.Envelope{
		Message: &msg.Accept{Items: []*msg.AcceptItem{{Key: []byte("k"), Register: kv.Register{Version: kv.Version{Ballot: kv.Ballot{Epoch: 1, Round: 1, Inc: 1, Node: 1}, Seq: 1}, Kind: kv.Value, Data: make([]byte, 4096)}}}},
		From:    actors.Address{Node: 1, Kind: actors.Shard}, To: actors.Address{Node: 2, Kind: actors.Replica},
	}
	require.False(t, f.add(big, 1024))
	require.Empty(t, f.buf)
	require.Empty(t, f.starts)
	require.True(t, f.add(beat(1), 1024))
	size := len(f.buf)
	require.False(t, f.add(big, 1024))
	require.Len(t, f.buf, size)
	require.Equal(t, 1, f.count)
}

// A header is not believed: memory grows with what has arrived.
func TestReadFrameTakesMemoryAsBytesArrive(t *testing.T) {
	var h [frameHeader]byte
	binary.LittleEndian.PutUint32(h[:], 1<<30)
	allocated := testing.AllocsPerRun(1, func() {
		_, err := readFrame(io.MultiReader(bytes.NewReader(h[:]), strings.NewReader("little")), 1<<31-1, func() {})
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
	require.Less(t, allocated, 50.0)
	_, err := readFrame(bytes.NewReader(h[:]), 1<<20, func() {})
	require.ErrorContains(t, err, "allowed are 1048576")
}

func TestReadFrameSeesDamage(t *testing.T) {
	var f frames
	require.True(t, f.add(beat(1), 1024))
	f.seal()
	for i := range f.buf {
		b := bytes.Clone(f.buf)
		b[i] ^= 4
		_, err := readFrame(bytes.NewReader(b), 1<<20, func() {})
		require.Error(t, err, "byte %d", i)
	}
}

func FuzzFrame(f *testing.F) {
	var fr frames
	fr.add(beat(1), 1024)
	fr.add(beat(2), 1024)
	fr.seal()
	f.Add(fr.buf[frameHeader:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		var h [frameHeader]byte
		binary.LittleEndian.PutUint32(h[:], uint32(len(body)))
		binary.LittleEndian.PutUint32(h[4:], uint32(xxh3.Hash(body)))
		got, err := readFrame(io.MultiReader(bytes.NewReader(h[:]), bytes.NewReader(body)), 1<<20, func() {})
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, got))
		for len(got) > 0 && err == nil {
			var e []byte
			if e, got, err = nextEnvelope(got); err == nil {
				_, _ = msg.DecodeEnvelope(e, 1, 2)
			}
		}
	})
}

// shake runs both sides of a handshake against each other.
func shake(t *testing.T, dialer, acceptor Config, target kv.NodeID) (out, in error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	deadline := time.Now().Add(5 * time.Second)
	require.NoError(t, a.SetDeadline(deadline))
	require.NoError(t, b.SetDeadline(deadline))
	result := make(chan error, 1)
	go func() {
		_, err := shakeIn(b, &acceptor, &msg.BootRecord{Inc: 7, Store: 1}, func(*hello) error { return nil })
		b.Close()
		result <- err
	}()
	_, out = shakeOut(a, &dialer, &msg.BootRecord{Inc: 3, Store: 2}, target)
	a.Close()
	return out, <-result
}

func twoConfigs() (Config, Config) {
	members := []Member{
		{ID: 1, Weight: 1, Endpoints: door.Endpoints{Peer: "a:1"}},
		{ID: 2, Weight: 1, Endpoints: door.Endpoints{Peer: "b:1"}},
	}
	c := Config{Cluster: "c", Node: 1, Members: members, Partitions: 16, VNodes: 4, Replicas: 2, Lanes: 2, Key: []byte("k")}
	d := c
	d.Node = 2
	d.Members = []Member{members[1], members[0]} // the order does not matter
	return c, d
}

func TestHandshake(t *testing.T) {
	for name, tc := range map[string]struct {
		change  func(dialer, acceptor *Config)
		target  kv.NodeID
		out, in string // in the errors; "" none
	}{
		"good":   {},
		"no key": {change: func(d, a *Config) { d.Key, a.Key = nil, nil }},
		"other address": {change: func(d, a *Config) {
			a.Members = append([]Member(nil), a.Members...)
			a.Members[0].Endpoints.Peer = "x:9"
		}},
		"wrong key":       {change: func(d, a *Config) { d.Key = []byte("other") }, out: "another shared key", in: "EOF"},
		"cluster":         {change: func(d, a *Config) { d.Cluster = "other" }, out: `cluster \"other\"`, in: `cluster "other"`},
		"settings":        {change: func(d, a *Config) { d.Lanes = 4 }, out: "differ in a setting", in: "differ in a setting"},
		"weights":         {change: func(d, a *Config) { a.Members = append([]Member(nil), a.Members...); a.Members[0].Weight = 3 }, out: "differ", in: "differ"},
		"wrong address":   {target: 3, out: "looks for node 3", in: "looks for node 3"},
		"same id":         {change: func(d, a *Config) { d.Node = 2 }, out: "meets itself", in: "meets itself"},
		"not a member":    {change: func(d, a *Config) { d.Node = 9 }, out: "not a member", in: "not a member"},
		"long cluster id": {change: func(d, a *Config) { d.Cluster = strings.Repeat("c", 255); a.Cluster = d.Cluster }},
	} {
		t.Run(name, func(t *testing.T) {
			d, a := twoConfigs()
			if tc.change != nil {
				tc.change(&d, &a)
			}
			target := kv.NodeID(2)
			if tc.target != 0 {
				target = tc.target
			}
			out, in := shake(t, d, a, target)
			for want, err := range map[string]error{tc.out: out, tc.in: in} {
				if tc.out == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, want)
				}
			}
		})
	}
}

// A dialer without the key can't get past the acceptor by skipping its own check.
func TestAcceptorWantsProof(t *testing.T) {
	_, acceptor := twoConfigs()
	dialer, _ := twoConfigs()
	a, b := net.Pipe()
	defer a.Close()
	result := make(chan error, 1)
	go func() {
		defer b.Close()
		_, err := shakeIn(b, &acceptor, &msg.BootRecord{Inc: 7, Store: 1}, func(*hello) error { panic("admitted") })
		result <- err
	}()
	h := newHello(&dialer, &msg.BootRecord{Inc: 3, Store: 2}, 2)
	sent := h.appendTo(nil)
	_, err := a.Write(sent)
	require.NoError(t, err)
	require.NoError(t, readVerdict(a))
	_, got, err := readHello(a)
	require.NoError(t, err)
	var theirs [macSize]byte
	_, err = io.ReadFull(a, theirs[:])
	require.NoError(t, err)
	_, err = a.Write(theirs[:]) // reflecting the acceptor's own proof
	require.NoError(t, err)
	require.ErrorContains(t, readVerdict(a), "another shared key")
	require.ErrorContains(t, <-result, "another shared key")
	_ = got
}

func FuzzHello(f *testing.F) {
	c, _ := twoConfigs()
	h := newHello(&c, &msg.BootRecord{Inc: 3, Store: 2}, 2)
	f.Add(h.appendTo(nil))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, raw, err := readHello(bytes.NewReader(b))
		if err != nil {
			return
		}
		require.Equal(t, raw, h.appendTo(nil))
		require.True(t, bytes.HasPrefix(b, raw))
	})
}

var errInjected = errors.New("injected")

// Who reads a large frame hears of each piece, of a small one nothing.
func TestReadFrameTellsOfPieces(t *testing.T) {
	for size, want := range map[int]int{1 << 10: 0, largeFrame: 0, largeFrame + 1: 1, 3*readPiece + 1: 4} {
		var h [frameHeader]byte
		body := bytes.Repeat([]byte{7}, size)
		binary.LittleEndian.PutUint32(h[:], uint32(size))
		binary.LittleEndian.PutUint32(h[4:], uint32(xxh3.Hash(body)))
		parts := 0
		got, err := readFrame(io.MultiReader(bytes.NewReader(h[:]), bytes.NewReader(body)), 64<<20, func() { parts++ })
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, got), "%d bytes", size)
		require.Equal(t, want, parts, "%d bytes", size)
	}
}
