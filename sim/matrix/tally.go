package matrix

import (
	"cmp"
	"slices"

	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/linearizability/causalhist"
	"github.com/quoratedb/quorate/sim"
)

// Tally is what some seeds of a cell showed. Tallies of different seeds add up,
// in any order, to the same.
type Tally struct {
	Seeds     int               `json:"seeds"`
	Undecided int               `json:"undecided,omitempty"` // the search for an order of the operations was given up
	Counts    causalhist.Counts `json:"counts"`
	Kinds     []Kind            `json:"kinds"` // in the order of sim.AnomalyKinds
	Diverged  int               `json:"diverged,omitempty"`
	// Bugs are violations of what the setting promises, the first few by seed.
	Bugs     []Bug `json:"bugs,omitempty"`
	BugSeeds int   `json:"bug_seeds,omitempty"`
}

// Kind is how often an anomaly occurred.
type Kind struct {
	Seeds    int   `json:"seeds"` // that showed it
	Smallest *Case `json:"smallest,omitempty"`
}

// Case is a run that shows something.
type Case struct {
	Seed   uint64 `json:"seed"`
	Ops    int    `json:"ops"` // planned
	Faults int    `json:"faults"`
}

// compare orders cases by how much there is to look at.
func (c *Case) compare(o *Case) int {
	return cmp.Or(cmp.Compare(c.Ops, o.Ops), cmp.Compare(c.Faults, o.Faults), cmp.Compare(c.Seed, o.Seed))
}

// Bug is a violation that no setting permits.
type Bug struct {
	Seed   uint64 `json:"seed"`
	Check  string `json:"check"`
	Detail string `json:"detail"`
}

// maxBugs bounds what a tally lists.
const maxBugs = 5

// count adds a run.
func (t *Tally) count(r *sim.Result) {
	t.Seeds++
	t.grow()
	a := r.Anomalies()
	t.Counts.Add(a.Counts)
	if a.Linearizable == linearizability.Undecided {
		t.Undecided++
	}
	for i, kind := range sim.AnomalyKinds() {
		if a.Examples[kind] != "" {
			t.Kinds[i].add(Kind{1, &Case{r.Plan.Seed, len(r.Plan.Ops), len(r.Plan.Faults)}})
		}
	}
	if slices.ContainsFunc(r.Violations, func(v sim.Violation) bool { return v.Check == sim.Convergence }) {
		t.Diverged++
	}
	if len(r.Violations) > 0 {
		v := r.Violations[0]
		t.BugSeeds++
		t.addBugs([]Bug{{r.Plan.Seed, v.Check, v.Detail}})
	}
}

// Add adds what other seeds of the cell showed.
func (t *Tally) Add(o *Tally) {
	t.Seeds += o.Seeds
	t.Undecided += o.Undecided
	t.Counts.Add(o.Counts)
	t.Diverged += o.Diverged
	t.BugSeeds += o.BugSeeds
	t.grow()
	for i := range o.Kinds {
		t.Kinds[i].add(o.Kinds[i])
	}
	t.addBugs(o.Bugs)
}

func (t *Tally) grow() {
	if t.Kinds == nil {
		t.Kinds = make([]Kind, len(sim.AnomalyKinds()))
	}
}

func (k *Kind) add(o Kind) {
	k.Seeds += o.Seeds
	if o.Smallest != nil && (k.Smallest == nil || o.Smallest.compare(k.Smallest) < 0) {
		k.Smallest = o.Smallest
	}
}

func (t *Tally) addBugs(list []Bug) {
	t.Bugs = append(t.Bugs, list...)
	slices.SortStableFunc(t.Bugs, func(a, b Bug) int { return cmp.Compare(a.Seed, b.Seed) })
	t.Bugs = t.Bugs[:min(len(t.Bugs), maxBugs)]
}
