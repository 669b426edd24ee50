package sim

import (
	"fmt"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability"
)

// Plan is everything that happens in a run. The lists may be shortened at will.
type Plan struct {
	Seed     uint64     `json:"seed"`
	Scenario string     `json:"scenario"`
	Config   Config     `json:"config"`
	Ops      []ClientOp `json:"ops"`
	Faults   []Fault    `json:"faults"`
	MapOps   []MapOp    `json:"map_ops,omitempty"`
}

// Size says how much is in it. What clients do with the map are operations, too.
func (p *Plan) Size() string {
	size := fmt.Sprintf("%d operations and %d faults", len(p.Ops)+len(p.MapOps), len(p.Faults))
	if n := len(p.MapOps); n > 0 {
		size += fmt.Sprintf(" (%d of the operations in map_ops)", n)
	}
	return size
}

// Config is the cluster and the world it lives in. Times are nanoseconds
// unless the name says otherwise, probabilities are parts per million.
type Config struct {
	Nodes      int   `json:"nodes"`
	N          int   `json:"n"`
	Lanes      int   `json:"lanes"`
	Partitions int   `json:"partitions"`
	Clients    int   `json:"clients"`
	Keys       []Key `json:"keys"`
	// Buckets are those beside the default one, which is strong.
	Buckets []BucketCfg `json:"buckets,omitempty"`
	// MapReadNs is the time between a node's looks at the map's register; 0: the default.
	MapReadNs int64   `json:"map_read_ns,omitempty"`
	Network   Latency `json:"network"`
	Disk      DiskCfg `json:"disk"`
	// Zones is how many zones the nodes are spread over in turn; 0 and 1: one.
	// Between multiplies the latency between zones, in thousandths; 0 is 1000.
	Zones   int   `json:"zones,omitempty"`
	Between int64 `json:"between_milli,omitempty"`
	ThinkNs int64 `json:"think_ns,omitempty"` // pause of a client after an answer
	// LivenessNs bounds the phase after the faults; 0: a bound is computed.
	LivenessNs int64    `json:"liveness_ns,omitempty"`
	Core       Core     `json:"core,omitzero"`
	Unjudged   []string `json:"unjudged,omitempty"` // checks that do not convict
	// Exact takes the dice out of all times: latencies are their median, batches
	// and syncs take their mean. Such a plan hardly depends on the seed.
	Exact bool `json:"exact,omitempty"`
	// Strict judges by sync policy always, whatever the policy is.
	Strict bool `json:"strict,omitempty"`

	// Anomalies names what convicts although the settings permit it; see anomalies.go.
	Anomalies string `json:"anomalies,omitempty"`

	// The protocol's own settings, see shard.Config and detector.Config.
	RequestTimeoutNs int64 `json:"request_timeout_ns"`
	ResendNs         int64 `json:"resend_ns"`
	BackoffNs        int64 `json:"backoff_ns"`
	LevelNs          int64 `json:"level_ns"`
	MaxPending       int   `json:"max_pending"`
	KeepTouching     bool  `json:"keep_touching"`
	HeartbeatNs      int64 `json:"heartbeat_ns"`
	SuspectNs        int64 `json:"suspect_ns"`

	ClientTimeoutNs int64 `json:"client_timeout_ns"`
	SafetyNs        int64 `json:"safety_ns"`  // faults end at the latest then
	ServiceNs       int64 `json:"service_ns"` // mean length of a batch
	GatherNs        int64 `json:"gather_ns"`  // how long an idle lane waits for more messages, at most
	BatchLimit      int   `json:"batch_limit"`
	// MaxClockMs is how far wall clocks get from true time at most, milliseconds;
	// 0: no bound.
	MaxClockMs int64 `json:"max_clock_ms,omitempty"`
	// HintTTLMs is the life of hints, and of messages with objects, milliseconds; 0:
	// longer than every run. HintBytes bounds the hints for one node; 0: no bound
	// that matters.
	HintTTLMs int64 `json:"hint_ttl_ms,omitempty"`
	HintBytes int64 `json:"hint_bytes,omitempty"`
	SkewMs    int64 `json:"skew_ms"`   // wall clocks differ by as much
	DriftPPM  int64 `json:"drift_ppm"` // monotonic clocks run faster or slower by as much, in thousandths above 1000
}

// DiskCfg describes the nodes' disks and logs.
type DiskCfg struct {
	Sync         string `json:"sync"` // always, interval or never
	IntervalNs   int64  `json:"interval_ns"`
	WriteNs      int64  `json:"write_ns"`
	SyncNs       int64  `json:"sync_ns"` // mean
	SegmentBytes int64  `json:"segment_bytes"`
	Preallocate  int64  `json:"preallocate_bytes"` // negative: not at all
	Compression  string `json:"compression"`
	CheckpointNs int64  `json:"checkpoint_ns"` // mean time between checkpoints, 0: none
	Chunk        int    `json:"chunk"`         // records per step of a checkpoint
}

