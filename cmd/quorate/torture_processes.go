package main

import (
	"context"
	"time"
)

var processFaults = []fault{
	{"kill one", "kill", func(h *hand, ctx context.Context) { h.kill(ctx, h.some(1)) }},
	{"kill owner", "kill", func(h *hand, ctx context.Context) { h.kill(ctx, h.theOwner(ctx)) }},
	{"kill some", "kill", func(h *hand, ctx context.Context) { h.kill(ctx, h.some(h.anyNumber())) }},
	{"kill all", "kill", func(h *hand, ctx context.Context) { h.kill(ctx, h.some(len(h.cluster.members))) }},
	{"rolling", "kill", rolling},
	{"pause one", "pause", func(h *hand, ctx context.Context) { h.pause(ctx, h.some(1)) }},
	{"pause owner", "pause", func(h *hand, ctx context.Context) { h.pause(ctx, h.theOwner(ctx)) }},
	{"pause some", "pause", func(h *hand, ctx context.Context) { h.pause(ctx, h.some(h.anyNumber())) }},
}

// kill ends nodes at the same moment and starts them again one by one.
func (h *hand) kill(ctx context.Context, victims []*member) {
	h.lookForDead()
	h.aim("", victims...)
	each(victims, func(m *member) { m.kill() })
	for _, m := range victims {
		h.rest(ctx, 0, 500*time.Millisecond)
		h.start(m)
	}
}

// rolling kills the nodes one after the other, each when the one before may
// just have come back.
func rolling(h *hand, ctx context.Context) {
	h.lookForDead()
	for _, m := range h.aim("", h.some(len(h.cluster.members))...) {
		m.kill()
		h.rest(ctx, 0, 300*time.Millisecond)
		h.start(m)
		if !h.rest(ctx, 0, 500*time.Millisecond) {
			return
		}
	}
}

// pause freezes nodes for a while.
func (h *hand) pause(ctx context.Context, victims []*member) {
	h.aim("", victims...)
	each(victims, func(m *member) { m.pause() })
	h.rest(ctx, 50*time.Millisecond, 1500*time.Millisecond)
	each(victims, func(m *member) { m.resume() })
}

// lookForDead notes the nodes that ended although nobody killed them, and
// starts them again.
func (n *nemesis) lookForDead() {
	for _, m := range n.cluster.members {
		if !m.running() {
			n.blame("node %d ended by itself (%v); see its log", m.id, m.exit())
			n.start(m)
		}
	}
}

func (n *nemesis) start(m *member) {
	if err := m.start(); err != nil {
		n.blame("node %d: %v", m.id, err)
	}
}
