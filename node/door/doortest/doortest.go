// Package doortest is a host in memory, for the tests of front doors and
// clients: one map, one lock, every operation of the store.
package doortest

import (
	"bytes"
	"hash/fnv"
	"math"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door"
)

// Host implements door.Host. Set its fields before it serves.
type Host struct {
	// Intercept may answer an operation in the store's place; nil: it runs.
	Intercept func(op *msg.Op) *kv.Result
	// Before runs at the start of each Do, outside the lock.
	Before func(ops []msg.Op)
	// NotReady is the reason that Ready gives; "" is ready.
	NotReady string
	// CountErr is what CountKeys fails with.
	CountErr error
	Bounds   door.Limits

	mu      sync.Mutex
	keys    map[place]kv.Register
	buckets *kv.Map
	seq     uint64

	Batches  atomic.Int64 // calls of Do
	Sessions atomic.Int64 // open now
}

// place is a key of a bucket, which the epoch of its creation names.
type place struct {
	born kv.Epoch
	key  string
}

// New returns an empty host with the default limits.
func New() *Host {
	return &Host{keys: map[place]kv.Register{}, buckets: kv.FirstMap(3), Bounds: door.Limits{KeyBytes: 64 << 10, ValueBytes: 8 << 20, BatchOps: 1024}}
}

// NewSession implements door.Host.
func (h *Host) NewSession() door.Session {
	h.Sessions.Add(1)
	return &session{h: h}
}

// Partition implements door.Host.
func (h *Host) Partition(b *kv.Bucket, key []byte) kv.Partition {
	f := fnv.New32a()
	f.Write(key)
	p := kv.Partition(f.Sum32() % 256)
	if b != nil {
		p += kv.Partition(b.Slot) * 256
	}
	return p
}

// Limits implements door.Host.
func (h *Host) Limits() door.Limits { return h.Bounds }

// Route implements door.Host.
func (h *Host) Route(b *kv.Bucket, key []byte) door.Route {
	return door.Route{Partition: h.Partition(b, key), Preference: []kv.NodeID{2, 1, 3}, Owner: 2, Epoch: 1,
		Addresses: map[kv.NodeID]door.Endpoints{2: {HTTP: "127.0.0.1:8081", RESP: "127.0.0.1:7380", Peer: "127.0.0.1:9001"}}}
}

// Stats implements door.Host.
func (h *Host) Stats() door.Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return door.Stats{Node: 1, Cluster: "test", Version: "test", Inc: 7, Epoch: 1, UptimeSeconds: 1.5, Partitions: 256, Owned: 85,
		Replicated: 256, Lanes: 2, Replicas: 3, Keys: uint64(len(h.keys)), Ops: map[string]uint64{"get": h.seq}, Outcomes: map[string]uint64{"ok": h.seq},
		Peers: []door.PeerState{{Node: 1, Alive: true, Inc: 7}, {Node: 2, Alive: true, Inc: 3}, {Node: 3}}}
}

// CountKeys implements door.Host.
func (h *Host) CountKeys(b *kv.Bucket) (keys, size uint64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b == nil {
		b = h.buckets.Named(kv.DefaultBucket)
	}
	for k, r := range h.keys {
		if r.Found() && k.born == b.Created {
			keys, size = keys+1, size+uint64(len(k.key)+len(r.Data))
		}
	}
	return keys, size, h.CountErr
}

// Ready implements door.Host.
func (h *Host) Ready() (bool, string) { return h.NotReady == "", h.NotReady }

// NewGate implements door.Host. Each Start runs on a goroutine of its own, so
// one that Before holds up holds up no other.
func (h *Host) NewGate(wake func()) door.Gate { return &gate{h: h, wake: wake} }

type gate struct {
	h    *Host
	wake func()
	mu   sync.Mutex
	ends []any
}

// Open implements door.Gate.
func (g *gate) Open(owner any) door.GateSession {
	g.h.Sessions.Add(1)
	return &gateSession{session: session{h: g.h}, gate: g, owner: owner}
}

// Flush implements door.Gate.
func (g *gate) Flush() {}

// Pending implements door.Gate.
func (g *gate) Pending() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.ends) > 0
}

// Finished implements door.Gate.
func (g *gate) Finished() []any {
	g.mu.Lock()
	defer g.mu.Unlock()
	ends := g.ends
	g.ends = nil
	return ends
}

type gateSession struct {
	session
	gate  *gate
	owner any
}

