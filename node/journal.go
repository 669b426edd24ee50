package node

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/wal"
)

// journal makes the records of all lanes durable, one write and one sync for
// whatever has gathered, and then releases the envelopes that waited for it.
// It syncs one batch while the next gathers.
type journal struct {
	node   *Node
	log    *wal.Log // used by the journal's goroutine only
	policy SyncPolicy
	out    *outbox
	wake   chan struct{} // 1-buffered
	done   chan struct{}

	launched bool // used by Start and Close only

	mu      sync.Mutex
	room    sync.Cond // pending has shrunk
	pending journalWork
	busy    int // bytes of the work under way
	closed  bool
	failed  bool // nothing is taken any more

	durableTo []atomic.Uint64 // by lane: batches with records that are released
	stats     atomic.Pointer[journalStats]

	checkpoint     *checkpointRun
	lastCheckpoint int64 // bytes of records in it
	lastSync       time.Time
	dirty          bool // written since the last sync
}

// journalWork is what gathers during a sync.
type journalWork struct {
	records []byte            // length-prefixed, of all lanes in order of arrival
	held    []actors.Envelope // released when records are durable
	upTo    []uint64          // by lane: its batch number after this work
	ended   *checkpointRun    // a checkpoint that is written and wants to be committed
}

// journalStats is the log as of the last batch.
type journalStats struct {
	wal.Stats
	SinceCheckpoint int64 // bytes
}

func newJournal(n *Node, log *wal.Log) *journal {
	j := &journal{
		node: n, log: log, policy: n.cfg.Sync,
		out:       newOutbox(n.router, true),
		wake:      make(chan struct{}, 1),
		done:      make(chan struct{}),
		durableTo: make([]atomic.Uint64, n.cfg.Lanes),
		lastSync:  time.Now(),
	}
	j.room.L = &j.mu
	j.pending.upTo = make([]uint64, n.cfg.Lanes)
	j.publish()
	return j
}

// durable is the number of the last batch of a lane whose records are durable
// as far as the sync policy goes.
func (j *journal) durable(lane int) uint64 { return j.durableTo[lane].Load() }

// submit queues copies of a batch's records and of the envelopes that wait for
// them. It waits while the disk is too far behind.
func (j *journal) submit(lane int, number uint64, records []byte, held []actors.Envelope) {
	j.mu.Lock()
	if j.failed {
		j.mu.Unlock()
		return
	}
	p := &j.pending
	first := len(p.records) == 0 && len(p.held) == 0
	p.records = append(p.records, records...)
	p.held = append(p.held, held...)
	p.upTo[lane] = number
	for len(j.pending.records)+j.busy > j.node.cfg.Limits.JournalBytes && !j.closed && !j.failed {
		j.nudge()
		j.room.Wait()
	}
	j.mu.Unlock()
	if first {
		j.nudge()
	}
}

// note queues a record of the host's own. Nobody waits for it.
func (j *journal) note(r actors.Record) {
	var c actors.Context
	c.Persist(r)
	j.mu.Lock()
	if !j.failed {
		j.pending.records = append(j.pending.records, c.Records...)
	}
	j.mu.Unlock()
	j.nudge()
}

func (j *journal) nudge() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// close lets the journal end after what is queued, and waits for it.
func (j *journal) close() {
	if !j.launched {
		return // the node never got that far
	}
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.room.Broadcast()
	j.nudge()
	<-j.done
}

func (j *journal) launch() {
	j.launched = true
	go j.run()
}

func (j *journal) run() {
	defer close(j.done)
	defer j.node.stopOnPanic("journal", 0)
	alarm := time.AfterFunc(time.Hour, j.nudge)
	defer alarm.Stop()
	work := journalWork{upTo: make([]uint64, len(j.durableTo))}
	for {
		letGather()
		closed := j.take(&work)
		if err := j.carryOut(&work); err != nil {
			j.node.fail(fmt.Errorf("node: the log failed, what is not durable stays unacknowledged: %w", err))
			j.abandon()
			return
		}
		if closed {
			return
		}
		if j.dirty && j.policy.Mode == SyncInterval {
			alarm.Reset(max(0, j.policy.Every-time.Since(j.lastSync)))
		}
		<-j.wake
	}
}

// take swaps the pending work with w, which the previous round has done with.
func (j *journal) take(w *journalWork) (closed bool) {
	w.held = emptied(w.held)
	if cap(w.records) > 8<<20 {
		w.records = nil
	}
	w.records, w.ended = w.records[:0], nil
	j.mu.Lock()
	copy(w.upTo, j.pending.upTo)
	*w, j.pending = j.pending, *w
	j.busy = len(w.records)
	closed = j.closed
	j.mu.Unlock()
	return closed
}

// abandon lets go of everything that waits for a journal that has failed. What
// it had not made durable is never released.
func (j *journal) abandon() {
	j.mu.Lock()
	j.failed = true
	j.pending.records, j.pending.held = nil, nil
	j.mu.Unlock()
	j.room.Broadcast()
}

// carryOut appends, syncs as the policy says, and only then releases.
func (j *journal) carryOut(w *journalWork) error {
	for rest := w.records; len(rest) > 0; {
		var payload []byte
		payload, rest = actors.NextRecord(rest)
		if err := j.log.Append(payload); err != nil {
			return err
		}
	}
	j.dirty = j.dirty || len(w.records) > 0
	if err := j.write(); err != nil {
		return err
	}
	for i, n := range w.upTo {
		j.durableTo[i].Store(n)
	}
	for i := range w.held {
		j.out.add(&w.held[i], 0)
	}
	j.out.send()
	j.mu.Lock()
	j.busy = 0
	j.mu.Unlock()
	j.room.Broadcast()
	err := j.advanceCheckpoint(w.ended)
	j.publish()
	return err
}

// write hands what was appended to the disk.
func (j *journal) write() error {
	if !j.dirty {
		return nil
	}
	if j.policy.Mode == SyncAlways || j.policy.Mode == SyncInterval && time.Since(j.lastSync) >= j.policy.Every {
		begin := time.Now()
		if err := j.log.Sync(); err != nil {
			return err
		}
		j.lastSync = time.Now()
		j.node.metrics.syncSeconds.Observe(j.lastSync.Sub(begin).Seconds())
		j.dirty = false
		return nil
	}
	return j.log.Flush()
}

func (j *journal) publish() {
	j.stats.Store(&journalStats{Stats: j.log.Stats(), SinceCheckpoint: j.log.BytesSinceCheckpoint()})
}
