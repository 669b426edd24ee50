// Package once lets a receiver act on each request of a sender at most once,
// however often the network delivers it.
package once

import "github.com/quoratedb/quorate/actors/kv"

// Tail remembers which requests of one boot of a peer have been seen: all at
// most top-window count as seen, a bit says it for the others. The zero Tail
// has seen none.
type Tail struct {
	bits [window / 64]uint64
	top  uint64
	inc  kv.Incarnation
}

const window = 4096

// First reports whether this is the first time that number seq of boot inc is
// met, and marks it. Of an earlier boot than the newest met nothing is first.
func (t *Tail) First(inc kv.Incarnation, seq uint64) bool {
	if inc < t.inc {
		return false
	}
	if inc > t.inc {
		*t = Tail{inc: inc}
	}
	if seq+window <= t.top {
		return false
	}
	if seq >= t.top+window {
		t.bits, t.top = [window / 64]uint64{}, seq
	}
	for ; t.top < seq; t.top++ {
		next := t.top + 1
		t.bits[next/64%uint64(len(t.bits))] &^= 1 << (next % 64)
	}
	word, bit := seq/64%uint64(len(t.bits)), uint64(1)<<(seq%64)
	if t.bits[word]&bit != 0 {
		return false
	}
	t.bits[word] |= bit
	return true
}
