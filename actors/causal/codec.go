package causal

import (
	"encoding/binary"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/zeebo/xxh3"
)

// The encoding of an Object: a byte of flags for the parts that it has, then
// the parts. Equal objects have equal encodings, and nothing else decodes, so
// that replicas can compare encodings. There is no version byte: the record or
// message around it has one.
const (
	hasSet byte = 1 << iota
	hasRegister
	hasCount
)

// Append appends the object's encoding.
func (o *Object) Append(b []byte) []byte {
	at := len(b)
	b = append(b, 0)
	if len(o.Set.Vector) > 0 {
		b[at] |= hasSet
		b = o.Set.append(b)
	}
	if !o.Register.Stamp.IsZero() {
		b[at] |= hasRegister
		b = o.Register.append(b)
	}
	if len(o.Count) > 0 {
		b[at] |= hasCount
		b = o.Count.append(b)
	}
	return b
}

// DecodeObject reads what Append wrote and nothing else. The data of values
// alias b; Clone ends that. The error wraps ErrMalformed.
func DecodeObject(b []byte) (Object, error) {
	r := newReader(b, 0)
	o := r.object()
	if err := r.end("object"); err != nil {
		return Object{}, err
	}
	return o, nil
}

// ReadObject is DecodeObject for an encoding at the beginning of b, of which it
// returns the length.
func ReadObject(b []byte) (Object, int, error) {
	r := newReader(b, 0)
	o := r.object()
	if r.What != "" {
		return Object{}, 0, r.end("object")
	}
	return o, r.I, nil
}

func (r *reader) object() Object {
	flags := r.Byte()
	if flags&^(hasSet|hasRegister|hasCount) != 0 {
		r.Fail("an unknown flag")
	}
	var o Object
	if flags&hasSet != 0 {
		o.Set = r.set()
	}
	if flags&hasRegister != 0 {
		o.Register = r.value(true)
	}
	if flags&hasCount != 0 {
		o.Count = r.counter()
	}
	return o
}

func (s *Set) append(b []byte) []byte {
	b = s.Vector.append(b)
	b = binary.AppendUvarint(b, uint64(len(s.Siblings)))
	for i := range s.Siblings {
		b = appendID(b, s.Siblings[i].Dot.ID)
		b = binary.AppendUvarint(b, s.Siblings[i].Dot.Seq)
		b = s.Siblings[i].Value.append(b)
	}
	return b
}

func (r *reader) set() (s Set) {
	s.Vector = r.vector()
	if len(s.Vector) == 0 {
		r.Fail("a set of nothing")
	}
	const smallest = 4 + 5 // dot, value
	n := r.Count(smallest)
	if n == 0 {
		return s
	}
	s.Siblings = make([]Sibling, n)
	var before Dot
	for i := range s.Siblings {
		d := Dot{ID: r.id(), Seq: r.Within(1, maxWireSeq)}
		switch {
		case r.What != "":
			return s
		case i > 0 && before.Compare(d) >= 0:
			r.Fail("siblings that do not ascend")
		case !s.Vector.Has(d):
			r.Fail("a sibling that the vector does not have")
		}
		before = d
		s.Siblings[i] = Sibling{Dot: d, Value: r.value(false)}
	}
	return s
}

func (v Vector) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	for i := range v {
		b = appendID(b, v[i].ID)
		b = binary.AppendUvarint(b, v[i].Seq)
	}
	return b
}

func (r *reader) vector() Vector {
	const smallest = 4
	n := r.Count(smallest)
	if n == 0 {
		return nil
	}
	v := make(Vector, n)
	var before ID
	for i := range v {
		v[i].ID = r.idAfter(before)
		v[i].Seq = r.Within(1, maxWireSeq)
		before = v[i].ID
	}
	return v
}

// The head byte of a value: kind, media, and whether an expiry follows.
const (
	mediaShift = 2
	expires    = 1 << 4
)

func (v *Value) append(b []byte) []byte {
	head := byte(v.Kind) | byte(v.Media)<<mediaShift
	if v.ExpiresMs != 0 {
		head |= expires
	}
	b = append(b, head)
	b = appendStamp(b, v.Stamp)
	if v.ExpiresMs != 0 {
		b = binary.AppendUvarint(b, uint64(v.ExpiresMs))
	}
	b = binary.AppendUvarint(b, uint64(len(v.Data)))
	return append(b, v.Data...)
}

func (r *reader) value(register bool) (v Value) {
	head := r.Byte()
	if head >= expires<<1 {
		r.Fail("an unknown flag of a value")
	}
	v.Kind = kv.Kind(head & (1<<mediaShift - 1))
	v.Media = kv.Media(head >> mediaShift & 3)
	v.Stamp = r.stamp()
	if head&expires != 0 {
		v.ExpiresMs = int64(r.Within(1, MaxMs))
	}
	v.Data = r.Bytes()
	if r.What == "" && !v.valid(register) {
		r.Fail("a value of a kind that can't be here")
	}
	return v
}

func (c Counter) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(c)))
	for i := range c {
		b = appendID(b, c[i].ID)
		b = binary.AppendUvarint(b, c[i].Added)
		b = binary.AppendUvarint(b, c[i].Taken)
	}
	return b
}

func (r *reader) counter() Counter {
	const smallest = 5
	n := r.Count(smallest)
	if n == 0 {
		r.Fail("a counter of nothing")
		return nil
	}
	c := make(Counter, n)
	var before ID
	for i := range c {
		c[i] = Count{ID: r.idAfter(before), Added: r.Uvarint(), Taken: r.Uvarint()}
		before = c[i].ID
		if r.What == "" && c[i].Added == 0 && c[i].Taken == 0 {
			r.Fail("an empty count")
		}
	}
	return c
}

// KeyHash returns the hash that puts a key into a bucket of a Tree. It is not
// the one that chooses the partition: keys of one partition spread over all buckets.
func KeyHash(key []byte) uint64 { return xxh3.Hash(key) }

// Digest returns the hash by which replicas compare a key: of its bytes and of
// its object's encoding.
func Digest(key, encoding []byte) Hash {
	h := xxh3.Hash128Seed(encoding, KeyHash(key))
	return Hash{Hi: h.Hi, Lo: h.Lo}
}
