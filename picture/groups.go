package picture

import (
	"github.com/quoratedb/quorate/actors/msg"
)

// The groups of message kinds, in the order of the page's switches.
const (
	groupClient = iota
	groupOwnership
	groupWrite
	groupRead
	groupForward
	groupHints
	groupRepair
	groupMap
	groupBackground
)

var groups = map[string]int{
	"ops": groupClient, "results": groupClient, "map-change": groupClient, "map-changed": groupClient,
	"prepare": groupOwnership, "promises": groupOwnership, "hand-over": groupOwnership, "drain": groupOwnership,
	"accept": groupWrite, "accepted": groupWrite, "put": groupWrite, "stored": groupWrite,
	"touch": groupRead, "touched": groupRead, "confirm": groupRead, "confirmed": groupRead, "read-versions": groupRead, "versions": groupRead,
	"fetch": groupRead, "fetched": groupRead, "put" + readRepair: groupRead, "stored" + readRepair: groupRead,
	"forward": groupForward, "forwarded": groupForward,
	"hint": groupHints, "hinted": groupHints, "put" + ofHint: groupHints, "stored" + ofHint: groupHints,
	"put" + ofRepair: groupRepair, "stored" + ofRepair: groupRepair, "compare": groupRepair, "compared": groupRepair,
	"tree-ask": groupRepair, "tree-told": groupRepair, "list-buckets": groupRepair, "buckets-listed": groupRepair,
	"want": groupRepair, "given": groupRepair, "ask-dead": groupRepair, "dead-told": groupRepair,
	"digest": groupRepair, "digested": groupRepair, "list-keys": groupRepair, "listed-keys": groupRepair,
	"map-ask": groupMap, "map-told": groupMap, "map-seen": groupMap,
}

func groupOf(kind string) int {
	if g, ok := groups[kind]; ok {
		return g
	}
	return groupBackground
}

// What tells puts from those of clients' writes, and their answers.
const (
	readRepair = " (read repair)"
	ofHint     = " (hint)"
	ofRepair   = " (anti-entropy)"
)

// whyPut is what a put is for, as a part of its kind's name.
func whyPut(m *msg.Put) string {
	switch m.Why {
	case msg.ForRead:
		return readRepair
	case msg.ForHint:
		return ofHint
	case msg.ForRepair:
		return ofRepair
	}
	return ""
}

// nameKinds gives each message the name of its kind. A put is one of four, by
// what it is for, and so is the answer to it.
func nameKinds(all []*flight) {
	why := map[askKey]string{}
	for _, f := range all {
		f.kind = f.env.Message.MessageName()
		switch m := f.env.Message.(type) {
		case *msg.Put:
			why[askKey{f.env.From, m.ID}] = whyPut(m)
			f.kind += whyPut(m)
		case *msg.Stored:
			f.kind += why[askKey{f.env.To, m.ID}]
		}
	}
}
