package sim

import (
	"errors"
	"math/rand/v2"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/system"
	"github.com/quoratedb/quorate/wal"
)

// node is a simulated machine: the real actors on a virtual disk and clock.
type node struct {
	w    *World
	id   kv.NodeID
	idx  int
	up   bool
	life uint32 // counts boots; events of an earlier one are void
	inc  kv.Incarnation

	disk          *Disk
	clock         clock
	pausedUntilNs int64
	skewMs        int64 // of the wall clock, jumps included
	latestMs      int64 // the highest time that the wall clock has shown before a jump
	slowDiskNs    int64
	wiped         bool  // it has lost its disk
	slowMilli     int64 // batches take so many thousandths of their time; 0: 1000
	rolls         uint64

	sys     *system.Node
	lanes   []lane
	timers  []timerSlot
	journal journal
	replay  []byte // scratch: records on their way from the log to the actors
}

// lane is the unit that runs batches, one at a time.
type lane struct {
	ctx     actors.Context
	rand    *rand.PCG
	inbox   []actors.Envelope
	batch   []actors.Envelope
	busy    bool   // a batch is running that has effects
	idleNs  int64  // until then one runs that has none
	waiting bool   // a batch is scheduled
	seq     uint64 // of the journal: the latest records that this lane persisted
	strong  strong
}

func newNode(w *World, idx int) *node {
	n := &node{w: w, id: kv.NodeID(idx + 1), idx: idx}
	n.newDisk()
	roll := dice(mix(mix(w.plan.Seed, streamClock), uint64(idx)))
	skew := roll.below(2*w.cfg.SkewMs+1) - w.cfg.SkewMs
	drift := roll.below(2*w.cfg.DriftPPM+1) - w.cfg.DriftPPM
	n.clock = newClock(1e9+roll.below(1e9), w.cfg.offset(skew), max(1000+drift, 100))
	n.skewMs = skew
	n.lanes = make([]lane, w.cfg.Lanes)
	for i := range n.lanes {
		n.lanes[i].rand = rand.NewPCG(0, 0)
		n.lanes[i].ctx.Rand = rand.New(n.lanes[i].rand)
	}
	return n
}

func (n *node) newDisk() {
	n.disk = NewDisk()
	n.disk.node = n
}

// dataDir holds a node's log on its disk.
const dataDir = "wal"

// bootRetryNs is the pause after a boot that failed on a faulty disk.
const bootRetryNs = 20e6

// boot starts a new incarnation, as the production host does: read the log,
// make the next incarnation durable, and only then run.
func (n *node) boot() {
	if n.up || n.refused() || n.w.core.down>>n.idx&1 != 0 {
		return
	}
	n.life++
	boot, err := n.openLog()
	if err != nil {
		n.bootFailed(err)
		return
	}
	boot.Inc++
	rec := boot.AppendTo(nil)
	if err := errors.Join(n.journal.log.Append(rec), n.journal.log.Sync()); err != nil {
		n.bootFailed(err)
		return
	}
	n.up, n.inc = true, boot.Inc
	n.makeActors()
	for b := n.replay; len(b) > 0; {
		var p []byte
		p, b = actors.NextRecord(b)
		if err := n.sys.Restore(p); err != nil {
			n.w.violate(Invariant, "node %d: a record that it wrote can't be restored: %v", n.id, err)
			return
		}
	}
	n.w.trace.rec.node(n, NodeBoots)
	n.w.oracle.restored(n)
	n.w.oracle.maps.look(n)
	n.w.oracle.eventual.restored(n)
	for i := range n.lanes {
		l := &n.lanes[i]
		n.prepare(l, i)
		n.sys.Lanes[i].Start(&l.ctx)
		n.setTimers(l)
		n.effects(i)
	}
	n.scheduleCheckpoint()
}

// openLog recovers the log, leaving the actors' records in n.replay, and
// returns the latest boot record.
func (n *node) openLog() (*msg.BootRecord, error) {
	boot := &msg.BootRecord{Cluster: "sim", Store: uint64(n.id), Node: n.id}
	n.replay = n.replay[:0]
	c := actors.Context{}
	c.Records = n.replay
	log, err := wal.Open(n.disk, n.walOptions(), func(p []byte) error {
		if msg.RecordKind(p) == msg.KindBoot {
			return boot.DecodeFrom(p)
		}
		c.Persist(raw(p))
		return nil
	})
	n.replay = c.Records
	n.journal.reset(n, log)
	return boot, err
}

