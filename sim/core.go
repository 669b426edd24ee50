package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quoratedb/quorate/actors/kv"
)

// Core is the first part of the liveness phase. All clients take their operations
// to one node, while nobody asks the others, so that nobody tells it what these would
// have been told; and a minority of nodes may stay away for good, as far as that
// node knows. TigerBeetle's simulator has such a core of replicas ("Simulation Testing
// For Liveness", 2023); here it is the one node and a majority for it to work with.
type Core struct {
	Node kv.NodeID   `json:"node,omitempty"` // 0: there is no such part
	Away []kv.NodeID `json:"away,omitempty"`
	How  string      `json:"how,omitempty"` // a fault, one of awayNames
}

// awayNames lists how nodes may be away. One that is deaf goes on talking.
func awayNames() []string { return []string{FaultKill, FaultCut, FaultMute, FaultDeaf} }

// validate reports what is wrong with it in a cluster of so many nodes and replicas.
func (c *Core) validate(nodes, replicas int) error {
	for _, n := range append([]kv.NodeID{max(c.Node, 1)}, c.Away...) {
		if n < 1 || int(n) > nodes {
			return wrong("config.core", " names node %d: use 1 to %d", n, nodes)
		}
	}
	switch most := (replicas - 1) / 2; {
	case len(c.Away) == 0:
	case c.Node == 0:
		return wrong("config.core.away", " names nodes, and config.core.node none that clients ask meanwhile: name one of 1 to %d", nodes)
	case len(c.Away) > most:
		return wrong("config.core.away", " has %d nodes: use at most %d, of %d replicas a majority must stay", len(c.Away), most, replicas)
	case slices.Contains(c.Away, c.Node):
		return wrong("config.core.away", " has node %d, which clients ask: use others", c.Node)
	case !slices.Contains(awayNames(), c.How):
		return wrong("config.core.how", " is %q: use %s", c.How, strings.Join(awayNames(), ", "))
	}
	return nil
}

// core draws it, unless a script has.
func (d *drawer) core() {
	c, p := &d.plan.Config, d.p
	if c.Core.Node > 0 || !d.share(p.core) {
		return
	}
	order := d.rng.Perm(c.Nodes)
	c.Core.Node = kv.NodeID(order[0] + 1)
	if most := min((c.N-1)/2, c.Nodes-1); most > 0 && d.share(p.away) {
		for _, n := range order[1 : 1+d.between(1, int64(most))] {
			c.Core.Away = append(c.Core.Away, kv.NodeID(n+1))
		}
		c.Core.How = d.pick(p.awayHow)
	}
}

// coreRun is the part of the run that a Core describes.
type coreRun struct {
	node kv.NodeID    // 0 before and after
	away uint32       // bit mask of indexes
	down uint32       // those of them that do not boot
	gone *activeFault // what keeps them away, nil if none are
}

// coreBegins turns the clients to the core, if the plan has one. Disks that were lost are
// a part of the minority.
func (w *World) coreBegins() bool {
	core := &w.cfg.Core
	if core.Node == 0 {
		return false
	}
	gone := core.Away[:min(len(core.Away), max((w.cfg.N-1)/2-w.lostDisks, 0))]
	w.core.away = maskOf(gone)
	if w.core.node = w.serving(core.Node); w.core.node == 0 {
		return false
	}
	if len(gone) > 0 {
		a := &activeFault{fault: &Fault{Kind: core.How, Nodes: gone}, nodes: w.core.away}
		if core.How == FaultKill {
			w.core.down = w.core.away
		}
		faults[core.How].start(w, a)
		w.cover.hit(MinorityAway)
		w.trace.note(w, 0, "%s of nodes %b: they are away", core.How, a.nodes)
		w.trace.rec.fault(a, true)
		w.core.gone = a
	}
	w.begins((*World).coreOps)
	return true
}

// coreEnds brings the minority back.
func (w *World) coreEnds() {
	gone := w.core.gone
	w.core = coreRun{}
	if gone != nil {
		w.trace.note(w, 0, "nodes %b come back", gone.nodes)
		w.trace.rec.fault(gone, false)
		faults[gone.fault.Kind].stop(w, gone)
	}
}

// serving is a node, or the next one if that is away or its disk is lost; 0 if all are.
func (w *World) serving(n kv.NodeID) kv.NodeID {
	for range w.nodes {
		if i := int(n - 1); w.core.away>>i&1 == 0 && !w.nodes[i].refused() {
			return n
		}
		n = n%kv.NodeID(len(w.nodes)) + 1
	}
	return 0
}

// coreOps reads, writes and reads each key that the core must serve.
func (w *World) coreOps(i int) {
	c := w.clients[i]
	c.ops, c.next = nil, 0
	for k := range w.cfg.Keys {
		if k%len(w.clients) == i && w.coreServes(k) {
			read := ClientOp{Client: i, Node: w.core.node, Key: k, Do: "get"}
			c.ops = append(c.ops, read, w.finalWrite(read), read)
		}
	}
}

// coreServes reports whether a key needs no more than a majority of N replicas.
func (w *World) coreServes(key int) bool {
	if w.core.away == 0 || w.modeOf(key) == kv.Strong {
		return true
	}
	for i := range w.cfg.Buckets {
		if b := &w.cfg.Buckets[i]; b.Name == w.cfg.Keys[key].Bucket {
			easy := b.Mode != "eventual" || majorityAtMost(b.R) && majorityAtMost(b.W) && !w.apart
			return easy && b.N >= w.cfg.N && len(w.plan.MapOps) == 0
		}
	}
	return false
}

func majorityAtMost(quorum string) bool { return quorum == "" || quorum == "1" || quorum == "quorum" }

// where says in which part of the liveness phase the run is.
func (w *World) where() string {
	since := (w.nowNs - w.healNs) / 1e6
	if w.core.away != 0 {
		return fmt.Sprintf("%d ms after all but nodes %v healed", since, w.core.gone.fault.Nodes)
	}
	return fmt.Sprintf("%d ms after everything healed", since)
}
