package sim

import "math/rand/v2"

// The independent streams of randomness of one run.
const (
	streamConfig uint64 = iota + 1
	streamWorkload
	streamFaults
	streamNetwork
	streamDisk
	streamClock
	streamSched
	streamActors
	streamClients
	streamBuckets
	streamMap
	streamCore
)

// mix hashes two words into one (the finalizer of splitmix64; Steele, Lea,
// Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
func mix(a, b uint64) uint64 {
	z := a + 0x9e3779b97f4a7c15*(b+1)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// source returns the generator of a stream of a seed.
func source(seed, stream uint64) *rand.Rand {
	s := mix(seed, stream)
	return rand.New(rand.NewPCG(s, mix(s, 1)))
}

// dice is a tiny generator for decisions that must not depend on how many were
// made elsewhere: it is seeded with a hash of what it decides about.
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	return mix(uint64(*d), 0)
}

// below returns a number in [0, n); 0 if n < 1.
func (d *dice) below(n int64) int64 {
	if n < 1 {
		return 0
	}
	return int64(d.next() % uint64(n))
}

// ppm reports true with probability p in a million.
func (d *dice) ppm(p int64) bool { return p > 0 && d.below(1e6) < p }
