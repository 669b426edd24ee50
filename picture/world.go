package picture

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/sim"
)

// nodes fills what happened to the nodes: syncs, and when they were down.
func (b *builder) nodes() {
	n := b.r.Plan.Config.Nodes
	syncs, last := make([]syncRow, n), make([]int64, n)
	began, fell := make([]int64, n), make([]*down, n)
	for i := range n {
		syncs[i], began[i] = syncRow{BeginD: []int64{}, Took: []int64{}}, -1
	}
	endSync := func(i int, took int64) {
		if began[i] >= 0 {
			syncs[i].BeginD, last[i] = append(syncs[i].BeginD, began[i]-last[i]), began[i]
			syncs[i].Took, began[i] = append(syncs[i].Took, took), -1
		}
	}
	b.page.Downs = []down{}
	for _, s := range b.rec.Nodes {
		i, at := int(s.Node)-1, micros(s.AtNs)
		switch s.Change {
		case sim.SyncBegins:
			endSync(i, -1)
			began[i] = at
		case sim.SyncEnds:
			endSync(i, at-began[i])
		case sim.NodeCrashes, sim.NodeLosesPower:
			endSync(i, -1)
			cause := "its process ended"
			if s.Change == sim.NodeLosesPower {
				cause = "it lost power, and what was not synced"
			}
			fell[i] = &down{Node: i + 1, From: at, Cause: cause}
		case sim.NodeBootFails:
			if fell[i] != nil && !strings.Contains(fell[i].Cause, "boot") {
				fell[i].Cause += "; a boot failed"
			}
		case sim.NodeBoots:
			if fell[i] != nil {
				fell[i].To, fell[i].Back = at, true
				b.page.Downs, fell[i] = append(b.page.Downs, *fell[i]), nil
			}
		}
	}
	for i := range n {
		endSync(i, -1)
		if fell[i] != nil {
			fell[i].To = b.page.Meta.End
			b.page.Downs = append(b.page.Downs, *fell[i])
		}
	}
	b.page.Syncs = syncs
}

// faults fills the bands.
func (b *builder) faults() {
	b.page.Faults = []band{}
	type openKey struct {
		f     *sim.Fault
		nodes uint32
	}
	open := map[openKey]int{}
	for _, s := range b.rec.Faults {
		k := openKey{s.Fault, s.Nodes}
		if s.Begins {
			open[k] = len(b.page.Faults)
			nodes := maskNodes(s.Nodes, b.r.Plan.Config.Nodes)
			b.page.Faults = append(b.page.Faults, band{
				Nodes: nodes, From: micros(s.AtNs), To: b.page.Meta.End, Kind: s.Fault.Kind, Text: describeFault(s.Fault, nodes),
			})
			continue
		}
		if i, ok := open[k]; ok {
			b.page.Faults[i].To = micros(s.AtNs)
		}
	}
}

// describeFault says in words what a fault does to its nodes.
func describeFault(f *sim.Fault, nodes []int) string {
	text := f.Kind + " " + nodeList(nodes)
	if len(f.To) > 0 {
		text += " → " + nodeList(nodeInts(f.To))
	}
	switch f.Kind {
	case sim.FaultLoss, sim.FaultDup:
		text += fmt.Sprintf(", %.1f %% of the messages", float64(f.Value)/1e4)
	case sim.FaultSlow, sim.FaultSlowIn, sim.FaultSlowDisk:
		text += fmt.Sprintf(", %v longer", time.Duration(f.Value))
	case sim.FaultClock:
		text += fmt.Sprintf(", by %d ms", f.Value)
	case sim.FaultDrift:
		text += fmt.Sprintf(", at %.3f times the speed", float64(f.Value)/1000)
	}
	if f.On != nil {
		text += fmt.Sprintf("; waited for %s", f.On.Event)
		if f.On.Message != "" {
			text += fmt.Sprintf(" %s number %d", f.On.Message, f.On.Nth)
		}
	}
	return text
}

func nodeList(nodes []int) string {
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = fmt.Sprintf("n%d", n)
	}
	return strings.Join(names, " ")
}

// owners fills the spans of ownership, and gives each partition that ever had an
// owner a row.
func (b *builder) owners() {
	b.page.Owners = []owned{}
	type openKey struct {
		node kv.NodeID
		p    kv.Partition
	}
	open := map[openKey]int{}
	for _, s := range b.rec.Owners {
		k := openKey{s.Node, s.Partition}
		if i, ok := open[k]; ok && !s.Owns {
			b.page.Owners[i].To = micros(s.AtNs)
			delete(open, k)
			continue
		}
		if s.Owns {
			open[k] = len(b.page.Owners)
			b.page.Owners = append(b.page.Owners, owned{
				Node: int(s.Node), Partition: int(s.Partition), From: micros(s.AtNs), To: b.page.Meta.End, Ballot: s.Ballot.String(),
			})
		}
	}
	rows := map[int]bool{}
	for _, o := range b.page.Owners {
		rows[o.Partition] = true
	}
	b.page.Meta.Rows = slices.AppendSeq(b.page.Meta.Rows, maps.Keys(rows))
	slices.Sort(b.page.Meta.Rows)
	for i := range b.page.Owners {
		o := &b.page.Owners[i]
		o.Row = slices.Index(b.page.Meta.Rows, o.Partition)
	}
}
