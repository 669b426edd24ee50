package actors

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/pingcap/failpoint"
)

// Context carries what an actor may know into it, and its effects out of it.
// The host fills the first part before each message and takes the effects
// after the batch; an actor keeps no reference to it.
type Context struct {
	// NowNs is a monotonic clock reading in nanoseconds, not comparable
	// between nodes. The same for a whole batch.
	NowNs int64
	// WallMs is the node's wall clock, Unix milliseconds. Never used for ordering.
	WallMs int64
	// Rand is this actor's source of randomness.
	Rand *rand.Rand
	// Self and Sender are the addresses of the receiver and of the message's origin.
	Self, Sender Address

	Effects
}

// Effects is what a batch asks of its host.
//
//  1. Envelopes leave in order. One with Durable set leaves only when all
//     Records of this and earlier batches of the same lane are on disk under
//     the node's sync policy.
//  2. Records are length-prefixed (uvarint) payloads, in order.
type Effects struct {
	Envelopes []Envelope
	Records   []byte
	Timers    []TimerChange
}

// Envelope is a message on its way.
type Envelope struct {
	Message  Message
	From, To Address
	Durable  bool
}

// TimerChange sets (AtNs > 0) or cancels (AtNs == 0) a timer of an actor.
// Setting a timer again moves it.
type TimerChange struct {
	AtNs  int64
	Actor Address
	ID    TimerID
}

// Send lets m leave at once.
func (c *Context) Send(to Address, m Message) {
	c.Envelopes = append(c.Envelopes, Envelope{Message: m, From: c.Self, To: to})
}

// SendDurable lets m leave once everything persisted before it is on disk. A
// reply that reveals state which a crash could take back goes this way.
func (c *Context) SendDurable(to Address, m Message) {
	durable := true
	failpoint.Inject("bug-1-ack-before-fsync", func() { durable = false })
	c.Envelopes = append(c.Envelopes, Envelope{Message: m, From: c.Self, To: to, Durable: durable})
}

// Persist hands a record to the node's journal.
func (c *Context) Persist(r Record) {
	// A record's length is known only after it has been encoded: leave room
	// for a short length and move the payload when it turns out longer.
	const short = 2
	start := len(c.Records)
	b := append(c.Records, 0, 0)
	b = r.AppendTo(b)
	n := len(b) - start - short
	var head [binary.MaxVarintLen64]byte
	w := binary.PutUvarint(head[:], uint64(n))
	if w > short {
		b = append(b, head[:w-short]...)
		copy(b[start+w:], b[start+short:start+short+n])
	} else if w < short {
		copy(b[start+w:], b[start+short:])
		b = b[:len(b)-(short-w)]
	}
	copy(b[start:], head[:w])
	c.Records = b
}

// SetTimer asks for Timer{id} at atNs (a reading of NowNs), moving an earlier one.
func (c *Context) SetTimer(id TimerID, atNs int64) {
	c.Timers = append(c.Timers, TimerChange{AtNs: max(atNs, 1), Actor: c.Self, ID: id})
}

// CancelTimer forgets a timer.
func (c *Context) CancelTimer(id TimerID) {
	c.Timers = append(c.Timers, TimerChange{Actor: c.Self, ID: id})
}

// NextRecord splits the first payload off a buffer of Records.
func NextRecord(b []byte) (payload, rest []byte) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		panic("actors: damaged effect buffer")
	}
	return b[w : w+int(n)], b[w+int(n):]
}
