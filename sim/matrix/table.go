package matrix

import (
	"encoding/json"
	"io"

	"github.com/quoratedb/quorate/sim"
)

// Table is what was measured.
type Table struct {
	Build string // of the program
	First uint64 // the first seed of every cell
	Seeds int    // of every cell
	Cells []Result
}

// Result is a cell with what its seeds showed.
type Result struct {
	Cell  Cell
	Tally Tally
}

// Measure is one number of a cell: K of N.
type Measure struct {
	Name     string
	Unit     string // what N counts
	K, N     int
	Seeds    int         // that showed it
	Smallest *Case       // nil: none did
	Kind     sim.Anomaly // empty: no anomaly that oracles.anomalies could convict
}

// divergence names the measure that is no anomaly of the clients' view.
const divergence = "divergence"

// Measures lists the numbers of a cell, always the same ones.
func (r *Result) Measures() []Measure {
	t := &r.Tally
	t.grow()
	c := &t.Counts
	of := func(kind sim.Anomaly, unit string, k, n int) Measure {
		m := Measure{Name: string(kind), Unit: unit, K: k, N: n, Kind: kind}
		for i, name := range sim.AnomalyKinds() {
			if name == kind {
				m.Seeds, m.Smallest = t.Kinds[i].Seeds, t.Kinds[i].Smallest
			}
		}
		return m
	}
	lin := of(sim.NotLinear, "seed", 0, t.Seeds-t.Undecided)
	lin.K = lin.Seeds
	return []Measure{
		lin,
		of(sim.StaleReads, "read", c.Stale, c.Reads),
		of(sim.BackwardReads, "read", c.NonMonotonic, c.Reads),
		of(sim.LostUpdates, "update", c.LostUpdates, c.Updates),
		of(sim.LostWrites, "acknowledged write", c.Lost, c.Writes),
		{Name: divergence, Unit: "seed", K: t.Diverged, N: t.Seeds, Seeds: t.Diverged},
	}
}

// Bugs is how many seeds violated what their setting promises.
func (t *Table) Bugs() int {
	sum := 0
	for i := range t.Cells {
		sum += t.Cells[i].Tally.BugSeeds
	}
	return sum
}

// row is a measure as JSON and CSV have it.
type row struct {
	Cell     string  `json:"cell"`
	Setting  string  `json:"setting"`
	Faults   string  `json:"faults"`
	Measure  string  `json:"measure"`
	Unit     string  `json:"unit"`
	K        int     `json:"k"`
	N        int     `json:"n"`
	Rate     float64 `json:"rate"`
	Low      float64 `json:"low"`
	High     float64 `json:"high"`
	Seeds    int     `json:"seeds_showing_it"`
	Of       int     `json:"seeds"`
	Smallest *uint64 `json:"smallest_seed,omitempty"`
	Ops      int     `json:"smallest_ops,omitempty"`
	Replay   string  `json:"replay,omitempty"`
}

func (t *Table) rows() []row {
	list := []row{}
	for i := range t.Cells {
		c := &t.Cells[i]
		for _, m := range c.Measures() {
			r := row{Cell: c.Cell.ID(), Setting: c.Cell.Setting.Name, Faults: c.Cell.Fault.Name, Measure: m.Name, Unit: m.Unit,
				K: m.K, N: m.N, Seeds: m.Seeds, Of: c.Tally.Seeds}
			r.Low, r.High = Wilson(m.K, m.N)
			if m.N > 0 {
				r.Rate = float64(m.K) / float64(m.N)
			}
			if s := m.Smallest; s != nil {
				r.Smallest, r.Ops, r.Replay = &s.Seed, s.Ops, c.Cell.Replay(m.Kind, s.Seed)
			}
			list = append(list, r)
		}
	}
	return list
}

// violation is a bug with the cell that it was found in.
type violation struct {
	Cell string `json:"cell"`
	Bug
	Replay string `json:"replay"`
}

func (t *Table) violations() []violation {
	list := []violation{}
	for i := range t.Cells {
		c := &t.Cells[i]
		for _, b := range c.Tally.Bugs {
			list = append(list, violation{c.Cell.ID(), b, c.Cell.sayRun(b.Seed)})
		}
	}
	return list
}

// WriteJSON writes all numbers as one object.
func (t *Table) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		Build      string      `json:"build"`
		First      uint64      `json:"first_seed"`
		Seeds      int         `json:"seeds_per_cell"`
		Rows       []row       `json:"rows"`
		Violations []violation `json:"violations"`
	}{t.Build, t.First, t.Seeds, t.rows(), t.violations()})
}
