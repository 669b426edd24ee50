package shard_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/actors/shard"
	"github.com/quoratedb/quorate/actors/system"
	"github.com/quoratedb/quorate/ring"
	"github.com/stretchr/testify/require"
)

const ms = int64(1e6)

// world is a cluster whose every message is in the script's hands. Disks are
// fast, if not said otherwise: what a node has to say to itself it hears before
// anything else.
type world struct {
	t      *testing.T
	out    io.Writer
	ring   *ring.Layout
	nodes  []*member // by id - 1
	queue  []actors.Envelope
	held   []string // patterns
	cut    map[kv.NodeID]bool
	nowNs  int64
	nextID uint64
	asked  map[uint64][]string // operations by request
	lost   map[string]bool     // by a cut, and written down
	whole  bool
	level  bool
}

type member struct {
	lane     *system.Lane
	c        actors.Context
	id       kv.NodeID
	inc      kv.Incarnation
	tickNs   int64
	records  []byte
	synced   int // bytes of records that survive a restart, if unsynced
	unsynced bool
	slow     bool // what it has to say to itself once it is on disk takes its turn
}

func newWorld(t *testing.T, out io.Writer, args []string) *world {
	n, err := strconv.Atoi(args[0])
	require.NoError(t, err)
	partitions, err := strconv.Atoi(args[1])
	require.NoError(t, err)
	w := &world{t: t, out: out, cut: map[kv.NodeID]bool{}, nowNs: ms, asked: map[uint64][]string{}, lost: map[string]bool{},
		whole: slices.Contains(args, "whole"), level: slices.Contains(args, "level")}
	cfg := ring.Config{Partitions: partitions, VNodes: 8, N: n}
	for i := range n {
		cfg.Nodes = append(cfg.Nodes, ring.Node{ID: kv.NodeID(i + 1), Weight: 1})
	}
	w.ring, err = ring.First(cfg)
	require.NoError(t, err)
	for p := range partitions {
		fmt.Fprintf(out, "> partition %d: %v\n", p, w.ring.Preference(kv.Partition(p)))
	}
	for i := range n {
		w.nodes = append(w.nodes, &member{id: kv.NodeID(i + 1)})
		w.boot(w.nodes[i])
	}
	for _, m := range w.nodes {
		for _, q := range w.nodes {
			w.status(m.id, q.id, 1, true)
		}
	}
	return w
}

func (w *world) boot(m *member) {
	m.inc++
	var sys system.Config
	sys.Shard = shard.Config{Layout: w.ring, Node: m.id, Inc: m.inc, Epoch: 1, Lanes: 1, LevelNs: 1 << 60, KeepTouching: !w.whole}
	if w.level {
		sys.Shard.LevelNs = 500 * ms
	}
	sys.Detector.Node, sys.Detector.Inc, sys.Detector.Lanes = m.id, m.inc, 1
	m.lane = system.New(sys).Lanes[0]
	for rest := m.records; len(rest) > 0; {
		var payload []byte
		payload, rest = actors.NextRecord(rest)
		require.NoError(w.t, m.lane.Replica.Restore(payload))
	}
	m.c = actors.Context{Rand: rand.New(rand.NewPCG(uint64(m.id), uint64(m.inc))), NowNs: w.nowNs}
	m.tickNs = 0
	m.lane.Start(&m.c)
	w.take(m)
}

// take carries out what a batch left behind.
func (w *world) take(m *member) {
	var own []actors.Envelope
	for _, e := range m.c.Envelopes {
		switch {
		case e.From.Kind == actors.Detector:
		case e.To.Node == m.id && e.To.Kind != actors.Client && !(m.slow && e.Durable):
			own = append(own, e)
		default:
			w.queue = append(w.queue, e)
		}
	}
	for _, t := range m.c.Timers {
		if t.Actor.Kind == actors.Shard {
			m.tickNs = t.AtNs
		}
	}
	m.records = append(m.records, m.c.Records...)
	m.c.Effects = actors.Effects{}
	if len(own) > 0 {
		w.step(m, own...)
	}
}

func (w *world) step(m *member, batch ...actors.Envelope) {
	m.c.NowNs, m.c.WallMs = w.nowNs, w.nowNs/ms
	m.lane.Step(&m.c, batch, !m.slow)
	w.take(m)
}

func (w *world) node(name string) *member {
	id, err := strconv.Atoi(strings.TrimPrefix(name, "n"))
	require.NoError(w.t, err, "%q is not a node", name)
	return w.nodes[id-1]
}

func (w *world) tell(to kv.NodeID, m actors.Message) {
	a := actors.Address{Node: to, Kind: actors.Shard}
	w.step(w.nodes[to-1], actors.Envelope{From: a, To: a, Message: m})
}

func (w *world) status(at, peer kv.NodeID, inc kv.Incarnation, alive bool) {
	w.tell(at, &msg.PeerStatus{Node: peer, Inc: inc, Alive: alive})
}

