package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/quoratedb/quorate/sim"
)

// listScenarios prints the scenarios that come with the program.
func listScenarios() error {
	for _, s := range sim.Scenarios() {
		fmt.Printf("%-12s %s\n", s.Name, s.About)
	}
	fmt.Println("\nA file with settings is a scenario too; --set help lists them with their values in the scenario named by --scenario.")
	return nil
}

// scenario finds or reads the scenario and makes the changes of --set.
func (c *simCmd) scenario() (*sim.Scenario, error) {
	s, err := findScenario(c.Scenario)
	if err != nil {
		return nil, fmt.Errorf("--scenario: %w", err)
	}
	for _, change := range c.Set {
		if err := s.Set(change); err != nil {
			return nil, fmt.Errorf("--set: %w", err)
		}
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("--set: %w", err)
	}
	return s, nil
}

// findScenario takes names of shipped scenarios and of files.
func findScenario(name string) (*sim.Scenario, error) {
	if slices.Contains(sim.ScenarioNames(), name) {
		return sim.FindScenario(name)
	}
	text, err := os.ReadFile(name)
	switch {
	case err == nil:
		return sim.ReadScenario(name, text)
	case errors.Is(err, os.ErrNotExist) && !strings.ContainsAny(name, "/.") || os.IsPermission(err):
		_, unknown := sim.FindScenario(name)
		return nil, fmt.Errorf("%w, or the name of a file", unknown)
	}
	return nil, err
}

// listSettings prints every setting of a scenario.
func (c *simCmd) listSettings() error {
	s, err := findScenario(c.Scenario)
	if err != nil {
		return &exitError{exitUsage, "--scenario: " + err.Error()}
	}
	for _, k := range s.Settings() {
		fmt.Printf("%s=%s\n    %s\n    use %s\n", k.Key, shellWord(k.Value), k.About, k.Allowed)
	}
	return nil
}

// scenarioFlags are the flags that name what a plan was drawn from.
func (c *simCmd) scenarioFlags(p *sim.Plan) string {
	flags := ""
	if p.Scenario != "default" {
		flags = " --scenario " + shellWord(p.Scenario)
	}
	for _, change := range c.Set {
		flags += " --set " + shellWord(change)
	}
	return flags
}

// shellWord quotes what a shell would take apart.
func shellWord(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\n'\"\\$`{}[]()*?!&;|<>#~") {
		if strings.Contains(s, "'") {
			return strconv.Quote(s)
		}
		return "'" + s + "'"
	}
	return s
}
