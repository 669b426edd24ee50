// Package causal is the mathematics of eventual mode: what replicas may merge
// in any order, any number of times, and still agree on. It knows no messages,
// no disks and no clock of its own.
//
//   - vector.go, set.go: dotted version vector sets, which keep concurrent
//     writes as siblings (Almeida et al., DAIS 2014)
//   - stamp.go, clock.go: hybrid logical clocks (Kulkarni et al., OPODIS 2014)
//   - value.go: a value and the last-writer-wins order
//   - counter.go: PN-counters
//   - object.go: all that a replica keeps of one key, a product of the above
//   - codec.go, token.go: its encoding, and the context that clients carry
//   - merkle.go, walk.go: which keys of two replicas differ
//   - need.go: how many replicas of which zones R and W ask for
//   - collect.go: when a tombstone may go
//
// Merges never change their arguments and share the bytes of values, which
// nobody ever changes.
package causal
