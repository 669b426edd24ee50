package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// keptPlans runs the shrunk plans that are kept of the bugs, each with its bug: a plan that
// convicts nothing any more guards nothing. It prints and counts those.
func keptPlans(root, binary string, bugs []bug) (survived int, err error) {
	for i := range bugs {
		b := &bugs[i]
		plans, err := filepath.Glob(filepath.Join(root, "sim", "testdata", "regressions", "bug-"+strconv.Itoa(b.Number)+"-*"))
		if err != nil {
			return 0, err
		}
		for _, plan := range plans {
			cmd := exec.Command(binary, "sim", "--plan", plan, "--bug", strconv.Itoa(b.Number))
			out, err := cmd.CombinedOutput()
			switch cmd.ProcessState.ExitCode() {
			case 0:
				survived++
				fmt.Printf("FAIL %s does not convict its bug any more: shrink another seed of %s\n", filepath.Base(plan), b.name())
			case 1:
			default:
				fmt.Fprintf(os.Stderr, "%s", out)
				return 0, fmt.Errorf("%s: %w", cmd, err)
			}
		}
	}
	return survived, nil
}
