package ring

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/zeebo/xxh3"
)

// SystemPartition holds the cluster map. Its replicas are the voters, its mode
// is strong, and it belongs to no bucket.
const SystemPartition kv.Partition = 1<<16 - 1

// MaxVoters is how many members at most hold the system partition.
const MaxVoters = 5

// Layout is all placements at one epoch of the cluster map: each bucket has a
// slot, and a slot is a block of partitions which are placed by the ring of the
// bucket's N. So a partition has one bucket, one mode and one N. It is
// immutable and safe for concurrent use.
type Layout struct {
	epoch   kv.Epoch
	cfg     Config // without N
	rings   [kv.MaxReplicas + 1]*Ring
	slots   []*kv.Bucket // nil: none
	named   map[string]*kv.Bucket
	voters  []kv.NodeID
	zone    map[kv.NodeID]int
	perSlot int
}

// NewLayout places buckets on the nodes of cfg, whose N is not used. The error
// says which bucket is wrong and what is allowed.
func NewLayout(cfg Config, epoch kv.Epoch, buckets []kv.Bucket) (*Layout, error) {
	cfg.N = 1
	first, err := New(cfg)
	if err != nil {
		return nil, err
	}
	l := &Layout{cfg: cfg, perSlot: first.Partitions(), zone: map[kv.NodeID]int{}}
	l.rings[1] = first
	zones := map[string]int{}
	for _, n := range first.Nodes() {
		if _, known := zones[n.Zone]; !known {
			zones[n.Zone] = len(zones)
		}
		l.zone[n.ID] = zones[n.Zone]
		if len(l.voters) < MaxVoters && n.Weight > 0 {
			l.voters = append(l.voters, n.ID)
		}
	}
	return l.With(epoch, buckets)
}

// First is the layout of a new cluster: the default bucket with the N of cfg.
func First(cfg Config) (*Layout, error) {
	if _, err := New(cfg); err != nil {
		return nil, err
	}
	return NewLayout(cfg, kv.FirstEpoch, kv.FirstMap(cfg.N).Buckets)
}

// With returns the layout of the same members at another epoch.
func (l *Layout) With(epoch kv.Epoch, buckets []kv.Bucket) (*Layout, error) {
	next := *l
	next.epoch, next.slots, next.named = epoch, nil, map[string]*kv.Bucket{}
	for i := range buckets {
		b := buckets[i]
		if err := next.add(&b); err != nil {
			return nil, err
		}
	}
	return &next, nil
}

func (l *Layout) add(b *kv.Bucket) error {
	switch {
	case int(b.Slot) >= l.MaxSlots():
		return fmt.Errorf("ring: bucket %q has slot %d, with %d partitions per bucket there are %d", b.Name, b.Slot, l.perSlot, l.MaxSlots())
	case b.N < 1 || b.N > kv.MaxReplicas:
		return fmt.Errorf("ring: bucket %q has N %d, allowed are 1 to %d", b.Name, b.N, kv.MaxReplicas)
	case l.named[b.Name] != nil:
		return fmt.Errorf("ring: two buckets are named %q", b.Name)
	case int(b.Slot) < len(l.slots) && l.slots[b.Slot] != nil:
		return fmt.Errorf("ring: buckets %q and %q have slot %d both", l.slots[b.Slot].Name, b.Name, b.Slot)
	}
	for n := 1; n <= kv.MaxReplicas; n++ {
		if l.rings[n] != nil || n != int(b.N) && !b.Had.Has(n) {
			continue
		}
		cfg := l.cfg
		cfg.N = n
		r, err := New(cfg)
		if err != nil {
			return err
		}
		l.rings[n] = r
	}
	for len(l.slots) <= int(b.Slot) {
		l.slots = append(l.slots, nil)
	}
	l.slots[b.Slot], l.named[b.Name] = b, b
	return nil
}

// MaxSlots is how many buckets there can be; the last block is the system's.
func (l *Layout) MaxSlots() int { return (1<<16)/l.perSlot - 1 }

// Epoch is that of the map.
func (l *Layout) Epoch() kv.Epoch { return l.epoch }

// PerBucket is the number of partitions of a bucket.
func (l *Layout) PerBucket() int { return l.perSlot }

// Nodes returns the members by ascending ID. The caller must not change it.
func (l *Layout) Nodes() []Node { return l.rings[1].Nodes() }

// Buckets returns the buckets by slot, nil where a slot is free. The caller
// must not change it.
func (l *Layout) Buckets() []*kv.Bucket { return l.slots }

// Named returns the bucket of that name, or nil.
func (l *Layout) Named(name string) *kv.Bucket { return l.named[name] }

