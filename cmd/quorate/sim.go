package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/pingcap/failpoint"

	"github.com/quoratedb/quorate/sim"
	"github.com/quoratedb/quorate/sim/planted"
)

// simCmd runs seeds of the simulator. It exits 0 if all are ok, 1 if one
// violates something, 2 on bad usage, 3 if one is undecided or vacuous.
type simCmd struct {
	Seed       *uint64        `help:"Run one seed." placeholder:"S" xor:"what"`
	Seeds      string         `help:"Run the seeds A to B, both included." placeholder:"A..B" xor:"what"`
	Plan       string         `help:"Run the plan in a file, as --shrink writes it." placeholder:"FILE" xor:"what"`
	For        *time.Duration `help:"Run fresh seeds until this much time has passed." placeholder:"D" xor:"what"`
	Scenario   string         `default:"default" help:"What the seeds draw from: a name or a file; help lists the names." placeholder:"NAME|FILE"`
	Set        []string       `sep:"none" help:"Change a setting of the scenario; help lists them." placeholder:"KEY=VALUE"`
	JSON       bool           `name:"json" help:"Print one JSON object per seed, in the order of seeds."`
	Out        string         `help:"Write a folder for each failure below this directory." placeholder:"DIR"`
	Shrink     bool           `help:"Reduce a failing seed to few operations and faults and write the plan."`
	ShrinkFor  time.Duration  `default:"10s" help:"How long a reduction may take."`
	Invariants string         `default:"every" enum:"every,end" help:"Check the protocol's invariants after every event, or judge at the end only."`
	Jobs       int            `short:"j" default:"0" help:"Seeds to run at a time; 0 means one per core."`
	Bug        []string       `help:"Plant a bug, in a binary built for it; help lists them." placeholder:"NAME"`
	HTML       string         `name:"html" help:"Draw the run as a web page in this file; of several seeds, the first that is not ok." placeholder:"FILE"`
	Trace      string         `help:"Write what happened in the run, with the rolling hash at it, as JSON Lines to this file; of several seeds, the first that is not ok." placeholder:"FILE"`
	TraceOf    *uint64        `help:"Of several seeds, trace this one, in its place among the others." placeholder:"S"`
	Reverse    bool           `help:"Run --seeds from the last to the first."`
	Stop       bool           `help:"Stop at the first violation."`
}

// Run runs the seeds and reports.
func (c *simCmd) Run() error {
	if c.Scenario == "help" {
		return listScenarios()
	}
	if slices.Contains(c.Set, "help") {
		return c.listSettings()
	}
	if slices.Contains(c.Bug, "help") {
		return listBugs(c.JSON)
	}
	source, err := c.source()
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	if err := c.plant(); err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	if c.Jobs, err = seedsAtATime(c.Jobs); err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	done := make(chan struct{})
	defer close(done)
	go tuneGC(done) // 8 to 18% less processor time per seed
	r := &simReport{cmd: c, terminal: isatty.IsTerminal(os.Stderr.Fd()), began: time.Now()}
	if err := runSeeds(c, source, r.add); err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	return r.finish()
}

// seedSource hands out what to run, in order; nil at the end.
type seedSource func() (*sim.Plan, error)

func (c *simCmd) source() (seedSource, error) {
	scenario, err := c.scenario()
	if err != nil {
		return nil, err
	}
	first, last, err := c.interval()
	if err != nil {
		return nil, err
	}
	if err := c.checkOrder(first, last); err != nil {
		return nil, err
	}
	switch {
	case c.Plan != "":
		plan, err := readPlan(c.Plan)
		if err != nil {
			return nil, fmt.Errorf("--plan: %w", err)
		}
		return func() (*sim.Plan, error) {
			p := plan
			plan = nil
			return p, nil
		}, nil
	case c.For != nil && *c.For <= 0:
		return nil, fmt.Errorf("--for: %v: use a positive duration such as 30s or 10m", *c.For)
	case c.For != nil:
		next, until := uint64(time.Now().UnixNano())>>16<<8, time.Now().Add(*c.For)
		return func() (*sim.Plan, error) {
			if time.Now().After(until) {
				return nil, nil
			}
			next++
			return sim.Draw(next, scenario), nil
		}, nil
	}
	step := uint64(1)
	if c.Reverse {
		first, last, step = last, first, ^uint64(0)
	}
	done := false
	return func() (*sim.Plan, error) {
		if done {
			return nil, nil
		}
		p := sim.Draw(first, scenario)
		done = first == last
		first += step
		return p, nil
	}, nil
}

