package coordinate

import (
	"bytes"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// request is a batch of operations that is answered as one.
type request struct {
	reply      actors.Address
	id         uint64
	deadlineNs int64
	ops        []msg.Op
	results    []kv.Result // of a write under way: the one that it will have
	progress   []progress
	blocks     []int32  // how many earlier operations each waits for; nil: none does
	open       int      // operations without a result
	forwarded  bool     // from another coordinator
	epoch      kv.Epoch // of the map by which the partitions were chosen; 0: this node's
	delayed    bool     // one of them had to be routed again
}

// progress of one operation. What matters is whether it may still take effect
// when the deadline passes.
type progress uint8

const (
	waiting progress = iota // nothing has left that could make it happen
	left                    // a Put with its effect, or a forward, has left
	held                    // it has what it needs; the answer waits (pace.go)
	done
)

// ref names one operation of a request.
type ref struct {
	r *request
	i int
}

func (f ref) op() *msg.Op  { return &f.r.ops[f.i] }
func (f ref) closed() bool { return f.r.progress[f.i] == done }

// takeOps takes in a batch from an edge of this node.
func (s *Coordinator) takeOps(c *actors.Context, m *msg.Ops) {
	timeout := s.cfg.RequestTimeoutNs
	if m.TimeoutNs > 0 && m.TimeoutNs < timeout {
		timeout = m.TimeoutNs
	}
	s.open(c, &request{reply: c.Sender, id: m.ID, deadlineNs: c.NowNs + timeout, ops: m.Ops, epoch: m.Epoch})
}

// open starts the operations of a new request.
func (s *Coordinator) open(c *actors.Context, r *request) {
	n := len(r.ops)
	r.results = make([]kv.Result, n)
	r.progress = make([]progress, n)
	r.open = n
	if n == 0 {
		s.answer(c, r)
		return
	}
	s.pending += n
	s.requests = append(s.requests, r)
	if s.pending > s.cfg.MaxPending {
		for i := range r.ops {
			s.finish(c, ref{r, i}, kv.Result{Status: kv.Busy})
		}
		return
	}
	r.findBlocks()
	for i := range r.ops {
		if r.blocks == nil || r.blocks[i] == 0 {
			s.start(c, ref{r, i})
		}
	}
}

// findBlocks finds the operations that have to wait for earlier ones of the
// request: a read for the writes of its key, a write for the reads. Others run
// side by side.
func (r *request) findBlocks() {
	writes := 0
	for i := range r.ops {
		if r.ops[i].IsWrite() {
			writes++
		}
	}
	if writes == 0 || writes == len(r.ops) {
		return
	}
	for i := range r.ops {
		for j := range i {
			if r.blocking(j, i) {
				if r.blocks == nil {
					r.blocks = make([]int32, len(r.ops))
				}
				r.blocks[i]++
			}
		}
	}
}

// blocking reports whether the later operation i waits for j.
func (r *request) blocking(j, i int) bool {
	a, b := &r.ops[j], &r.ops[i]
	return a.Partition == b.Partition && a.IsWrite() != b.IsWrite() && bytes.Equal(a.Key, b.Key)
}

// start lets an operation begin at the next flush.
func (s *Coordinator) start(c *actors.Context, f ref) {
	op := f.op()
	p := s.partFor(f)
	if p == nil && f.r.forwarded && f.r.epoch > s.cfg.Layout.Epoch() {
		s.finish(c, f, kv.Result{Status: kv.NotOwner}) // a bucket that is not known here yet: to be sent again
		return
	}
	if p == nil {
		s.finish(c, f, kv.Refused("no bucket that is not strong has this partition here; it was dropped, or the map of this node is behind"))
		return
	}
	if reason := refusal(p.bucket, &op.Op); reason != "" {
		s.finish(c, f, kv.Refused(reason))
		return
	}
	switch {
	case !op.IsWrite() || p.bucket.Mode == kv.ABD:
		s.reads = append(s.reads, f)
	case p.self < 0 && p.bucket.Policy != kv.LWW:
		s.passOn(c, f, p)
	default:
		s.writes = append(s.writes, f)
	}
}

// finish gives an operation its result, once; the last one answers the request.
func (s *Coordinator) finish(c *actors.Context, f ref, res kv.Result) {
	r := f.r
	if f.closed() {
		return
	}
	r.progress[f.i] = done
	r.results[f.i] = res
	r.open--
	s.pending--
	switch res.Status {
	case kv.Unknown:
		s.stats.Unknown++
	case kv.Unavailable:
		s.stats.Unavailable++
	case kv.Busy, kv.BadRequest:
		s.stats.Rejected++
	case kv.NotOwner:
	default:
		s.stats.Executed++
	}
	if r.open == 0 {
		s.answer(c, r)
		return
	}
	if r.blocks == nil {
		return
	}
	for i := f.i + 1; i < len(r.ops); i++ {
		if r.blocks[i] > 0 && r.blocking(f.i, i) {
			if r.blocks[i]--; r.blocks[i] == 0 && r.progress[i] != done {
				s.start(c, ref{r, i})
			}
		}
	}
}

func (s *Coordinator) answer(c *actors.Context, r *request) {
	if r.forwarded {
		boundAnswer(r)
		c.Send(r.reply, &msg.Forwarded{ID: r.id, Inc: s.cfg.Inc, Results: r.results})
		return
	}
	c.Send(r.reply, &msg.Results{ID: r.id, Results: r.results})
}

// giveUp answers an operation that can't be brought to an end: Unknown if it
// may have taken effect, or may yet.
func (s *Coordinator) giveUp(c *actors.Context, f ref) {
	status := kv.Unavailable
	if f.r.progress[f.i] == held {
		s.finish(c, f, f.r.results[f.i])
		return
	}
	if f.r.progress[f.i] == left && f.op().IsWrite() {
		status = kv.Unknown
	}
	s.finish(c, f, kv.Result{Status: status})
}

// expire answers what has waited too long and forgets answered requests.
func (s *Coordinator) expire(c *actors.Context) {
	kept := s.requests[:0]
	for _, r := range s.requests {
		if r.open > 0 && r.deadlineNs <= c.NowNs {
			for i := range r.ops {
				s.giveUp(c, ref{r, i})
			}
		}
		if r.open > 0 {
			kept = append(kept, r)
		}
	}
	clear(s.requests[len(kept):])
	s.requests = kept
}
