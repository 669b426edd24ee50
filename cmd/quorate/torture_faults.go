package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// faultKinds are the faults that a torture run knows, as they are named on the
// command line.
var faultKinds = []string{"kill", "pause", "partition", "flap", "slow", "lossy", "disk-full", "bit-rot", "clock"}

// networkKinds are those that need links between the nodes.
var networkKinds = []string{"partition", "flap", "slow", "lossy"}

// impossible says why a kind of fault can't be had here, "" if it can.
func impossible(kind string, nodes int) string {
	switch {
	case kind == "pause" && !canPause:
		return "this system cannot pause a process"
	case kind == "disk-full" && !canFillDisk:
		return "only Linux can limit the files of a running process"
	case slices.Contains(networkKinds, kind) && nodes < 2:
		return "it needs two nodes or more"
	}
	return ""
}

// parseFaults reads a list such as "kill,pause". "none" stands for no faults,
// "all" for those which can be had here.
func parseFaults(list string, nodes int) ([]string, error) {
	switch list {
	case "none":
		return nil, nil
	case "all":
		return possible(faultKinds, nodes), nil
	}
	kinds := strings.Split(list, ",")
	for _, k := range kinds {
		if !slices.Contains(faultKinds, k) {
			return nil, fmt.Errorf("--faults: unknown fault %q: use a list of %s, or all, or none", k, strings.Join(faultKinds, ", "))
		}
		if why := impossible(k, nodes); why != "" {
			return nil, fmt.Errorf("--faults: no %s with %d nodes on %s: %s", k, nodes, runtime.GOOS, why)
		}
	}
	return kinds, nil
}

func possible(kinds []string, nodes int) []string {
	return slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return impossible(k, nodes) != "" })
}

// nemesis does harm to the processes of one cluster and the links between
// them, and to no others.
type nemesis struct {
	cluster  *cluster
	mesh     *mesh      // nil without network faults
	small    *smallDisk // nil where there can't be one
	scenario *tortureScenario
	seed     uint64
	owner    func(ctx context.Context, pick *rand.Rand) int // of a busy key, as some node sees it; 0 if unknown
	nowNs    func() int64

	mu       sync.Mutex
	log      io.Writer // what was done and when
	timeline []happening
	died     []string // nodes that ended without being killed, or as they should not
}

// happening is one fault, from its begin until it had healed.
type happening struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Nodes  []int  `json:"nodes"`
	Detail string `json:"detail,omitempty"`
	// Harmed counts the reads that a fault of the network held, lost or delayed,
	// and the connections that it reset or refused.
	Harmed uint64 `json:"harmed,omitempty"`
	FromNs int64  `json:"from_ns"`
	ToNs   int64  `json:"to_ns"`
}

// fault is one thing to do. It has healed when it returns.
type fault struct {
	name string
	kind string
	do   func(*hand, context.Context)
}

var faults = slices.Concat(processFaults, diskFaults, rotFaults, clockFaults, networkFaults)

// hand is one of the nemesis's two: one is for processes and their disks and
// clocks, the other for the network, and each does one thing at a time. So
// faults of two sorts meet, and no two are at the same process or link.
type hand struct {
	*nemesis
	rng *rand.Rand
	now happening
}

// run inflicts faults of the given kinds until ctx ends. Every node runs and
// is awake, and every link is whole, when it returns.
func (n *nemesis) run(ctx context.Context, kinds []string) {
	var both sync.WaitGroup
	for i, network := range []bool{false, true} {
		menu := n.menu(kinds, network)
		h := &hand{nemesis: n, rng: rand.New(rand.NewPCG(n.seed, uint64(i)<<32))}
		both.Go(func() { h.run(ctx, menu) })
	}
	both.Wait()
}

// menu lists what a hand may do; what the scenario favours is there more often.
func (n *nemesis) menu(kinds []string, network bool) []fault {
	const favour = 5
	var menu []fault
	for _, f := range faults {
		if !slices.Contains(kinds, f.kind) || slices.Contains(networkKinds, f.kind) != network {
			continue
		}
		menu = append(menu, f)
		if slices.Contains(n.scenario.favours, f.name) {
			menu = append(menu, slices.Repeat([]fault{f}, favour-1)...)
		}
	}
	return menu
}

func (h *hand) run(ctx context.Context, menu []fault) {
	for len(menu) > 0 && h.rest(ctx, 300*time.Millisecond, 1500*time.Millisecond) {
		f := menu[h.rng.IntN(len(menu))]
		h.now = happening{Kind: f.kind, Name: f.name, FromNs: h.nowNs()}
		before := h.harmed(f.kind)
		f.do(h, ctx)
		h.now.ToNs, h.now.Harmed = h.nowNs(), h.harmed(f.kind)-before
		h.note("%s of %v ended, %d reads and connections harmed", h.now.Name, h.now.Nodes, h.now.Harmed)
		h.mu.Lock()
		h.timeline = append(h.timeline, h.now)
		h.mu.Unlock()
	}
}

// harmed is what the network's faults had an effect on so far; 0 for others.
func (h *hand) harmed(kind string) uint64 {
	if !slices.Contains(networkKinds, kind) {
		return 0
	}
	return h.mesh.harmed()
}

// aim says who is struck and how, before it is done.
func (h *hand) aim(detail string, victims ...*member) []*member {
	for _, m := range victims {
		h.now.Nodes = append(h.now.Nodes, m.id)
	}
	h.now.Detail = strings.TrimSpace(h.now.Detail + " " + detail)
	h.note("%s of %v %s", h.now.Name, h.now.Nodes, detail)
	return victims
}

// some picks a number of nodes at random.
func (h *hand) some(count int) []*member {
	var chosen []*member
	for _, i := range h.rng.Perm(len(h.cluster.members))[:count] {
		chosen = append(chosen, h.cluster.members[i])
	}
	return chosen
}

// anyNumber is 1 up to all nodes.
func (h *hand) anyNumber() int { return 1 + h.rng.IntN(len(h.cluster.members)) }

// theOwner is who owns a busy key, or somebody if nobody knows.
func (h *hand) theOwner(ctx context.Context) []*member {
	if id := h.owner(ctx, h.rng); id > 0 && id <= len(h.cluster.members) {
		return []*member{h.cluster.members[id-1]}
	}
	h.aim("(owner unknown)")
	return h.some(1)
}

// rest waits a random time. It reports whether ctx goes on.
func (h *hand) rest(ctx context.Context, least, most time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(h.span(least, most)):
		return true
	}
}

func (h *hand) span(least, most time.Duration) time.Duration {
	return least + time.Duration(h.rng.Int64N(int64(most-least)))
}

func (n *nemesis) note(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.log, time.Now().Format("15:04:05.000 ")+format+"\n", args...)
}

// blame notes what a node should not have done.
func (n *nemesis) blame(format string, args ...any) {
	n.note(format, args...)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.died = append(n.died, fmt.Sprintf(format, args...))
}

// done counts the faults by name.
func (n *nemesis) done() map[string]int {
	count := map[string]int{}
	for _, h := range n.timeline {
		count[h.Name]++
	}
	return count
}

// each calls f for all members at the same time and waits.
func each(members []*member, f func(*member)) {
	var all sync.WaitGroup
	for _, m := range members {
		all.Go(func() { f(m) })
	}
	all.Wait()
}
