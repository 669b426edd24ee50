package replica

import (
	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/ring"
)

// SetLayout takes a newer map in: copies of buckets that are gone, or whose
// slot has a new one, are dropped, and those of new ones begin empty. Nothing
// is persisted: the record of the map comes first in the log, and says it all.
//
// A new copy has promised the epoch that created its bucket. So nothing that
// was sent about an earlier bucket of the slot is ever accepted: its ballots
// are of lower epochs (DESIGN, section 6).
func (r *Replica) SetLayout(_ *actors.Context, l *ring.Layout) {
	r.cfg.Layout = l
	for id, p := range r.parts.All() {
		keep := r.holds(id) && l.Born(id) == p.born
		failpoint.Inject("bug-72-dropped-copy-kept", func() { keep = true })
		if !keep {
			r.parts.Set(id, nil)
		}
	}
	l.Each(func(id kv.Partition) {
		if r.holds(id) && r.parts.At(id) == nil {
			r.parts.Set(id, r.newPartition(id))
		}
	})
}

func (r *Replica) holds(p kv.Partition) bool {
	l := r.cfg.Layout
	return actors.LaneOf(p, r.cfg.Lanes) == r.cfg.Lane && l.Mode(p) == kv.Strong && l.IndexOf(p, r.cfg.Node) >= 0
}

func (r *Replica) newPartition(id kv.Partition) *partition {
	p := newPartition(id, r.cfg.Seed)
	p.born = r.cfg.Layout.Born(id)
	p.promised.Epoch = p.born
	return p
}
