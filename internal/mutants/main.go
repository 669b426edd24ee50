// Command mutants plants the bugs that the simulator must find, each alone, and
// runs seeds until a check convicts it, in several ranges of seeds that have none
// in common. A bug that nothing convicts means that the simulator, its workload
// or a check is too weak. `make mutants` runs it.
//
//	go run ./internal/mutants [-only '9 12'] [-fast] [-replan] [-j 2] [-json FILE] [-out FILE]
//
// It exits 1 if a bug survives in some range, or a plan of one that is kept among the
// regressions does not convict it any more, or if the unharmed program or a
// change that breaks nothing is convicted.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quoratedb/quorate/internal/overlay"
)

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "run these only: numbers or names, separated by spaces")
	flag.BoolVar(&o.fast, "fast", false, "one range of seeds, without the bugs that need many, and no table")
	flag.BoolVar(&o.replan, "replan", false, "only put plans that convict in the place of kept ones that do not any more")
	flag.IntVar(&o.ranges, "ranges", 5, "ranges of seeds to try each bug on")
	flag.IntVar(&o.seeds, "seeds", 10_000, "seeds of a range before a bug counts as surviving")
	flag.IntVar(&o.clean, "clean", 1000, "seeds of a range for what must not be convicted")
	flag.DurationVar(&o.limit, "limit", 10*time.Minute, "time for a bug and a range")
	flag.IntVar(&o.jobs, "j", runtime.GOMAXPROCS(0), "ranges to try at a time")
	flag.StringVar(&o.json, "json", "", "write the results to this file too")
	flag.StringVar(&o.out, "out", "docs/mutants.md", "where the table goes; none with -only or -fast")
	flag.Parse()
	if o.fast {
		o.ranges, o.clean = 1, min(o.clean, 300)
	}
	ok, err := run(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

type options struct {
	only, json, out            string
	fast, replan               bool
	ranges, seeds, clean, jobs int
	limit                      time.Duration
}

// bug is what `quorate sim --bug help --json` says of a planted bug.
type bug struct {
	Number    int      `json:"number"`
	Names     []string `json:"names"`
	Scenarios []string `json:"scenarios"`
	Survives  bool     `json:"survives"`
	Rare      bool     `json:"rare"`
}

func (b *bug) name() string { return b.Names[0][strings.LastIndex(b.Names[0], "/")+1:] }

func run(o options) (bool, error) {
	root, err := overlay.ModuleRoot(".")
	if err != nil {
		return false, err
	}
	// Outside the tree: rewritten sources there would be found by go and gofmt.
	dir, err := os.MkdirTemp("", "quorate-mutants-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	binary, err := build(root, dir)
	if err != nil {
		return false, err
	}
	bugs, err := list(binary, o)
	if err != nil {
		return false, err
	}
	survived, err := keptPlans(root, binary, bugs, o)
	if err != nil || o.replan {
		return err == nil, err
	}
	ok, err := report(root, tryAll(binary, bugs, o), o)
	return ok && survived == 0, err
}

// tryAll tries all bugs on all ranges, o.jobs at a time, and prints each bug
// when its last range is done.
func tryAll(binary string, bugs []bug, o options) []outcome {
	type job struct{ bug, part int }
	outcomes := make([]outcome, len(bugs))
	left := make([]int, len(bugs))
	for i := range bugs {
		outcomes[i] = outcome{bug: &bugs[i], Number: bugs[i].Number, Name: bugs[i].name(), Trials: make([]trial, o.ranges)}
		left[i] = o.ranges
	}
	jobs := make(chan job)
	var (
		workers sync.WaitGroup
		mu      sync.Mutex
	)
	for range o.jobs {
		workers.Go(func() {
			for j := range jobs {
				t := try(binary, &bugs[j.bug], j.part, o)
				mu.Lock()
				outcomes[j.bug].Trials[j.part] = t
				if left[j.bug]--; left[j.bug] == 0 {
					outcomes[j.bug].sum()
					fmt.Println(outcomes[j.bug].line())
				}
				mu.Unlock()
			}
		})
	}
	for i := range bugs {
		for part := range o.ranges {
			jobs <- job{i, part}
		}
	}
	close(jobs)
	workers.Wait()
	return outcomes
}

// build makes the binary in which bugs can be planted.
func build(root, dir string) (string, error) {
	res, err := overlay.Generate(root, filepath.Join(dir, "overlay"))
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "quorate")
	cmd := exec.Command("go", "build", "-overlay", res.Path, "-o", binary, "./cmd/quorate")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return binary, nil
}

// list asks the binary which bugs there are, the unharmed program first.
func list(binary string, o options) ([]bug, error) {
	out, err := exec.Command(binary, "sim", "--bug", "help", "--json").Output()
	if err != nil {
		return nil, fmt.Errorf("listing the bugs: %w", err)
	}
	var all []bug
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, fmt.Errorf("listing the bugs: %w", err)
	}
	if err := complete(all); err != nil {
		return nil, err
	}
	none := bug{Names: []string{"none"}, Survives: true, Scenarios: []string{"default"}}
	for _, b := range all { // every scenario that a bug was found with
		for _, s := range b.Scenarios {
			if !slices.Contains(none.Scenarios, s) {
				none.Scenarios = append(none.Scenarios, s)
			}
		}
	}
	return choose(append([]bug{none}, all...), o)
}

// choose leaves what -only and -fast ask for.
func choose(all []bug, o options) ([]bug, error) {
	var chosen []bug
	wanted := strings.Fields(strings.ReplaceAll(o.only, ",", " "))
	known := map[string]bool{}
	for _, b := range all {
		number := strconv.Itoa(b.Number)
		known[number], known[b.name()] = true, true
		asked := slices.Contains(wanted, number) || slices.Contains(wanted, b.name())
		if asked || len(wanted) == 0 && !(o.fast && b.Rare) {
			chosen = append(chosen, b)
		}
	}
	for _, w := range wanted {
		if known[w] {
			continue
		}
		if n, err := strconv.Atoi(w); err == nil {
			for _, a := range absent {
				if n >= a.from && n <= a.to {
					return nil, fmt.Errorf("-only: bug %d can't be planted: %s", n, a.why)
				}
			}
		}
		return nil, fmt.Errorf("-only: there is no bug %q: use numbers or names that `quorate sim --bug help` lists", w)
	}
	return chosen, nil
}
