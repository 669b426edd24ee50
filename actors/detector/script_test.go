package detector

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const ms = int64(1e6)

// host runs one detector: it keeps its timers and takes its effects.
type host struct {
	*Detector
	c      actors.Context
	timers map[actors.TimerID]int64
}

func newHost(cfg Config, seed uint64) *host {
	h := &host{Detector: New(cfg), timers: map[actors.TimerID]int64{}}
	h.c.Rand = rand.New(rand.NewPCG(seed, 0))
	h.c.Self = actors.Address{Node: cfg.Node, Kind: actors.Detector}
	return h
}

// take returns what left since the last call.
func (h *host) take() []actors.Envelope {
	for _, t := range h.c.Timers {
		if t.AtNs == 0 {
			delete(h.timers, t.ID)
		} else {
			h.timers[t.ID] = t.AtNs
		}
	}
	out := h.c.Envelopes
	h.c.Effects = actors.Effects{}
	return out
}

func (h *host) receive(nowNs int64, from kv.NodeID, m actors.Message) []actors.Envelope {
	h.c.NowNs, h.c.Sender = nowNs, actors.Address{Node: from, Kind: actors.Detector}
	h.Receive(&h.c, m)
	h.Flush(&h.c)
	return h.take()
}

// nextTimer returns the timer that runs out first, by id among equals.
func (h *host) nextTimer() (id actors.TimerID, atNs int64) {
	for _, i := range []actors.TimerID{beatTimer, checkTimer, probeTimer} {
		if at, ok := h.timers[i]; ok && (id == 0 || at < atNs) {
			id, atNs = i, at
		}
	}
	return id, atNs
}

// run fires the timers that run out up to untilNs, each at its time.
func (h *host) run(untilNs int64, out func(nowNs int64, e actors.Envelope)) {
	for {
		id, at := h.nextTimer()
		if id == 0 || at > untilNs {
			return
		}
		delete(h.timers, id)
		for _, e := range h.receive(at, 0, actors.Timer{ID: id}) {
			out(at, e)
		}
	}
}

// TestScripts plays the scenarios of testdata for node 1 of 1, 2, 3 (or as many
// as a first line "nodes N" says) with two lanes, a period of 50 ms and
// suspicion after 500. A line is a time in ms and an event:
//
//	hb NODE INC SEQ            a ping of that node arrives
//	tell NODE INC SEQ ABOUT INC GOSSIPINC STATE   one with gossip
//	ack NODE INC SEQ [RELAY]   its answer to the latest ping to it, in RELAY's name
//	vouch NODE INC SEQ ABOUT INC   an answer passed on, to the latest ping to ABOUT
//	req NODE INC SEQ TARGET    a request to ping
//	down NODE                  its link breaks
//	wait                       the timers run on until then
//	freeze                     the node stands still until then: no timer runs out in time
//	show                       from now on, what timers send stands in the script too
//
// Behind it stands what left: "> 70 n2 ack", with gossip that is not about the
// living, or "> 70 n2 alive inc 1", the latter once for both lanes.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			got := play(t, string(want))
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o666))
				return
			}
			require.Equal(t, string(want), got)
		})
	}
}

// script is one scenario being played.
type script struct {
	*host
	t      *testing.T
	got    strings.Builder
	show   bool
	latest map[kv.NodeID]uint64 // seq of the latest ping to a node
}

func play(t *testing.T, text string) string {
	nodes := 3
	if first, _, _ := strings.Cut(text, "\n"); strings.HasPrefix(first, "nodes ") {
		_, err := fmt.Sscanf(first, "nodes %d", &nodes)
		require.NoError(t, err)
	}
	s := &script{t: t, latest: map[kv.NodeID]uint64{}}
	s.host = newHost(Config{Peers: []kv.NodeID{3, 1, 2}, Node: 1, Inc: 7, Epoch: 1, Lanes: 2}, 1)
	if nodes > 3 {
		s.host = newHost(Config{Peers: members(nodes), Node: 1, Inc: 7, Epoch: 1, Lanes: 2}, 1)
	}
	s.Start(&s.c)
	for _, e := range s.take() {
		s.describe(0, e, true)
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, ">") {
			continue
		}
		s.got.WriteString(line)
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' || strings.HasPrefix(line, "nodes ") {
			continue
		}
		s.step(line)
	}
	return s.got.String()
}

