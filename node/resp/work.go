package resp

import (
	"sync"

	"github.com/quoratedb/quorate/actors/msg"
)

const (
	baseBuffer = 16 << 10 // of a fresh work
	poolBuffer = 64 << 10 // the most that goes back to the pool
	poolOps    = 1024
	flushAt    = 64 << 10 // reply bytes that are written before more are made
)

// work is everything that a batch needs. A connection borrows one for as long
// as it has something to say, so idle connections hold no buffers.
type work struct {
	in      []byte // read and not yet executed; ops point into it
	args    [][]byte
	ops     []msg.Op
	pending []pending

	out   []byte   // replies not yet written, after those in parts
	cut   int      // out[:cut] is in parts
	parts [][]byte // stretches of out and large values where the store has them
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
	if cap(w.in) > poolBuffer || cap(w.out) > 2*flushAt || cap(w.ops) > poolOps || cap(w.args) > 4*poolOps {
		return // let the collector have it
	}
	w.written()
	w.in, w.args, w.ops, w.pending = w.in[:0], w.args[:0], w.ops[:0], w.pending[:0]
	works.Put(w)
}

// attach puts data among the replies without copying it.
func (w *work) attach(data []byte) {
	w.seal()
	w.parts = append(w.parts, data)
}

// seal moves what out has gathered to parts.
func (w *work) seal() {
	if w.cut < len(w.out) {
		w.parts = append(w.parts, w.out[w.cut:])
		w.cut = len(w.out)
	}
}

// full reports whether replies should be written before there are more.
func (w *work) full() bool { return len(w.out) >= flushAt || len(w.parts) > 0 }

// unwritten reports whether there is anything to write.
func (w *work) unwritten() bool { return len(w.out) > w.cut || len(w.parts) > 0 }

// written forgets the replies.
func (w *work) written() {
	clear(w.parts)
	w.out, w.cut, w.parts = w.out[:0], 0, w.parts[:0]
}
