package main

import (
	"context"
	"fmt"
	"time"

	"github.com/quoratedb/quorate/cmd/quorate/netfault"
)

var networkFaults = []fault{
	{"isolate one", "partition", func(h *hand, ctx context.Context) { h.isolate(ctx, h.some(1)[0]) }},
	{"isolate owner", "partition", func(h *hand, ctx context.Context) { h.isolate(ctx, h.theOwner(ctx)[0]) }},
	{"late owner", "partition", lateOwner},
	{"mute", "partition", func(h *hand, ctx context.Context) { h.silence(ctx, outOf) }},
	{"deaf", "partition", func(h *hand, ctx context.Context) { h.silence(ctx, into) }},
	{"split", "partition", split},
	{"one link", "partition", oneLink},
	{"all apart", "partition", func(h *hand, ctx context.Context) {
		h.cut(ctx, func(way) bool { return true }, h.cluster.members...)
	}},
	{"swizzle", "partition", swizzle},
	{"flap", "flap", flap},
	{"slow one", "slow", slowOne},
	{"slow all", "slow", slowAll},
	{"lossy one", "lossy", func(h *hand, ctx context.Context) { h.lossy(ctx, h.some(1)...) }},
	{"lossy all", "lossy", func(h *hand, ctx context.Context) { h.lossy(ctx, h.some(len(h.cluster.members))...) }},
}

// Sets of ways, as seen from one node.
func outOf(id int) func(way) bool { return func(w way) bool { return w.from == id } }
func into(id int) func(way) bool  { return func(w way) bool { return w.to == id } }
func at(id int) func(way) bool    { return func(w way) bool { return w.from == id || w.to == id } }

// cut lets nothing pass on some ways for a while: about as often for shorter as
// for longer than it takes to suspect a node.
func (h *hand) cut(ctx context.Context, ways func(way) bool, victims ...*member) {
	style := cutStyles[h.rng.IntN(len(cutStyles))]
	h.aim(style.name, victims...)
	h.during(ctx, cutting(style, ways), 100*time.Millisecond, 2500*time.Millisecond)
}

// during imposes states for a while and heals.
func (h *hand) during(ctx context.Context, state func(way) netfault.State, least, most time.Duration) {
	h.mesh.impose(state)
	h.rest(ctx, least, h.span(least, most)+time.Millisecond) // short ones more often
	h.mesh.heal()
}

func (h *hand) isolate(ctx context.Context, m *member) { h.cut(ctx, at(m.id), m) }

// silence cuts one direction only: the others hear a node that does not hear
// them, or the other way round.
func (h *hand) silence(ctx context.Context, direction func(int) func(way) bool) {
	m := h.some(1)[0]
	h.cut(ctx, direction(m.id), m)
}

// lateOwner keeps back what an owner says for longer than it takes to suspect and
// replace it, and then lets all of it arrive.
func lateOwner(h *hand, ctx context.Context) {
	m := h.theOwner(ctx)[0]
	h.aim(cutStyles[0].name, m)
	h.during(ctx, cutting(cutStyles[0], outOf(m.id)), 600*time.Millisecond, 2*time.Second)
}

// split parts the nodes into two sides.
func split(h *hand, ctx context.Context) {
	side := h.some(1 + h.rng.IntN(len(h.cluster.members)-1))
	inside := map[int]bool{}
	for _, m := range side {
		inside[m.id] = true
	}
	h.cut(ctx, func(w way) bool { return inside[w.from] != inside[w.to] }, side...)
}

// oneLink cuts one pair of nodes, in one direction or both. A majority is left
// to every node, and clients find one that serves them.
func oneLink(h *hand, ctx context.Context) {
	pair := h.some(2)
	a, b, both := pair[0].id, pair[1].id, h.rng.IntN(2) == 0
	if !both {
		h.aim(fmt.Sprintf("from %d to %d only,", a, b))
	}
	h.cut(ctx, func(w way) bool { return w == way{a, b} || both && w == way{b, a} }, pair...)
}

// swizzle cuts nodes off one after the other and lets them return in another
// order (FoundationDB's "swizzle-clog").
func swizzle(h *hand, ctx context.Context) {
	style := cutStyles[h.rng.IntN(len(cutStyles))]
	victims := h.aim(style.name, h.some(h.anyNumber())...)
	off := map[int]bool{}
	step := func(m *member, cut bool) {
		off[m.id] = cut
		h.mesh.impose(cutting(style, func(w way) bool { return off[w.from] || off[w.to] }))
		h.rest(ctx, 10*time.Millisecond, 500*time.Millisecond)
	}
	for _, m := range victims {
		step(m, true)
	}
	for _, i := range h.rng.Perm(len(victims)) {
		step(victims[i], false)
	}
	h.mesh.heal()
}

// flap cuts a node off and lets it return, many times.
func flap(h *hand, ctx context.Context) {
	style := cutStyles[h.rng.IntN(len(cutStyles))]
	m := h.some(1)[0]
	ways := []func(way) bool{at(m.id), outOf(m.id), into(m.id)}[h.rng.IntN(3)]
	period := h.span(10*time.Millisecond, 300*time.Millisecond)
	times := 3 + h.rng.IntN(10)
	h.aim(fmt.Sprintf("%s, %d times %v", style.name, times, round(period)), m)
	for range times {
		h.mesh.impose(cutting(style, ways))
		h.rest(ctx, period/2, period)
		h.mesh.heal()
		if !h.rest(ctx, period/2, period) {
			return
		}
	}
}

// slowOne makes all messages of one node late, in one direction or both.
func slowOne(h *hand, ctx context.Context) {
	m := h.some(1)[0]
	delay := h.span(5*time.Millisecond, 300*time.Millisecond)
	direction := h.rng.IntN(3)
	ways := []func(way) bool{at(m.id), outOf(m.id), into(m.id)}[direction]
	h.aim(fmt.Sprintf("by %v, %s", round(delay), []string{"both ways", "outward", "inward"}[direction]), m)
	h.slow(ctx, ways, delay)
}

// slowAll makes every message late.
func slowAll(h *hand, ctx context.Context) {
	delay := h.span(2*time.Millisecond, 40*time.Millisecond)
	h.aim("by "+round(delay).String(), h.cluster.members...)
	h.slow(ctx, func(way) bool { return true }, delay)
}

func (h *hand) slow(ctx context.Context, ways func(way) bool, delay time.Duration) {
	h.during(ctx, cutting(cutStyle{state: slowed(delay)}, ways), 300*time.Millisecond, 3*time.Second)
}

// lossy makes the links of nodes lose packets: some reads wait for a
// retransmission, and a few connections end.
func (h *hand) lossy(ctx context.Context, victims ...*member) {
	c := netfault.Conditions{StallPPM: 10_000 + h.rng.IntN(200_000), Stall: h.span(40*time.Millisecond, 250*time.Millisecond), ResetPPM: h.rng.IntN(10_000)}
	h.aim(fmt.Sprintf("%.1f%% stall for %v, %.1f%% reset", float64(c.StallPPM)/10_000, round(c.Stall), float64(c.ResetPPM)/10_000), victims...)
	struck := map[int]bool{}
	for _, m := range victims {
		struck[m.id] = true
	}
	state := cutStyle{state: netfault.State{Out: c, Back: c}}
	h.during(ctx, cutting(state, func(w way) bool { return struck[w.from] || struck[w.to] }), 300*time.Millisecond, 3*time.Second)
}
