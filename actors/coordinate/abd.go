package coordinate

import (
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// Mode abd: a register shared by many writers and readers over a majority of
// replicas (Attiya, Bar-Noy, Dolev, JACM 1995; with several writers: Lynch and
// Shvartsman, FTCS 1997). Reads are those of read.go with repair blocking: what
// a reader shows a majority holds. A write first reads a majority, and then
// writes above the highest tag that it has seen.
//
// A tag is a causal.Stamp of (counter, incarnation, node). It is issued once: the
// counter of a boot only rises, over all keys of the lane, so that two writes at
// the same time, or one after another whose outcome is unknown, never share a tag.
// Tombstones are never collected, or the counter of a key could begin again below
// a tag that a replica still holds.

// writeTag is the second phase of a write: rd has read a majority.
func (s *Coordinator) writeTag(c *actors.Context, rd *read) {
	f, p := rd.f, rd.part
	op := f.op()
	s.abdLast = max(s.abdLast, rd.merged.Register.Stamp.Ms) + 1
	if s.abdLast > causal.MaxMs {
		panic("coordinate: the counter of tags is used up")
	}
	v := causal.Value{Stamp: causal.Stamp{Ms: s.abdLast, Logical: uint32(s.cfg.Inc), Node: s.cfg.Node}, Kind: kv.Tombstone}
	if op.Kind != kv.OpDelete {
		v.Kind, v.Data, v.Media = kv.Value, op.Value, op.Media
		if ttl := p.ttlMs(op); ttl > 0 {
			v.ExpiresMs = causal.ExpiresAt(causal.Stamp{Ms: c.WallMs}, ttl)
		}
	}
	it := &msg.PutItem{Key: op.Key, Partition: p.id}
	it.Object.Register = v
	w := &write{f: f, part: p, need: rd.need, item: it, begunNs: c.NowNs, open: true}
	f.r.results[f.i] = kv.Result{} // whether there was a value nobody knows: another write may have come between
	f.r.progress[f.i] = left
	s.spread(c, w, msg.ForWrite)
}