// Start implements door.GateSession.
func (s *gateSession) Start(bucket string, ops []msg.Op) {
	go func() {
		s.DoIn(bucket, ops)
		s.gate.mu.Lock()
		s.gate.ends = append(s.gate.ends, s.owner)
		s.gate.mu.Unlock()
		s.gate.wake()
	}()
}

// Results implements door.GateSession.
func (s *gateSession) Results() []kv.Result { return s.results }

type session struct {
	h       *Host
	results []kv.Result
}

func (s *session) Close() { s.h.Sessions.Add(-1) }

func (s *session) Do(ops []msg.Op) []kv.Result { return s.DoIn(kv.DefaultBucket, ops) }

func (s *session) DoIn(bucket string, ops []msg.Op) []kv.Result {
	s.h.Batches.Add(1)
	if s.h.Before != nil {
		s.h.Before(ops)
	}
	clear(s.results) // whoever keeps the slice too long shall notice
	s.results = s.results[:0]
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	b := s.h.buckets.Named(bucket)
	for i := range ops {
		if b == nil {
			s.results = append(s.results, kv.Refused("no bucket is named "+strconv.Quote(bucket)))
			continue
		}
		if s.h.Intercept != nil {
			if r := s.h.Intercept(&ops[i]); r != nil {
				s.results = append(s.results, *r)
				continue
			}
		}
		s.results = append(s.results, s.h.apply(b, &ops[i].Op))
	}
	return s.results
}

func (h *Host) apply(b *kv.Bucket, op *kv.Op) kv.Result {
	if op.Tuning != nil {
		return kv.Refused(kv.StrongTakesNoTuning)
	}
	at := place{b.Created, string(op.Key)}
	reg := h.keys[at]
	res := kv.Result{Found: reg.Found(), Rev: reg.Rev, TimeMs: reg.TimeMs, Media: reg.Media}
	if op.WantOld || op.Kind == kv.OpGet && !op.HeadOnly {
		res.Data = reg.Data
	}
	if bad := refused(op, &reg); bad != kv.OK {
		res.Status = bad
		return res
	}
	switch op.Kind {
	case kv.OpGet:
	case kv.OpSet, kv.OpCAS:
		h.put(at, op, bytes.Clone(op.Value), op.Media, &res)
	case kv.OpIncr:
		n := int64(0)
		if reg.Found() {
			n, _ = strconv.ParseInt(string(reg.Data), 10, 64)
		}
		if op.Delta > 0 && n > math.MaxInt64-op.Delta || op.Delta < 0 && n < math.MinInt64-op.Delta {
			res.Status = kv.Overflow
			return res
		}
		res.Int = n + op.Delta
		h.put(at, op, strconv.AppendInt(nil, res.Int, 10), kv.Text, &res)
	case kv.OpDelete:
		h.seq++
		h.keys[at] = kv.Register{Kind: kv.Tombstone, Version: h.version(), Rev: h.version()}
	}
	return res
}

// refused reports why op leaves reg as it is, OK if it does not.
func refused(op *kv.Op, reg *kv.Register) kv.Status {
	switch op.Kind {
	case kv.OpGet:
		if !reg.Found() {
			return kv.NotFound
		}
	case kv.OpCAS:
		if !reg.Found() || !bytes.Equal(reg.Data, op.Expected) {
			return kv.CondFailed
		}
	case kv.OpIncr:
		if _, err := strconv.ParseInt(string(reg.Data), 10, 64); reg.Found() && err != nil {
			return kv.NotInteger
		}
	}
	if op.Cond == kv.IfAbsent && reg.Found() || op.Cond == kv.IfExists && !reg.Found() ||
		op.Cond == kv.IfRev && (!reg.Found() || reg.Rev != op.Rev) {
		return kv.CondFailed
	}
	if op.Kind == kv.OpDelete && !reg.Found() {
		return kv.NotFound
	}
	return kv.OK
}

func (h *Host) put(at place, op *kv.Op, data []byte, media kv.Media, res *kv.Result) {
	h.seq++
	reg := kv.Register{Kind: kv.Value, Data: data, Media: media, TimeMs: 1_700_000_000_000 + int64(h.seq), Version: h.version(), Rev: h.version()}
	h.keys[at] = reg
	res.Rev, res.TimeMs, res.Media = reg.Rev, reg.TimeMs, reg.Media
}

func (h *Host) version() kv.Version {
	return kv.Version{Ballot: kv.Ballot{Epoch: 1, Round: 3, Node: 2, Inc: 7}, Seq: h.seq}
}