// raw is a record that is encoded already.
type raw []byte

// AppendTo implements actors.Record.
func (r raw) AppendTo(b []byte) []byte { return append(b, r...) }

func (n *node) walOptions() wal.Options {
	d := &n.w.cfg.Disk
	o := wal.Options{Dir: dataDir, SegmentBytes: d.SegmentBytes, PreallocateBytes: d.Preallocate, CheckpointBlockBytes: 4096}
	switch d.Compression {
	case "lz4":
		o.Compression = wal.LZ4
	case "zstd":
		o.Compression = wal.Zstd
	default:
		o.Compression = wal.None
	}
	return o
}

func (n *node) bootFailed(err error) {
	n.w.cover.hit(BootFailed)
	n.w.trace.rec.node(n, NodeBootFails)
	var corrupt *wal.CorruptError
	if errors.As(err, &corrupt) && len(n.disk.flips) > 0 {
		n.w.cover.hit(RotFound)
		n.disk.repair()
		n.w.q.push(n.w.nowNs+bootRetryNs, event{kind: evRestart, node: uint8(n.idx), life: n.life})
		return
	} else if corrupt != nil {
		n.w.violate(Invariant, "node %d: the log does not recover from a crash: %v", n.id, err)
		return
	}
	if !errors.Is(err, errDisk) {
		n.w.violate(Invariant, "node %d can't start, and its disk works: %v", n.id, err)
		return
	}
	n.w.q.push(n.w.nowNs+bootRetryNs, event{kind: evRestart, node: uint8(n.idx), life: n.life})
}

func (n *node) makeActors() {
	c := n.w.cfg
	peers := make([]kv.NodeID, c.Nodes)
	for i := range peers {
		peers[i] = kv.NodeID(i + 1)
	}
	cfg := system.Config{}
	sh, det := &cfg.Shard, &cfg.Detector
	sh.Layout, sh.Node, sh.Inc, sh.Epoch, sh.Lanes = n.w.layout, n.id, n.inc, 1, c.Lanes
	sh.RequestTimeoutNs, sh.ResendNs, sh.BackoffNs, sh.LevelNs = c.RequestTimeoutNs, c.ResendNs, c.BackoffNs, c.LevelNs
	sh.MaxPending, sh.KeepTouching = c.MaxPending, c.KeepTouching
	det.Peers, det.Node, det.Inc, det.Epoch, det.Lanes = peers, n.id, n.inc, 1, c.Lanes
	det.IntervalNs, det.SuspectNs = c.HeartbeatNs, c.SuspectNs
	cfg.Shard, cfg.Detector = sh.Defaults(), det.Defaults()
	n.eventualConfig(&cfg)
	n.mapConfig(&cfg)
	n.sys = system.New(cfg)
	n.timers = n.timers[:0]
	for i := range n.lanes {
		l := &n.lanes[i]
		clear(l.inbox)
		clear(l.ctx.Envelopes)
		l.inbox, l.busy, l.idleNs, l.waiting, l.seq = l.inbox[:0], false, 0, false, 0
		l.ctx.Effects = actors.Effects{Envelopes: l.ctx.Envelopes[:0], Records: l.ctx.Records[:0], Timers: l.ctx.Timers[:0]}
		s := mix(mix(n.w.plan.Seed, streamActors), uint64(n.idx)<<32|uint64(i)<<24|uint64(n.inc))
		l.rand.Seed(s, mix(s, 1))
	}
}

// crash ends the node's life. With power loss the disk forgets.
func (n *node) crash(power bool) {
	if !n.up {
		return
	}
	n.w.oracle.eventual.crashed(n, power)
	n.up = false
	n.life++
	n.pausedUntilNs = 0
	n.w.crashes++
	if power {
		n.w.trace.rec.node(n, NodeLosesPower)
	} else {
		n.w.trace.rec.node(n, NodeCrashes)
	}
	n.w.oracle.crashed(n)
	if power {
		n.w.oracle.lostPower(n)
	}
	if n.journal.syncing {
		n.w.cover.hit(CrashDuringSync)
	}
	if power {
		roll := dice(mix(mix(n.w.plan.Seed, streamDisk), uint64(n.idx)<<32|uint64(n.life)))
		n.disk.powerLoss(&roll)
	} else {
		n.disk.kill()
	}
	n.w.hangUp(n)
}

