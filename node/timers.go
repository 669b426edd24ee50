package node

import "github.com/quoratedb/quorate/actors"

// timers holds the running timers of one lane. There are a handful (an actor
// names its timers by a byte and uses few), so a slice that is searched beats
// a heap with an index.
type timers struct{ set []actors.TimerChange }

// apply carries out a change.
func (t *timers) apply(c actors.TimerChange) {
	for i := range t.set {
		if t.set[i].ID == c.ID && t.set[i].Actor == c.Actor {
			if c.AtNs == 0 {
				t.set[i] = t.set[len(t.set)-1]
				t.set = t.set[:len(t.set)-1]
			} else {
				t.set[i].AtNs = c.AtNs
			}
			return
		}
	}
	if c.AtNs != 0 {
		t.set = append(t.set, c)
	}
}

// next is the earliest deadline, 0 if there is none.
func (t *timers) next() int64 {
	var at int64
	for i := range t.set {
		if at == 0 || t.set[i].AtNs < at {
			at = t.set[i].AtNs
		}
	}
	return at
}

// due moves the timers that have run out to batch, as messages.
func (t *timers) due(nowNs int64, batch []actors.Envelope) []actors.Envelope {
	for i := 0; i < len(t.set); {
		c := t.set[i]
		if c.AtNs > nowNs {
			i++
			continue
		}
		t.set[i] = t.set[len(t.set)-1]
		t.set = t.set[:len(t.set)-1]
		batch = append(batch, actors.Envelope{Message: actors.Timer{ID: c.ID}, From: c.Actor, To: c.Actor})
	}
	return batch
}