// interval is the seeds to run, both ends included; nothing if what runs is not
// given by seeds.
func (c *simCmd) interval() (first, last uint64, err error) {
	switch {
	case c.Seed != nil:
		return *c.Seed, *c.Seed, nil
	case c.Seeds == "" && (c.Plan != "" || c.For != nil):
		return 0, 0, nil
	case c.Seeds == "":
		return 0, 0, errors.New("nothing to run: use --seed S, --seeds A..B, --for D or --plan FILE")
	}
	from, to, ok := strings.Cut(c.Seeds, "..")
	first, err1 := strconv.ParseUint(from, 10, 64)
	last, err2 := strconv.ParseUint(to, 10, 64)
	if !ok || err1 != nil || err2 != nil || last < first {
		return 0, 0, fmt.Errorf("--seeds: %q: use two numbers A..B with A at most B, such as 1..1000", c.Seeds)
	}
	return first, last, nil
}

// plant enables bugs. In a plain build the markers are calls of an empty
// function, and a bug that can't be planted would look like one that nothing convicts.
func (c *simCmd) plant() error {
	for _, name := range c.Bug {
		if err := failpoint.Enable(planted.Probe, "return(true)"); err != nil || !sim.Planted() {
			return fmt.Errorf("--bug: this binary was built without failpoints: build it with `go run ./internal/overlay/cmd/overlay -out DIR` and `go build -overlay DIR/overlay.json ./cmd/quorate`")
		}
		bug, err := planted.Find(name)
		if err != nil {
			return fmt.Errorf("--bug: %w", err)
		}
		for _, path := range bug.Markers() {
			if err := failpoint.Enable(path, "return(true)"); err != nil {
				return fmt.Errorf("--bug: %w", err)
			}
		}
	}
	return nil
}

// listBugs prints the bugs that can be planted and the scenarios that aim at them.
func listBugs(asJSON bool) error {
	if asJSON {
		text, err := json.Marshal(planted.Bugs())
		fmt.Println(string(text))
		return err
	}
	for _, b := range planted.Bugs() {
		fmt.Printf("%-4d %-42s %s\n", b.Number, b.Name(), strings.Join(b.Scenarios, ", "))
	}
	return nil
}

