package sim

import "github.com/quoratedb/quorate/actors"

// timerSlot is one timer of one actor. At most one event that counts is in the
// queue for it: moving a timer to later leaves the event where it is, and when
// it comes the timer is looked at again.
type timerSlot struct {
	actor   actors.Address
	id      actors.TimerID
	atNs    int64 // of the node's clock; 0: not set
	eventNs int64 // virtual time of the event that counts; 0: none
	gen     uint32
}

// setTimers takes the changes that a lane's batch asked for.
func (n *node) setTimers(l *lane) {
	for _, t := range l.ctx.Timers {
		n.setTimer(t)
	}
	l.ctx.Timers = l.ctx.Timers[:0]
}

func (n *node) setTimer(t actors.TimerChange) {
	i := 0
	for i < len(n.timers) && (n.timers[i].id != t.ID || n.timers[i].actor != t.Actor) {
		i++
	}
	if i == len(n.timers) {
		n.timers = append(n.timers, timerSlot{actor: t.Actor, id: t.ID})
	}
	n.timers[i].atNs = t.AtNs
	if t.AtNs > 0 {
		n.scheduleTimer(i)
	}
}

func (n *node) scheduleTimer(i int) {
	s := &n.timers[i]
	at := max(n.clock.virtualNs(s.atNs), n.w.nowNs)
	if s.eventNs != 0 && s.eventNs <= at {
		return
	}
	s.eventNs = at
	s.gen++
	n.w.q.push(at, event{kind: evTimer, node: uint8(n.idx), life: n.life, arg: uint64(i)<<32 | uint64(s.gen)})
}

// timerIsStale reports whether a timer's event has nothing to do, and puts it
// off if the timer has moved.
func (n *node) timerIsStale(e *event) bool {
	i := int(e.arg >> 32)
	s := &n.timers[i]
	if s.gen != uint32(e.arg) {
		return true
	}
	if s.atNs == 0 {
		s.eventNs = 0
		return true
	}
	return false
}

func (n *node) timerFires(e *event) {
	i := int(e.arg >> 32)
	s := &n.timers[i]
	s.eventNs = 0
	if n.clock.nowNs(n.w.nowNs) < s.atNs {
		n.scheduleTimer(i)
		return
	}
	s.atNs = 0
	n.enqueue(laneOf(s.actor), actors.Envelope{Message: actors.Timer{ID: s.id}, From: s.actor, To: s.actor})
}

// clockChanged moves the events of timers after the clock's rate has changed.
func (n *node) clockChanged() {
	if !n.up {
		return
	}
	for i := range n.timers {
		if n.timers[i].atNs > 0 {
			n.scheduleTimer(i)
		}
	}
}
