package matrix

import (
	"fmt"
	"strings"

	"github.com/quoratedb/quorate/sim"
)

// scenarioName is the scenario that all cells start from.
const scenarioName = "matrix"

// Cell is a setting under a class of faults.
type Cell struct {
	Setting Setting
	Fault   Fault
}

// Cells lists all, column by column: a run that is broken off has whole columns.
func Cells() []Cell {
	var list []Cell
	for _, f := range Faults() {
		for _, s := range Settings() {
			if f.Telling || !s.Brief {
				list = append(list, Cell{s, f})
			}
		}
	}
	return list
}

// ID names the cell: SETTING/FAULTS.
func (c *Cell) ID() string { return c.Setting.Name + "/" + c.Fault.Name }

// flags are what the cell changes in the scenario.
func (c *Cell) flags() []string { return append(c.Setting.Flags(), c.Fault.Set...) }

// Scenario is what the seeds of the cell are drawn from.
func (c *Cell) Scenario() (*sim.Scenario, error) {
	s, err := sim.FindScenario(scenarioName)
	if err != nil {
		return nil, err
	}
	for _, change := range c.flags() {
		if err := s.Set(change); err != nil {
			return nil, fmt.Errorf("matrix: cell %s: %w", c.ID(), err)
		}
	}
	return s, nil
}

// Command is the command line that runs seeds of the cell, without its --seed.
func (c *Cell) Command() string {
	return "quorate sim --scenario " + scenarioName + flagText(c.flags())
}

// Replay is the command line that shows an anomaly of a seed: it convicts it.
func (c *Cell) Replay(kind sim.Anomaly, seed uint64) string {
	return fmt.Sprintf("%s --set oracles.anomalies=%s --seed %d", c.Command(), kind, seed)
}

// sayRun is the command line that runs a seed as the table did.
func (c *Cell) sayRun(seed uint64) string { return fmt.Sprintf("%s --seed %d", c.Command(), seed) }

func flagText(changes []string) string {
	text := ""
	for _, change := range changes {
		if strings.ContainsAny(change, " {}") {
			change = "'" + change + "'"
		}
		text += " --set " + change
	}
	return text
}

// Run runs n seeds from one on, one after the other.
func (c *Cell) Run(from uint64, n int, o sim.Options) (*Tally, error) {
	s, err := c.Scenario()
	if err != nil {
		return nil, err
	}
	t := &Tally{}
	for seed := from; seed < from+uint64(n); seed++ {
		r, err := sim.Run(sim.Draw(seed, s), o)
		if err != nil {
			return nil, fmt.Errorf("matrix: cell %s, seed %d: %w", c.ID(), seed, err)
		}
		t.count(r)
	}
	return t, nil
}