// Key is a key of the workload. A counter is only read and incremented; any
// other key gets values that are never written twice.
type Key struct {
	Name    string `json:"name"`
	Counter bool   `json:"counter,omitempty"`
	Bucket  string `json:"bucket,omitempty"` // empty: the default one
	// ReadFirst: clients read it before they set it, and say what they saw.
	ReadFirst bool `json:"read_first,omitempty"`
}

// ClientOp is one operation. A client does one after the other, each at its
// time or when the previous one is done.
type ClientOp struct {
	AtNs   int64     `json:"at"`
	Client int       `json:"client"`
	Node   kv.NodeID `json:"node"`
	Key    int       `json:"key"`
	Do     string    `json:"do"` // get, head, set, getset, setnx, setxx, delete, getdel, cas, getcas, incr
	// Value is the number of the value written, unique in the plan; incr: the delta.
	Value int64 `json:"value,omitempty"`
	// Expect is the number of the value that a cas expects; 0: what this client
	// saw last; ExpectLatest: what any client saw last.
	Expect int64 `json:"expect,omitempty"`
	// With: sent in one message with the operation before it, if that one is of
	// the same client and node.
	With bool `json:"with,omitempty"`
	// R and W are what an operation of an eventual bucket asks for; empty: as the
	// bucket says. Context: a write carries the client's so many latest context of
	// the key, 1 for the last one, or the oldest that there is; 0: none.
	R       string `json:"r,omitempty"`
	W       string `json:"w,omitempty"`
	Context int    `json:"context,omitempty"`
}

// maxPipeline is how many operations a message of a client has at most.
const maxPipeline = 8

// ExpectLatest in ClientOp.Expect is the value that some client saw last. A cas
// that fails on it is evidence against a stale owner.
const ExpectLatest = -1

// Fault is something that goes wrong at some nodes for some time.
type Fault struct {
	AtNs  int64       `json:"at"`
	ForNs int64       `json:"for"`
	Kind  string      `json:"kind"`
	Nodes []kv.NodeID `json:"nodes,omitempty"` // who; with a trigger and none given: who triggered it
	To    []kv.NodeID `json:"to,omitempty"`    // split: the other end
	Value int64       `json:"value,omitempty"`
	On    *Trigger    `json:"on,omitempty"`
}

// Trigger makes a fault wait, from its time on, for a step of the protocol.
type Trigger struct {
	Event   string `json:"event"`   // send, handle (a message), sync (the log begins to)
	Message string `json:"message"` // its name, empty for any
	Nth     int    `json:"nth"`     // counts from 1
	DelayNs int64  `json:"delay"`
	Peer    bool   `json:"peer,omitempty"` // strike the other end of the message
}

// The kinds of fault, with what Value means.
const (
	FaultKill     = "kill"      // the process ends; what was written stays; restart after ForNs
	FaultPower    = "power"     // the machine loses power; restart after ForNs
	FaultPause    = "pause"     // nothing runs at the node
	FaultCut      = "cut"       // no message between Nodes and the others
	FaultMute     = "mute"      // none from Nodes to the others
	FaultDeaf     = "deaf"      // none from the others to Nodes
	FaultSplit    = "split"     // none from Nodes to To
	FaultLoss     = "loss"      // Value ppm of the messages of Nodes are lost
	FaultDup      = "dup"       // Value ppm of the messages of Nodes arrive twice
	FaultSlow     = "slow"      // messages of Nodes take Value ns longer
	FaultSlowIn   = "slow-in"   // messages to Nodes take Value ns longer
	FaultFlap     = "flap"      // links between Nodes and the others, or To, are cut for Value ns, work for as long, and so on
	FaultSlowNode = "slow-node" // batches take Value thousandths of their time
	FaultSlowDisk = "slow-disk" // a sync takes Value ns longer
	FaultWriteErr = "write-error"
	FaultSyncErr  = "sync-error" // the next Value fsyncs fail
	FaultDiskFull = "disk-full"
	FaultRot      = "bit-rot"    // power fails, and Value bits of one file turn; the log must notice
	FaultLostDisk = "lost-disk"  // the node loses its disk, and is refused from then on
	FaultColdRot  = "cold-rot"   // Value bits of what was synced long ago turn while the node runs
	FaultClock    = "clock-jump" // the wall clock jumps by Value ms
	FaultDrift    = "drift"      // the monotonic clock runs at Value thousandths

	// FaultMisdirected: the next Value writes that later ones follow land in an
	// older part of the same file.
	FaultMisdirected = "misdirected-write"
)

// faultNames lists the kinds of fault.
func faultNames() []string {
	return []string{FaultKill, FaultPower, FaultPause, FaultCut, FaultMute, FaultDeaf, FaultSplit, FaultLoss, FaultDup, FaultSlow,
		FaultSlowIn, FaultFlap, FaultSlowNode, FaultSlowDisk, FaultWriteErr, FaultSyncErr, FaultDiskFull, FaultRot, FaultColdRot, FaultLostDisk,
		FaultMisdirected, FaultClock, FaultDrift}
}

