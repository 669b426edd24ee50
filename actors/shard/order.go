package shard

import (
	"bytes"
	"slices"

	"github.com/pingcap/failpoint"
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
)

// Operations of one request on one key take effect in their order: that is what
// a client means that sends a GET and a SET in one pipeline. They set out in
// order and stay in order as long as they wait and fold at an owner. It is when
// some of them are routed again that one could overtake another: an owner that
// has shown the write, say, and lost its ownership before the read was
// confirmed. What has been overtaken ends as Unavailable; nothing was done, and
// nothing will be.

// overtaken reports whether a later operation of the same request on the same
// key is on its way or done.
func (f ref) overtaken() bool {
	r := f.r
	for i := f.i + 1; i < len(r.ops); i++ {
		switch {
		case r.progress[i] == waiting, r.progress[i] == done && !executed(r.results[i].Status):
		case f.sameKey(i):
			return true
		}
	}
	return false
}

// executed reports whether a result says that the operation took place, or may have.
func executed(st kv.Status) bool {
	switch st {
	case kv.Unknown, kv.OK, kv.NotFound, kv.CondFailed, kv.NotInteger, kv.Overflow:
		return true
	}
	return false
}

// sameKey reports whether operation i of the request of f is on the key of f.
func (f ref) sameKey(i int) bool {
	a, b := f.op(), &f.r.ops[i]
	return a.Partition == b.Partition && bytes.Equal(a.Key, b.Key)
}

// tied reports whether a write of the same request and key is with another
// shard: then f can't go another way.
func (f ref) tied() bool {
	for i := range f.r.ops {
		if f.r.progress[i] == asked && f.r.ops[i].IsWrite() && f.sameKey(i) {
			return true
		}
	}
	return false
}

// unplace marks operations that are about to be routed again, all before the
// first of them is: the later ones have not overtaken it.
func unplace(refs []ref) {
	for _, f := range refs {
		if !f.closed() {
			f.r.progress[f.i] = waiting
		}
	}
}

// setsOut reports whether f may set out, for this shard or in the next forward
// to another. If not it waits for those before it, or ends.
func (s *Shard) setsOut(c *actors.Context, f ref, to *peer) bool {
	again := f.r.again
	failpoint.Inject("bug-65-overtaken-in-its-pipeline", func() { again = false })
	if !again {
		return true
	}
	if f.overtaken() {
		s.finish(c, f, kv.Result{Status: kv.Unavailable})
		return false
	}
	for i := range f.i {
		if f.sameKey(i) && !s.joins(ref{f.r, i}, to) {
			s.delay(c, f)
			return false
		}
	}
	return true
}

// joins reports whether an operation can't be overtaken by one that sets out
// now: it is done, waits in the same place, or leaves in the same message.
func (s *Shard) joins(f ref, to *peer) bool {
	switch f.r.progress[f.i] {
	case done:
		return true
	case placed, left:
		return to == s.self
	case asked:
		return to != s.self && slices.Contains(to.out.forward, f)
	}
	return false
}
