package sim

import (
	"fmt"
	"strconv"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/ring"
)

// eventKind says what an event of the queue is.
type eventKind uint8

const (
	evDeliver    eventKind = iota + 1 // env arrives at a node
	evRun                             // a lane runs a batch
	evDone                            // the batch ends: its effects take place
	evTimer                           // a timer of an actor may have run out
	evSynced                          // the log's sync completes
	evSyncTick                        // sync policy interval
	evCheckpoint                      // the next step of a checkpoint
	evRestart                         // a node boots
	evClient                          // a client may begin its next operation
	evResult                          // an answer reaches a client
	evTimeout                         // a client gives up on an operation
	evHangup                          // a client's connection breaks
	evFaultStart                      // arg: index of the fault; node: who triggered it, plus 1
	evFaultStop                       // arg: index into active
	evHeal                            // the safety phase ends
	evFlap                            // flapping links change; arg: index into active
	evMap                             // a change of the map, or an access to a bucket that comes and goes
	evJudge                           // look whether the replicas have converged
	eventKinds                        // count, keep last
)

var eventNames = [eventKinds]string{
	evDeliver: "deliver", evRun: "run", evDone: "done", evTimer: "timer", evSynced: "synced", evSyncTick: "sync-tick",
	evCheckpoint: "checkpoint", evRestart: "restart", evClient: "client", evResult: "result", evTimeout: "timeout",
	evHangup: "hangup", evFaultStart: "fault", evFaultStop: "fault-end", evHeal: "heal", evFlap: "flap", evMap: "map", evJudge: "judge",
}

// event is one entry of the queue. Which fields count depends on the kind.
type event struct {
	env  actors.Envelope
	arg  uint64
	life uint32 // of the node; an event of an earlier life is void. 0: any life
	node uint8  // index
	lane uint8
	kind eventKind
}

// phase of a run.
type phase uint8

const (
	safety     phase = iota // faults happen
	liveness                // all is healed: every client reads and writes every key
	converging              // the replicas must become equal
	finished
)

// World is one run in progress.
type World struct {
	plan    *Plan
	cfg     *Config
	opts    Options
	layout  *ring.Layout
	q       queue
	nowNs   int64
	events  uint64
	net     network
	nodes   []*node
	clients []*client
	phase   phase
	healNs  int64 // when the safety phase ended
	agreeNs int64 // by when the clocks agree after that
	apart   bool  // they never do
	limitNs int64 // of the phase: exceeding it is a violation of liveness
	core    coreRun

	active  []activeFault
	armed   []armedFault
	started int // faults that took place
	crashes int
	// lostDisks counts them: those are gone for good.
	lostDisks int
	lossy     perPartition[bool] // a replica may have forgotten what it acknowledged

	history   linearizability.Recorder
	eventual  eventualRun
	maps      mapRun
	latest    []string // by key: the value that a client saw last
	doubts    []int    // by key: writes of unknown outcome
	nextValue int64    // for writes of the liveness phase
	pipes     int32    // messages of several operations
	sched     dice
	oracle    oracle
	trace     trace
	cover     Coverage
	verdict   []Violation
	outcomes  outcomes

	keys     [][]byte // their names, by key
	opSlab   []msg.Op // see opRoom
	parts    [][]msg.Op
	partTo   []actors.Address // by part of the message that is being sent
	askedOps []inFlight       // see asked
}

// outcomes counts what the clients were told.
type outcomes struct{ ok, failed, unknown int }

func newWorld(plan *Plan, opts Options) (*World, error) {
	cfg := &plan.Config
	r, err := cfg.layout()
	if err != nil {
		return nil, fmt.Errorf("sim: %w", err)
	}
	w := &World{plan: plan, cfg: cfg, opts: opts, layout: r, sched: dice(mix(plan.Seed, streamSched))}
	if w.net, err = newNetwork(plan.Seed, cfg); err != nil {
		return nil, err
	}
	w.oracle.init(w)
	if w.trace.record = opts.Record; opts.Record {
		w.trace.rec = newRecorder(w)
	}
	for i := range cfg.Nodes {
		w.nodes = append(w.nodes, newNode(w, i))
	}
	w.newClients()
	w.maps.init(w)
	w.eventual.init(w)
	w.latest, w.doubts = make([]string, len(cfg.Keys)), make([]int, len(cfg.Keys))
	return w, nil
}

// ring places the keys: a few virtual nodes are enough for a few partitions.
func (c *Config) layout() (*ring.Layout, error) {
	rc := ring.Config{Partitions: c.Partitions, VNodes: 8, N: c.N}
	for i := range c.Nodes {
		n := ring.Node{ID: kv.NodeID(i + 1), Weight: 1}
		if c.Zones > 1 {
			n.Zone = "z" + strconv.Itoa(c.zoneOf(i))
		}
		rc.Nodes = append(rc.Nodes, n)
	}
	buckets, err := c.buckets()
	if err != nil {
		return nil, err
	}
	return ring.NewLayout(rc, kv.FirstEpoch, buckets)
}