// laneOf is the lane that runs a partition, with its replica.
func (n *node) laneOf(p kv.Partition) *system.Lane {
	return n.sys.Lanes[actors.LaneOf(p, n.w.cfg.Lanes)]
}

// prepare sets what the next batch of a lane may know.
func (n *node) prepare(l *lane, i int) {
	l.ctx.NowNs = n.clock.nowNs(n.w.nowNs)
	l.ctx.WallMs = n.clock.wall(n.w.nowNs)
}

// enqueue puts a message into a lane's inbox. An idle lane may wait a little
// for more before it runs.
func (n *node) enqueue(i int, env actors.Envelope) {
	l := &n.lanes[i]
	l.inbox = append(l.inbox, env)
	if l.busy || l.waiting {
		return
	}
	if l.idleNs > n.w.nowNs {
		n.wake(i, l.idleNs-n.w.nowNs)
		return
	}
	roll := n.roll()
	n.wake(i, n.w.below(&roll, n.w.cfg.GatherNs))
}

func (n *node) wake(i int, afterNs int64) {
	n.lanes[i].waiting = true
	n.w.q.push(n.w.nowNs+afterNs, event{kind: evRun, node: uint8(n.idx), lane: uint8(i), life: n.life})
}

// run lets a lane handle a batch. Timers it sets at once; what others may notice takes
// place when it is done. Most batches of a cluster at rest do nothing of the kind.
func (n *node) run(i int) {
	l := &n.lanes[i]
	roll := n.roll()
	k := min(len(l.inbox), 1+int(n.w.below(&roll, int64(n.w.cfg.BatchLimit))))
	l.batch = append(l.batch[:0], l.inbox[:k]...)
	rest := copy(l.inbox, l.inbox[k:])
	clear(l.inbox[rest:])
	l.inbox = l.inbox[:rest]
	l.waiting = false
	n.prepare(l, i)
	for j := range l.batch {
		n.w.trace.handled(n.w, &l.batch[j])
		n.w.oracle.handled(n, &l.batch[j])
	}
	clean := n.journal.durable(l.seq)
	if clean {
		n.w.oracle.clean(n, i)
	}
	n.sys.Lanes[i].Step(&l.ctx, l.batch, clean)
	n.w.oracle.stepped(n, i)
	if i == 0 {
		n.w.oracle.maps.look(n)
	}
	n.w.oracle.eventual.stepped(n, i)
	n.w.trace.rec.stepped(n, i)
	serviceNs := n.w.cfg.ServiceNs/2 + n.w.below(&roll, n.w.cfg.ServiceNs+1)
	if n.slowMilli > 1000 {
		serviceNs = serviceNs * n.slowMilli / 1000
		n.w.cover.hit(SlowNode)
	}
	n.setTimers(l)
	if len(l.ctx.Records) > 0 || len(l.ctx.Envelopes) > 0 {
		l.busy = true
		n.w.q.push(n.w.nowNs+serviceNs, event{kind: evDone, node: uint8(n.idx), lane: uint8(i), life: n.life})
	} else {
		n.w.oracle.eventual.persisted(n, i, l.seq)
		if l.idleNs = n.w.nowNs + serviceNs; len(l.inbox) > 0 {
			n.wake(i, serviceNs)
		}
	}
	for j := range l.batch {
		n.w.trigger("handle", &l.batch[j], n.idx, int(l.batch[j].From.Node)-1)
	}
}

// done ends a batch.
func (n *node) done(i int) {
	n.lanes[i].busy = false
	n.effects(i)
	if l := &n.lanes[i]; n.up && len(l.inbox) > 0 && !l.waiting {
		n.wake(i, 0)
	}
}

// effects carries out what others may notice of a lane's batch.
func (n *node) effects(i int) {
	l := &n.lanes[i]
	if len(l.ctx.Records) > 0 {
		l.seq = n.journal.add(l.ctx.Records)
	}
	n.w.oracle.eventual.persisted(n, i, l.seq)
	durable := n.journal.durable(l.seq)
	life := n.life
	for j := range l.ctx.Envelopes {
		env := &l.ctx.Envelopes[j]
		if env.Durable && !durable {
			n.journal.hold(env)
			continue
		}
		n.w.send(n, env)
	}
	clear(l.ctx.Envelopes)
	l.ctx.Envelopes, l.ctx.Records = l.ctx.Envelopes[:0], l.ctx.Records[:0]
	if n.life == life {
		n.journal.kick()
	}
}
