package coordinate

import (
	"slices"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// part is what a map says of one partition. Operations under way keep the one
// that they began with, so positions mean the same replicas to their end.
type part struct {
	bucket    *kv.Bucket
	epoch     kv.Epoch
	prefs     []*peer
	zones     []int
	self      int // position of this node, -1 if it holds no copy
	fallbacks []*peer
	needs     []need // those asked for so far
	id        kv.Partition
}

// need is an Ask made concrete, or what is wrong with it.
type need struct {
	ask  kv.Ask
	zone int // for which it is
	need causal.Need
	err  error
}

// SetLayout takes a newer map in.
func (s *Coordinator) SetLayout(c *actors.Context, l *ring.Layout) {
	old := s.cfg.Layout
	s.cfg.Layout = l
	left := old != nil && s.leaves(old, l)
	failpoint.Inject("bug-78-no-new-term-when-a-copy-leaves", func() { left = false })
	if old != nil {
		s.answerGone(c, old)
	}
	s.parts = ring.Table[part]{}
	if left { // events made on a partition that has left can't be looked up any more
		s.source.Renew()
	}
	if old == nil || !slices.EqualFunc(old.Nodes(), l.Nodes(), func(a, b ring.Node) bool { return a.ID == b.ID && a.Zone == b.Zone }) {
		s.place()
	}
	s.schedule(c)
}

// leaves reports whether a map takes a partition away from this node. What parts
// has does not tell: it begins anew with each map, and events may be older.
func (s *Coordinator) leaves(old, l *ring.Layout) (yes bool) {
	old.Each(func(p kv.Partition) {
		yes = yes || old.Mode(p) == kv.Eventual && old.IndexOf(p, s.cfg.Node) >= 0 && l.IndexOf(p, s.cfg.Node) < 0
	})
	return yes
}

// answerGone ends the operations on buckets that the newest map has no more, or
// has anew in the same slot. Nothing more leaves for them but under the epoch of
// the map that they began with, by which stores know another life.
func (s *Coordinator) answerGone(c *actors.Context, old *ring.Layout) {
	for _, r := range s.requests {
		for i := range r.ops {
			f, p := ref{r, i}, r.ops[i].Partition
			if f.closed() || s.cfg.Layout.Mode(p) == old.Mode(p) && s.cfg.Layout.Born(p) == old.Born(p) {
				continue
			}
			if r.progress[i] == held || r.progress[i] == left && r.ops[i].IsWrite() {
				s.giveUp(c, f) // it took effect, or may have
			} else {
				s.finish(c, f, kv.Refused("the bucket was dropped"))
			}
		}
	}
}

// partFor is the part of an operation; nil if its bucket is not here, or the
// slot has another one than whoever chose the partition meant.
func (s *Coordinator) partFor(f ref) *part {
	p := s.part(f.op().Partition)
	old := p != nil && f.r.epoch != 0 && f.r.epoch < p.bucket.Created
	failpoint.Inject("bug-75-operation-meets-the-next-bucket", func() { old = false })
	if old {
		return nil
	}
	return p
}

// place makes the peers of the map, and keeps what is known of those there were.
func (s *Coordinator) place() {
	for _, p := range s.peers {
		p.gone = true
	}
	for _, n := range s.cfg.Layout.Nodes() {
		p := s.peerOf(n.ID)
		if p == nil {
			p = s.addPeer(n.ID)
		}
		p.gone, p.zone = false, s.cfg.Layout.Zone(n.ID)
	}
}

func (s *Coordinator) addPeer(id kv.NodeID) *peer {
	at := func(k actors.Kind) actors.Address { return actors.Address{Node: id, Kind: k, Index: s.cfg.Lane} }
	p := &peer{
		node: id, store: at(actors.Store), handoff: at(actors.Handoff), coordinator: at(actors.Coordinator),
		forward: forwarder{sent: map[uint64]*forward{}},
	}
	if id == s.cfg.Node {
		s.self, p.inc = p, s.cfg.Inc
	}
	for int(id) >= len(s.byID) {
		s.byID = append(s.byID, nil)
	}
	s.byID[id] = p
	s.peers = append(s.peers, p)
	// order: node ids are distinct
	slices.SortFunc(s.peers, func(a, b *peer) int { return int(a.node) - int(b.node) })
	return p
}

func (s *Coordinator) peerOf(n kv.NodeID) *peer {
	if int(n) < len(s.byID) {
		return s.byID[n]
	}
	return nil
}

// part returns what the newest map says of a partition, nil if that has no
// bucket which this actor serves, or belongs to another lane.
func (s *Coordinator) part(id kv.Partition) *part {
	if p := s.parts.At(id); p != nil {
		return p
	}
	l := s.cfg.Layout
	b := l.Bucket(id)
	if b == nil || b.Mode == kv.Strong || actors.LaneOf(id, s.cfg.Lanes) != s.cfg.Lane {
		return nil
	}
	p := &part{id: id, bucket: b, epoch: l.Epoch(), self: l.IndexOf(id, s.cfg.Node), zones: l.Zones(nil, id)}
	for _, n := range l.Preference(id) {
		p.prefs = append(p.prefs, s.byID[n])
	}
	for _, n := range l.Fallbacks(id) {
		p.fallbacks = append(p.fallbacks, s.byID[n])
	}
	s.parts.Set(id, p)
	return p
}

// zone is that of the node which the client asked: what is local to it stays so
// when another node coordinates.
func (s *Coordinator) zone(r *request) int {
	asked := s.cfg.Node
	if r.forwarded {
		asked = r.reply.Node
	}
	failpoint.Inject("bug-81-local-to-another-zone", func() { asked = s.cfg.Node })
	return s.cfg.Layout.Zone(asked)
}

// need makes an ask concrete for a partition and the readers of a zone.
func (s *Coordinator) need(p *part, ask kv.Ask, zone int) (*causal.Need, error) {
	for i := range p.needs {
		if p.needs[i].ask == ask && p.needs[i].zone == zone {
			return &p.needs[i].need, p.needs[i].err
		}
	}
	n := need{ask: ask, zone: zone}
	n.need, n.err = causal.NewNeed(ask, p.zones, zone)
	p.needs = append(slices.Clip(p.needs), n) // pointers into the old array stay good
	return &p.needs[len(p.needs)-1].need, n.err
}

// admit returns where an operation is to be done and what it needs; nil if it
// has been answered instead.
func (s *Coordinator) admit(c *actors.Context, f ref, needOf func(*part, ref) (*causal.Need, error)) (*part, *causal.Need) {
	p := s.partFor(f)
	if p == nil { // the bucket has gone since
		s.giveUp(c, f)
		return nil, nil
	}
	need, err := needOf(p, f)
	if err != nil {
		s.invalid(c, f, err)
		return nil, nil
	}
	if p.hopeless(need) {
		s.giveUp(c, f)
		return nil, nil
	}
	return p, need
}

// readNeed is how many replicas a read of an operation asks for.
func (s *Coordinator) readNeed(p *part, f ref) (*causal.Need, error) {
	if op := f.op(); op.Tuning != nil && !op.Tuning.R.IsZero() {
		return s.need(p, op.Tuning.R, s.zone(f.r))
	}
	return s.need(p, p.ask(p.bucket.R), s.zone(f.r))
}

// writeNeed is how many replicas a write of an operation asks for.
func (s *Coordinator) writeNeed(p *part, f ref) (*causal.Need, error) {
	if op := f.op(); op.Tuning != nil && !op.Tuning.W.IsZero() {
		return s.need(p, op.Tuning.W, s.zone(f.r))
	}
	return s.need(p, p.ask(p.bucket.W), s.zone(f.r))
}

// ask is what a bucket asks for: abd always a quorum, which is also the default.
func (p *part) ask(a kv.Ask) kv.Ask {
	if p.bucket.Mode == kv.ABD || a.IsZero() {
		return kv.Ask{Level: kv.Quorum}
	}
	return a
}

// sloppy reports whether stand-ins count.
func (p *part) sloppy() bool { return p.bucket.Sloppy && p.bucket.Mode == kv.Eventual }

// dead is the set of replicas believed dead.
func (p *part) dead() (dead causal.Replicas) {
	for i, q := range p.prefs {
		if q.dead {
			dead = dead.With(i)
		}
	}
	return dead
}

// hopeless reports whether a need can't be met by those believed alive, even
// with a stand-in for each of the dead as far as there are any.
func (p *part) hopeless(n *causal.Need) bool {
	dead := p.dead()
	if dead == 0 {
		return false
	}
	if p.sloppy() {
		for _, q := range p.fallbacks {
			if !q.dead && dead != 0 {
				dead &= dead - 1
			}
		}
	}
	return n.Lost(dead)
}

// peerStatus takes in what the detector believes.
func (s *Coordinator) peerStatus(c *actors.Context, m *msg.PeerStatus) {
	p := s.peerOf(m.Node)
	if p == nil || p == s.self {
		return
	}
	if !p.dead {
		p.deadAtNs = c.NowNs // if it is dead now
	}
	p.inc, p.dead = max(p.inc, m.Inc), !m.Alive
	s.doubtForwards(c, p, m.Cut)
	if p.dead {
		s.silence(c, p)
	}
}
