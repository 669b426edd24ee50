package sim

import (
	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/system"
	"github.com/quoratedb/quorate/wal"
)

// journal is a node's group commit: while one batch of records is being synced,
// the next gathers. Its times are those of the virtual disk; its log is the real one.
type journal struct {
	n       *node
	log     *wal.Log
	seq     uint64 // of the records handed in last
	syncSeq uint64 // of those that the running sync will make durable
	doneSeq uint64 // of those that are durable as far as the policy cares
	ckptSeq uint64 // of those that the last checkpoint made durable, which syncs the log first
	syncing bool

	pending []byte            // records not yet in the log
	waiting []actors.Envelope // leave with the records handed in last
	leaving []actors.Envelope // leave when the running sync ends

	checkpoint *wal.Checkpoint
	ckptLane   int
	ckptCursor *system.Cursor
	ckptCtx    actors.Context
}

func (j *journal) reset(n *node, log *wal.Log) {
	clear(j.waiting)
	clear(j.leaving)
	*j = journal{n: n, log: log, pending: j.pending[:0], waiting: j.waiting[:0], leaving: j.leaving[:0],
		ckptCtx: actors.Context{Effects: actors.Effects{Records: j.ckptCtx.Records[:0]}}}
}

// add takes the records of a batch and returns their number.
func (j *journal) add(records []byte) uint64 {
	j.pending = append(j.pending, records...)
	j.seq++
	return j.seq
}

// durable reports whether the records up to a number are on disk.
func (j *journal) durable(seq uint64) bool { return seq <= j.doneSeq }

// onDisk reports the same, for those who look from outside: a checkpoint counts too.
func (j *journal) onDisk(seq uint64) bool { return seq <= max(j.doneSeq, j.ckptSeq) }

// hold keeps an envelope until everything handed in so far is durable.
func (j *journal) hold(env *actors.Envelope) { j.waiting = append(j.waiting, *env) }

// append moves the pending records into the log's buffer.
func (j *journal) append() error {
	for b := j.pending; len(b) > 0; {
		var p []byte
		p, b = actors.NextRecord(b)
		if err := j.log.Append(p); err != nil {
			return err
		}
	}
	j.pending = j.pending[:0]
	return nil
}

// kick begins a group commit if there is something to write and none is under way.
func (j *journal) kick() {
	if j.syncing || len(j.pending) == 0 && len(j.waiting) == 0 {
		return
	}
	err := j.append()
	if err == nil {
		err = j.log.Flush()
	}
	if err != nil {
		j.failed()
		return
	}
	j.syncing, j.syncSeq = true, j.seq
	j.waiting, j.leaving = j.leaving[:0], j.waiting
	n, d := j.n, &j.n.w.cfg.Disk
	n.w.trace.rec.node(n, SyncBegins)
	roll := n.roll()
	takes := d.WriteNs
	if d.Sync == "always" {
		takes += d.SyncNs/2 + n.w.below(&roll, d.SyncNs+1) + n.slowDiskNs
	}
	n.w.q.push(n.w.nowNs+takes, event{kind: evSynced, node: uint8(n.idx), life: n.life})
	n.w.trigger("sync", nil, n.idx, -1)
}

// synced ends a group commit.
func (n *node) synced() {
	j := &n.journal
	if n.w.cfg.Disk.Sync == "always" {
		if err := j.log.Sync(); err != nil {
			j.failed()
			return
		}
	}
	j.syncing, j.doneSeq = false, j.syncSeq
	life := n.life
	for i := range j.leaving {
		n.w.send(n, &j.leaving[i])
	}
	clear(j.leaving)
	j.leaving = j.leaving[:0]
	if n.life != life {
		return
	}
	if len(j.pending) == 0 { // what waits now waited for nothing newer
		for i := range j.waiting {
			n.w.send(n, &j.waiting[i])
		}
		clear(j.waiting)
		j.waiting = j.waiting[:0]
	}
	j.kick()
}

