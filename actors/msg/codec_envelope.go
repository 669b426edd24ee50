package msg

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
)

// AppendEnvelope appends the addresses of e and its message to b. The nodes are
// left out: a connection has exactly one at each end. So is Durable, which the
// sending host has dealt with. The error is that of Append; b is then as it was.
func AppendEnvelope(b []byte, e *actors.Envelope) ([]byte, error) {
	w := writer{b: b}
	w.byte(byte(e.To.Kind)<<4 | byte(e.From.Kind)&15)
	w.uvarint(uint64(e.To.Index))
	w.uvarint(uint64(e.From.Index))
	out, err := Append(w.b, e.Message)
	if err != nil {
		return b, err
	}
	return out, nil
}

// DecodeEnvelope reads what AppendEnvelope wrote, sent by node from to node to.
// See Decode for the errors and for who owns the message's bytes.
func DecodeEnvelope(b []byte, from, to kv.NodeID) (actors.Envelope, error) {
	r := newReader(b, 0)
	kinds := r.Byte()
	e := actors.Envelope{
		To:   actors.Address{Node: to, Kind: actors.Kind(kinds >> 4)},
		From: actors.Address{Node: from, Kind: actors.Kind(kinds & 15)},
	}
	if !addressable(e.To.Kind) || !addressable(e.From.Kind) {
		return actors.Envelope{}, fmt.Errorf("%w envelope: from %v to %v, allowed are %v to %v",
			ErrMalformed, e.From.Kind, e.To.Kind, actors.Shard, actors.Cluster)
	}
	e.To.Index, e.From.Index = r.Uint32(), r.Uint32()
	if r.What != "" {
		return actors.Envelope{}, r.end("envelope")
	}
	m, err := Decode(b[r.I:])
	if err != nil {
		return actors.Envelope{}, err
	}
	e.Message = m
	return e, nil
}

func addressable(k actors.Kind) bool { return k >= actors.Shard && k <= actors.Cluster }