func readPlan(name string) (*sim.Plan, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	plan, err := sim.ReadPlan(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return plan, nil
}

// simLine is the JSON object of one seed.
type simLine struct {
	Seed       uint64            `json:"seed"`
	Scenario   string            `json:"scenario"`
	Build      string            `json:"build"`
	Events     uint64            `json:"events"`
	VirtualNs  int64             `json:"virtual_ns"`
	WallNs     int64             `json:"wall_ns"`
	OpsOK      int               `json:"ops_ok"`
	OpsFailed  int               `json:"ops_failed"`
	OpsUnknown int               `json:"ops_unknown"`
	TraceHash  string            `json:"trace_hash"`
	Verdict    string            `json:"verdict"`
	Violations []sim.Violation   `json:"violations"`
	Faults     int               `json:"faults"`
	Coverage   map[string]uint32 `json:"coverage"`
	Config     *sim.Config       `json:"config"`
}

func (o *seedOutcome) line() simLine {
	r := o.result
	l := simLine{
		Seed: r.Plan.Seed, Scenario: r.Plan.Scenario, Build: buildID(), Events: r.Events, VirtualNs: r.VirtualNs,
		WallNs: o.wall.Nanoseconds(), OpsOK: r.OpsOK, OpsFailed: r.OpsFailed, OpsUnknown: r.OpsUnknown,
		TraceHash: fmt.Sprintf("%016x", r.TraceHash), Verdict: r.Verdict, Violations: r.Violations,
		Faults: r.Faults, Coverage: r.Coverage.Map(), Config: &r.Plan.Config,
	}
	if l.Violations == nil {
		l.Violations = []sim.Violation{}
	}
	return l
}

// simReport gathers the outcomes and prints them.
type simReport struct {
	cmd       *simCmd
	terminal  bool
	began     time.Time
	pictured  bool // --html has been written
	traced    bool // --trace has been written
	seeds     int
	events    uint64
	virtual   time.Duration
	coverage  sim.Coverage
	violated  int
	uncertain int
	lastShown time.Time
}

// add reports one seed. It is called in the order of seeds.
func (s *simReport) add(o *seedOutcome) error {
	r := o.result
	s.seeds++
	s.events += r.Events
	s.virtual += time.Duration(r.VirtualNs)
	s.coverage.Add(&r.Coverage)
	if err := s.writeTrace(r); err != nil {
		return err
	}
	if err := s.picture(r); err != nil {
		return err
	}
	if s.cmd.JSON {
		text, err := json.Marshal(o.line())
		if err != nil {
			return err
		}
		fmt.Println(string(text))
	}
	if r.Verdict == sim.VerdictOK {
		s.progress()
		return nil
	}
	if r.Verdict == sim.VerdictViolation {
		s.violated++
		s.clear()
		for _, v := range r.Violations {
			fmt.Fprintf(os.Stderr, "seed %d: %s: %s\n", r.Plan.Seed, v.Check, v.Detail)
		}
		fmt.Fprintf(os.Stderr, "replay: %s\n", s.cmd.replayLine(r.Plan))
	} else {
		s.uncertain++
		s.clear()
		fmt.Fprintf(os.Stderr, "seed %d: %s\nreplay: %s\n", r.Plan.Seed, r.Verdict, s.cmd.replayLine(r.Plan))
	}
	return s.keep(r)
}

// keep writes what is left of a failure: the shrunk plan, the folder.
func (s *simReport) keep(r *sim.Result) error {
	dir := s.cmd.Out
	if dir == "" && !s.cmd.Shrink {
		return nil
	}
	name := fmt.Sprintf("seed-%d", r.Plan.Seed)
	b := bundle{cmd: s.cmd, dir: filepath.Join(dir, name), found: r.Plan}
	if dir != "" { // at once: whoever stops a reduction keeps what was found
		if err := b.write(r.Plan); err != nil {
			return err
		}
	}
	if !s.cmd.Shrink || r.Verdict != sim.VerdictViolation {
		return nil
	}
	began := time.Now()
	until := began.Add(s.cmd.ShrinkFor)
	small := sim.Shrink(r, s.cmd.options(), func() bool { return time.Now().Before(until) })
	took := time.Since(began)
	file := name + ".plan.yaml"
	var err error
	if dir != "" {
		file = b.planFile()
		err = b.write(small)
	} else {
		err = os.WriteFile(file, sim.FormatPlan(small), 0o644)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "shrunk to %s in %.1f s: quorate sim --plan %s%s\n", small.Size(), took.Seconds(), file, s.cmd.runFlags())
	return nil
}

func (c *simCmd) replayLine(p *sim.Plan) string {
	if c.Plan != "" {
		return fmt.Sprintf("quorate sim --plan %s%s", c.Plan, c.runFlags())
	}
	return fmt.Sprintf("quorate sim --seed %d", p.Seed) + c.scenarioFlags(p) + c.runFlags()
}

// runFlags are those that change what a plan is convicted of.
func (c *simCmd) runFlags() string {
	flags := ""
	if c.Invariants == sim.AtEnd {
		flags = " --invariants end"
	}
	for _, b := range c.Bug {
		flags += " --bug " + b
	}
	return flags
}

func (s *simReport) progress() {
	if now := time.Now(); s.terminal && now.Sub(s.lastShown) > 200*time.Millisecond {
		s.lastShown = now
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s, %d events, %.0f seeds/s", seeds(s.seeds), s.events, float64(s.seeds)/time.Since(s.began).Seconds())
	}
}

func (s *simReport) clear() {
	if s.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}

func seeds(n int) string {
	if n == 1 {
		return "1 seed"
	}
	return fmt.Sprintf("%d seeds", n)
}

// finish prints the sum and turns it into an exit code.
func (s *simReport) finish() error {
	s.clear()
	if !s.cmd.JSON {
		wall := time.Since(s.began)
		fmt.Printf("%s: %d ok, %d violations, %d undecided or vacuous; %d events, %v virtual, in %v\n", seeds(s.seeds),
			s.seeds-s.violated-s.uncertain, s.violated, s.uncertain, s.events, s.virtual.Round(time.Millisecond), wall.Round(time.Millisecond))
		if s.seeds >= 100 {
			if missing := s.coverage.Missing(s.cmd.options()); len(missing) > 0 {
				fmt.Printf("states that no seed reached: %s\n", strings.Join(missing, ", "))
			}
		}
	}
	switch {
	case s.violated > 0:
		return &exitError{code: exitFailed}
	case s.uncertain > 0:
		return &exitError{code: exitUndecided}
	}
	return nil
}
