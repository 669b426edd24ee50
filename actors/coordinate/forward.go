package coordinate

import (
	"maps"
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/once"
)

// Writes that make events (siblings, increments) run where this key's earlier
// events of the same id are held: on a replica. A forward acted on twice would
// count an increment twice and make a sibling of its twin, so each is acted on
// at most once, and never sent twice.

// forwarder is what is under way to and from one peer.
type forwarder struct {
	seq  uint64
	sent map[uint64]*forward
	seen once.Tail // from it
}

// forward is a batch of operations that another coordinator was asked to carry out.
type forward struct {
	refs   []ref
	inc    kv.Incarnation // of the destination, which alone may act on it
	sentNs int64
}

// passOn lets another node coordinate a write: a replica, or if all are dead
// and the bucket is sloppy, the first of the fallbacks, which may be this node.
func (s *Coordinator) passOn(c *actors.Context, f ref, p *part) {
	to := s.nextHop(c, f, p)
	switch {
	case to == s.self:
		s.writes = append(s.writes, f)
	case f.r.forwarded: // who sent it knows more nodes to ask
		s.finish(c, f, kv.Result{Status: kv.NotOwner})
	case to == nil && s.isHopeless(p, f):
		s.giveUp(c, f)
	case to == nil || to.inc == 0:
		s.delay(c, f)
	default:
		f.r.progress[f.i] = left
		to.out.forward = append(to.out.forward, f)
	}
}

// isHopeless reports whether those believed alive are too few for a write.
func (s *Coordinator) isHopeless(p *part, f ref) bool {
	need, err := s.writeNeed(p, f)
	return err == nil && p.hopeless(need)
}

// nextHop is who coordinates in this node's place; nil if nobody can. It is the
// same for all operations on a key, which are carried out in order there, until
// it has refused.
func (s *Coordinator) nextHop(c *actors.Context, f ref, p *part) *peer {
	alive := 0
	for _, q := range p.prefs {
		if !q.dead && q != s.self {
			alive++
		}
	}
	if alive > 0 {
		n := 0
		if f.r.delayed {
			n = c.Rand.IntN(alive)
		}
		for i := 0; ; i++ {
			if q := p.prefs[i]; !q.dead && q != s.self {
				if n == 0 {
					return q
				}
				n--
			}
		}
	}
	if p.self < 0 && p.sloppy() {
		for _, q := range p.fallbacks {
			if !q.dead {
				return q
			}
		}
	}
	return nil
}

// delay routes an operation again after a while.
func (s *Coordinator) delay(c *actors.Context, f ref) {
	if len(s.delayed) == 0 {
		s.retryNs = c.NowNs + s.cfg.ResendNs/4 + c.Rand.Int64N(s.cfg.ResendNs/4+1)
	}
	f.r.progress[f.i], f.r.delayed = waiting, true
	s.delayed = append(s.delayed, f)
}

func (s *Coordinator) retryDelayed(c *actors.Context) {
	if len(s.delayed) == 0 || s.retryNs > c.NowNs {
		return
	}
	again := s.delayed
	s.delayed = nil
	for _, f := range again {
		if !f.closed() {
			s.start(c, f)
		}
	}
}

func (s *Coordinator) flushForwards(c *actors.Context, p *peer) {
	// What has been answered since must not happen under a newer map.
	p.out.forward = slices.DeleteFunc(p.out.forward, ref.closed)
	for rest := p.out.forward; len(rest) > 0; {
		n := msg.Fitting(rest, func(f *ref) int { return len(f.op().Key) + len(f.op().Value) })
		p.forward.seq++
		m := &msg.Forward{
			ID: uint64(s.cfg.Inc)<<seqBits | p.forward.seq, SrcInc: s.cfg.Inc, DestInc: p.inc, Epoch: s.cfg.Layout.Epoch(),
			Ops: make([]msg.Op, n),
		}
		var latest int64
		for i, f := range rest[:n] {
			m.Ops[i] = *f.op()
			latest = max(latest, f.r.deadlineNs)
		}
		m.TimeoutNs = max(latest-c.NowNs, 1)
		p.forward.sent[m.ID] = &forward{refs: rest[:n:n], inc: p.inc, sentNs: c.NowNs}
		s.stats.Forwards++
		c.Send(p.coordinator, m)
		rest = rest[n:]
	}
	p.out.forward = nil
}

