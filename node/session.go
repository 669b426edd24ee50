package node

import (
	"strconv"
	"time"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/ring"
)

// session implements door.Session and door.GateSession. It belongs to one
// goroutine, but for the call inside.
type session struct {
	call
	node    *Node
	gate    *gate // nil: Do waits itself
	visit         // of a session with a gate
	slot    uint32
	refuse  bool         // no slot was free
	layout  *ring.Layout // of the running Do, as is its bucket
	bucket  *kv.Bucket
	results []kv.Result
	route   []placed
	lanes   []laneShare
	out     batch
}

// placed says where an operation of the running Do went.
type placed struct {
	partition kv.Partition
	lane      int16     // -1: answered here
	status    kv.Status // with lane -1
}

// laneShare is what one lane gets of the running Do.
type laneShare struct {
	ops   int // that it gets
	bytes int
	next  int // scratch: where its next operation is
	part  int // of the call
}

// doBytes and doOps bound the keys and values, and the operations, that a Do has
// under way; a larger one goes in several rounds. A lane that is given 65,536
// operations at a time does nothing else for so long that its peers, with much
// else to do on their machine, take the node for dead.
const (
	doBytes = 4 << 20
	doOps   = 4096
)

func newSession(n *Node) *session {
	s := &session{node: n, lanes: make([]laneShare, n.cfg.Lanes)}
	s.ready = make(chan struct{}, 1)
	s.refuse = !n.edge.take(s)
	s.out.envelopes = make([]actors.Envelope, 1)
	return s
}

// Close implements door.Session.
func (s *session) Close() {
	if !s.refuse {
		s.refuse = true
		s.node.edge.give(s)
	}
}

// Do implements door.Session.
func (s *session) Do(ops []msg.Op) []kv.Result { return s.DoIn(kv.DefaultBucket, ops) }

// DoIn implements door.Session.
func (s *session) DoIn(bucket string, ops []msg.Op) []kv.Result {
	begin := time.Now()
	ops = s.enter(bucket, ops)
	for rest := ops; len(rest) > 0; {
		n := s.prefix(rest)
		parts := s.dispatch(rest[:n])
		if parts > 0 {
			if s.node.edge.closed.Load() {
				s.giveUp(0) // the node was closed in the meantime
			}
			s.wait()
		}
		s.collect(rest[:n])
		rest = rest[n:]
	}
	s.node.metrics.observe(ops, s.results, time.Since(begin))
	return s.results
}

// enter begins a Do: it looks the bucket up, and returns the operations that
// are to be carried out there. Without such a bucket it answers them all.
func (s *session) enter(bucket string, ops []msg.Op) []msg.Op {
	s.layout = s.node.layout.Load()
	s.bucket = s.layout.Named(bucket)
	clear(s.results)
	s.results = s.results[:0]
	if s.bucket != nil {
		return ops
	}
	for range ops {
		s.results = append(s.results, kv.Refused("no bucket is named "+strconv.Quote(bucket)))
	}
	return nil
}

// prefix is how many of the operations go in the next round.
func (s *session) prefix(ops []msg.Op) int {
	bytes := 0
	for i := range ops {
		bytes += sizeOf(&ops[i])
		if i > 0 && (bytes > doBytes || i >= min(doOps, s.node.cfg.Limits.BatchOps)) {
			return i
		}
	}
	return len(ops)
}

// dispatch sends operations that fit one message per lane, in the returned
// number of messages. When they are answered, collect appends the results.
func (s *session) dispatch(ops []msg.Op) (parts int) {
	parts, valid, bytes := s.place(ops)
	if parts > 0 {
		first := s.begin(parts, s.node.edge.beats.Load()+s.node.patience)
		s.sendOps(ops, first, parts, valid, bytes)
	}
	return parts
}

// place finds a lane for every operation that is valid.
func (s *session) place(ops []msg.Op) (parts, valid, bytes int) {
	n := s.node
	clear(s.lanes)
	s.route = s.route[:0]
	for i := range ops {
		op := &ops[i]
		if st := s.check(&op.Op); st != kv.OK {
			s.route = append(s.route, placed{lane: -1, status: st})
			continue
		}
		p := s.layout.PartitionOf(s.bucket, op.Key)
		lane := actors.LaneOf(p, n.cfg.Lanes)
		s.route = append(s.route, placed{partition: p, lane: int16(lane)})
		sh := &s.lanes[lane]
		if sh.ops == 0 {
			parts++
		}
		sh.ops++
		sh.bytes += sizeOf(op)
		bytes += len(op.Key) + len(op.Value) + len(op.Expected)
		valid++
	}
	return parts, valid, bytes
}

