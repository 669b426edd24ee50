package detector

import "github.com/quoratedb/quorate/actors/msg"

// slabs are where messages come from: most of what an idle node does is to ping
// and to answer, so each of these would be most of its garbage. What has been
// handed out is never touched again, as messages are immutable once sent.
type slabs struct {
	pings   []msg.Ping
	acks    []msg.Ack
	updates []msg.Update
}

// slabSize is how many messages are made at once.
const slabSize = 32

func (s *slabs) ping() *msg.Ping {
	if len(s.pings) == 0 {
		s.pings = make([]msg.Ping, slabSize)
	}
	m := &s.pings[0]
	s.pings = s.pings[1:]
	return m
}

func (s *slabs) ack() *msg.Ack {
	if len(s.acks) == 0 {
		s.acks = make([]msg.Ack, slabSize)
	}
	m := &s.acks[0]
	s.acks = s.acks[1:]
	return m
}

// room is an empty list with room for the updates of one message; used tells how
// many of them are taken.
func (s *slabs) room() []msg.Update {
	if cap(s.updates) < maxUpdates {
		s.updates = make([]msg.Update, 0, slabSize*maxUpdates)
	}
	return s.updates[:0:maxUpdates]
}

func (s *slabs) used(n int) { s.updates = s.updates[n:n:cap(s.updates)] }
