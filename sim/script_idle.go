package sim

import (
	"fmt"
	"slices"
)

// idleScripts says why a scenario that asks for scripts can't have any of them, or
// "". Seeds without what a script aims at draw nothing for it.
func (p *profile) idleScripts() string {
	if p.scripts.hi == 0 {
		return ""
	}
	message := ""
	for _, kind := range p.scriptKinds {
		needs := p.scriptNeeds(kind.name)
		if needs == "" {
			return ""
		}
		message = fmt.Sprintf("scripts.kinds: %s never does anything here: use %s", kind.name, needs)
	}
	return message
}

// scriptNeeds names what a kind of script lacks in every seed, "" if in some it has it all.
func (p *profile) scriptNeeds(kind string) string {
	b, m := &p.buckets, &p.clusterMap
	eventual := b.share.hi > 0 && has(b.mode, "eventual")
	switch {
	case kind == "stand-ins" && !(eventual && b.sloppy.hi > 0 && (has(b.policy, "siblings") || has(b.policy, "counters"))):
		return "buckets.share and buckets.sloppy above 0%, buckets.mode with eventual and buckets.policy with siblings or counters"
	case kind == "stand-ins" && !p.sparesNodes(2):
		return "topology.clusters with at least two nodes more than buckets.replicas"
	case kind == "clock-back" && !(eventual && has(b.policy, "lww") && has(p.sync, "always")):
		return "buckets.share above 0%, buckets.mode with eventual, buckets.policy with lww and disk.sync with always"
	case kind == "remake" && (m.share.hi == 0 || m.changes.hi+m.accesses.hi+m.resizes.hi == 0):
		return "map.share above 0% and map.changes above 0"
	}
	return ""
}

func has(list []weighted, name string) bool {
	return slices.ContainsFunc(list, func(w weighted) bool { return w.name == name })
}

// sparesNodes reports whether some cluster has so many nodes beside a bucket's replicas.
func (p *profile) sparesNodes(count int) bool {
	for _, cluster := range p.clusters {
		nodes, n := clusterOf(cluster.name)
		for _, replicas := range p.buckets.replicas {
			if replicas == 0 {
				replicas = n
			}
			if nodes-replicas >= count {
				return true
			}
		}
	}
	return false
}
