package causal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/quoratedb/quorate/actors/kv"
)

// ErrMalformed is input that no encoder here has written.
var ErrMalformed = errors.New("causal: malformed")

// reader takes fields off b from offset i on. After the first failure it
// returns zeros; end reports it. Numbers are uvarints of the shortest form, so
// that a state has one encoding only.
type reader struct {
	b    []byte
	i    int
	what string
	at   int
}

func (r *reader) fail(what string) {
	if r.what == "" {
		r.what, r.at = what, r.i
	}
	r.i = len(r.b)
}

func (r *reader) end(name string) error {
	if r.what == "" && r.i != len(r.b) {
		r.what, r.at = fmt.Sprintf("%d bytes left over", len(r.b)-r.i), r.i
	}
	if r.what != "" {
		return fmt.Errorf("%w %s: %s at byte %d of %d", ErrMalformed, name, r.what, r.at, len(r.b))
	}
	return nil
}

func (r *reader) byte() byte {
	if r.i >= len(r.b) {
		r.fail("cut short")
		return 0
	}
	v := r.b[r.i]
	r.i++
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b[r.i:])
	if n <= 0 {
		r.fail("a number that is cut short or above 64 bits")
		return 0
	}
	if n > 1 && r.b[r.i+n-1] == 0 {
		r.fail("a number that is longer than it need be")
		return 0
	}
	r.i += n
	return v
}

// within reads a number from low to high.
func (r *reader) within(low, high uint64) uint64 {
	v := r.uvarint()
	if v < low || v > high {
		r.fail(fmt.Sprintf("a number outside %d to %d", low, high))
		return 0
	}
	return v
}

// count reads the number of items that follow, each at least size bytes long,
// so that memory is only taken for what the input can hold.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.b)-r.i)/uint64(size) {
		r.fail("more items than bytes")
		return 0
	}
	return int(n)
}

// bytes returns a part of the input, nil if it is empty.
func (r *reader) bytes() []byte {
	n := r.count(1)
	if n == 0 {
		return nil
	}
	start := r.i
	r.i += n
	return r.b[start:r.i:r.i]
}

func appendID(b []byte, id ID) []byte {
	b = binary.AppendUvarint(b, uint64(id.Node))
	b = binary.AppendUvarint(b, uint64(id.Inc))
	return binary.AppendUvarint(b, uint64(id.Term))
}

func (r *reader) id() ID {
	return ID{
		Node: kv.NodeID(r.within(1, math.MaxUint16)),
		Inc:  kv.Incarnation(r.within(0, math.MaxUint32)),
		Term: uint32(r.within(0, math.MaxUint32)),
	}
}

// idAfter reads an id that must be above the one before it.
func (r *reader) idAfter(before ID) ID {
	id := r.id()
	if r.what == "" && before.Compare(id) >= 0 {
		r.fail("ids that do not ascend")
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
		Ms:      int64(r.within(0, MaxMs)),
		Logical: uint32(r.within(0, math.MaxUint32)),
		Node:    kv.NodeID(r.within(0, math.MaxUint16)),
	}
}