func members(n int) []kv.NodeID {
	all := make([]kv.NodeID, n)
	for i := range all {
		all[i] = kv.NodeID(i + 1)
	}
	return all
}

func (s *script) step(line string) {
	var at int64
	var event, state string
	var node, inc, seq, about, aboutInc, gossipInc uint64
	n, _ := fmt.Sscan(line, &at, &event, &node, &inc, &seq, &about, &aboutInc, &gossipInc, &state)
	require.GreaterOrEqual(s.t, n, 2, line)
	at *= ms
	if event == "freeze" {
		for id, due := range s.timers { // no order: the latest of each counts
			s.timers[id] = max(due, at)
		}
	}
	s.run(at, func(now int64, e actors.Envelope) { s.describe(now, e, true) })
	g := msg.Gossip{Inc: kv.Incarnation(inc), Epoch: 1, Seq: seq}
	var m actors.Message
	switch event {
	case "hb":
		m = &msg.Ping{Gossip: g}
	case "tell":
		g.Updates = []msg.Update{{Node: kv.NodeID(about), Inc: kv.Incarnation(aboutInc), GossipInc: uint32(gossipInc), State: stateOf(s.t, state)}}
		m = &msg.Ping{Gossip: g}
	case "ack":
		m = &msg.Ack{Gossip: g, Of: s.latest[kv.NodeID(node)], Relay: kv.NodeID(about), RelaySeq: 77}
	case "vouch":
		m = &msg.Ack{Gossip: g, Of: s.latest[kv.NodeID(about)], About: kv.NodeID(about), AboutInc: kv.Incarnation(aboutInc)}
	case "req":
		m = &msg.PingReq{Gossip: g, Target: kv.NodeID(about), Of: 77}
	case "down":
		m, node = &msg.LinkDown{Node: kv.NodeID(node)}, 1
	case "busy": // a large message of that boot is arriving
		m, node = &msg.LinkBusy{Node: kv.NodeID(node), Inc: kv.Incarnation(inc)}, 1
	case "show":
		s.show = true
		return
	case "wait", "freeze":
		return
	default:
		s.t.Fatalf("unknown event in %q", line)
	}
	for _, e := range s.receive(at, kv.NodeID(node), m) {
		s.describe(at, e, false)
	}
}

func stateOf(t *testing.T, name string) msg.MemberState {
	for _, st := range []msg.MemberState{msg.Alive, msg.Suspect, msg.Dead} {
		if st.String() == name {
			return st
		}
	}
	t.Fatalf("no state is called %q", name)
	return 0
}

func (s *script) describe(now int64, e actors.Envelope, timer bool) {
	var g *msg.Gossip
	what := ""
	switch m := e.Message.(type) {
	case *msg.Ping:
		g, what = &m.Gossip, "ping"
		if m.Relay != 0 {
			what += fmt.Sprintf(" for n%d", m.Relay)
		} else {
			s.latest[e.To.Node] = m.Seq
		}
	case *msg.Ack:
		g, what = &m.Gossip, "ack"
		if m.About != 0 {
			what += fmt.Sprintf(" of n%d to its ping %d", m.About, m.Of)
		}
	case *msg.PingReq:
		g, what = &m.Gossip, fmt.Sprintf("ping-req n%d", m.Target)
	case *msg.PeerStatus:
		require.Equal(s.t, actors.Shard, e.To.Kind)
		require.EqualValues(s.t, 1, e.To.Node)
		if e.To.Index == 0 {
			state := "dead"
			if m.Alive {
				state = "alive"
			}
			if m.Cut {
				state += ", cut,"
			}
			fmt.Fprintf(&s.got, "> %d n%d %s inc %d\n", now/ms, m.Node, state, m.Inc)
		}
		return
	default:
		s.t.Fatalf("a detector sent a %s", m.MessageName())
	}
	require.Equal(s.t, actors.Detector, e.To.Kind)
	require.EqualValues(s.t, 7, g.Inc)
	if timer && !s.show {
		return
	}
	fmt.Fprintf(&s.got, "> %d n%d %s", now/ms, e.To.Node, what)
	if g.GossipInc > 0 {
		fmt.Fprintf(&s.got, ", self 7.%d", g.GossipInc)
	}
	for _, u := range g.Updates {
		if u.State != msg.Alive {
			fmt.Fprintf(&s.got, ", n%d %d.%d %v", u.Node, u.Inc, u.GossipInc, u.State)
		}
	}
	s.got.WriteString("\n")
}
