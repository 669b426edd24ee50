package repair

import (
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// session makes one partition equal to a peer's, one question at a time:
//
//	walk the trees → list the buckets found different → send what the peer
//	lacks, ask for what is lacking here → compare again
//
// The first pass moves one object of a key that both have: that which seems to
// know more. If the guess was wrong, or the two were concurrent, the next pass
// finds the key still different and moves both. So in the usual case, where one
// side was away, nothing moves in vain.
type session struct {
	node      kv.NodeID
	partition kv.Partition
	salt      uint64
	walk      *causal.Walk
	asked     []causal.NodeRef
	buckets   []uint32   // to be listed
	listed    [][]marked // of the first ones: the own keys, when the question left
	puts      [][]byte   // keys to be sent
	whole     []uint32   // buckets to be asked for
	wants     []msg.WantItem
	question  question
	pass      int
	appetite  int  // how many objects or buckets to ask for
	guessed   bool // a key was different that both have
	byKey     bool // no bucket is asked for as a whole
}

// What one question may be about.
const (
	treeNodes  = 16
	listAtOnce = 256  // buckets
	wantAtOnce = 1024 // objects or buckets
	wantFirst  = 256
	maxPasses  = 3
)

// pumpSession goes on with the session, or begins the next one.
func (r *Repair) pumpSession(c *actors.Context) int64 {
	for r.session != nil || len(r.queue) > 0 {
		if s := r.session; s != nil && s.question.id != 0 {
			if c.NowNs < s.question.deadlineNs {
				return s.question.deadlineNs
			}
			if !r.again(c, &s.question) {
				r.counts.unanswered++
				r.end(c, false)
			}
			continue
		}
		if readyNs := r.budget.readyNs(c); readyNs > c.NowNs {
			return readyNs
		}
		if r.session == nil {
			r.begin(c)
			continue
		}
		r.session.advance(c, r)
	}
	return never
}

// begin starts the next session of the queue, unless its partition is in another one.
func (r *Repair) begin(c *actors.Context) {
	j := r.queue[0]
	r.queue = r.queue[1:]
	if len(r.queue) == 0 {
		r.queue = nil
	}
	if j.root == (causal.Hash{}) || !r.hold(c, j.partition, r.cfg.Node) {
		r.counts.busy++
		return
	}
	r.counts.sessions++
	r.session = &session{node: j.node, partition: j.partition, salt: c.Rand.Uint64(), appetite: wantFirst, walk: causal.NewWalk(r.cfg.Store.Tree(j.partition), j.root)}
}

// end closes the session; equal says that the partition was found to be so, or made so.
func (r *Repair) end(c *actors.Context, equal bool) {
	s := r.session
	r.session = nil
	r.release(s.partition, r.cfg.Node)
	if !equal {
		r.counts.abandoned++
		return
	}
	if p := r.peer(s.node); p != nil && p.left > 0 {
		p.left--
		p.finish(c)
	}
}

// advance asks the next question.
func (s *session) advance(c *actors.Context, r *Repair) {
	r.hold(c, s.partition, r.cfg.Node)
	// What is found of one walk ascends; the finds of two questions may not.
	s.buckets = append(s.buckets, s.walk.Buckets()...)
	slices.Sort(s.buckets)
	switch {
	case len(s.whole) > 0 || len(s.wants) > 0:
		s.askObjects(c, r)
	case len(s.puts) > 0:
		s.sendObjects(c, r)
	case len(s.buckets) >= listAtOnce:
		s.askList(c, r)
	default:
		if s.asked = s.walk.Ask(treeNodes); len(s.asked) > 0 {
			m := &msg.TreeAsk{ID: r.newID(), Partition: s.partition, Nodes: s.asked}
			r.ask(c, &s.question, r.at(s.node, actors.Repair), m.ID, m)
			return
		}
		switch {
		case len(s.buckets) > 0:
			s.askList(c, r)
		case s.guessed && s.pass+1 < maxPasses:
			m := &msg.Compare{ID: r.newID(), Epoch: r.cfg.Layout.Epoch(),
				Items: []msg.PartitionRoot{{Partition: s.partition, Root: r.cfg.Store.Tree(s.partition).Root()}}}
			r.ask(c, &s.question, r.at(s.node, actors.Repair), m.ID, m)
		default:
			r.end(c, !s.guessed)
		}
	}
}

// compared begins another pass, or ends a session that has made its partition equal.
func (s *session) compared(c *actors.Context, r *Repair, m *msg.Compared) {
	if len(m.Differs) == 0 {
		r.end(c, true)
		return
	}
	s.pass++
	s.guessed = false
	s.walk = causal.NewWalk(r.cfg.Store.Tree(s.partition), m.Differs[0].Root)
}

func (r *Repair) treeTold(c *actors.Context, m *msg.TreeTold) {
	s := r.session
	if s == nil || !s.question.answers(c, m.ID) {
		return
	}
	if !s.walk.Take(r.cfg.Store.Tree(s.partition), s.asked, m.Hashes) {
		r.counts.busy++ // or its trees have another shape
		r.end(c, false)
		return
	}
}

// askList asks in what buckets differ. One that is empty here needs no list:
// all of it is asked for.
func (s *session) askList(c *actors.Context, r *Repair) {
	m := &msg.ListBuckets{Salt: s.salt, Partition: s.partition}
	s.listed = s.listed[:0]
	n := 0
	for ; n < len(s.buckets) && n < listAtOnce && len(m.States) < maxMarks; n++ {
		b := s.buckets[n]
		mine := r.marks(s.partition, b, s.salt)
		if len(mine) == 0 && !s.byKey {
			s.whole = append(s.whole, b)
			continue
		}
		for i := range mine {
			m.States = append(m.States, mine[i].state)
		}
		m.Buckets, m.Counts = append(m.Buckets, b), append(m.Counts, uint32(len(mine)))
		s.listed = append(s.listed, mine)
	}
	s.buckets = append(m.Buckets[:len(m.Buckets):len(m.Buckets)], s.buckets[n:]...)
	if len(m.Buckets) > 0 {
		m.ID = r.newID()
		r.ask(c, &s.question, r.at(s.node, actors.Repair), m.ID, m)
	}
}

// bucketsListed finds which keys of the first buckets differ.
func (r *Repair) bucketsListed(c *actors.Context, m *msg.BucketsListed) {
	s := r.session
	if s == nil || !s.question.answers(c, m.ID) {
		return
	}
	if len(m.Counts) == 0 || len(m.Counts) > len(s.listed) {
		r.end(c, false)
		return
	}
	marks, at := m.Marks, 0
	for i, count := range m.Counts {
		end := at + len(s.listed[i])
		if int(count) > len(marks) || end > 8*len(m.Lacks) {
			r.end(c, false)
			return
		}
		var mine []marked
		for j := at; j < end; j++ {
			if m.Lacks[j/8]>>(j%8)&1 != 0 {
				mine = append(mine, s.listed[i][j-at])
			}
		}
		s.compareKeys(s.buckets[i], mine, marks[:count])
		marks, at = marks[count:], end
	}
	s.buckets = s.buckets[len(m.Counts):]
}

// compareKeys decides what moves of a bucket.
func (s *session) compareKeys(bucket uint32, mine []marked, theirs []msg.KeyMark) {
	differing(mine, theirs, s.pass > 0, func(name uint32, mine []marked, theirs int, w way) {
		if w&toPeer != 0 {
			for j := range mine {
				s.puts = append(s.puts, mine[j].key)
			}
		}
		if w&fromPeer != 0 {
			s.wants = append(s.wants, msg.WantItem{Bucket: bucket, Name: name})
		}
		s.guessed = s.guessed || len(mine) > 0 && theirs > 0
	})
}

// sendObjects puts the next objects that the peer lacks.
func (s *session) sendObjects(c *actors.Context, r *Repair) {
	var m *msg.Put
	if m, s.puts = r.putOf(c, s.partition, s.puts); len(m.Items) > 0 {
		r.ask(c, &s.question, r.at(s.node, actors.Store), m.ID, m)
	}
}

// putOf makes a message of the objects of the first keys, as many as fit, and
// returns the rest of the keys.
func (r *Repair) putOf(c *actors.Context, p kv.Partition, keys [][]byte) (*msg.Put, [][]byte) {
	m := &msg.Put{ID: r.newID(), SentMs: c.WallMs, Epoch: r.cfg.Layout.Epoch(), Why: msg.ForRepair}
	bytes, n := 0, 0
	for ; n < len(keys) && len(m.Items) < r.cfg.PutItems; n++ {
		o, _ := r.cfg.Store.Lookup(p, keys[n])
		if o.IsZero() {
			continue // collected in between
		}
		size := weigh(keys[n], &o)
		if bytes > 0 && bytes+size > r.cfg.PutBytes {
			break
		}
		bytes += size
		m.Items = append(m.Items, &msg.PutItem{Partition: p, Key: keys[n], Object: o})
	}
	r.budget.spend(bytes)
	r.counts.sentKeys += uint64(len(m.Items))
	r.counts.sentBytes += uint64(bytes)
	return m, keys[n:]
}

// askObjects asks for the next objects that are lacking here.
func (s *session) askObjects(c *actors.Context, r *Repair) {
	m := &msg.Want{ID: r.newID(), Salt: s.salt, Partition: s.partition, Whole: s.whole[:min(len(s.whole), s.appetite)]}
	if len(m.Whole) == 0 {
		m.Items = s.wants[:min(len(s.wants), s.appetite)]
	}
	r.ask(c, &s.question, r.at(s.node, actors.Repair), m.ID, m)
}

// given hands what the peer gave to the own store, by the way that all objects take.
func (r *Repair) given(c *actors.Context, m *msg.Given) {
	s := r.session
	if s == nil {
		return
	}
	sentMs := s.question.sentMs
	if !s.question.answers(c, m.ID) {
		return
	}
	answered := int(m.Answered)
	switch {
	case answered > len(s.whole)+len(s.wants):
		r.end(c, false)
		return
	case answered == 0 && len(s.whole) > 0: // a bucket too large for one message
		s.buckets = append(s.buckets, s.whole...)
		slices.Sort(s.buckets)
		s.whole, s.byKey = nil, true
		return
	case answered == 0:
		r.end(c, false)
		return
	}
	// Ask for what fits an answer: what does not has to be asked for again.
	switch asked := s.question.m.(*msg.Want); {
	case answered < len(asked.Whole)+len(asked.Items):
		s.appetite = answered
	case answered == s.appetite:
		s.appetite = min(2*s.appetite, wantAtOnce)
	}
	n := min(answered, len(s.whole))
	s.whole, s.wants = s.whole[n:], s.wants[answered-n:]
	bytes := 0
	for _, it := range m.Items {
		if it.Partition != s.partition {
			r.end(c, false)
			return
		}
		bytes += weigh(it.Key, &it.Object)
	}
	if len(m.Items) == 0 {
		return
	}
	r.budget.spend(bytes)
	r.counts.gotKeys += uint64(len(m.Items))
	r.counts.gotBytes += uint64(bytes)
	// As old as the question, at most: what was given may have been on its way since then.
	put := &msg.Put{ID: r.newID(), SentMs: sentMs, Epoch: r.cfg.Layout.Epoch(), Why: msg.ForRepair, Items: m.Items}
	r.ask(c, &s.question, r.at(r.cfg.Node, actors.Store), put.ID, put)
}

// stored goes on once a store has taken what it was sent. What it refused is
// found again by the next round.
func (r *Repair) stored(c *actors.Context, m *msg.Stored) {
	if s := r.session; s != nil && s.question.answers(c, m.ID) {
		r.counts.refused += uint64(len(m.Refused))
	}
	if d := r.leaving.now; d != nil && d.question.answers(c, m.ID) && len(m.Refused) > 0 {
		r.counts.refused += uint64(len(m.Refused))
		r.putOff(c)
	}
}
