package picture

import (
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/sim"
)

// flight is one copy of a message.
type flight struct {
	env     *actors.Envelope
	sentNs  int64
	dueNs   int64
	endNs   int64
	fate    int
	kind    string
	tallies []int // what it asks for or answers; -1: nothing that is known
}

// linkKey names a message on one link; its copies share it.
type linkKey struct {
	m        actors.Message
	from, to actors.Address
}

// flights pairs what left with what arrived. Of several copies the one that
// was due first is the one that is handled first.
func (b *builder) flights() []*flight {
	var all []*flight
	open := map[linkKey][]*flight{}
	for i := range b.rec.Messages {
		s := &b.rec.Messages[i]
		k := linkKey{s.Env.Message, s.Env.From, s.Env.To}
		f := &flight{env: &s.Env, sentNs: s.AtNs, dueNs: s.ArriveNs, endNs: s.ArriveNs}
		switch s.Fate {
		case sim.MessageSent:
			f.fate = fateUnread
			all = append(all, f)
			open[k] = append(open[k], f)
			slices.SortStableFunc(open[k], func(x, y *flight) int { return int(x.dueNs - y.dueNs) })
		case sim.MessageLost:
			f.fate = fateLost
			all = append(all, f)
		case sim.MessageHandled, sim.MessageRefused:
			if len(open[k]) == 0 {
				continue
			}
			f, open[k] = open[k][0], open[k][1:]
			f.endNs, f.fate = s.AtNs, fateHandled
			if s.Fate == sim.MessageRefused {
				f.fate = fateRefused
			}
		}
	}
	nameKinds(all)
	usual := usualNs(all)
	for _, f := range all {
		if f.fate == fateLost {
			f.endNs = f.sentNs + usual
		}
	}
	return all
}

// usualNs is the median latency between nodes.
func usualNs(all []*flight) int64 {
	var took []int64
	for _, f := range all {
		if f.fate == fateHandled && f.env.From.Node != f.env.To.Node {
			took = append(took, f.endNs-f.sentNs)
		}
	}
	if len(took) == 0 {
		return 100_000
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// detail is how much of the messages a page can bear.
type detail struct {
	heartbeats, background, upkeep, notes bool
}

// kind is the number of a kind of message.
func (b *builder) kind(name string) int {
	k := intern(b.kinds, &b.page.Meta.Kinds, name)
	if k == len(b.page.Meta.Groups) {
		b.page.Meta.Groups = append(b.page.Meta.Groups, groupOf(name))
	}
	return k
}

// messages fills the table of messages from what is wanted of the flights, and
// returns how many were left out.
func (b *builder) messages(all []*flight, d detail) (heartbeats, background, upkeep int) {
	t := &b.page.Msgs
	*t = msgTable{SentD: []int64{}, Took: []int64{}, From: []int{}, To: []int{}, Kind: []int{}, Fate: []int{}, Note: []int{}, Tally: []int{}}
	last, notes := int64(0), map[string]int{}
	b.page.Notes = []string{}
	for _, f := range all {
		name, group := f.kind, groupOf(f.kind)
		switch {
		case f.env.From.Node == f.env.To.Node && !atEdge(f.env): // it counts in tallies, and goes nowhere
			continue
		case (name == "ping" || name == "ping-req" || name == "ack") && !d.heartbeats:
			heartbeats++
			continue
		case group == groupBackground && !d.background:
			background++
			continue
		case (group == groupHints || group == groupRepair || group == groupMap) && !d.upkeep:
			upkeep++
			continue
		}
		at := micros(f.sentNs)
		if known := slices.DeleteFunc(slices.Clone(f.tallies), func(i int) bool { return i < 0 }); len(known) > 0 {
			t.Tally = append(append(t.Tally, len(t.SentD), len(known)), known...)
		}
		t.SentD, last = append(t.SentD, at-last), at
		t.Took = append(t.Took, micros(f.endNs)-at)
		t.From, t.To = append(t.From, place(f.env.From)), append(t.To, place(f.env.To))
		t.Kind, t.Fate = append(t.Kind, b.kind(name)), append(t.Fate, f.fate)
		note := ""
		if d.notes {
			note = describe(f.env.Message)
		}
		t.Note = append(t.Note, intern(notes, &b.page.Notes, note))
	}
	return heartbeats, background, upkeep
}

func atEdge(env *actors.Envelope) bool {
	return env.From.Kind == actors.Client || env.To.Kind == actors.Client
}

// place is where an address is drawn: a node's number, or -1-c for client c.
func place(a actors.Address) int {
	if a.Kind == actors.Client {
		return -1 - int(a.Index)
	}
	return int(a.Node)
}
