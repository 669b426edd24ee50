package node

import (
	"sync"
	"time"

	"github.com/quoratedb/quorate/actors"
)

// call is the waiting half of a session: some parts, each answered by one
// message, and one wake-up when all are there.
//
//  1. Every call that begin opens ends exactly once: with the last answer or
//     with giveUp. So nothing is left for the next call.
//  2. An answer counts only for the call and the part that it names, once.
type call struct {
	ready chan struct{} // 1-buffered: a token when the call has ended
	ended func()        // called instead, where it is set

	mu      sync.Mutex
	number  uint64 // of the open call, 0: none
	waiting int    // parts without an answer
	answers []actors.Message
	overdue uint64 // sweep at which to give up

	calls uint64 // last call number; of the session's goroutine
}

// partBits is the share of a request id that names the part. Each of up to
// maxLanes lanes gets at most one part; counting asks every lane of every member.
const partBits = 20

// begin opens a call of the given number of parts, to be given up after the
// given number of sweeps. The id of part i is the returned one plus i.
func (c *call) begin(parts int, giveUpAt uint64) uint64 {
	c.calls++
	c.mu.Lock()
	c.number, c.waiting, c.overdue = c.calls, parts, giveUpAt
	clear(c.answers)
	c.answers = append(c.answers[:0], make([]actors.Message, parts)...)
	c.mu.Unlock()
	return c.calls << partBits
}

// deliver files an answer; false if nobody waits for it.
func (c *call) deliver(m actors.Message) bool {
	number, part, ok := answerID(m)
	c.mu.Lock()
	if !ok || number != c.number || part >= len(c.answers) || c.answers[part] != nil {
		c.mu.Unlock()
		return false
	}
	c.answers[part] = m
	c.countDown()
	return true
}

// refused takes back the part of the given id, which could not be sent.
func (c *call) refused(id uint64) {
	part := int(id & (1<<partBits - 1))
	c.mu.Lock()
	if c.number != id>>partBits || c.answers[part] != nil {
		c.mu.Unlock()
		return
	}
	c.answers[part] = noAnswer{}
	c.countDown()
}

// countDown needs mu, and unlocks it.
func (c *call) countDown() {
	c.waiting--
	last := c.waiting == 0
	if last {
		c.number = 0
	}
	c.mu.Unlock()
	if last {
		c.end()
	}
}

func (c *call) end() {
	if c.ended != nil {
		c.ended()
		return
	}
	c.ready <- struct{}{}
}

// giveUp ends a call that is overdue at the given sweep; 0: any. It reports
// whether there was one.
func (c *call) giveUp(sweep uint64) bool {
	c.mu.Lock()
	if c.number == 0 || sweep != 0 && sweep < c.overdue {
		c.mu.Unlock()
		return false
	}
	c.number = 0
	c.mu.Unlock()
	c.end()
	return true
}

// wait returns the answers, nil where there is none, valid until the next begin.
func (c *call) wait() []actors.Message {
	<-c.ready
	return c.answers
}

// noAnswer stands for a part that was never sent.
type noAnswer struct{}

// MessageName implements actors.Message.
func (noAnswer) MessageName() string { return "no-answer" }

// sweepsIn is the number of sweeps that cover d.
func sweepsIn(d time.Duration) uint64 { return uint64(d/sweepEvery) + 2 }
