// Package sim runs whole clusters of the real actors in one goroutine, on
// virtual time, and judges what their clients saw.
//
// A run is a pure function of its Plan: a configuration and two explicit lists,
// client operations and faults, which Draw makes from a seed. Entries of the
// lists can be deleted without changing the randomness of the rest, and that is
// how a failing run shrinks.
//
// The reading order: plan.go and draw.go (what happens), world.go (the event
// loop), node.go and journal.go (a node: lanes, group commit, crashes), disk.go,
// network.go and clock.go (what it stands on), nemesis.go (faults), client.go
// (operations and the history), oracle.go and the files beside it (judgement).
//
// # Determinism
//
// Nothing here starts a goroutine, reads a clock or the environment, or ranges
// over a map where the order can reach an event. Randomness comes from streams
// derived from the seed; a message's fate is a hash of (seed, link, number of
// the message on that link), so that it does not depend on other links.
// Result.TraceHash digests every event and all that is done to disks: the same
// plan gives the same hash in every process.
package sim
