package picture

import (
	"fmt"
	"strings"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/sim"
)

// placeOf is where a partition was at a time; nil if it never was anywhere.
func (b *builder) placeOf(p kv.Partition, atNs int64) *sim.Placement {
	var last *sim.Placement
	for _, i := range b.places[p] {
		if pl := &b.rec.Placements[i]; last == nil || pl.AtNs <= atNs {
			last = pl
		}
	}
	return last
}

// modeOf is the mode of a partition at a time.
func (b *builder) modeOf(p kv.Partition, atNs int64) kv.Mode {
	if pl := b.placeOf(p, atNs); pl != nil && pl.Bucket != nil {
		return pl.Bucket.Mode
	}
	return kv.Strong
}

// where says where a partition is, and what its bucket promises.
func where(pl *sim.Placement) string {
	text := fmt.Sprintf("partition %d", pl.Partition)
	b := pl.Bucket
	switch {
	case b == nil:
		text = "the cluster map"
	case b.Mode == kv.Eventual:
		text += fmt.Sprintf(" of bucket %q (%v, %v, n=%d, r=%v, w=%v", b.Name, b.Mode, b.Policy, b.N, orQuorum(b.R), orQuorum(b.W))
		if b.Sloppy {
			text += ", sloppy"
		}
		text += ")"
	case b.Slot != 0:
		text += fmt.Sprintf(" of bucket %q (%v)", b.Name, b.Mode)
	}
	names := make([]string, len(pl.Replicas))
	for i, n := range pl.Replicas {
		names[i] = fmt.Sprintf("n%d", n)
	}
	return text + ", held by " + strings.Join(names, " ")
}

// orQuorum is what an ask means that is left out.
func orQuorum(a kv.Ask) kv.Ask {
	if a.IsZero() {
		return kv.Ask{Level: kv.Quorum}
	}
	return a
}
