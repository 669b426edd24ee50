package sim

import (
	"slices"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/ring"
)

// perPartition holds a value for each partition, zero at first.
type perPartition[T any] struct {
	blocks []T
	system T
}

func (t *perPartition[T]) at(p kv.Partition) *T {
	if p == ring.SystemPartition {
		return &t.system
	}
	if int(p) >= len(t.blocks) {
		t.blocks = append(t.blocks, make([]T, int(p)+1-len(t.blocks))...)
	}
	return &t.blocks[p]
}

func (t *perPartition[T]) clear() {
	var zero T
	clear(t.blocks)
	t.system = zero
}

func (t *perPartition[T]) clone() perPartition[T] {
	return perPartition[T]{slices.Clone(t.blocks), t.system}
}

// strong are the strong partitions that a lane runs by the map that it has.
type strong struct {
	of   *ring.Layout
	list []kv.Partition
}

func (n *node) strong(lane int) []kv.Partition {
	s := &n.lanes[lane].strong
	if l := n.sys.Lanes[lane].Layout(); s.of != l {
		s.of, s.list = l, nil
		l.Each(func(p kv.Partition) {
			if l.Mode(p) == kv.Strong && actors.LaneOf(p, n.w.cfg.Lanes) == uint32(lane) {
				s.list = append(s.list, p)
			}
		})
	}
	return s.list
}
