package causal

import (
	"bytes"
	"cmp"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors/kv"
)

// Value is what one write left.
//
//  1. Kind is kv.Value or kv.Tombstone. A last-writer-wins register may also
//     hold kv.Absent: nothing was ever written (zero Stamp), or all up to Stamp
//     was overwritten by a write that had seen it (see Object).
//  2. Data is empty unless Kind is kv.Value, and immutable.
type Value struct {
	Data      []byte
	Stamp     Stamp
	ExpiresMs int64 // clock reading from which on it counts as deleted, Unix milliseconds; 0: never
	Kind      kv.Kind
	Media     kv.Media
}

// Compare orders values for last-writer-wins: the higher stamp is newer. Two
// writes never share a stamp, unless two nodes share an id; even then every
// replica must choose alike, so what they hold decides and never which came
// first: overwritten, tombstone, value, then the bytes (compare Cassandra's
// rule that the greater value wins, CASSANDRA-4039 and its successors).
func (v *Value) Compare(o *Value) int {
	if c := v.Stamp.Compare(o.Stamp); c != 0 {
		return c
	}
	if v.Kind != o.Kind {
		return cmp.Compare(weight(v.Kind), weight(o.Kind))
	}
	if c := bytes.Compare(v.Data, o.Data); c != 0 {
		return c
	}
	if c := cmp.Compare(v.ExpiresMs, o.ExpiresMs); c != 0 {
		return c
	}
	return cmp.Compare(v.Media, o.Media)
}

// weight decides between values of one stamp.
func weight(k kv.Kind) int {
	switch k {
	case kv.Absent:
		return 2
	case kv.Tombstone:
		return 1
	}
	return 0
}

// newer returns the winner. It is a join: commutative, associative, idempotent.
func newer(a, b *Value) *Value {
	order := a.Compare(b)
	failpoint.Inject("bug-32-tie-broken-by-arrival", func() {
		order = cmp.Compare(a.Stamp.Ms, b.Stamp.Ms)
	})
	if order >= 0 {
		return a
	}
	return b
}

// Expired reports whether the value's time to live has passed at nowMs, a
// reading of the node's Clock (never lower than the stamp of a value that it
// has taken in). An expired value keeps its place in every order, as a
// tombstone does, or an older value would come back.
func (v *Value) Expired(nowMs int64) bool { return v.ExpiresMs != 0 && nowMs >= v.ExpiresMs }

// Live reports whether a reader sees the value.
func (v *Value) Live(nowMs int64) bool { return v.Kind == kv.Value && !v.Expired(nowMs) }

// ExpiresAt returns ExpiresMs of a value written at stamp that lives for ttlMs,
// 0 (never) for ttlMs 0. The coordinator computes it once; replicas keep it as it is.
func ExpiresAt(stamp Stamp, ttlMs int64) int64 {
	switch {
	case ttlMs <= 0:
		return 0
	case ttlMs > MaxMs-stamp.Ms:
		return MaxMs
	}
	return stamp.Ms + ttlMs
}

// deadSinceMs returns since when readers have not seen the value.
func (v *Value) deadSinceMs(nowMs int64) (ms int64, dead bool) {
	switch {
	case v.Live(nowMs):
		return 0, false
	case v.Kind == kv.Value:
		return v.ExpiresMs, true
	}
	return v.Stamp.Ms, true
}
