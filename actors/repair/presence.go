package repair

import (
	"fmt"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// A replica is asked before a tombstone goes, so one that is merely down keeps
// tombstones alive, and what it holds can't bring anything back. That changes
// when the map has changed without it: then the replicas that were asked may
// have been others, and it may come back to its place with values whose
// tombstones are long gone. So a node that was away for longer than the grace,
// and finds another map than it left, forgets what it held and re-joins empty.
// A cluster that was down as a whole finds the map that it left, and keeps all.
type presence struct {
	startNs int64
	markNs  int64    // when the next record is due
	lastMs  int64    // the node last ran then, by its own records; 0: never
	epoch   kv.Epoch // and knew this map
	away    bool     // it was away for longer than some grace, and has yet to learn of the map
}

// maxPresenceNs is the longest time between two records. An absence may be taken
// to be that much longer than it was, so they come at least eight times a grace.
const maxPresenceNs = int64(60e9)

// Restore implements actors.Restorer.
func (r *Repair) Restore(payload []byte) error {
	if kind := msg.RecordKind(payload); kind != msg.KindPresence {
		return fmt.Errorf("repair: record of kind %d, a repair writes %d", kind, msg.KindPresence)
	}
	var rec msg.PresenceRecord
	if err := rec.DecodeFrom(payload); err != nil {
		return err
	}
	p := &r.presence
	if rec.WallMs >= p.lastMs {
		p.lastMs, p.epoch = rec.WallMs, rec.Epoch
	}
	return nil
}

// Checkpoint implements actors.Restorer.
func (r *Repair) Checkpoint(c *actors.Context, _ *actors.Cursor, _ int) *actors.Cursor {
	if r.presence.lastMs != 0 {
		r.mark(c, r.presence.lastMs, r.presence.epoch)
	}
	return nil
}

func (r *Repair) mark(c *actors.Context, wallMs int64, epoch kv.Epoch) {
	first := kv.Partition(r.cfg.Lane) // the lane's first one
	c.Persist(&msg.PresenceRecord{Partition: first, WallMs: wallMs, Epoch: epoch})
}

// judgeAbsence is asked at the start and under every new map.
func (r *Repair) judgeAbsence(c *actors.Context) {
	p := &r.presence
	if p.markNs == 0 { // at the start
		p.away = p.lastMs != 0 && c.WallMs-p.lastMs > r.shortestGraceMs()
		p.markNs = c.NowNs
	}
	if !p.away || r.cfg.Layout.Epoch() <= p.epoch {
		return
	}
	p.away = false
	r.forgetAll(c, c.WallMs-p.lastMs)
}

func (r *Repair) shortestGraceMs() int64 {
	shortest := r.cfg.GraceMs
	for _, b := range r.cfg.Layout.Buckets() {
		if b != nil && b.Mode == kv.Eventual && b.GraceMs != 0 {
			shortest = min(shortest, b.GraceMs)
		}
	}
	return shortest
}

// pumpPresence writes down now and then that the node runs. While it does not
// know whether it must forget it does not: after a crash it would have been away still.
func (r *Repair) pumpPresence(c *actors.Context) int64 {
	p := &r.presence
	if p.away {
		// The peers tell a newer map at the first contact.
		if learnedNs := p.startNs + r.cfg.SettleNs; c.NowNs < learnedNs {
			return learnedNs
		}
		p.away = false // the map is what it was
	}
	if c.NowNs >= p.markNs {
		p.markNs = c.NowNs + min(maxPresenceNs, r.shortestGraceMs()*1e6/8)
		p.lastMs, p.epoch = c.WallMs, r.cfg.Layout.Epoch()
		r.mark(c, p.lastMs, p.epoch)
	}
	return p.markNs
}

// forgetAll drops all objects of the eventual partitions whose grace is shorter
// than the absence.
func (r *Repair) forgetAll(c *actors.Context, awayMs int64) {
	r.cfg.Layout.Each(func(p kv.Partition) {
		b := r.cfg.Layout.Bucket(p)
		if b == nil || b.Mode != kv.Eventual || actors.LaneOf(p, r.cfg.Lanes) != r.cfg.Lane {
			return
		}
		if graceMs, _ := r.cfg.GraceOf(b); awayMs <= graceMs {
			return
		}
		for bucket := range r.cfg.Store.Shape().Buckets {
			keys, _ := r.cfg.Store.List(p, uint32(bucket), nil, wholeBucket)
			if len(keys) == 0 {
				continue
			}
			m := &msg.Forget{Items: make([]msg.DeadItem, len(keys))}
			for i := range keys {
				m.Items[i] = msg.DeadItem{Partition: p, Key: keys[i].Key, Digest: keys[i].Digest}
			}
			r.counts.forgotten += uint64(len(keys))
			c.Send(r.at(r.cfg.Node, actors.Store), m)
		}
	})
}