// takeForward acts on a forward, or refuses it, at most once. Maps need not be
// equal: what is wrong here for a partition is refused one by one.
func (s *Coordinator) takeForward(c *actors.Context, m *msg.Forward) {
	src := s.peerOf(c.Sender.Node)
	if src == nil {
		return
	}
	if m.DestInc != s.cfg.Inc {
		c.Send(c.Sender, &msg.Forwarded{ID: m.ID, Inc: s.cfg.Inc, Refused: true})
		return
	}
	if !src.forward.seen.First(m.SrcInc, m.ID&(1<<seqBits-1)) {
		return
	}
	timeout := min(m.TimeoutNs, s.cfg.RequestTimeoutNs)
	s.open(c, &request{reply: c.Sender, id: m.ID, deadlineNs: c.NowNs + timeout, ops: m.Ops, epoch: m.Epoch, forwarded: true})
}

// forwarded takes in the results of a forward.
func (s *Coordinator) forwarded(c *actors.Context, m *msg.Forwarded) {
	from := s.peerOf(c.Sender.Node)
	if from == nil || from.forward.sent[m.ID] == nil {
		return
	}
	fw := from.forward.sent[m.ID]
	delete(from.forward.sent, m.ID)
	if m.Refused || len(m.Results) != len(fw.refs) {
		// Another boot answers: this one never acts on it, but the boot that it
		// was meant for may have.
		from.inc = max(from.inc, m.Inc)
		for _, f := range fw.refs {
			s.giveUp(c, f)
		}
		return
	}
	for i, f := range fw.refs {
		switch res := m.Results[i]; {
		case f.closed():
		case res.Status == kv.NotOwner:
			s.delay(c, f)
		default:
			s.finish(c, f, res)
		}
	}
}

// doubtForwards settles the forwards to a peer of which no answer can come any
// more: the connection that they went over broke, or an earlier boot was asked.
// They may have been carried out. A peer that is merely silent may answer yet.
func (s *Coordinator) doubtForwards(c *actors.Context, p *peer, cut bool) {
	s.giveForwardsUp(c, p, func(fw *forward) bool { return cut || fw.inc < p.inc })
}

func (s *Coordinator) giveForwardsUp(c *actors.Context, p *peer, lost func(*forward) bool) {
	if len(p.forward.sent) == 0 { // mostly: spare the sorting's garbage
		return
	}
	for _, id := range slices.Sorted(maps.Keys(p.forward.sent)) {
		fw := p.forward.sent[id]
		if !lost(fw) {
			continue
		}
		delete(p.forward.sent, id)
		for _, f := range fw.refs {
			s.giveUp(c, f)
		}
	}
}

// silenceNs is how long after its supposed death a silent peer may still answer.
func (s *Coordinator) silenceNs() int64 { return s.cfg.RequestTimeoutNs / 4 }

// checkForwards forgets the forwards of which every operation has an answer, and
// gives those up that left for a peer before it was believed dead, and nothing
// has come from it since.
func (s *Coordinator) checkForwards(c *actors.Context) {
	for _, p := range s.peers {
		// order: each is judged alone, and nothing is sent
		maps.DeleteFunc(p.forward.sent, func(_ uint64, fw *forward) bool {
			return !slices.ContainsFunc(fw.refs, func(f ref) bool { return !f.closed() })
		})
		if p.dead && c.NowNs >= p.deadAtNs+s.silenceNs() {
			s.giveForwardsUp(c, p, func(fw *forward) bool { return fw.sentNs <= p.deadAtNs })
		}
	}
}
