package sim

import (
	"fmt"
	"strconv"

	"github.com/quoratedb/quorate/actors/kv"
)

// MapOp is a change of the cluster map, or an operation on a key of a bucket
// that comes and goes with such changes. It is carried out at its time if its
// node is up, whatever became of those before it.
type MapOp struct {
	AtNs   int64     `json:"at_ns"`
	Node   kv.NodeID `json:"node"`
	Do     string    `json:"do"` // create, set, drop; resize; put, get
	Bucket string    `json:"bucket"`
	Mode   string    `json:"mode,omitempty"` // create
	Key    string    `json:"key,omitempty"`  // put, get
	N      int       `json:"n,omitempty"`    // resize: of an eventual bucket of config.buckets
	// GraceMs goes with N.
	GraceMs int64 `json:"grace_ms,omitempty"`
	// Tag tells what the operation writes from all else: a value, or the TTL of a
	// bucket that has one.
	Tag int64 `json:"tag,omitempty"`
}

func (op *MapOp) isChange() bool {
	return op.Do == "create" || op.Do == "set" || op.Do == "drop" || op.Do == "resize"
}

// change translates it.
func (op *MapOp) change() kv.Change {
	c := kv.Change{Bucket: kv.Bucket{Name: op.Bucket, TTLMs: tagTTL(op.Tag)}}
	switch op.Do {
	case "create":
		c.Kind, c.Given = kv.CreateBucket, kv.FieldMode
		c.Bucket.Mode, _ = kv.ParseMode(op.Mode) // Validate has seen to it
		if c.Bucket.Mode != kv.Strong {
			c.Given |= kv.FieldTTL
		}
	case "set":
		c.Kind, c.Given = kv.SetBucket, kv.FieldTTL
	case "drop":
		c.Kind = kv.DropBucket
	case "resize":
		// Those buckets come from the configuration without a grace, and none that is
		// changed may be.
		c.Kind, c.Given, c.Bucket = kv.SetBucket, kv.FieldN|kv.FieldGrace, kv.Bucket{Name: op.Bucket, N: uint8(op.N), GraceMs: op.GraceMs}
	}
	return c
}

// accessKey is one of the two keys of a bucket that comes and goes.
func accessKey(i int) string { return "x" + strconv.Itoa(i&1) }

// tagTTL is the TTL that stands for a tag: longer than every run.
func tagTTL(tag int64) int64 { return 3_600_000 + tag }

func (op *MapOp) validate(nodes int) error {
	if op.Node < 1 || int(op.Node) > nodes {
		return fmt.Errorf("node is %d: use 1 to %d", op.Node, nodes)
	}
	switch op.Do {
	case "set", "drop", "put", "get":
	case "resize":
		if op.N < 1 || op.N > min(nodes, kv.MaxReplicas) {
			return fmt.Errorf("n is %d: use 1 to %d", op.N, min(nodes, kv.MaxReplicas))
		}
	case "create":
		if _, err := kv.ParseMode(op.Mode); err != nil {
			return err
		}
	default:
		return fmt.Errorf("do is %q: use create, set, drop, resize, put or get", op.Do)
	}
	return nil
}

// mapProfile is what seeds draw changes of the map from.
type mapProfile struct {
	share    span64 // of the seeds that have any
	changes  span64
	names    span64
	accesses span64
	resizes  span64
	mode     []weighted
	mix      []weighted
	readNs   span64
}

func (p *profile) mapKnobs() []knob {
	m := &p.clusterMap
	mode, modes := oneOf("strong", "abd", "eventual")
	mix, mixNames := oneOf("create", "set", "drop")
	return []knob{
		numeric("map.share", &m.share, percent(), 0, whole, "share of the seeds in which buckets are created, changed and dropped"),
		numeric("map.changes", &m.changes, plain(), 0, 200, "how many changes are asked for"),
		numeric("map.resizes", &m.resizes, plain(), 0, 200, "how often an eventual bucket of the workload gets another N"),
		numeric("map.names", &m.names, plain(), 1, 16, "names of buckets that they are about"),
		numeric("map.accesses", &m.accesses, plain(), 0, 10_000, "writes and reads of keys of those buckets"),
		choice("map.mode", &m.mode, mode, modes, "the mode of a bucket that is created"),
		choice("map.mix", &m.mix, mix, mixNames, "the changes"),
		numeric("map.read", &m.readNs, clockTime(1), millisecond, hour, "time between a node's looks at the map's register"),
	}
}

// drawMap draws the changes. It has a stream of its own, as drawBuckets.
func (d *drawer) drawMap() {
	c, p := &d.plan.Config, &d.p.clusterMap
	rng := d.rng
	d.rng = source(d.plan.Seed, streamMap)
	defer func() { d.rng = rng }()
	if !d.share(p.share) {
		return
	}
	c.MapReadNs = d.log(p.readNs)
	names := int(d.in(p.names))
	name := func() string { return "m" + strconv.Itoa(d.rng.IntN(names)) }
	node := func() kv.NodeID { return kv.NodeID(1 + d.rng.IntN(c.Nodes)) }
	at := func() int64 { return d.between(0, c.SafetyNs*9/10) }
	tag := int64(0)
	for range int(d.in(p.changes)) {
		tag++
		op := MapOp{AtNs: at(), Node: node(), Do: d.pick(p.mix), Bucket: name(), Tag: tag}
		if op.Do == "create" {
			op.Mode = d.pick(p.mode)
		}
		d.plan.MapOps = append(d.plan.MapOps, op)
	}
	for range int(d.in(p.accesses)) {
		tag++
		op := MapOp{AtNs: at(), Node: node(), Do: "get", Bucket: name(), Key: accessKey(d.rng.IntN(2)), Tag: tag}
		if d.ppm(500_000) {
			op.Do = "put"
		}
		d.plan.MapOps = append(d.plan.MapOps, op)
	}
	for range int(d.in(p.resizes)) {
		tag++
		d.resize(MapOp{AtNs: at(), Node: node(), Do: "resize", Tag: tag})
	}
	if len(c.Buckets) == 0 { // else drawBuckets has done it: most modes need clocks that agree
		c.MaxClockMs = d.in(d.p.buckets.clockMs)
	}
}

// resize draws an N that the settings of some eventual bucket allow.
func (d *drawer) resize(op MapOp) {
	c := &d.plan.Config
	if len(c.Buckets) == 0 {
		return
	}
	b := oneIn(d, c.Buckets)
	if b.Mode != "eventual" {
		return
	}
	least := 1
	for _, ask := range []string{b.R, b.W} {
		if n, err := strconv.Atoi(ask); err == nil {
			least = max(least, n)
		}
	}
	if op.GraceMs = c.GraceMs(); c.HintTTLMs == 0 { // hints live as long as in a real cluster
		op.GraceMs = 24 * hour / 1e6
	}
	op.Bucket, op.N = b.Name, int(d.between(int64(least), int64(min(c.Nodes, kv.MaxReplicas))))
	d.plan.MapOps = append(d.plan.MapOps, op)
}
