package picture

import (
	"fmt"
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// round is what is known of a tally of a bucket that is not strong: an object
// on its way to the replicas of its key, or a question to all of them. Each is
// one coordinator's. Its own replica is mostly read, and written to, within one
// step, of which no message tells; else it is asked and answers as the others do.
type round struct {
	partition kv.Partition
	atNs      int64
	asker     kv.NodeID
	kind      string
	item      *msg.PutItem // of a put
	ask       kv.Ask       // of the operation that it belongs to; zero: what the bucket says
	claimed   bool         // it belongs to an operation
	late      bool         // stand-ins that keep nothing were asked, too
}

const (
	roundPut    = "put"
	roundRepair = "put" + readRepair
	roundFetch  = "fetch"
)

// need is how many answers a round needs, and that in words.
func (r *round) need(b *builder) (need, string) {
	pl := b.placeOf(r.partition, r.atNs)
	ask, name, wants := r.ask, "R", kv.Ask{}
	if r.kind == roundPut {
		name = "W"
	}
	switch {
	case pl == nil || pl.Bucket == nil:
		return need{{nil, 1}}, ""
	case pl.Bucket.Mode == kv.ABD:
		ask = kv.Ask{}
	case name == "W":
		wants = pl.Bucket.W
	default:
		wants = pl.Bucket.R
	}
	if ask.IsZero() {
		ask = orQuorum(wants)
	}
	d := needOf(ask, pl, b.rec.Zones, b.rec.Zones[r.asker-1])
	words := d.words(name, ask)
	if pl.Bucket.Mode == kv.Eventual && pl.Bucket.Sloppy {
		words += ", or who stands in"
		if !slices.Contains(pl.Replicas, r.asker) {
			words += fmt.Sprintf(" (n%d for itself, too: that needs no message)", r.asker)
		}
	}
	return d, words
}

// lateAt is when a read had enough with the stand-ins that keep nothing: they
// count once nobody else is left to answer.
func (r *round) lateAt(d need, t *tally) int64 {
	with := *t
	with.Stands = append([]int{}, t.Stands...)
	for k := 0; k < len(with.Stands); k += 4 {
		if with.Stands[k+2] == voteNothing {
			with.Stands[k+2] = voteYes
		}
	}
	return d.metAt(&with)
}

// voteNothing is that of a stand-in which keeps nothing of the key.
const voteNothing = 3

// eventual counts the rounds of buckets that are not strong: first what replicas
// were asked and said, then those who were asked in their stead.
func (c *counting) eventual(all []*flight) {
	for _, round := range []struct {
		ask     func(*flight)
		answers actors.Kind
	}{{c.askReplica, actors.Store}, {c.askStandIn, actors.Handoff}} {
		for _, f := range all {
			switch {
			case f.env.From.Kind == actors.Coordinator:
				round.ask(f)
			case f.env.To.Kind == actors.Coordinator && f.env.From.Kind == round.answers:
				c.answered(f)
			}
		}
	}
}

func (c *counting) askReplica(f *flight) {
	switch m := f.env.Message.(type) {
	case *msg.Put:
		for _, it := range m.Items {
			c.round(f, subject{kind: f.kind, key: string(it.Key), asker: f.env.From, object: string(it.Object.Append(nil)), partition: it.Partition},
				objectText(string(it.Key), &it.Object), it)
		}
		c.asked[askKey{f.env.From, m.ID}] = f.tallies
	case *msg.Fetch:
		if f.env.To.Kind != actors.Store {
			return
		}
		if known, again := c.asked[askKey{f.env.From, m.ID}]; again {
			f.tallies = known
			return
		}
		nth := map[string]int{}
		for i := range m.Items {
			it := &m.Items[i]
			s := subject{kind: roundFetch, key: string(it.Key), asker: f.env.From, atNs: f.sentNs, partition: it.Partition, nth: nth[string(it.Key)]}
			nth[s.key]++
			if old := c.refusedBy(s, int(f.env.To.Node)); old >= 0 { // the same question once more
				c.index[s] = old
			}
			c.round(f, s, fmt.Sprintf("what is %s?", it.Key), nil)
		}
		c.asked[askKey{f.env.From, m.ID}] = f.tallies
	}
}

// round enters a request of a coordinator.
func (c *counting) round(f *flight, s subject, note string, it *msg.PutItem) {
	known := len(c.rounds)
	c.begun(f, s, note)
	if len(c.rounds) == known {
		return
	}
	c.rounds[known] = &round{partition: s.partition, atNs: f.sentNs, asker: f.env.From.Node, kind: s.kind, item: it}
	t := &c.b.page.Tallies[known]
	if pl := c.b.placeOf(s.partition, f.sentNs); pl != nil && pl.Bucket != nil && pl.Bucket.Sloppy && pl.Bucket.Mode == kv.Eventual {
		t.CountStands = 1
	}
}

// refusedBy finds the last read of a key by a coordinator to which a node has
// said no: a replica that did not know the bucket yet is asked again.
func (c *counting) refusedBy(s subject, node int) int {
	for i := len(c.rounds) - 1; i >= 0; i-- {
		r, t := c.rounds[i], &c.b.page.Tallies[i]
		if r == nil || r.kind != roundFetch || r.asker != s.asker.Node || r.partition != s.partition || t.Key != c.b.register(s.partition, s.key) {
			continue
		}
		if said, _ := voteOf(t, node); said == voteNo {
			return i
		}
		return -1
	}
	return -1
}

func (c *counting) askStandIn(f *flight) {
	switch m := f.env.Message.(type) {
	case *msg.Hint:
		for _, it := range m.Items {
			s := subject{kind: roundPut, key: string(it.Key), asker: f.env.From, object: string(it.Object.Append(nil)), partition: it.Partition}
			c.standIn(f, c.indexOf(s), int(m.Target))
		}
		c.asked[askKey{f.env.From, m.ID}] = f.tallies
	case *msg.Fetch:
		if f.env.To.Kind != actors.Handoff {
			return
		}
		for i := range m.Items {
			it := &m.Items[i]
			c.standIn(f, c.lastRead(f, c.b.register(it.Partition, string(it.Key))), 0)
		}
		c.asked[askKey{f.env.From, m.ID}] = f.tallies
	}
}

func (c *counting) indexOf(s subject) int {
	if i, ok := c.index[s]; ok {
		return i
	}
	return -1
}

// lastRead is the latest read of a key that a coordinator had begun by the time
// of a message.
func (c *counting) lastRead(f *flight, key int) int {
	for i := len(c.rounds) - 1; i >= 0; i-- {
		r := c.rounds[i]
		if r != nil && r.kind == roundFetch && r.asker == f.env.From.Node && c.b.page.Tallies[i].Key == key && r.atNs <= f.sentNs {
			return i
		}
	}
	return -1
}

// standIn enters that a node is asked to stand in for another; 0: for any.
func (c *counting) standIn(f *flight, i, target int) {
	f.tallies = append(f.tallies, i)
	if i < 0 {
		return
	}
	t := &c.b.page.Tallies[i]
	for k := 0; k < len(t.Stands); k += 4 {
		if t.Stands[k] == int(f.env.To.Node) && t.Stands[k+1] == target {
			return
		}
	}
	t.Stands = append(t.Stands, int(f.env.To.Node), target, votePending, 0)
}

// answered takes in an answer to a coordinator.
func (c *counting) answered(f *flight) {
	var id uint64
	var vote func(item int) (int, string)
	switch m := f.env.Message.(type) {
	case *msg.Stored:
		id, vote = m.ID, func(item int) (int, string) { return refusedPut(m.Refused, item), "" }
	case *msg.Hinted:
		id, vote = m.ID, func(item int) (int, string) { return refusedPut(m.Refused, item), "" }
	case *msg.Fetched:
		id, vote = m.ID, func(item int) (int, string) { return fetchedVote(f, m, item) }
	default:
		return
	}
	f.tallies = c.asked[askKey{f.env.To, id}]
	if f.fate != fateHandled {
		return
	}
	for item, i := range f.tallies {
		if i < 0 {
			continue
		}
		v, said := vote(item)
		after := micros(f.endNs) - c.b.page.Tallies[i].At
		if f.env.From.Kind == actors.Handoff {
			c.stands(i, int(f.env.From.Node), v, after)
			continue
		}
		c.b.vote(i, int(f.env.From.Node), v, after)
		if said != "" {
			t := &c.b.page.Tallies[i]
			t.Said = append(t.Said, int(f.env.From.Node), c.b.text(said))
		}
	}
}

// stands notes the answer of a node that was asked to stand in.
func (c *counting) stands(i, node, vote int, after int64) {
	t := &c.b.page.Tallies[i]
	for k := 0; k < len(t.Stands); k += 4 {
		if t.Stands[k] == node && t.Stands[k+2] == votePending && vote != votePending {
			t.Stands[k+2], t.Stands[k+3] = vote, int(after)
			if vote == voteNothing {
				c.rounds[i].late = true
			}
			return
		}
	}
}

func refusedPut(list []msg.PutRefusal, item int) int {
	for i := range list {
		if int(list[i].Index) == item {
			return voteNo
		}
	}
	return voteYes
}

// fetchedVote is what an answer says of one of the keys asked for.
func fetchedVote(f *flight, m *msg.Fetched, item int) (int, string) {
	if item >= len(m.Items) {
		return votePending, ""
	}
	switch it := &m.Items[item]; {
	case it.Refused == msg.ByFull: // the answer was long enough without it
		return votePending, ""
	case it.Refused != 0:
		return voteNo, ""
	case it.Same:
		return voteYes, fmt.Sprintf("as n%d", f.env.To.Node)
	case it.Object == nil && f.env.From.Kind == actors.Handoff:
		return voteNothing, ""
	case it.Object == nil:
		return voteYes, "nothing"
	default:
		return voteYes, contentText(it.Object)
	}
}
