package shard

import (
	"github.com/pingcap/failpoint"
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
	results    []kv.Result
	progress   []progress
	open       int         // operations without a result
	forwarded  bool        // from another shard
	few        [8]progress // what progress is cut from when so many are enough
	epoch      kv.Epoch    // of the map by which the partitions were chosen; 0: this shard's
	mixed      bool        // holds writes: reads keep their place behind them
	again      bool        // operations were routed again: see order.go
	tries      uint8       // how often reads went elsewhere because no answer came
	kinship    *kinship    // nil until it is needed
}

// progress of one operation. What matters is whether it may still take effect
// when the deadline passes.
type progress uint8

const (
	waiting progress = iota // nothing has left that could make it happen
	placed                  // the same, and it waits at its owner, this shard
	left                    // an Accept with its effect has left
	asked                   // another shard was asked to carry it out
	done
)

// ref names one operation of a request.
type ref struct {
	r *request
	i int
}

func (f ref) op() *msg.Op  { return &f.r.ops[f.i] }
func (f ref) closed() bool { return f.r.progress[f.i] == done }

// doubtful reports whether f may take effect without its result being known.
func (f ref) doubtful() bool {
	p := f.r.progress[f.i]
	return (p == left || p == asked) && f.op().IsWrite()
}

// takeOps takes in a batch from an edge of this node.
func (s *Shard) takeOps(c *actors.Context, m *msg.Ops) {
	timeout := s.cfg.RequestTimeoutNs
	if m.TimeoutNs > 0 && m.TimeoutNs < timeout {
		timeout = m.TimeoutNs
	}
	s.open(c, &request{reply: c.Sender, id: m.ID, deadlineNs: c.NowNs + timeout, ops: m.Ops, epoch: m.Epoch})
}

// open routes the operations of a new request.
func (s *Shard) open(c *actors.Context, r *request) {
	n := len(r.ops)
	r.results = make([]kv.Result, n)
	if n <= len(r.few) {
		r.progress = r.few[:n]
	} else {
		r.progress = make([]progress, n)
	}
	r.open = n
	if n == 0 {
		s.answer(c, r)
		return
	}
	for i := range r.ops {
		r.mixed = r.mixed || r.ops[i].IsWrite()
	}
	if !r.mixed && n > 1 { // reads are answered from this node's copy, writes load it when they start
		s.local.Warm(n, func(i int) (kv.Partition, []byte) { return r.ops[i].Partition, r.ops[i].Key })
	}
	s.pending += n
	s.requests = append(s.requests, r)
	full := s.pending > s.cfg.MaxPending
	for i := range r.ops {
		f := ref{r, i}
		switch op := f.op(); {
		case full:
			s.finish(c, f, kv.Result{Status: kv.Busy})
		case !s.means(r, op.Partition):
			s.finish(c, f, s.absent(r, op.Partition))
		case !op.Kind.Valid() || !op.Cond.Valid():
			s.finish(c, f, kv.Result{Status: kv.BadRequest})
		case op.Tuning != nil:
			s.finish(c, f, kv.Refused(kv.StrongTakesNoTuning))
		default:
			s.route(c, f)
		}
	}
}

// finish gives an operation its result, once; the last one answers the request.
func (s *Shard) finish(c *actors.Context, f ref, res kv.Result) {
	if f.closed() {
		return
	}
	f.r.results[f.i] = res
	f.set(done)
	f.r.open--
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
	if f.r.open == 0 {
		s.answer(c, f.r)
	}
}

func (s *Shard) answer(c *actors.Context, r *request) {
	if r.forwarded {
		boundAnswer(r)
		c.Send(r.reply, &msg.Forwarded{ID: r.id, Inc: s.cfg.Inc, Results: r.results})
		return
	}
	c.Send(r.reply, &msg.Results{ID: r.id, Results: r.results})
}

// boundAnswer keeps the answer to a forward within what a message may carry:
// reads beyond that are for the other shard to ask again.
func boundAnswer(r *request) {
	bytes := 0
	for i := range r.results {
		res := &r.results[i]
		if bytes += len(res.Data); bytes > msg.BatchBytes && bytes > len(res.Data) && r.ops[i].Kind == kv.OpGet {
			bytes -= len(res.Data)
			*res = kv.Result{Status: kv.NotOwner}
		}
	}
}

// giveUp answers an operation that can't be brought to an end: Unknown if it
// may have taken effect, or may yet.
func (s *Shard) giveUp(c *actors.Context, f ref) {
	status := kv.Unavailable
	if f.doubtful() {
		status = kv.Unknown
		failpoint.Inject("bug-17-doubtful-write-reported-undone", func() { status = kv.Unavailable })
	}
	s.finish(c, f, kv.Result{Status: status})
}

// expire answers what has waited too long and forgets answered requests. A
// round that has left goes on without them.
func (s *Shard) expire(c *actors.Context) {
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
