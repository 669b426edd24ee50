package causal

import (
	"slices"

	"github.com/quoratedb/quorate/actors/kv"
)

// Object is all that a replica keeps of one key of an eventual bucket: the
// product of three joins, and so a join itself. The policy has no part in
// merging, only in how a write is made and how a read looks at it; replicas
// that hear of a change of policy at different times still converge.
//
//  1. Set holds writes under Siblings, Register the newest under LWW, Count
//     the increments. Usually two of them are empty.
//  2. A write under LWW drops the siblings below its stamp; one under Siblings
//     whose writer had seen the register overwrites that with kv.Absent at the
//     same stamp, which wins over any value with it.
//
// An Object is immutable; the zero Object is that of a key never written.
type Object struct {
	Set      Set
	Register Value
	Count    Counter
}

// Seen is what the reader of an object has seen, and what its next write
// therefore overwrites.
type Seen struct {
	Vector   Vector
	Register Stamp
}

// Seen returns the context of a read.
func (o *Object) Seen() Seen { return Seen{Vector: o.Set.Vector, Register: o.Register.Stamp} }

// IsZero reports whether nothing is known of the key.
func (o *Object) IsZero() bool {
	return len(o.Set.Vector) == 0 && o.Register.Stamp.IsZero() && len(o.Count) == 0
}

// Newest returns the highest stamp in the object. A coordinator's clock takes
// it in before it stamps a write of the key.
func (o *Object) Newest() Stamp {
	newest := o.Register.Stamp
	for i := range o.Set.Siblings {
		if s := o.Set.Siblings[i].Value.Stamp; newest.Less(s) {
			newest = s
		}
	}
	return newest
}

// Put returns the object after a write under Siblings by a client that had seen
// the given context. The error is ErrContext. The caller has had its Clock take
// in seen.Register, which refuses one from the future.
func (o *Object) Put(seen Seen, src *Source, v Value) (Object, error) {
	set, _, err := o.Set.Update(seen.Vector, src, v)
	if err != nil {
		return *o, err
	}
	// Every register up to the stamp seen is overwritten, here yet or not.
	cleared := Value{Stamp: seen.Register}
	return Object{Set: set, Register: *newer(&o.Register, &cleared), Count: o.Count}, nil
}

// PutNewest returns the object after a write under LWW. A value whose stamp is
// not the highest changes nothing that a reader sees.
func (o *Object) PutNewest(v Value) Object {
	out := Object{Set: o.Set, Register: *newer(&o.Register, &v), Count: o.Count}
	if len(o.Set.Siblings) > 0 {
		out.Set = o.Set.drop(o.Set.Vector, func(s *Sibling) bool { return s.Value.Stamp.Less(v.Stamp) })
	}
	return out
}

// Add returns the object after an increment under Counters. The error is ErrOverflow.
func (o *Object) Add(id ID, delta int64) (Object, error) {
	count, err := o.Count.Add(id, delta)
	return Object{Set: o.Set, Register: o.Register, Count: count}, err
}

// Merge returns the object that knows what both know. It is a join:
// commutative, associative, idempotent.
func (o *Object) Merge(p *Object) Object {
	return Object{
		Set:      o.Set.Merge(p.Set),
		Register: *newer(&o.Register, &p.Register),
		Count:    o.Count.Merge(p.Count),
	}
}

// Compare tells how o stands to p: Before means that merging p into o changes o.
func (o *Object) Compare(p *Object) Order {
	order := o.Set.Compare(p.Set) | o.Count.Compare(p.Count)
	switch c := o.Register.Compare(&p.Register); {
	case c > 0:
		order |= After
	case c < 0:
		order |= Before
	}
	return order
}

// Read appends to dst the values that a reader sees at nowMs (Clock.ReadMs):
// none if the key is absent or deleted, one or more under Siblings, at most one
// under LWW. A delete beside a concurrent write hides: the write stays.
func (o *Object) Read(dst []Value, policy kv.Policy, nowMs int64) []Value {
	if policy == kv.LWW {
		if v := o.winner(); v.Live(nowMs) {
			dst = append(dst, *v)
		}
		return dst
	}
	for i := range o.Set.Siblings {
		if v := &o.Set.Siblings[i].Value; v.Live(nowMs) {
			dst = append(dst, *v)
		}
	}
	if o.Register.Live(nowMs) {
		dst = append(dst, o.Register)
	}
	return dst
}

func (o *Object) winner() *Value {
	best := &Value{}
	if o.Register.Kind != kv.Absent { // an overwritten register takes no part
		best = &o.Register
	}
	for i := range o.Set.Siblings {
		best = newer(best, &o.Set.Siblings[i].Value)
	}
	return best
}

// DeadSinceMs reports whether no reader sees anything in the object, under any
// policy, and since when: the time that the grace of a collection counts from.
// Counters never die.
func (o *Object) DeadSinceMs(nowMs int64) (ms int64, dead bool) {
	if len(o.Count) > 0 || o.IsZero() {
		return 0, false
	}
	if !o.Register.Stamp.IsZero() {
		if ms, dead = o.Register.deadSinceMs(nowMs); !dead {
			return 0, false
		}
	}
	for i := range o.Set.Siblings {
		since, dead := o.Set.Siblings[i].Value.deadSinceMs(nowMs)
		if !dead {
			return 0, false
		}
		ms = max(ms, since)
	}
	return ms, true
}

// Clone returns an object that shares no memory with buffers that o was decoded from.
func (o *Object) Clone() Object {
	out := *o
	out.Set.Siblings = slices.Clone(o.Set.Siblings)
	for i := range out.Set.Siblings {
		v := &out.Set.Siblings[i].Value
		v.Data = slices.Clone(v.Data)
	}
	out.Register.Data = slices.Clone(o.Register.Data)
	return out
}

// valid reports whether v can stand where a Sibling or a Register does.
func (v *Value) valid(register bool) bool {
	switch v.Kind {
	case kv.Value:
	case kv.Tombstone:
		if len(v.Data) > 0 || v.ExpiresMs != 0 || v.Media != 0 {
			return false
		}
	case kv.Absent:
		if !register || len(v.Data) > 0 || v.ExpiresMs != 0 || v.Media != 0 {
			return false
		}
	default:
		return false
	}
	return v.Media.Valid() && !v.Stamp.IsZero()
}