// operations maps what a plan calls an operation to what the store and the
// checker call it.
var operations = map[string]struct {
	kind  kv.OpKind
	cond  kv.Cond
	old   bool
	head  bool
	lkind linearizability.Kind
	lcond linearizability.Cond
}{
	"get":    {kind: kv.OpGet, lkind: linearizability.Get},
	"head":   {kind: kv.OpGet, head: true, lkind: linearizability.Get},
	"set":    {kind: kv.OpSet, lkind: linearizability.Set},
	"getset": {kind: kv.OpSet, old: true, lkind: linearizability.Set},
	"setnx":  {kind: kv.OpSet, cond: kv.IfAbsent, lkind: linearizability.Set, lcond: linearizability.IfAbsent},
	"setxx":  {kind: kv.OpSet, cond: kv.IfExists, lkind: linearizability.Set, lcond: linearizability.IfExists},
	"delete": {kind: kv.OpDelete, lkind: linearizability.Delete},
	"getdel": {kind: kv.OpDelete, old: true, lkind: linearizability.Delete},
	"cas":    {kind: kv.OpCAS, lkind: linearizability.CAS},
	"getcas": {kind: kv.OpCAS, old: true, lkind: linearizability.CAS},
	"incr":   {kind: kv.OpIncr, lkind: linearizability.Incr},
}

// Validate reports the first thing in a plan that can't be run.
func (p *Plan) Validate() error {
	c := &p.Config
	switch {
	case c.Nodes < 1 || c.Nodes > 31:
		return wrong("config.nodes", " is %d: use 1 to 31", c.Nodes)
	case c.N < 1 || c.N > 7:
		return wrong("config.n", " is %d: use 1 to 7", c.N)
	case c.Lanes < 1 || c.Lanes > c.Partitions:
		return wrong("config.lanes", " is %d: use 1 to partitions (%d)", c.Lanes, c.Partitions)
	case c.Clients < 1:
		return wrong("config.clients", " is %d: use at least 1", c.Clients)
	case len(c.Keys) == 0:
		return wrong("config.keys", " is empty: name at least one key")
	case c.Disk.Sync != "always" && c.Disk.Sync != "interval" && c.Disk.Sync != "never":
		return wrong("config.disk.sync", " is %q: use always, interval or never", c.Disk.Sync)
	}
	if err := within("config.", c.limits()); err != nil {
		return err
	}
	if _, err := c.Network.table(); err != nil {
		return wrong("config.network", ": %v", err)
	}
	for i, op := range p.Ops {
		if _, ok := operations[op.Do]; !ok {
			return wrong(fmt.Sprintf("ops[%d].do", i), " is %q: use get, head, set, getset, setnx, setxx, delete, getdel, cas, getcas or incr", op.Do)
		}
		if op.Client < 0 || op.Client >= c.Clients || op.Key < 0 || op.Key >= len(c.Keys) {
			return wrong(fmt.Sprintf("ops[%d]", i), ": client %d or key %d does not exist (%d clients, %d keys)", op.Client, op.Key, c.Clients, len(c.Keys))
		}
		if op.Node < 1 || int(op.Node) > c.Nodes {
			return wrong(fmt.Sprintf("ops[%d].node", i), " is %d: use 1 to %d", op.Node, c.Nodes)
		}
		if err := within(fmt.Sprintf("ops[%d].", i), []limit{{"at", op.AtNs, 0, hour}}); err != nil {
			return err
		}
	}
	if err := p.validateBuckets(); err != nil {
		return err
	}
	if err := c.Core.validate(c.Nodes, c.N); err != nil {
		return err
	}
	for i := range p.MapOps {
		if err := p.MapOps[i].validate(c.Nodes); err != nil {
			return wrong(fmt.Sprintf("map_ops[%d]", i), ": %v", err)
		}
		if err := within(fmt.Sprintf("map_ops[%d].", i), []limit{{"at", p.MapOps[i].AtNs, 0, hour}}); err != nil {
			return err
		}
	}
	for i := range p.Faults {
		if err := p.Faults[i].validate(c.Nodes); err != nil {
			return wrong(fmt.Sprintf("faults[%d]", i), ": %v", err)
		}
		if err := within(fmt.Sprintf("faults[%d].", i), p.Faults[i].limits()); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fault) validate(nodes int) error {
	if _, ok := faults[f.Kind]; !ok {
		return fmt.Errorf("unknown kind %q", f.Kind)
	}
	for _, list := range [][]kv.NodeID{f.Nodes, f.To} {
		for _, n := range list {
			if n < 1 || int(n) > nodes {
				return fmt.Errorf("node %d: use 1 to %d", n, nodes)
			}
		}
	}
	if f.On == nil {
		if len(f.Nodes) == 0 {
			return fmt.Errorf("names no node and no trigger")
		}
		return nil
	}
	if e := f.On.Event; e != "send" && e != "handle" && e != "sync" {
		return fmt.Errorf("on.event is %q: use send, handle or sync", e)
	}
	return nil
}
