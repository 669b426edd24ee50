package matrix

import (
	"slices"

	"github.com/quoratedb/quorate/sim"
)

// claim is a sentence about the table that the table itself is held against.
type claim struct {
	text  string
	cells func(*Cell) bool
	kind  sim.Anomaly
	// never: no cell shows it. Otherwise at least one cell does.
	never bool
}

// lazyPower is the class of faults in which acknowledged writes may go with the
// power: no setting promises anything there.
const lazyPower = "power"

func claims() []claim {
	kept := func(f func(*Setting) bool) func(*Cell) bool {
		return func(c *Cell) bool { return c.Fault.Name != lazyPower && f(&c.Setting) }
	}
	under := func(f func(*Setting) bool, faults ...string) func(*Cell) bool {
		return func(c *Cell) bool { return slices.Contains(faults, c.Fault.Name) && f(&c.Setting) }
	}
	policy := func(name string) func(*Setting) bool { return func(s *Setting) bool { return s.Policy == name } }
	strong := func(s *Setting) bool { return s.Mode != "eventual" }
	blocking := func(s *Setting) bool { return s.meets() && s.Repair == "blocking" }
	lazyRepair := func(s *Setting) bool { return s.meets() && s.Policy == "lww" && s.Repair != "blocking" }
	return []claim{
		{"Strong and `abd` buckets are linearizable in every seed, under every class of faults in which disks keep what they acknowledged.", kept(strong), sim.NotLinear, true},
		{"R+W ≤ N reads stale values without any fault.", under(func(s *Setting) bool { return s.Mode == "eventual" && !s.overlap() }, "none"), sim.StaleReads, false},
		{"R+W > N with strict quorums never misses an acknowledged write …", kept((*Setting).meets), sim.StaleReads, true},
		{"… and still is not linearizable: a read can see a write that has reached one replica so far, and the next one can miss it.", kept(lazyRepair), sim.NotLinear, false},
		{"`repair: blocking` closes that gap: with it, reads never go back.", kept(blocking), sim.BackwardReads, true},
		{"Sloppy quorums take that promise away: R+W > N reads stale values once others stand in for replicas.",
			under(func(s *Setting) bool { return s.overlap() && s.Sloppy }, "partitions", "crashes", "all"), sim.StaleReads, false},
		{"Last writer wins loses concurrent updates whatever R and W are …", kept(func(s *Setting) bool { return s.meets() && s.Policy == "lww" }), sim.LostUpdates, false},
		{"… and with clocks that differ, acknowledged writes that nobody overwrote, too: even with R+W > N.",
			under(func(s *Setting) bool { return s.meets() && s.Policy == "lww" }, "clocks"), sim.LostWrites, false},
		{"Siblings lose no update …", kept(policy("siblings")), sim.LostUpdates, true},
		{"… and no acknowledged write, with R=W=1 and sloppy quorums too;", kept(policy("siblings")), sim.LostWrites, true},
		{"nor do counters.", kept(policy("counters")), sim.LostWrites, true},
		{"When `sync: interval` lets acknowledged writes go with the power of all nodes at once, R+W > N does not help: reads miss them.", under((*Setting).meets, lazyPower), sim.StaleReads, false},
	}
}

// overlap reports whether R+W > N.
func (s *Setting) overlap() bool {
	return s.Mode == "eventual" && int(s.R[0]-'0')+int(s.W[0]-'0') > s.N
}

// meets reports whether every read quorum meets every write quorum.
func (s *Setting) meets() bool { return s.overlap() && !s.Sloppy }

// outcome says how the table stands to a claim.
type outcome int

const (
	untested outcome = iota // no cell of it was run
	holds
	fails
)

// against holds the table against the claim. With "never" it names the cells
// that contradict it.
func (c *claim) against(t *Table) (o outcome, contradict []string) {
	seen := false
	for i := range t.Cells {
		r := &t.Cells[i]
		if !c.cells(&r.Cell) {
			continue
		}
		if o == untested {
			o = holds
		}
		for _, m := range r.Measures() {
			if m.Kind == c.kind && m.K > 0 {
				seen = true
				if c.never {
					contradict = append(contradict, r.Cell.ID())
				}
			}
		}
	}
	if o == holds && seen == c.never {
		o = fails
	}
	return o, contradict
}

// Contradicted lists the claims that the table does not bear out.
func (t *Table) Contradicted() []string {
	var list []string
	for _, c := range claims() {
		if o, _ := c.against(t); o == fails {
			list = append(list, c.text)
		}
	}
	return list
}
