package sim

import (
	"fmt"
	"slices"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/ring"
)

// BucketCfg is a bucket beside the default one, which is strong.
type BucketCfg struct {
	Name    string `json:"name"`
	Mode    string `json:"mode"` // strong, abd or eventual
	N       int    `json:"n"`
	Policy  string `json:"policy,omitempty"` // the rest is of eventual buckets
	R       string `json:"r,omitempty"`
	W       string `json:"w,omitempty"`
	Repair  string `json:"repair,omitempty"`
	Sloppy  bool   `json:"sloppy,omitempty"`
	TTLMs   int64  `json:"ttl_ms,omitempty"`
	GraceMs int64  `json:"grace_ms,omitempty"`
}

// Bucket translates it. The error says what is wrong and what is allowed.
func (b *BucketCfg) Bucket(slot int) (kv.Bucket, error) {
	out := kv.Bucket{Name: b.Name, Slot: uint16(slot), Created: kv.FirstEpoch, N: uint8(b.N), Sloppy: b.Sloppy, TTLMs: b.TTLMs, GraceMs: b.GraceMs}
	var err error
	if out.Mode, err = kv.ParseMode(b.Mode); err != nil || out.Mode != kv.Eventual {
		return out, err
	}
	if out.Policy, err = kv.ParsePolicy(b.Policy); err != nil {
		return out, err
	}
	if out.Repair, err = kv.ParseRepair(b.Repair); err != nil {
		return out, err
	}
	if out.R, err = kv.ParseAsk(b.R); err != nil {
		return out, err
	}
	out.W, err = kv.ParseAsk(b.W)
	return out, err
}

// buckets lists all of the cluster, the default one first.
func (c *Config) buckets() ([]kv.Bucket, error) {
	list := slices.Clone(kv.FirstMap(c.N).Buckets)
	for i := range c.Buckets {
		if c.Buckets[i].N > c.Nodes {
			return nil, wrong(fmt.Sprintf("config.buckets[%d].n", i), " is %d: use 1 to %d, the number of nodes", c.Buckets[i].N, c.Nodes)
		}
		b, err := c.Buckets[i].Bucket(i + 1)
		if err != nil {
			return nil, wrong(fmt.Sprintf("config.buckets[%d]", i), ": %v", err)
		}
		list = append(list, b)
	}
	return list, nil
}

// partitionOf is the partition of a key in its bucket.
func partitionOf(l *ring.Layout, k *Key) kv.Partition {
	return l.PartitionOf(bucketOf(l, k), []byte(k.Name))
}

// bucketOf is the bucket of a key; nil for the default one.
func bucketOf(l *ring.Layout, k *Key) *kv.Bucket {
	if k.Bucket == "" {
		return nil
	}
	return l.Named(k.Bucket)
}

// modeOf is the mode of a key's bucket.
func (w *World) modeOf(key int) kv.Mode {
	if b := bucketOf(w.layout, &w.cfg.Keys[key]); b != nil {
		return b.Mode
	}
	return kv.Strong
}

// strict reports whether a key's history must be linearizable.
func (k *Key) strict(c *Config) bool {
	for i := range c.Buckets {
		if c.Buckets[i].Name == k.Bucket {
			return c.Buckets[i].Mode != "eventual"
		}
	}
	return true
}

// validateBuckets finds keys whose bucket there is not, and operations that
// their bucket does not have.
func (p *Plan) validateBuckets() error {
	c := &p.Config
	if _, err := c.buckets(); err != nil {
		return err
	}
	modes := map[string]string{"": "strong"}
	counters := map[string]bool{}
	for _, b := range c.Buckets {
		modes[b.Name], counters[b.Name] = b.Mode, b.Policy == "counters"
	}
	for i, k := range c.Keys {
		if modes[k.Bucket] == "" {
			return wrong(fmt.Sprintf("config.keys[%d].bucket", i), " is %q, which config.buckets does not have", k.Bucket)
		}
		if modes[k.Bucket] != "strong" && k.Counter != counters[k.Bucket] {
			return wrong(fmt.Sprintf("config.keys[%d].counter", i), " is %v: keys of bucket %q are counters if and only if its policy is counters", k.Counter, k.Bucket)
		}
	}
	for i, op := range p.Ops {
		k := &c.Keys[op.Key]
		if modes[k.Bucket] == "strong" {
			continue
		}
		if allowed := eventualOps(k.Counter); !slices.Contains(allowed, op.Do) {
			return wrong(fmt.Sprintf("ops[%d].do", i), " is %q: bucket %q has %v", op.Do, k.Bucket, allowed)
		}
		for _, ask := range []string{op.R, op.W} {
			if _, err := kv.ParseAsk(ask); ask != "" && err != nil {
				return wrong(fmt.Sprintf("ops[%d]", i), ": %v", err)
			}
		}
	}
	return nil
}

// eventualOps are the operations of buckets that are not strong.
func eventualOps(counter bool) []string {
	if counter {
		return []string{"get", "incr"}
	}
	return []string{"get", "set", "delete"}
}
