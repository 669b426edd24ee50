package ring

import (
	"iter"

	"github.com/quoratedb/quorate/actors/kv"
)

// Table holds something for some of the partitions. Looking one up is an index
// into an array, as long as the highest block in use. The zero Table is empty.
type Table[T any] struct {
	blocks []*T
	system *T // of SystemPartition, which would make the array as long as it can get
}

// At returns what is held for p, nil if that is nothing.
func (t *Table[T]) At(p kv.Partition) *T {
	if int(p) < len(t.blocks) {
		return t.blocks[p]
	}
	if p == SystemPartition {
		return t.system
	}
	return nil
}

// Set holds v for p; nil takes out what was held.
func (t *Table[T]) Set(p kv.Partition, v *T) {
	if p == SystemPartition {
		t.system = v
		return
	}
	for len(t.blocks) <= int(p) {
		if v == nil {
			return
		}
		t.blocks = append(t.blocks, nil)
	}
	t.blocks[p] = v
}

// All goes over what is held, by ascending partition.
func (t *Table[T]) All() iter.Seq2[kv.Partition, *T] { return t.From(0) }

// From is All from partition p on.
func (t *Table[T]) From(p kv.Partition) iter.Seq2[kv.Partition, *T] {
	return func(yield func(kv.Partition, *T) bool) {
		for i := int(p); i < len(t.blocks); i++ {
			if v := t.blocks[i]; v != nil && !yield(kv.Partition(i), v) {
				return
			}
		}
		if t.system != nil {
			yield(SystemPartition, t.system)
		}
	}
}
