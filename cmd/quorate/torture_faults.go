package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// faultKinds are the faults that a torture run knows, as they are named on the
// command line.
var faultKinds = []string{"kill", "pause"}

// parseFaults reads a list such as "kill,pause". "none" stands for no faults.
func parseFaults(list string) ([]string, error) {
	if list == "none" {
		return nil, nil
	}
	kinds := strings.Split(list, ",")
	for _, k := range kinds {
		if !slices.Contains(faultKinds, k) {
			return nil, fmt.Errorf("--faults: unknown fault %q: use a list of %s, or none", k, strings.Join(faultKinds, ", "))
		}
		if k == "pause" && !canPause {
			return nil, fmt.Errorf("--faults: this system cannot pause a process; use --faults kill")
		}
	}
	return kinds, nil
}

// nemesis does harm to the processes of one cluster, and to no others.
type nemesis struct {
	cluster *cluster
	rng     *rand.Rand
	log     io.Writer      // what was done and when
	done    map[string]int // faults by name
	died    []string       // nodes that ended without being killed
}

// fault is one thing to do. It has healed when it returns.
type fault struct {
	name string
	kind string
	do   func(*nemesis, context.Context)
}

var faults = []fault{
	{"kill one", "kill", func(n *nemesis, ctx context.Context) { n.killSome(ctx, 1) }},
	{"kill some", "kill", func(n *nemesis, ctx context.Context) { n.killSome(ctx, 1+n.rng.IntN(len(n.cluster.members))) }},
	{"kill all", "kill", func(n *nemesis, ctx context.Context) { n.killSome(ctx, len(n.cluster.members)) }},
	{"pause one", "pause", func(n *nemesis, ctx context.Context) { n.pauseSome(ctx, 1) }},
	{"pause some", "pause", func(n *nemesis, ctx context.Context) { n.pauseSome(ctx, 1+n.rng.IntN(len(n.cluster.members))) }},
}

// run inflicts faults of the given kinds until ctx ends. Every node runs and
// is awake when it returns.
func (n *nemesis) run(ctx context.Context, kinds []string) {
	var menu []fault
	for _, f := range faults {
		if slices.Contains(kinds, f.kind) {
			menu = append(menu, f)
		}
	}
	for len(menu) > 0 && n.rest(ctx, 300*time.Millisecond, 1500*time.Millisecond) {
		f := menu[n.rng.IntN(len(menu))]
		n.note("%s", f.name)
		f.do(n, ctx)
		n.done[f.name]++
	}
}

// killSome ends nodes at the same moment and starts them again one by one.
func (n *nemesis) killSome(ctx context.Context, count int) {
	n.lookForDead()
	victims := n.choose(count)
	each(victims, func(m *member) { m.kill() })
	for _, m := range victims {
		n.rest(ctx, 0, 500*time.Millisecond)
		n.start(m)
	}
}

// lookForDead notes the nodes that ended although nobody killed them, and
// starts them again.
func (n *nemesis) lookForDead() {
	for _, m := range n.cluster.members {
		if !m.running() {
			n.died = append(n.died, fmt.Sprintf("node %d ended by itself (%v); see its log", m.id, m.exit()))
			n.start(m)
		}
	}
}

func (n *nemesis) start(m *member) {
	if err := m.start(); err != nil {
		n.died = append(n.died, fmt.Sprintf("node %d: %v", m.id, err))
	}
}

// pauseSome freezes nodes for a while.
func (n *nemesis) pauseSome(ctx context.Context, count int) {
	victims := n.choose(count)
	each(victims, func(m *member) { m.pause() })
	n.rest(ctx, 50*time.Millisecond, 1500*time.Millisecond)
	each(victims, func(m *member) { m.resume() })
}

func (n *nemesis) choose(count int) []*member {
	order := n.rng.Perm(len(n.cluster.members))
	var chosen []*member
	for _, i := range order[:count] {
		n.note("  node %d", i+1)
		chosen = append(chosen, n.cluster.members[i])
	}
	return chosen
}

// each calls f for all members at the same time and waits.
func each(members []*member, f func(*member)) {
	var all sync.WaitGroup
	for _, m := range members {
		all.Add(1)
		go func() {
			defer all.Done()
			f(m)
		}()
	}
	all.Wait()
}

// rest waits a random time. It reports whether ctx goes on.
func (n *nemesis) rest(ctx context.Context, least, most time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(least + time.Duration(n.rng.Int64N(int64(most-least)))):
		return true
	}
}

func (n *nemesis) note(format string, args ...any) {
	fmt.Fprintf(n.log, time.Now().Format("15:04:05.000 ")+format+"\n", args...)
}
