package causal

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/wire"
)

// ErrMalformed is input that no encoder here has written.
var ErrMalformed = errors.New("causal: malformed")

// reader reads ids and stamps too.
type reader struct{ wire.Reader }

// newReader reads b from offset i on.
func newReader(b []byte, i int) reader { return reader{wire.Reader{B: b, I: i}} }

// end returns the failure, if any; bytes left over are one.
func (r *reader) end(name string) error { return r.End(ErrMalformed, name) }

func appendID(b []byte, id ID) []byte {
	b = binary.AppendUvarint(b, uint64(id.Node))
	b = binary.AppendUvarint(b, uint64(id.Inc))
	return binary.AppendUvarint(b, uint64(id.Term))
}

func (r *reader) id() ID {
	return ID{
		Node: kv.NodeID(r.Within(1, math.MaxUint16)),
		Inc:  kv.Incarnation(r.Within(0, math.MaxUint32)),
		Term: uint32(r.Within(0, math.MaxUint32)),
	}
}

// idAfter reads an id that must be above the one before it.
func (r *reader) idAfter(before ID) ID {
	id := r.id()
	if r.What == "" && before.Compare(id) >= 0 {
		r.Fail("ids that do not ascend")
	}
	return id
}

func appendStamp(b []byte, s Stamp) []byte {
	b = binary.AppendUvarint(b, uint64(s.Ms))
	b = binary.AppendUvarint(b, uint64(s.Logical))
	return binary.AppendUvarint(b, uint64(s.Node))
}

func (r *reader) stamp() Stamp {
	return Stamp{
		Ms:      int64(r.Within(0, MaxMs)),
		Logical: uint32(r.Within(0, math.MaxUint32)),
		Node:    kv.NodeID(r.Within(0, math.MaxUint16)),
	}
}