// failed stops the node: after a failed write nobody knows what is on disk.
func (j *journal) failed() {
	n := j.n
	n.w.cover.hit(DiskErrorStop)
	n.crash(false)
	n.w.q.push(n.w.nowNs+bootRetryNs, event{kind: evRestart, node: uint8(n.idx), life: n.life})
}

// syncTick is the background sync of the policy interval.
func (n *node) syncTick() {
	if err := n.journal.log.Sync(); err != nil {
		n.journal.failed()
		return
	}
	n.w.oracle.synced(n)
	n.w.q.push(n.w.nowNs+n.w.cfg.Disk.IntervalNs, event{kind: evSyncTick, node: uint8(n.idx), life: n.life})
}

func (n *node) scheduleCheckpoint() {
	d := &n.w.cfg.Disk
	if d.Sync == "interval" && d.IntervalNs > 0 {
		n.w.q.push(n.w.nowNs+d.IntervalNs, event{kind: evSyncTick, node: uint8(n.idx), life: n.life})
	}
	if d.CheckpointNs > 0 {
		n.nextCheckpointStep(d.CheckpointNs)
	}
}

func (n *node) nextCheckpointStep(meanNs int64) {
	roll := n.roll()
	at := n.w.nowNs + meanNs/2 + n.w.below(&roll, meanNs+1)
	n.w.q.push(at, event{kind: evCheckpoint, node: uint8(n.idx), life: n.life})
}

// checkpointStep begins a checkpoint, adds a chunk to it, or ends it. Batches
// run between the steps. When nothing was written since the last one, none is due,
// as at the real nodes, which go by the size of the log.
func (n *node) checkpointStep() {
	j := &n.journal
	if j.checkpoint == nil && j.seq == j.ckptSeq {
		n.nextCheckpointStep(n.w.cfg.Disk.CheckpointNs)
		return
	}
	if j.checkpoint == nil {
		c, err := j.log.BeginCheckpoint()
		if err != nil {
			j.failed()
			return
		}
		boot := msg.BootRecord{Cluster: "sim", Store: uint64(n.id), Node: n.id, Inc: n.inc}
		j.checkpoint, j.ckptLane, j.ckptCursor = c, 0, nil
		if c.Append(boot.AppendTo(nil)) != nil {
			j.abandonCheckpoint()
			return
		}
	}
	if j.ckptLane == len(n.lanes) {
		j.commitCheckpoint()
		return
	}
	c := &j.ckptCtx
	j.ckptCursor = n.sys.Lanes[j.ckptLane].Checkpoint(c, j.ckptCursor, max(n.w.cfg.Disk.Chunk, 1))
	for b := c.Records; len(b) > 0; {
		var p []byte
		p, b = actors.NextRecord(b)
		if j.checkpoint.Append(p) != nil {
			j.abandonCheckpoint()
			return
		}
	}
	c.Records = c.Records[:0]
	if j.ckptCursor == nil {
		j.ckptLane++
	}
	n.nextCheckpointStep(n.w.cfg.Disk.SyncNs + 1)
}

// commitCheckpoint publishes it. The records that are still pending go into the
// log first: the checkpoint may show their effects.
func (j *journal) commitCheckpoint() {
	c := j.checkpoint
	j.checkpoint = nil
	err := j.append()
	if err == nil {
		err = c.Commit()
	}
	if err != nil {
		j.failed()
		return
	}
	j.ckptSeq = j.seq
	j.n.w.cover.hit(CheckpointMade)
	j.n.nextCheckpointStep(j.n.w.cfg.Disk.CheckpointNs)
}

// abandonCheckpoint gives up on an error of the checkpoint's own file.
func (j *journal) abandonCheckpoint() {
	c := j.checkpoint
	j.checkpoint = nil
	j.ckptCtx.Records = j.ckptCtx.Records[:0]
	if c.Abort() != nil {
		j.failed()
		return
	}
	j.n.nextCheckpointStep(j.n.w.cfg.Disk.CheckpointNs)
}
