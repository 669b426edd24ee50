package node

import (
	"errors"
	"time"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/system"
	"github.com/quoratedb/quorate/wal"
)

// A checkpoint is fuzzy: the log goes on while it is written. It begins and is
// committed on the journal's goroutine; in between a goroutine of its own asks
// one lane after the other for a piece of its actors' state, between two
// batches, and compresses and writes it.
//
// Why the state is whole: a piece shows every record that its lane has handed
// to the journal before, so everything that was appended before the begin is in
// it. A piece may show records that are still queued; they are appended before
// the commit, because the request to commit goes through the same queue.
type checkpointRun struct {
	*wal.Checkpoint
	bytes int64 // of records
	err   error // why it has to be given up
	begin time.Time
}

// chunkRequest asks a lane for the next piece. The lane fills it in and
// answers on done.
type chunkRequest struct {
	cursor  *system.Cursor
	records []byte
	done    chan struct{} // 1-buffered
}

// chunkRegisters is about how many registers a lane emits at a time: some tens
// of microseconds between two batches.
const chunkRegisters = 500

var errStopping = errors.New("node: stopping")

// advanceCheckpoint commits the checkpoint that has ended, or begins one when
// the log has grown enough. Only errors of the log itself are returned.
func (j *journal) advanceCheckpoint(ended *checkpointRun) error {
	if ended != nil {
		j.checkpoint = nil
		if err := j.endCheckpoint(ended); err != nil {
			return err
		}
	}
	if j.checkpoint != nil || j.node.stopping() ||
		j.log.BytesSinceCheckpoint() < max(j.node.cfg.CheckpointBytes, 2*j.lastCheckpoint) {
		return nil
	}
	c, err := j.log.BeginCheckpoint()
	if err != nil {
		return err
	}
	run := &checkpointRun{Checkpoint: c, begin: time.Now()}
	j.checkpoint = run
	run.err = run.add(j.node.boot.AppendTo(nil))
	for _, r := range j.node.transport.stores() {
		run.err = errors.Join(run.err, run.add(r.AppendTo(nil)))
	}
	j.node.background.Go(func() {
		j.node.writeCheckpoint(run)
		j.mu.Lock()
		j.pending.ended = run
		j.mu.Unlock()
		j.nudge()
	})
	return nil
}

func (j *journal) endCheckpoint(run *checkpointRun) error {
	if run.err == nil {
		run.err = run.Commit()
	} else {
		_ = run.Abort() // the reason to give up is logged below
	}
	if run.err != nil {
		if !errors.Is(run.err, errStopping) {
			j.node.log.Error("a checkpoint failed, the log goes on without it", "err", run.err)
		}
		// A poisoned log says so again here, and that is the end of the node.
		return j.log.Flush()
	}
	j.lastCheckpoint = run.bytes
	j.node.log.Info("checkpoint", "bytes", run.bytes, "took", time.Since(run.begin).Round(time.Millisecond))
	return nil
}

// add appends one record.
func (r *checkpointRun) add(payload []byte) error {
	r.bytes += int64(len(payload))
	return r.Append(payload)
}

// writeCheckpoint gathers the state of every lane.
func (n *Node) writeCheckpoint(run *checkpointRun) {
	for _, l := range n.lanes {
		if run.err == nil {
			run.err = n.writeLane(run, l)
		}
	}
	if run.err == nil {
		run.err = run.Finish()
	}
}

func (n *Node) writeLane(run *checkpointRun, l *lane) error {
	r := &chunkRequest{done: make(chan struct{}, 1)}
	for {
		r.records = r.records[:0]
		l.ask(func() { l.emit(r) })
		select {
		case <-r.done:
		case <-l.done:
			return errStopping
		case <-n.quit:
			return errStopping
		}
		for rest := r.records; len(rest) > 0; {
			var payload []byte
			payload, rest = actors.NextRecord(rest)
			if err := run.add(payload); err != nil {
				return err
			}
		}
		if r.cursor == nil {
			return nil
		}
	}
}

// emit answers a chunkRequest, on the lane's goroutine.
func (l *lane) emit(r *chunkRequest) {
	c := actors.Context{NowNs: l.ctx.NowNs, WallMs: l.ctx.WallMs, Rand: l.ctx.Rand}
	c.Records = r.records
	r.cursor = l.actors.Checkpoint(&c, r.cursor, chunkRegisters)
	r.records = c.Records
	r.done <- struct{}{}
}
