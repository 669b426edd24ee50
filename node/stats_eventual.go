package node

import (
	"cmp"
	"slices"
	"time"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/system"
	"github.com/quoratedb/quorate/node/door"
)

// eventualStats is what the actors of one lane say that serve buckets which are
// not strong.
type eventualStats struct {
	coordinate system.CoordinateStats
	store      system.StoreStats
	handoff    system.HandoffStats
	repair     system.RepairStats
	live       uint64 // keys with a value
}

// measureEventual runs on the lane's goroutine.
func (l *lane) measureEventual() eventualStats {
	return eventualStats{
		coordinate: l.actors.Coordinator.Stats(), store: l.actors.Store.Stats(), live: l.actors.Store.Live(),
		handoff: l.actors.Handoff.Stats(), repair: l.actors.Repair.Stats(),
	}
}

// addTo sums lanes up.
func (e *eventualStats) addTo(s *door.Eventual) {
	c, t := &e.coordinate, &e.store
	s.Keys, s.Dead, s.Bytes = s.Keys+t.Keys, s.Dead+t.Keys-e.live, s.Bytes+t.Bytes
	s.SiblingReads += c.Siblings
	s.StaleReads += c.Behind
	s.Repaired += c.Mended
	s.Forwards += c.Forwards
	s.Resends += c.Resends
	s.Drifted += t.Refused[msg.ByDrift]
	s.Skewed += c.Skewed
	s.Forgotten += t.Forgot
	s.Hints.Unkept += c.HintsRefused
	e.addHints(&s.Hints)
	e.addRepair(&s.Repair)
}

func (e *eventualStats) addHints(s *door.Hints) {
	h := &e.handoff
	s.Pending += h.Hints
	s.Bytes += h.Bytes
	s.Kept += h.Kept
	s.Refused += h.Refused
	s.Delivered += h.Delivered
	s.Expired += h.Expired
	s.Failed += h.Failed
	for i := range h.Targets {
		t := &h.Targets[i]
		at, found := slices.BinarySearchFunc(s.For, t.Node, func(f door.HintsFor, n kv.NodeID) int { return cmp.Compare(f.Node, n) })
		if !found {
			s.For = slices.Insert(s.For, at, door.HintsFor{Node: t.Node})
		}
		f := &s.For[at]
		f.Pending += t.Hints
		f.Bytes += t.Bytes
		f.Refused += t.Refused
		if born := momentOf(t.OldestMs); !born.IsZero() && (f.Oldest.IsZero() || born.Before(f.Oldest)) {
			f.Oldest = born
		}
	}
}

func (e *eventualStats) addRepair(s *door.Repair) {
	r := &e.repair
	s.LastFull = sooner(s.LastFull, momentOf(r.LastFullMs), s.All == 0, r.All == 0)
	s.Done += r.Done
	s.All += r.All
	s.Took = max(s.Took, time.Duration(r.TookMs)*time.Millisecond)
	s.Queued += r.Queued
	s.Rounds += r.Rounds
	s.Sessions += r.Sessions
	s.Abandoned += r.Abandoned
	s.Unanswered += r.Unanswered
	s.SentKeys += r.SentKeys
	s.SentBytes += r.SentBytes
	s.GotKeys += r.GotKeys
	s.GotBytes += r.GotBytes
	s.Collected += r.Collected
	s.Left += r.Left
	s.Leaving += r.Leaving
	for i := range r.Peers {
		p := &r.Peers[i]
		at, found := slices.BinarySearchFunc(s.Peers, p.Node, func(q door.RepairPeer, n kv.NodeID) int { return cmp.Compare(q.Node, n) })
		if !found {
			s.Peers = slices.Insert(s.Peers, at, door.RepairPeer{Node: p.Node})
		}
		q := &s.Peers[at]
		q.LastFull = sooner(q.LastFull, momentOf(p.DoneMs), q.Shared == 0, p.Shared == 0)
		q.Compared = sooner(q.Compared, momentOf(p.ComparedMs), q.Shared == 0, p.Shared == 0)
		q.Shared += p.Shared
		q.Left += p.Left
	}
}

// sooner is the earlier of two moments, where never (zero) is the earliest; a
// side that has nothing to tell does not count.
func sooner(a, b time.Time, aEmpty, bEmpty bool) time.Time {
	switch {
	case bEmpty:
		return a
	case aEmpty || b.Before(a):
		return b
	}
	return a
}

// momentOf is the moment of a Unix time in milliseconds, 0 being none.
func momentOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
