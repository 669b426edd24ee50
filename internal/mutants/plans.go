package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// keptPlans runs the shrunk plans that are kept of the bugs, each with its bug: a plan that
// convicts nothing any more guards nothing. It prints and counts those, or, if it may
// replan, puts one in their place that convicts.
func keptPlans(root, binary string, bugs []bug, o options) (survived int, err error) {
	for i := range bugs {
		b := &bugs[i]
		plans, err := filepath.Glob(filepath.Join(root, "sim", "testdata", "regressions", "bug-"+strconv.Itoa(b.Number)+"-*"))
		if err != nil {
			return 0, err
		}
		for _, plan := range plans {
			still, err := convicts(binary, b, "--plan", plan)
			switch {
			case err != nil:
				return 0, err
			case still:
			case o.replan:
				if err := replan(binary, b, plan, o); err != nil {
					return 0, fmt.Errorf("%s: %w", filepath.Base(plan), err)
				}
			default:
				survived++
				fmt.Printf("FAIL %s does not convict its bug any more: make replan\n", filepath.Base(plan))
			}
		}
	}
	return survived, nil
}

// convicts runs the simulator with a bug.
func convicts(binary string, b *bug, args ...string) (bool, error) {
	cmd := exec.Command(binary, append([]string{"sim", "--bug", b.name()}, args...)...)
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == 1 {
		return err != nil, nil
	}
	return false, fmt.Errorf("%s: %w\n%s", cmd, err, out)
}

// replan shrinks a seed that convicts the bug, of the first range that has one, into a plan.
func replan(binary string, b *bug, plan string, o options) error {
	for part := range o.ranges {
		t := try(binary, b, part, o)
		if t.Check == "" {
			continue
		}
		dir, err := os.MkdirTemp("", "quorate-replan-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if _, err := convicts(binary, b, "--seed", strconv.FormatUint(t.Seed, 10), "--scenario", t.Scenario, "--shrink", "--out", dir); err != nil {
			return err
		}
		shrunk, err := os.ReadFile(filepath.Join(dir, "seed-"+strconv.FormatUint(t.Seed, 10), "plan.yaml"))
		if err != nil {
			return err
		}
		if err := os.WriteFile(plan, shrunk, 0o644); err != nil {
			return err
		}
		fmt.Printf("new  %s from seed %d of %s, %d lines\n", filepath.Base(plan), t.Seed, t.Scenario, strings.Count(string(shrunk), "\n"))
		return nil
	}
	return fmt.Errorf("no seed of %d ranges convicts %s", o.ranges, b.name())
}