// Bucket returns the bucket of a partition; nil of the system partition, and
// where the slot is free.
func (l *Layout) Bucket(p kv.Partition) *kv.Bucket {
	if slot := int(p) / l.perSlot; slot < len(l.slots) {
		return l.slots[slot]
	}
	return nil
}

// Mode returns the mode of a partition, 0 if it has no bucket.
func (l *Layout) Mode(p kv.Partition) kv.Mode {
	if p == SystemPartition {
		return kv.Strong
	}
	if b := l.Bucket(p); b != nil {
		return b.Mode
	}
	return 0
}

// PartitionOf returns the partition of a key of a bucket; nil is the default one.
func (l *Layout) PartitionOf(b *kv.Bucket, key []byte) kv.Partition {
	if b == nil {
		return l.rings[1].PartitionOf(DefaultBucket, key)
	}
	return kv.Partition(int(b.Slot)*l.perSlot) + l.rings[1].PartitionOf(uint32(b.Slot), key)
}

// Each calls f for every partition that there is, in ascending order.
func (l *Layout) Each(f func(kv.Partition)) {
	for slot, b := range l.slots {
		if b == nil {
			continue
		}
		for i := range l.perSlot {
			f(kv.Partition(slot*l.perSlot + i))
		}
	}
	f(SystemPartition)
}

// Preference returns the nodes that hold partition p, the default owner first;
// none if p has no bucket. The caller must not change it.
func (l *Layout) Preference(p kv.Partition) []kv.NodeID {
	if p == SystemPartition {
		return l.voters
	}
	b := l.Bucket(p)
	if b == nil {
		return nil
	}
	return l.rings[b.N].Preference(kv.Partition(int(p) % l.perSlot))
}

// Former returns the nodes that hold partition p no more, but did when its
// bucket had another N: they may have a copy left. Ascending by ID.
func (l *Layout) Former(p kv.Partition) []kv.NodeID {
	b := l.Bucket(p)
	if b == nil || b.Had == 0 {
		return nil
	}
	var former []kv.NodeID
	for n := 1; n <= kv.MaxReplicas; n++ {
		if !b.Had.Has(n) {
			continue
		}
		for _, node := range l.rings[n].Preference(kv.Partition(int(p) % l.perSlot)) {
			if !slices.Contains(former, node) && l.IndexOf(p, node) < 0 {
				former = append(former, node)
			}
		}
	}
	slices.Sort(former)
	return former
}

// Born is the epoch of the map that created the bucket of p: 0 of the default
// bucket and the system partition, which are as old as the cluster.
func (l *Layout) Born(p kv.Partition) kv.Epoch {
	if b := l.Bucket(p); b != nil {
		return b.Created
	}
	return 0
}

// Means reports whether partition p exists here and is what somebody with the
// map of epoch e calls p: its slot may have had another bucket then.
func (l *Layout) Means(p kv.Partition, e kv.Epoch) bool { return l.Mode(p) != 0 && l.Born(p) <= e }

// IndexOf returns the position of a node in the preference list of p, or -1.
func (l *Layout) IndexOf(p kv.Partition, node kv.NodeID) int {
	return slices.Index(l.Preference(p), node)
}

// Zone returns the number of a member's zone, -1 if it is none.
func (l *Layout) Zone(node kv.NodeID) int {
	if z, ok := l.zone[node]; ok {
		return z
	}
	return -1
}

// Zones appends the zone of each node of the preference list of p.
func (l *Layout) Zones(dst []int, p kv.Partition) []int {
	for _, n := range l.Preference(p) {
		dst = append(dst, l.zone[n])
	}
	return dst
}

// Fallbacks returns the members that are not on the preference list of p, in
// the order in which a sloppy quorum asks them: by rendezvous hash of partition
// and node (Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit
// Rates", 1998), so that the load of a dead node spreads over all others.
func (l *Layout) Fallbacks(p kv.Partition) []kv.NodeID {
	home := l.Preference(p)
	var rest []kv.NodeID
	for _, n := range l.Nodes() {
		if n.Weight > 0 && !slices.Contains(home, n.ID) {
			rest = append(rest, n.ID)
		}
	}
	// order: node ids are distinct
	slices.SortFunc(rest, func(a, b kv.NodeID) int {
		return cmp.Or(cmp.Compare(rendezvous(p, b), rendezvous(p, a)), cmp.Compare(a, b))
	})
	return rest
}

func rendezvous(p kv.Partition, n kv.NodeID) uint64 {
	var b [4]byte
	binary.LittleEndian.PutUint16(b[:], uint16(p))
	binary.LittleEndian.PutUint16(b[2:], uint16(n))
	return xxh3.Hash(b[:])
}
