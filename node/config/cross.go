package config

import "fmt"

// crossCheck is what one value alone can't tell. It draws no conclusions from
// values that have a problem of their own.
func (l *loader) crossCheck() {
	f := l.file
	if l.sound("members", "node.id") {
		l.checkMembers()
	}
	if l.sound("members", "node.id", "listen") {
		l.checkAddresses()
	}
	if n := f.Cluster.Partitions; n&(n-1) != 0 {
		l.add("cluster.partitions", fmt.Sprintf("%d is not a power of two", n))
	}
	if l.sound("timeouts.heartbeat", "timeouts.suspect") && (f.Timeouts.Suspect != "" || f.Timeouts.Heartbeat != "") {
		h, s := duration(orDefault(f.Timeouts.Heartbeat, "50ms")), duration(orDefault(f.Timeouts.Suspect, "500ms"))
		if s < 2*h {
			l.add("timeouts.suspect", fmt.Sprintf("%v is less than two heartbeats of %v, every node would seem dead", s, h))
		}
	}
}

func (l *loader) checkMembers() {
	f := l.file
	seen := map[int]int{}
	for i, m := range f.Members {
		key := fmt.Sprintf("members[%d]", i)
		if first, ok := seen[m.ID]; ok {
			l.add(key+".id", fmt.Sprintf("%d is the id of members[%d] too, ids must be distinct", m.ID, first))
		}
		seen[m.ID] = i
		if len(f.Members) > 1 && m.Peer == "" {
			l.add(key+".peer", "is missing, host:port is needed with more than one member")
		}
	}
	if _, ok := seen[f.Node.ID]; !ok {
		l.add("node.id", fmt.Sprintf("%d is not among the members", f.Node.ID))
	}
	if len(f.Members) > 1 && f.Listen.Peer == off {
		l.add("listen.peer", "is off, host:port is needed with more than one member")
	}
	weight, holders := 0, 0
	for _, m := range f.Members {
		weight += *m.Weight
		holders += min(1, *m.Weight)
	}
	if weight == 0 {
		l.add("members", "all weights are 0, one node at least must hold data")
	} else if n := f.Cluster.Replicas; n > holders {
		l.add("cluster.replicas", fmt.Sprintf("%d copies need as many members that hold data, there are %d", n, holders))
	}
}
