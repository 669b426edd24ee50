package shard

import (
	"strconv"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/ring"
)

// SetLayout takes a newer map in. Operations on a bucket that is gone are
// answered: with Unknown if they may have taken effect before it went.
func (s *Shard) SetLayout(c *actors.Context, l *ring.Layout) {
	s.cfg.Layout = l
	var dropped []*partition
	for id, p := range s.parts.All() {
		if p.gone = l.Mode(id) != kv.Strong || l.Born(id) != p.born; p.gone {
			dropped = append(dropped, p)
		}
	}
	if len(dropped) > 0 {
		s.answerGone(c)
	}
	for _, p := range dropped { // whoever still points to one finds a follower without keys that is gone
		s.stepDown(c, p, false)
		s.parts.Set(p.id, nil)
	}
	l.Each(func(id kv.Partition) {
		if actors.LaneOf(id, s.cfg.Lanes) == s.cfg.Lane && l.Mode(id) == kv.Strong && s.parts.At(id) == nil {
			s.addPartition(id)
		}
	})
}

// answerGone answers the open operations on partitions that are gone.
func (s *Shard) answerGone(c *actors.Context) {
	for _, r := range s.requests {
		for i := range r.ops {
			f := ref{r, i}
			switch {
			case f.closed() || !s.parts.At(r.ops[i].Partition).gone:
			case f.doubtful():
				s.finish(c, f, kv.Result{Status: kv.Unknown})
			default:
				s.finish(c, f, s.absent(r, r.ops[i].Partition))
			}
		}
	}
}

// means reports whether the partition of an operation is here, and is of the
// bucket that whoever chose it meant.
func (s *Shard) means(r *request, id kv.Partition) bool {
	p := s.parts.At(id)
	old := p != nil && r.epoch != 0 && r.epoch < p.born
	failpoint.Inject("bug-73-late-forward-meets-the-next-bucket", func() { old = false })
	return p != nil && !old
}

// absent answers an operation on a partition that is not here, or was another
// bucket's when the operation was sent. Another shard shall ask again: it or
// this one has yet to hear of the newer map.
func (s *Shard) absent(r *request, p kv.Partition) kv.Result {
	if r.forwarded {
		return kv.Result{Status: kv.NotOwner}
	}
	return kv.Refused("partition " + strconv.Itoa(int(p)) + " has no strong bucket any more, at epoch " +
		strconv.FormatUint(uint64(s.cfg.Layout.Epoch()), 10) + " of the cluster map: was it dropped?")
}
