package linearizability

import "sync"

// Recorder gathers a history. It belongs to one goroutine; see [SyncRecorder].
type Recorder struct{ ops History }

// Invoke records that op was called at op.Call and returns its handle. Until
// Complete the outcome is Unknown, whatever op.Result says.
func (r *Recorder) Invoke(op Op) int {
	op.Result, op.Return = Result{}, 0
	r.ops = append(r.ops, op)
	return len(r.ops) - 1
}

// Complete records the answer to operation id, received at atNs. An answer of
// Unknown leaves the operation open for ever.
func (r *Recorder) Complete(id int, atNs int64, res Result) {
	op := &r.ops[id]
	op.Return, op.Result = atNs, res
	if res.Outcome == Unknown {
		op.Return = 0
	}
}

// Len is the number of operations recorded.
func (r *Recorder) Len() int { return len(r.ops) }

// History is what was recorded, in order of invocation. It shares memory with
// the recorder.
func (r *Recorder) History() History { return r.ops }

// Reset forgets everything and keeps the memory.
func (r *Recorder) Reset() {
	clear(r.ops)
	r.ops = r.ops[:0]
}

// SyncRecorder is a Recorder for several goroutines, for harnesses that drive
// real processes.
type SyncRecorder struct {
	mu  sync.Mutex
	rec Recorder
}

// Invoke is Recorder.Invoke.
func (s *SyncRecorder) Invoke(op Op) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rec.Invoke(op)
}

// Complete is Recorder.Complete.
func (s *SyncRecorder) Complete(id int, atNs int64, res Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rec.Complete(id, atNs, res)
}

// History returns a copy of what was recorded so far.
func (s *SyncRecorder) History() History {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(History(nil), s.rec.ops...)
}
