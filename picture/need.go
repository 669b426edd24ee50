package picture

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/sim"
)

// need is how many answers of which nodes are enough: so many of each group. It
// is worked out here and not asked of the store, so that the page shows what a
// quorum is when the store has it wrong.
type need []quota

type quota struct {
	nodes []kv.NodeID // nil: any
	count int
}

func majorityOf(nodes []kv.NodeID) quota { return quota{nodes, len(nodes)/2 + 1} }

// needOf is what an ask means for replicas, to a coordinator in a zone. zones are
// those of all nodes.
func needOf(ask kv.Ask, pl *sim.Placement, zones []int, local int) need {
	all := pl.Replicas
	byZone := func(zone int) []kv.NodeID {
		var in []kv.NodeID
		for _, n := range all {
			if zones[n-1] == zone {
				in = append(in, n)
			}
		}
		return in
	}
	switch ask.Level {
	case kv.ByCount:
		return need{{all, int(ask.Count)}}
	case kv.One:
		return need{{all, 1}}
	case kv.All:
		return need{{all, len(all)}}
	case kv.LocalQuorum:
		return need{majorityOf(byZone(local))}
	case kv.EachQuorum:
		var each need
		for zone := range slices.Max(zones) + 1 {
			if in := byZone(zone); len(in) > 0 {
				each = append(each, majorityOf(in))
			}
		}
		return each
	}
	return need{majorityOf(all)}
}

func (d need) sum() (n int) {
	for _, q := range d {
		n += q.count
	}
	return n
}

// words says what is needed, of an R or a W.
func (d need) words(name string, ask kv.Ask) string {
	text := fmt.Sprintf("%s=%v: ", name, ask)
	for i, q := range d {
		if i > 0 {
			text += " and "
		}
		text += fmt.Sprintf("%d of %s", q.count, nodeList(nodeInts(q.nodes)))
	}
	return text
}

// missing is how many answers are still needed.
func (d need) missing(yes map[int]bool) (n int) {
	for _, q := range d {
		have := 0
		if q.nodes == nil {
			have = len(yes)
		}
		for _, node := range q.nodes {
			if yes[int(node)] {
				have++
			}
		}
		n += max(q.count-have, 0)
	}
	return n
}

// metAt is when a tally had what is needed, microseconds after it began; -1: never.
// Where stand-ins count, one whose replica is not known counts for any.
func (d need) metAt(t *tally) int64 {
	type answer struct {
		after int64
		node  int // 0: of a stand-in for whom nobody knows
	}
	var answers []answer
	for k := 0; k < len(t.Votes); k += 3 {
		if t.Votes[k+1] == voteYes {
			answers = append(answers, answer{int64(t.Votes[k+2]), t.Votes[k]})
		}
	}
	for k := 0; k < len(t.Stands) && t.CountStands != 0; k += 4 {
		if t.Stands[k+2] == voteYes {
			answers = append(answers, answer{int64(t.Stands[k+3]), t.Stands[k+1]})
		}
	}
	slices.SortStableFunc(answers, func(a, b answer) int { return cmp.Compare(a.after, b.after) })
	yes, anybody := map[int]bool{}, 0
	if t.Self != 0 {
		yes[t.Node] = true
	}
	if d.missing(yes) == 0 {
		return 0
	}
	for _, a := range answers {
		if a.node == 0 {
			anybody++
		} else {
			yes[a.node] = true
		}
		if d.missing(yes) <= anybody {
			return a.after
		}
	}
	return -1
}
