package node

import (
	"sync"
	"sync/atomic"

	"github.com/quoratedb/quorate/actors"
)

// mailbox is the bounded queue of a lane: pushed by anyone, drained as a whole
// by the lane. One wake-up covers everything pushed before the next drain.
type mailbox struct {
	wake chan struct{} // 1-buffered

	maxMessages, maxBytes int

	mu      sync.Mutex
	pending []actors.Envelope
	bytes   int // of what pending holds, estimated by the pushers

	refused atomic.Uint64 // messages
}

func newMailbox(maxMessages, maxBytes int) *mailbox {
	return &mailbox{wake: make(chan struct{}, 1), maxMessages: maxMessages, maxBytes: maxBytes}
}

// push queues copies of the envelopes, all or none. It refuses what would
// exceed a bound, unless always is set: what this node released itself (its
// own replies) is bounded by what it took in before. One message is taken
// however large it is if nothing else waits.
func (m *mailbox) push(es []actors.Envelope, bytes int, always bool) bool {
	m.mu.Lock()
	if !always && len(m.pending) > 0 && (len(m.pending)+len(es) > m.maxMessages || m.bytes+bytes > m.maxBytes) {
		m.mu.Unlock()
		m.refused.Add(uint64(len(es)))
		return false
	}
	first := len(m.pending) == 0
	m.pending = append(m.pending, es...)
	m.bytes += bytes
	m.mu.Unlock()
	if first {
		m.nudge()
	}
	return true
}

// nudge wakes the lane.
func (m *mailbox) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// drain takes everything and leaves spare, which is empty, in its place.
func (m *mailbox) drain(spare []actors.Envelope) []actors.Envelope {
	m.mu.Lock()
	batch := m.pending
	m.pending, m.bytes = spare, 0
	m.mu.Unlock()
	return batch
}

// depth is the number of messages that wait.
func (m *mailbox) depth() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.pending)
}
