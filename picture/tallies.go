package picture

import (
	"fmt"
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// askKey names a request as its reply does: the actor that asked, and its id.
type askKey struct {
	asker actors.Address
	id    uint64
}

// subject is what replicas vote on.
type subject struct {
	kind      string
	key       string
	version   kv.Version // accept; its ballot alone for touch and prepare
	asker     actors.Address
	atNs      int64 // confirm, read-versions, fetch: the instant is the subject
	nth       int   // fetch: of those of one key in a message
	object    string
	partition kv.Partition
}

// counting finds out who voted on what: every version of a key, every claim,
// every confirmation is a tally, however many messages carried it.
type counting struct {
	b     *builder
	index map[subject]int
	asked map[askKey][]int // latest request of that name; ids rarely meet again after a restart
	// rounds are what is known of the tallies of buckets that are not strong, by
	// tally; those of strong ones are nil.
	rounds []*round
}

// tallies fills the table of tallies, and says which of them are whose.
func (b *builder) tallies(all []*flight) {
	b.page.Tallies, b.page.Texts = []tally{}, []string{}
	clear(b.texts)
	c := &counting{b: b, index: map[subject]int{}, asked: map[askKey][]int{}}
	for _, f := range all {
		if id, ok := requestID(f.env.Message); ok {
			eachSubject(f, c.begun)
			c.asked[askKey{f.env.From, id}] = f.tallies
		} else if id, no, ok := answer(f.env.Message); ok && f.env.From.Node != f.env.To.Node {
			f.tallies = c.asked[askKey{f.env.To, id}]
			if f.fate != fateHandled {
				continue
			}
			for at, i := range f.tallies {
				v := voteYes
				if no(at) {
					v = voteNo
				}
				b.vote(i, int(f.env.From.Node), v, micros(f.endNs)-b.page.Tallies[i].At)
			}
		}
	}
	c.eventual(all)
	c.own()
	c.met()
}

// begun enters a request for a vote.
func (c *counting) begun(f *flight, s subject, note string) {
	i, ok := c.index[s]
	if !ok {
		i = c.tally(f, s, note)
	}
	f.tallies = append(f.tallies, i)
	c.b.vote(i, int(f.env.To.Node), votePending, 0)
}

// tally makes one.
func (c *counting) tally(f *flight, s subject, note string) int {
	i := len(c.rounds)
	c.index[s] = i
	key := -1
	if s.key != "" {
		key = c.b.register(s.partition, s.key)
	}
	c.b.page.Tallies = append(c.b.page.Tallies, tally{
		Kind: c.b.kind(s.kind), Node: int(f.env.From.Node), Key: key, At: micros(f.sentNs),
		Note: c.b.text(note), Self: c.b.votes(f.env.From.Node, s, f.sentNs), Votes: []int{},
	})
	c.rounds = append(c.rounds, nil)
	return i
}

// met says when each tally had what it needs.
func (c *counting) met() {
	for i := range c.b.page.Tallies {
		t, r := &c.b.page.Tallies[i], c.rounds[i]
		var d need
		var words string
		if r == nil {
			d = need{{nil, c.b.page.Meta.Replicas/2 + 1}}
			words = fmt.Sprintf("%d of %d make a majority", d[0].count, c.b.page.Meta.Replicas)
			if t.Self != 0 {
				words += ", the asker's own replica included"
			}
		} else {
			d, words = r.need(c.b)
			if _, seen := voteOf(t, t.Node); seen {
				t.Self = 0
			}
		}
		t.Need, t.Met, t.Goal = d.sum(), d.metAt(t), c.b.text(words)
		if t.Met < 0 && r != nil && r.late {
			t.Met = r.lateAt(d, t)
		}
	}
}

// voteOf is what a node said in a tally.
func voteOf(t *tally, node int) (vote int, asked bool) {
	for k := 0; k < len(t.Votes); k += 3 {
		if t.Votes[k] == node {
			return t.Votes[k+1], true
		}
	}
	return votePending, false
}

// votes is 1 if a node's own replica has a vote: a majority may also be read
// by a node that holds nothing itself.
func (b *builder) votes(n kv.NodeID, s subject, atNs int64) int {
	pl := b.placeOf(s.partition, atNs)
	if s.kind == "confirm" || pl != nil && slices.Contains(pl.Replicas, n) {
		return 1
	}
	return 0
}

// The votes, as the page knows them.
const (
	votePending = iota
	voteYes
	voteNo
)

// vote notes what a node says in a tally. A yes stays.
func (b *builder) vote(i, node, vote int, after int64) {
	v := b.page.Tallies[i].Votes
	for k := 0; k < len(v); k += 3 {
		if v[k] == node {
			if vote != votePending && v[k+1] != voteYes {
				v[k+1], v[k+2] = vote, int(after)
			}
			return
		}
	}
	b.page.Tallies[i].Votes = append(v, node, vote, int(after))
}

func requestID(m actors.Message) (uint64, bool) {
	switch m := m.(type) {
	case *msg.Prepare:
		return m.ID, true
	case *msg.Touch:
		return m.ID, true
	case *msg.Accept:
		return m.ID, true
	case *msg.Confirm:
		return m.ID, true
	case *msg.ReadVersions:
		return m.ID, true
	}
	return 0, false
}

// eachSubject calls f once for every item of a request, in order.
func eachSubject(fl *flight, f func(*flight, subject, string)) {
	switch m := fl.env.Message.(type) {
	case *msg.Prepare:
		for _, it := range m.Items {
			f(fl, subject{kind: "prepare", version: kv.Version{Ballot: it.Ballot}, partition: it.Partition},
				fmt.Sprintf("partition %d under ballot %v", it.Partition, it.Ballot))
		}
	case *msg.Touch:
		for i := range m.Items {
			it := &m.Items[i]
			f(fl, subject{kind: "touch", key: string(it.Key), version: kv.Version{Ballot: it.Ballot}, partition: it.Partition},
				fmt.Sprintf("first look at %s under ballot %v", it.Key, it.Ballot))
		}
	case *msg.Accept:
		for _, it := range m.Items {
			f(fl, subject{kind: "accept", key: string(it.Key), version: it.Register.Version, partition: it.Partition},
				holding(string(it.Key), &it.Register))
		}
	case *msg.Confirm:
		f(fl, subject{kind: "confirm", asker: fl.env.From, atNs: fl.sentNs}, "still promised what it owns?")
	case *msg.ReadVersions:
		for _, k := range m.Keys {
			f(fl, subject{kind: "read-versions", key: string(k.Key), asker: fl.env.From, atNs: fl.sentNs, partition: k.Partition},
				fmt.Sprintf("which version of %s?", k.Key))
		}
	}
}

// answer is the id of the request that a reply answers, and whether it says no
// to an item of it.
func answer(m actors.Message) (id uint64, no func(item int) bool, ok bool) {
	switch m := m.(type) {
	case *msg.Promises:
		return m.ID, func(i int) bool { return i < len(m.Items) && !m.Items[i].OK }, true
	case *msg.Touched:
		return m.ID, func(i int) bool { return i < len(m.Items) && m.Items[i].Refused }, true
	case *msg.Accepted:
		return m.ID, func(i int) bool { return refuses(m.Refused, i) }, true
	case *msg.Confirmed:
		return m.ID, func(int) bool { return len(m.Refused) > 0 }, true
	case *msg.Versions:
		return m.ID, func(int) bool { return len(m.Versions) == 0 }, true
	}
	return 0, nil, false
}

func refuses(list []msg.Refusal, item int) bool {
	for i := range list {
		if int(list[i].Index) == item {
			return true
		}
	}
	return false
}
