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
	for _, i := range []actors.TimerID{beatTimer, silenceTimer} {
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

// TestScripts plays the scenarios of testdata for node 1 of 1, 2, 3 with two
// lanes, a beat each 50 ms and suspicion after 500. A line is a time in ms and an event:
//
//	hb NODE INC SEQ   a heartbeat of that node arrives
//	down NODE         its link breaks
//	wait              the timers run on until then
//	freeze            the node stands still until then: no timer runs out in time
//
// Behind it stands what left: "> 70 n2 heartbeat 3" or "> 70 n2 alive inc 1",
// the latter once for both lanes. The regular beats are left out.
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

func play(t *testing.T, script string) string {
	h := newHost(Config{Peers: []kv.NodeID{3, 1, 2}, Node: 1, Inc: 7, Epoch: 1, Lanes: 2}, 1)
	h.Start(&h.c)
	require.Len(t, h.take(), 2, "the first heartbeats")
	var got strings.Builder
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, ">") {
			continue
		}
		got.WriteString(line)
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		step(t, h, line, &got)
	}
	return got.String()
}

func step(t *testing.T, h *host, line string, got *strings.Builder) {
	var at int64
	var event string
	var node, inc, seq uint64
	n, _ := fmt.Sscan(line, &at, &event, &node, &inc, &seq)
	require.GreaterOrEqual(t, n, 2, line)
	at *= ms
	beats := func(now int64, e actors.Envelope) { describe(t, got, now, e, true) }
	if event == "freeze" {
		for id, due := range h.timers { // no order: the latest of each counts
			h.timers[id] = max(due, at)
		}
	}
	h.run(at, beats)
	var out []actors.Envelope
	switch event {
	case "hb":
		out = h.receive(at, kv.NodeID(node), &msg.Heartbeat{Inc: kv.Incarnation(inc), Epoch: 1, Seq: seq})
	case "down":
		out = h.receive(at, 1, &msg.LinkDown{Node: kv.NodeID(node)})
	case "wait", "freeze":
	default:
		t.Fatalf("unknown event in %q", line)
	}
	for _, e := range out {
		describe(t, got, at, e, false)
	}
}

func describe(t *testing.T, got *strings.Builder, now int64, e actors.Envelope, beat bool) {
	switch m := e.Message.(type) {
	case *msg.Heartbeat:
		require.Equal(t, actors.Detector, e.To.Kind)
		require.EqualValues(t, 7, m.Inc)
		if !beat {
			fmt.Fprintf(got, "> %d n%d heartbeat\n", now/ms, e.To.Node)
		}
	case *msg.PeerStatus:
		require.Equal(t, actors.Shard, e.To.Kind)
		require.EqualValues(t, 1, e.To.Node)
		if e.To.Index == 0 {
			state := "dead"
			if m.Alive {
				state = "alive"
			}
			fmt.Fprintf(got, "> %d n%d %s inc %d\n", now/ms, m.Node, state, m.Inc)
		}
	default:
		t.Fatalf("a detector sent a %s", m.MessageName())
	}
}
