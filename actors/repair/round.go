package repair

import (
	"cmp"
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// peer is a node that holds some of this lane's partitions too. Of two peers
// the one with the lower id begins, so that they don't do the same work twice.
type peer struct {
	shared     []kv.Partition
	question   question
	nextNs     int64 // of the next comparison
	untilNs    int64 // how long hints may put it off
	left       int   // partitions not known to be equal, of shared, in this round
	startedMs  int64 // of this round
	comparedMs int64 // when roots were last compared, whoever began
	doneMs     int64 // when all partitions were last found equal, or made so
	tookMs     int64 // of that round
	node       kv.NodeID
	inc        kv.Incarnation
	dead       bool
	begins     bool // it begins, not this node
}

// job is a partition that differs from a peer's.
type job struct {
	root      causal.Hash // the peer's
	node      kv.NodeID
	partition kv.Partition
}

// findPeers lists who shares what under a new map. What is known of a peer stays.
func (r *Repair) findPeers(c *actors.Context) {
	before := r.peers
	r.peers = nil
	for _, n := range r.cfg.Layout.Nodes() {
		if n.ID == r.cfg.Node {
			continue
		}
		p := peer{node: n.ID, begins: n.ID < r.cfg.Node, nextNs: c.NowNs + r.cfg.SettleNs + c.Rand.Int64N(r.cfg.IntervalNs)}
		if i, ok := slices.BinarySearchFunc(before, n.ID, byNode); ok {
			p = before[i]
			p.shared = nil
		}
		r.cfg.Layout.Each(func(id kv.Partition) {
			if r.shares(id, n.ID) {
				p.shared = append(p.shared, id)
			}
		})
		if i, ok := slices.BinarySearchFunc(before, n.ID, byNode); ok && !slices.Equal(before[i].shared, p.shared) {
			p.doneMs = 0 // of other partitions
		}
		p.left = len(p.shared) // nothing is known of this map's partitions yet
		r.peers = append(r.peers, p)
	}
	r.queue = slices.DeleteFunc(r.queue, func(j job) bool { return !r.shares(j.partition, j.node) })
	if s := r.session; s != nil && !r.shares(s.partition, s.node) {
		r.session = nil
	}
}

func byNode(p peer, n kv.NodeID) int { return cmp.Compare(p.node, n) }

func (r *Repair) peer(node kv.NodeID) *peer {
	if i, ok := slices.BinarySearchFunc(r.peers, node, byNode); ok {
		return &r.peers[i]
	}
	return nil
}

// hintsMayTakeNs is how long hints for a peer put comparisons with it off at
// most: what they bring need not be found by trees.
const hintsMayTakeNs = int64(60e9)

// peerStatus hears from the detector. A peer that is back is left to the hints first.
func (r *Repair) peerStatus(c *actors.Context, m *msg.PeerStatus) {
	p := r.peer(m.Node)
	if p == nil {
		return
	}
	back := m.Alive && (p.dead || p.inc != 0 && p.inc != m.Inc)
	p.dead, p.inc = !m.Alive, m.Inc
	if back {
		p.nextNs = c.NowNs + r.cfg.SettleNs
		p.untilNs, p.question = 0, question{}
		r.forgetJobs(p.node)
	}
}

func (r *Repair) forgetJobs(node kv.NodeID) {
	r.queue = slices.DeleteFunc(r.queue, func(j job) bool { return j.node == node })
}

// pumpPeers compares roots with those whose turn it is, and returns when to look again.
func (r *Repair) pumpPeers(c *actors.Context) int64 {
	nextNs := never
	for i := range r.peers {
		p := &r.peers[i]
		if p.begins || len(p.shared) == 0 {
			continue
		}
		if p.question.id != 0 && c.NowNs >= p.question.deadlineNs && !r.again(c, &p.question) {
			r.counts.unanswered++
		}
		if p.question.id != 0 {
			nextNs = min(nextNs, p.question.deadlineNs)
			continue
		}
		if c.NowNs >= p.nextNs {
			r.comparePeer(c, p)
		}
		nextNs = min(nextNs, max(p.nextNs, c.NowNs+1))
	}
	return nextNs
}

// comparePeer asks a peer which partitions differ. One that is believed dead is
// asked all the same: the detector may be wrong, and a question is small.
func (r *Repair) comparePeer(c *actors.Context, p *peer) {
	if n, _ := r.cfg.Hints.Pending(p.node); n > 0 && !p.dead {
		if p.untilNs == 0 {
			p.untilNs = c.NowNs + hintsMayTakeNs
		}
		if c.NowNs < p.untilNs {
			p.nextNs = c.NowNs + r.cfg.IntervalNs/10
			return
		}
	}
	p.untilNs = 0
	p.nextNs = c.NowNs + r.cfg.IntervalNs*4/5 + c.Rand.Int64N(r.cfg.IntervalNs*2/5+1)
	if r.busyWith(p.node) {
		return // the last round still goes on
	}
	m := &msg.Compare{ID: r.newID(), Epoch: r.cfg.Layout.Epoch(), Items: make([]msg.PartitionRoot, len(p.shared))}
	for i, id := range p.shared {
		m.Items[i] = msg.PartitionRoot{Partition: id, Root: r.cfg.Store.Tree(id).Root()}
	}
	p.startedMs = c.WallMs
	r.ask(c, &p.question, r.at(p.node, actors.Repair), m.ID, m)
}

func (r *Repair) busyWith(node kv.NodeID) bool {
	if r.session != nil && r.session.node == node {
		return true
	}
	return slices.ContainsFunc(r.queue, func(j job) bool { return j.node == node })
}

// compare answers a peer's question. What it tells is durable, lest a crash
// takes back what the peer relies on.
func (r *Repair) compare(c *actors.Context, m *msg.Compare) {
	reply := &msg.Compared{ID: m.ID}
	for _, it := range m.Items {
		b := r.cfg.Layout.Bucket(it.Partition)
		// Who asks need not be a replica by this map: it may have a copy to deliver.
		if b == nil || m.Epoch < b.Created || !r.shares(it.Partition, r.cfg.Node) {
			// The maps differ: not equal, and no session will tell more.
			reply.Differs = append(reply.Differs, msg.PartitionRoot{Partition: it.Partition})
			continue
		}
		if root := r.cfg.Store.Tree(it.Partition).Root(); root != it.Root {
			reply.Differs = append(reply.Differs, msg.PartitionRoot{Partition: it.Partition, Root: root})
		}
	}
	if p := r.peer(c.Sender.Node); p != nil && p.begins && len(m.Items) == len(p.shared) {
		p.comparedMs, p.left = c.WallMs, len(reply.Differs)
		if p.left == 0 {
			p.doneMs = c.WallMs
		}
	}
	c.SendDurable(c.Sender, reply)
}

// compared hears which partitions of a peer differ: of a whole round, or of the
// one in session.
func (r *Repair) compared(c *actors.Context, m *msg.Compared) {
	if s := r.session; s != nil && s.question.answers(c, m.ID) {
		s.compared(c, r, m)
		return
	}
	if d := r.leaving.now; d != nil && d.question.answers(c, m.ID) {
		r.comparedLeaving(c, m)
		return
	}
	p := r.peer(c.Sender.Node)
	if p == nil || !p.question.answers(c, m.ID) {
		return
	}
	r.counts.rounds++
	p.comparedMs, p.left = c.WallMs, min(len(m.Differs), len(p.shared))
	r.forgetJobs(p.node)
	// Begin anywhere: peers of a third one that walk in step would meet at
	// every partition.
	first := 0
	if len(m.Differs) > 0 {
		first = c.Rand.IntN(len(m.Differs))
	}
	for i := range m.Differs {
		d := &m.Differs[(first+i)%len(m.Differs)]
		if r.shares(d.Partition, p.node) {
			r.queue = append(r.queue, job{partition: d.Partition, node: p.node, root: d.Root})
		}
	}
	p.finish(c)
}

// finish notes the end of a round in which all partitions are equal.
func (p *peer) finish(c *actors.Context) {
	if p.left == 0 {
		p.doneMs, p.tookMs = c.WallMs, max(0, c.WallMs-p.startedMs)
	}
}
