// Package node is the production host of the actors: it runs them on a
// hollywood engine, carries their messages over TCP and makes their records
// durable in a log on disk.
//
// A reading order, from a client's operation to its result:
//
//	session.go    groups the operations of a front door by lane and waits once
//	outbox.go     sorts envelopes by destination: each gets one batch
//	mailbox.go    the bounded queue of a lane
//	lane.go       one goroutine per lane: drain, Step, carry out the effects
//	journal.go    makes records durable, then releases what waited for them
//	transport.go  one peer: a bounded queue and the goroutine that dials and writes
//	inbound.go    the other end of it: handshake, frames, one batch per lane
//	boot.go       lock, recovery, identity, incarnation
//	node.go       puts all of it together, and takes it apart in order
//
// Crash-only: an actor that panics or a log that fails stops the node. It never
// goes on with blank state, and never tries an fsync again.
package node
