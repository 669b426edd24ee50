package repair

import (
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// The other side of a session. It remembers nothing but who has a partition in
// session. All answers are durable: they reveal what is held.

// hold is a partition that a session of node's is about.
type hold struct {
	untilNs   int64
	partition kv.Partition
	node      kv.NodeID
}

// holdNs is how long a session that is not heard of keeps its partition.
const holdNs = int64(5e9)

// hold takes a partition for a session of a node; false if another one has it.
func (r *Repair) hold(c *actors.Context, p kv.Partition, node kv.NodeID) bool {
	r.held = slices.DeleteFunc(r.held, func(h hold) bool { return h.untilNs <= c.NowNs || h.partition == p && h.node == node })
	if slices.ContainsFunc(r.held, func(h hold) bool { return h.partition == p }) {
		return false
	}
	r.held = append(r.held, hold{partition: p, node: node, untilNs: c.NowNs + holdNs})
	return true
}

func (r *Repair) release(p kv.Partition, node kv.NodeID) {
	r.held = slices.DeleteFunc(r.held, func(h hold) bool { return h.partition == p && h.node == node })
}

// open reports whether a peer may go on with a session about a partition here.
func (r *Repair) open(c *actors.Context, p kv.Partition) bool {
	return r.shares(p, c.Sender.Node) && r.hold(c, p, c.Sender.Node)
}

// maxNodes bounds the nodes of one question.
const maxNodes = 128

// treeAsk tells hashes, none if the partition is in another session.
func (r *Repair) treeAsk(c *actors.Context, m *msg.TreeAsk) {
	reply := &msg.TreeTold{ID: m.ID}
	if len(m.Nodes) <= maxNodes && r.open(c, m.Partition) {
		tree := r.cfg.Store.Tree(m.Partition)
		for _, n := range m.Nodes {
			reply.Hashes = tree.Halves(reply.Hashes, n)
		}
	}
	c.SendDurable(c.Sender, reply)
}

// maxMarks ends a listing early, at a bucket's end: that many keys take the lane
// about two milliseconds.
const maxMarks = 2048

// listBuckets tells in what buckets differ from the asker's: of the first ones
// in full, none if the question makes no sense.
func (r *Repair) listBuckets(c *actors.Context, m *msg.ListBuckets) {
	reply := &msg.BucketsListed{ID: m.ID}
	if r.open(c, m.Partition) && len(m.Counts) == len(m.Buckets) {
		at, looked := 0, 0
		for i, b := range m.Buckets {
			end := at + int(m.Counts[i])
			if looked >= maxMarks || end > len(m.States) {
				break
			}
			mine := r.marks(m.Partition, b, m.Salt)
			looked += len(mine)
			var unknown []msg.KeyMark
			reply.Lacks, unknown = lacks(reply.Lacks, at, m.States[at:end], mine)
			reply.Marks = append(reply.Marks, unknown...)
			reply.Counts = append(reply.Counts, uint32(len(unknown)))
			at = end
		}
	}
	c.SendDurable(c.Sender, reply)
}

// maxWhole is how large a bucket may be to be given in one message, in bytes.
const maxWhole = 1 << 20

// giver gathers what is given.
type giver struct {
	m     *msg.Given
	bytes int
}

func (g *giver) give(p kv.Partition, key []byte, o causal.Object) {
	g.m.Items = append(g.m.Items, &msg.PutItem{Partition: p, Key: key, Object: o})
	g.bytes += weigh(key, &o)
}

func (r *Repair) want(c *actors.Context, m *msg.Want) {
	g := giver{m: &msg.Given{ID: m.ID}}
	if r.open(c, m.Partition) && r.giveWhole(&g, m) {
		r.giveItems(&g, m)
	}
	c.SendDurable(c.Sender, g.m)
}

// giveWhole gives whole buckets, and reports whether all that were asked for.
func (r *Repair) giveWhole(g *giver, m *msg.Want) bool {
	for _, b := range m.Whole {
		keys, _ := r.cfg.Store.List(m.Partition, b, nil, wholeBucket)
		items, before := len(g.m.Items), g.bytes
		limit := r.cfg.PutBytes
		if items == 0 {
			limit = max(limit, maxWhole)
		}
		for i := range keys {
			if o, _ := r.cfg.Store.Lookup(m.Partition, keys[i].Key); !o.IsZero() {
				g.give(m.Partition, keys[i].Key, o)
			}
			if g.bytes > limit {
				g.m.Items, g.bytes = g.m.Items[:items], before
				return false
			}
		}
		g.m.Answered++
	}
	return true
}

// giveItems gives single objects: at least one of those that are there.
func (r *Repair) giveItems(g *giver, m *msg.Want) {
	var marks []marked
	for i, it := range m.Items {
		if i == 0 || it.Bucket != m.Items[i-1].Bucket {
			marks = r.marks(m.Partition, it.Bucket, m.Salt)
		}
		if len(g.m.Items) > 0 && (g.bytes >= r.cfg.PutBytes || len(g.m.Items) >= r.cfg.PutItems) {
			return
		}
		for j := range marks {
			if marks[j].Name != it.Name {
				continue
			}
			if o, _ := r.cfg.Store.Lookup(m.Partition, marks[j].key); !o.IsZero() {
				g.give(m.Partition, marks[j].key, o)
			}
		}
		g.m.Answered++
	}
}