// zoneOf is the zone of a node, by index.
func (c *Config) zoneOf(i int) int { return i % max(c.Zones, 1) }

// limits of a run that should long have ended.
const maxEvents = 4_000_000

// run executes events until the run is over.
func (w *World) run() {
	defer w.catch()
	for _, n := range w.nodes {
		n.boot()
	}
	for i := range w.clients {
		w.pump(i)
	}
	for i := range w.plan.Faults {
		w.schedule(i)
	}
	w.limitNs = w.cfg.SafetyNs + w.patienceNs()
	w.q.push(w.cfg.SafetyNs, event{kind: evHeal})
	for w.phase != finished && w.q.len() > 0 {
		at, e := w.q.pop()
		if w.void(&e, at) {
			continue
		}
		if w.opts.untilNs > 0 && at > w.opts.untilNs {
			return
		}
		w.nowNs = at
		w.events++
		w.trace.event(w, &e)
		w.handle(&e)
		if w.events > maxEvents {
			w.violate(Liveness, "more than %d events: the cluster never comes to rest", maxEvents)
			return
		}
	}
}

// void reports whether an event concerns a life that has ended, and puts off
// the events of a paused node.
func (w *World) void(e *event, at int64) bool {
	if e.life == 0 {
		return false
	}
	n := w.nodes[e.node]
	if e.life != n.life {
		return true
	}
	if at < n.pausedUntilNs {
		w.q.push(n.pausedUntilNs, *e)
		return true
	}
	return e.kind == evTimer && n.timerIsStale(e)
}

func (w *World) handle(e *event) {
	switch e.kind {
	case evDeliver:
		w.arrive(e)
	case evRun:
		w.nodes[e.node].run(int(e.lane))
	case evDone:
		w.nodes[e.node].done(int(e.lane))
	case evTimer:
		w.nodes[e.node].timerFires(e)
	case evSynced:
		w.nodes[e.node].synced()
	case evSyncTick:
		w.nodes[e.node].syncTick()
	case evCheckpoint:
		w.nodes[e.node].checkpointStep()
	case evRestart:
		w.nodes[e.node].boot()
	case evClient:
		w.pump(int(e.arg))
	case evResult:
		w.answered(e)
	case evTimeout, evHangup:
		w.gaveUp(int(e.node), e.arg)
	case evFaultStart:
		w.faultStarts(int(e.arg), int(e.node)-1)
	case evFaultStop:
		w.faultStops(int(e.arg))
	case evFlap:
		w.flapsOn(int(e.arg))
	case evHeal:
		w.heal()
	case evMap:
		w.maps.begin(int(e.arg))
	case evJudge:
		w.judge()
	default:
		panic(fmt.Sprintf("sim: unknown event %d", e.kind))
	}
}

// below draws a part of a time, from 0 up to n: the half of it in an exact plan.
func (w *World) below(roll *dice, n int64) int64 {
	if part := roll.below(n); !w.cfg.Exact {
		return part
	}
	return n / 2
}

// roll returns a generator for one decision of the scheduler at a node, which
// depends on the seed, the node and how many it has made.
func (n *node) roll() dice {
	n.rolls++
	return dice(mix(uint64(n.w.sched)^uint64(n.idx)<<56, n.rolls))
}

// send lets an envelope of a node leave.
func (w *World) send(n *node, env *actors.Envelope) {
	known := len(w.verdict)
	w.oracle.sent(n, env)
	w.blameAnswer(known, env)
	if env.To.Kind == actors.Client {
		w.toClient(n, env)
		return
	}
	to := int(env.To.Node) - 1
	if to == n.idx {
		lane := laneOf(env.To)
		w.trace.rec.message(env, MessageSent, w.nowNs)
		n.enqueue(lane, *env)
		return
	}
	w.trigger("send", env, n.idx, to)
	f := w.net.send(n.idx, to, w.nowNs)
	if f.copies == 0 {
		w.trace.lost(w, env)
		return
	}
	hash := w.trace.hash(env)
	out := *env
	if w.cfg.Network.Codec {
		out = w.trace.recode(env)
	}
	for i := range f.copies {
		w.trace.rec.message(&out, MessageSent, f.atNs[i])
		w.q.push(f.atNs[i], event{kind: evDeliver, node: uint8(to), lane: uint8(laneOf(env.To)), env: out, arg: hash})
	}
}

// arrive hands a message to the node it is for, if that one is up.
func (w *World) arrive(e *event) {
	n := w.nodes[e.node]
	switch {
	case !n.up:
		w.trace.rec.message(&e.env, MessageRefused, 0)
		w.refused(e)
	case w.nowNs < n.pausedUntilNs:
		w.q.push(n.pausedUntilNs, *e)
	default:
		n.enqueue(int(e.lane), e.env)
	}
}

func laneOf(a actors.Address) int {
	if a.Kind == actors.Detector {
		return 0
	}
	return int(a.Index)
}
