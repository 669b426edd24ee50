package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// trial is what became of a bug in one range of seeds.
type trial struct {
	Scenario string  `json:"scenario"` // that convicted it
	Check    string  `json:"check"`    // empty: nothing convicted it
	Detail   string  `json:"detail"`
	Seed     uint64  `json:"seed"`
	Seeds    int     `json:"seeds"` // run in all, those of scenarios that found nothing included
	Wall     float64 `json:"wall_seconds"`
	// Undecided counts seeds of what must survive on which the checker gave up, or nothing happened.
	Undecided int    `json:"undecided"`
	Error     string `json:"error,omitempty"` // it could not be tried
}

// outcome is what became of a bug.
type outcome struct {
	bug      *bug
	Number   int     `json:"number"`
	Name     string  `json:"name"`
	Scenario string  `json:"scenario"` // that convicted it, mostly
	Check    string  `json:"check"`    // that convicted it, mostly
	Median   int     `json:"median_seeds"`
	Worst    int     `json:"worst_seeds"`
	Wall     float64 `json:"wall_seconds"` // of all ranges
	Expected bool    `json:"expected"`
	Trials   []trial `json:"trials"` // one per range
}

// rangeSeeds is how far apart ranges begin.
const rangeSeeds = 10_000_000

// firstChunk is how many seeds of a scenario run before the next scenario has
// its turn; it doubles every time round.
const firstChunk = 50

// try runs the scenarios of a bug in turn until one convicts it.
func try(binary string, b *bug, part int, o options) trial {
	ctx, cancel := context.WithTimeout(context.Background(), o.limit)
	defer cancel()
	began := time.Now()
	var t trial
	most := o.seeds
	if b.Survives {
		most = o.clean
	}
	next := uint64(part)*rangeSeeds + 1
	for chunk := firstChunk; t.Seeds < most && t.Check == "" && t.Error == ""; chunk *= 2 {
		for _, scenario := range b.Scenarios {
			if n := min(chunk, most-t.Seeds); n > 0 && t.Check == "" && t.Error == "" {
				t.seeds(ctx, binary, b, scenario, next, uint64(n))
			}
		}
		next += uint64(chunk)
	}
	t.Wall = time.Since(began).Seconds()
	return t
}

// seeds runs some seeds of a scenario, to the first violation.
func (t *trial) seeds(ctx context.Context, binary string, b *bug, scenario string, first, n uint64) {
	args := []string{"sim", "--seeds", fmt.Sprintf("%d..%d", first, first+n-1), "--scenario", scenario, "--json", "--stop", "-j", "1"}
	if b.Number != 0 {
		args = append(args, "--bug", b.name())
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error = err.Error()
		return
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		t.Seeds++
		if t.read(lines.Bytes(), b.Survives) {
			t.Scenario = scenario
		}
	}
	err = errors.Join(lines.Err(), cmd.Wait())
	switch {
	case ctx.Err() != nil:
		t.Error = fmt.Sprintf("not done in time, after %d seeds", t.Seeds)
	case err != nil && t.Check == "" && cmd.ProcessState.ExitCode() != exitUndecided:
		t.Error = fmt.Sprintf("%s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
}

// exitUndecided of quorate sim: a checker gave up, or nothing happened.
const exitUndecided = 3

// read takes in the line of a seed and reports whether it convicts.
func (t *trial) read(line []byte, survives bool) bool {
	var l struct {
		Seed       uint64 `json:"seed"`
		Verdict    string `json:"verdict"`
		Violations []struct {
			Check  string `json:"check"`
			Detail string `json:"detail"`
		} `json:"violations"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		t.Error = fmt.Sprintf("not a line of quorate sim --json: %v", err)
		return false
	}
	switch {
	case t.Check != "":
		return false
	case len(l.Violations) > 0:
		t.Seed, t.Check, t.Detail = l.Seed, l.Violations[0].Check, l.Violations[0].Detail
		return true
	case survives && l.Verdict != "ok":
		t.Undecided++
	}
	return false
}

// sum sums the trials up.
func (r *outcome) sum() {
	seeds, checks, scenarios := make([]int, len(r.Trials)), []string{}, []string{}
	r.Expected = true
	for i := range r.Trials {
		t := &r.Trials[i]
		seeds[i] = t.Seeds
		r.Wall += t.Wall
		if t.Check != "" {
			checks, scenarios = append(checks, t.Check), append(scenarios, t.Scenario)
		}
		r.Expected = r.Expected && t.Error == "" && (t.Check == "") == r.bug.Survives
	}
	slices.Sort(seeds)
	r.Median, r.Worst = seeds[len(seeds)/2], seeds[len(seeds)-1]
	r.Check, r.Scenario = mostOf(checks), mostOf(scenarios)
}

// mostOf is the most frequent of some strings, the first in order of equals.
func mostOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	counts := map[string]int{}
	for _, s := range list {
		counts[s]++
	}
	slices.Sort(list)
	return slices.MaxFunc(list, func(a, b string) int { return cmp.Compare(counts[a], counts[b]) })
}