func (w *world) command(command, args string) {
	f := strings.Fields(args)
	switch command {
	case "op":
		w.op(w.node(f[0]), strings.TrimPrefix(args, f[0]))
	case "run":
		w.run()
	case "hold":
		w.held = append(w.held, args)
	case "free":
		before := len(w.held)
		w.held = slices.DeleteFunc(w.held, func(p string) bool { return p == args })
		require.Less(w.t, len(w.held), before, "nothing is held by %q", args)
	case "drop", "dup":
		i := slices.IndexFunc(w.queue, func(e actors.Envelope) bool { return matches(args, &e) })
		require.GreaterOrEqual(w.t, i, 0, "no message matches %q", args)
		if e := w.queue[i]; command == "dup" {
			w.queue = slices.Insert(w.queue, i, e)
		} else {
			fmt.Fprintf(w.out, "> lost: %s\n", w.describe(&e))
			w.queue = slices.Delete(w.queue, i, i+1)
		}
	case "cut":
		w.cut[w.node(f[0]).id] = true
	case "heal":
		delete(w.cut, w.node(f[0]).id)
	case "dead": // by its silence
		w.status(w.node(f[0]).id, w.node(f[1]).id, 0, false)
	case "broken": // the connection is
		w.tell(w.node(f[0]).id, &msg.PeerStatus{Node: w.node(f[1]).id, Cut: true})
	case "alive":
		inc, err := strconv.Atoi(f[2])
		require.NoError(w.t, err)
		w.status(w.node(f[0]).id, w.node(f[1]).id, kv.Incarnation(inc), true)
	case "restart":
		m := w.node(f[0])
		w.queue = slices.DeleteFunc(w.queue, func(e actors.Envelope) bool { return e.To.Kind == actors.Client && e.To.Node == m.id })
		if m.unsynced {
			m.records, m.unsynced = m.records[:m.synced], false
		}
		w.boot(m)
		for _, q := range w.nodes {
			w.status(m.id, q.id, q.inc, true)
		}
	case "slow":
		w.node(f[0]).slow = true
	case "unsynced":
		m := w.node(f[0])
		m.unsynced, m.synced = true, len(m.records)
	case "hand":
		w.tell(w.node(f[0]).id, &msg.Drain{})
	case "wait":
		n, err := strconv.ParseInt(f[0], 10, 64)
		require.NoError(w.t, err)
		w.wait(w.nowNs + n*ms)
	case "state":
		w.state()
	default:
		w.t.Fatalf("unknown command %q", command)
	}
}

// matches reports whether a message is one of "n1 accept n2".
func matches(pattern string, e *actors.Envelope) bool {
	f := strings.Fields(pattern)
	is := func(f, s string) bool { return f == "*" || f == s }
	return len(f) == 3 && is(f[0], fmt.Sprint("n", e.From.Node)) && is(f[1], e.Message.MessageName()) && is(f[2], fmt.Sprint("n", e.To.Node))
}

func (w *world) run() {
	const most = 2000
	for range most {
		i := slices.IndexFunc(w.queue, func(e actors.Envelope) bool {
			return !slices.ContainsFunc(w.held, func(p string) bool { return matches(p, &e) })
		})
		if i < 0 {
			return
		}
		e := w.queue[i]
		w.queue = slices.Delete(w.queue, i, i+1)
		lost := e.To.Kind != actors.Client && (w.cut[e.To.Node] || w.cut[e.From.Node])
		if lost { // said once: what gets no answer is sent again and again
			if line := w.describe(&e); !w.lost[line] {
				w.lost[line] = true
				fmt.Fprintf(w.out, "> lost: %s\n", line)
			}
			continue
		}
		fmt.Fprintf(w.out, "> %s\n", w.describe(&e))
		if e.To.Kind != actors.Client {
			w.step(w.nodes[e.To.Node-1], e)
		}
	}
	w.t.Fatalf("still not quiet after %d messages", most)
}

func (w *world) wait(untilNs int64) {
	w.run()
	for {
		var next *member
		for _, m := range w.nodes {
			if m.tickNs > 0 && m.tickNs <= untilNs && (next == nil || m.tickNs < next.tickNs) {
				next = m
			}
		}
		if next == nil {
			w.nowNs = untilNs
			return
		}
		w.nowNs, next.tickNs = max(w.nowNs, next.tickNs), 0
		w.tell(next.id, actors.Timer{ID: 1})
		w.run()
	}
}

func (w *world) op(m *member, list string) {
	w.nextID++
	o := &msg.Ops{ID: w.nextID}
	for one := range strings.SplitSeq(list, ";") {
		f := strings.Fields(one)
		w.asked[o.ID] = append(w.asked[o.ID], strings.Join(f[:2], " "))
		key, p := f[1], 0
		if name, rest, ok := strings.Cut(key, "/"); ok {
			n, err := strconv.Atoi(name)
			require.NoError(w.t, err)
			key, p = rest, n
		}
		op := msg.Op{Op: kv.Op{Key: []byte(key)}, Partition: kv.Partition(p)}
		switch f[0] {
		case "get":
			op.Kind = kv.OpGet
		case "set", "nx":
			op.Kind, op.Value = kv.OpSet, []byte(f[2])
			if f[0] == "nx" {
				op.Cond = kv.IfAbsent
			}
		case "del":
			op.Kind = kv.OpDelete
		case "incr":
			op.Kind, op.Delta = kv.OpIncr, 1
		case "cas":
			op.Kind, op.Expected, op.Value = kv.OpCAS, []byte(f[2]), []byte(f[3])
		default:
			w.t.Fatalf("unknown operation %q", one)
		}
		o.Ops = append(o.Ops, op)
	}
	w.step(m, actors.Envelope{From: actors.Address{Node: m.id, Kind: actors.Client}, To: actors.Address{Node: m.id, Kind: actors.Shard}, Message: o})
}
