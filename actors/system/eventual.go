package system

import (
	"cmp"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/coordinate"
	"github.com/quoratedb/quorate/actors/handoff"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/repair"
	"github.com/quoratedb/quorate/actors/shard"
	"github.com/quoratedb/quorate/actors/store"
)

// addEventual makes the actors of the buckets that are not strong.
func (l *Lane) addEventual(cfg *Config, sc *shard.Config) {
	sto := cfg.Store
	sto.Layout, sto.Node, sto.Lane, sto.Lanes = sc.Layout, sc.Node, sc.Lane, sc.Lanes
	sto.Clock = cfg.Coordinate.Clock
	l.Store = store.New(sto)

	hand := cfg.Handoff
	hand.Layout, hand.Node, hand.Inc, hand.Lane, hand.Lanes = sc.Layout, sc.Node, sc.Inc, sc.Lane, sc.Lanes
	l.Handoff = handoff.New(hand)

	rep := cfg.Repair
	rep.Layout, rep.Node, rep.Inc, rep.Lane, rep.Lanes = sc.Layout, sc.Node, sc.Inc, sc.Lane, sc.Lanes
	rep.Store, rep.Hints = l.Store, l.Handoff
	rep.GraceMs = cmp.Or(rep.GraceMs, rules(cfg).GraceMs)
	rep.HintTTLMs = cmp.Or(rep.HintTTLMs, cfg.Handoff.HintTTLMs)
	rep.MessageTTLMs = cmp.Or(rep.MessageTTLMs, cfg.Store.MessageTTLMs)
	rep.DriftMs = cmp.Or(rep.DriftMs, cfg.Coordinate.Clock.CapMs)
	l.Repair = repair.New(rep)

	co := cfg.Coordinate
	co.Layout, co.Node, co.Inc, co.Lane, co.Lanes = sc.Layout, sc.Node, sc.Inc, sc.Lane, sc.Lanes
	l.Coordinator = coordinate.New(co, l.Store, l.Handoff)

	for kind, a := range [...]actors.Actor{
		actors.Store: l.Store, actors.Handoff: l.Handoff, actors.Repair: l.Repair, actors.Coordinator: l.Coordinator,
	} {
		if a != nil {
			l.add(actors.Kind(kind), l.index, a)
			l.all[len(l.all)-1].late = true
		}
	}
}

// startEventual starts them if the map has a bucket for them.
func (l *Lane) startEventual(c *actors.Context) {
	if l.eventual {
		return
	}
	for _, b := range l.layout.Buckets() {
		if b != nil && b.Mode != kv.Strong {
			l.start(c)
			return
		}
	}
}

func (l *Lane) start(c *actors.Context) {
	l.eventual = true
	for i := range l.all {
		m := &l.all[i]
		if s, ok := m.actor.(starter); ok && m.late {
			c.Self = m.self
			s.Start(c)
		}
	}
}

// peerStatus tells the other actors of the lane what the detector tells the shard.
func (l *Lane) peerStatus(c *actors.Context, from actors.Address, m *msg.PeerStatus) {
	for _, kind := range [...]actors.Kind{actors.Coordinator, actors.Handoff, actors.Repair} {
		a := l.byKind[kind]
		c.Self, c.Sender = a.self, from
		a.actor.Receive(c, m)
	}
}

// defaultGraceMs is the grace of a bucket that names none: a day.
const defaultGraceMs = 24 * 3600 * 1000

// rules are those of the cluster map: a tombstone must outlive every hint and
// message that may bring back what it deletes, by clocks that drift.
func rules(cfg *Config) kv.Rules {
	r := cfg.Cluster.Rules
	if r.MinGraceMs == 0 {
		r.MinGraceMs = cmp.Or(cfg.Handoff.HintTTLMs, handoff.DefaultHintTTLMs) +
			cmp.Or(cfg.Store.MessageTTLMs, store.DefaultMessageTTLMs) + cmp.Or(cfg.Coordinate.Clock.CapMs, causal.DefaultCapMs)
	}
	if r.GraceMs == 0 {
		r.GraceMs = max(defaultGraceMs, 2*r.MinGraceMs)
	}
	return r
}
