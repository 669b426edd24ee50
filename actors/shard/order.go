package shard

import (
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

// executed reports whether a result says that the operation took place, or may have.
func executed(st kv.Status) bool {
	switch st {
	case kv.Unknown, kv.OK, kv.NotFound, kv.CondFailed, kv.NotInteger, kv.Overflow:
		return true
	}
	return false
}

// set changes how far an operation is. Its result, if it has one, is there already.
func (f ref) set(to progress) {
	from := f.r.progress[f.i]
	f.r.progress[f.i] = to
	if f.r.kinship != nil {
		f.r.kinship.moved(f, from)
	}
}

// tied reports whether a write of the same request and key is with another
// shard: then f, a read, can't go another way.
func (f ref) tied() bool {
	g, _ := f.kin()
	return g.writes > 0
}

// inOrder reports whether a read that a majority has answered may end with that:
// none of its kin before it is still to come, none after it has been carried out.
// As long as all reads of a request ask the same replicas in the same messages, they are.
func (f ref) inOrder() bool {
	if !f.r.again || len(f.r.ops) == 1 {
		return true
	}
	g, at := f.kin()
	return g.top <= at && g.here == 0 && g.asked == 0 && !g.waitsBefore(f.r, at)
}

// unplace marks operations that are about to be routed again, all before the
// first of them is: the later ones have not overtaken it.
func unplace(refs []ref) {
	for _, f := range refs {
		if !f.closed() {
			f.set(waiting)
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
	g, at := f.kin()
	if g.top > at { // overtaken
		s.finish(c, f, kv.Result{Status: kv.Unavailable})
		return false
	}
	if !g.waitsBefore(f.r, at) && g.joins(s, to) {
		return true
	}
	s.delay(c, f)
	return false
}