func (s *session) check(op *kv.Op) kv.Status {
	l := &s.node.cfg.Limits
	switch {
	case s.refuse || s.node.stopping():
		if s.node.stopping() {
			return kv.Unavailable
		}
		return kv.Busy
	case len(op.Key) > l.KeyBytes || len(kv.Payload(op.Media, op.Value)) > l.ValueBytes || len(op.Expected) > l.ValueBytes:
		return kv.TooLarge
	case len(op.Key) == 0 || !op.Kind.Valid() || !op.Cond.Valid():
		return kv.BadRequest
	}
	return kv.OK
}

// sendOps copies the operations, with all their bytes in one buffer, and
// sends one message per lane.
func (s *session) sendOps(ops []msg.Op, first uint64, parts, valid, bytes int) {
	copied := make([]msg.Op, valid)
	buf := make([]byte, 0, bytes)
	at := 0
	for i := range s.lanes {
		s.lanes[i].next = at
		at += s.lanes[i].ops
	}
	for i := range ops {
		w := &s.route[i]
		if w.lane < 0 {
			continue
		}
		sh := &s.lanes[w.lane]
		c := &copied[sh.next]
		sh.next++
		*c = ops[i]
		c.Partition = w.partition
		buf, c.Key = keep(buf, c.Key)
		buf, c.Value = keep(buf, c.Value)
		buf, c.Expected = keep(buf, c.Expected)
	}
	messages := make([]msg.Ops, parts)
	part := 0
	for lane := range s.lanes {
		sh := &s.lanes[lane]
		if sh.ops == 0 {
			continue
		}
		m := &messages[part]
		m.ID, m.Epoch, m.Ops = first+uint64(part), s.layout.Epoch(), copied[sh.next-sh.ops:sh.next:sh.next]
		sh.part, sh.next = part, 0
		part++
		s.send(lane, sh, m)
	}
}

// send hands one part to its lane.
func (s *session) send(lane int, sh *laneShare, m *msg.Ops) {
	self := s.node.cfg.Node
	e := actors.Envelope{
		Message: m,
		From:    actors.Address{Node: self, Kind: actors.Client, Index: s.slot},
		To:      actors.Address{Node: self, Kind: s.kind(), Index: uint32(lane)},
	}
	if s.gate != nil {
		s.gate.add(lane, &e, sh.bytes)
		return
	}
	s.out.envelopes[0] = e
	s.out.bytes = sh.bytes
	s.node.router.send(lane, &s.out)
	s.out.envelopes[0].Message = nil
	if s.out.refused {
		s.refused(m.ID)
	}
}

// kind is the actor that serves the bucket.
func (s *session) kind() actors.Kind {
	if s.bucket.Mode == kv.Strong {
		return actors.Shard
	}
	return actors.Coordinator
}

// sizeOf is about how many bytes an operation has.
func sizeOf(op *msg.Op) int {
	n := len(op.Key) + len(op.Value) + len(op.Expected)
	if t := op.Tuning; t != nil {
		n += len(t.Context)
	}
	return n
}

// keep appends b to buf and returns the copy; nil stays nil.
func keep(buf, b []byte) (grown, copied []byte) {
	if b == nil {
		return buf, nil
	}
	at := len(buf)
	buf = append(buf, b...)
	return buf, buf[at:len(buf):len(buf)]
}

// collect appends the results in the order of ops. The call has ended.
func (s *session) collect(ops []msg.Op) {
	for i := range ops {
		w := &s.route[i]
		if w.lane < 0 {
			s.results = append(s.results, kv.Result{Status: w.status})
			continue
		}
		sh := &s.lanes[w.lane]
		j := sh.next
		sh.next++
		switch m := s.answers[sh.part].(type) {
		case *msg.Results:
			if len(m.Results) != sh.ops {
				s.node.fail(errMiscounted)
				s.results = append(s.results, kv.Result{Status: kv.Unknown})
				continue
			}
			s.results = append(s.results, m.Results[j])
		case noAnswer:
			s.results = append(s.results, kv.Result{Status: kv.Busy})
		default:
			s.results = append(s.results, kv.Result{Status: doubt(&ops[i].Op)})
		}
	}
}

// doubt is the outcome of an operation of which nothing was heard.
func doubt(op *kv.Op) kv.Status {
	if op.IsWrite() {
		return kv.Unknown
	}
	return kv.Unavailable
}
