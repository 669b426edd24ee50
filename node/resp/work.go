package resp

import (
	"sync"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

const (
	baseBuffer = 16 << 10 // of a fresh work
	poolBuffer = 64 << 10 // the most that goes back to the pool
	poolOps    = 1024
	flushAt    = 64 << 10 // reply bytes that are written without waiting for the end of the batch
)

// work is everything that a batch needs. A connection borrows one for as long
// as it has something to say, so idle connections hold no buffers.
type work struct {
	in      []byte // read and not yet executed; ops point into it
	out     []byte // replies not yet written
	args    [][]byte
	ops     []msg.Op
	pending []pending
	results []kv.Result // of a batch that took several calls of Do
}

// pending is a data command whose operations wait in ops[from:to].
type pending struct {
	from, to int
	reply    reply
}

var works = sync.Pool{New: func() any { return &work{in: make([]byte, 0, baseBuffer), out: make([]byte, 0, 4096)} }}

func borrow() *work { return works.Get().(*work) }

// release gives w back; nothing may point into it any more. Stale ops and args
// point into read buffers of at most poolBuffer bytes and are left alone.
func release(w *work) {
	if cap(w.in) > poolBuffer || cap(w.out) > 2*flushAt || cap(w.ops) > poolOps || cap(w.args) > 4*poolOps || cap(w.results) > poolOps {
		return // let the collector have it
	}
	w.in, w.out, w.args, w.ops = w.in[:0], w.out[:0], w.args[:0], w.ops[:0]
	w.pending, w.results = w.pending[:0], w.results[:0]
	works.Put(w)
}
