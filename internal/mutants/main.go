// Command mutants plants the bugs that the simulator must find, each alone, and
// runs seeds until a check convicts it. A bug that nothing convicts means that
// the simulator, its workload or a check is too weak. `make mutants` runs it.
//
//	go run ./internal/mutants [-only '9 12'] [-fast] [-seeds 1000] [-json FILE] [-out FILE]
//
// It exits 1 if a bug survives, or if the unharmed program or a change that
// breaks nothing is convicted.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quoratedb/quorate/internal/overlay"
)

func main() {
	var o options
	flag.StringVar(&o.only, "only", "", "run these only: numbers or names, separated by spaces")
	flag.BoolVar(&o.fast, "fast", false, "leave out what needs many seeds, and write no table")
	flag.IntVar(&o.seeds, "seeds", 1000, "seeds per bug and scenario before it counts as surviving")
	flag.StringVar(&o.json, "json", "", "write the results to this file too")
	flag.StringVar(&o.out, "out", "docs/mutants.md", "where the table goes; none with -only or -fast")
	flag.Parse()
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
	only, json, out string
	fast            bool
	seeds           int
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

// outcome is what became of a bug.
type outcome struct {
	Number   int     `json:"number"`
	Name     string  `json:"name"`
	Scenario string  `json:"scenario"` // that convicted it
	Check    string  `json:"check"`    // empty: nothing convicted it
	Detail   string  `json:"detail"`
	Seed     uint64  `json:"seed"`
	Seeds    int     `json:"seeds"` // run in all, those of scenarios that found nothing included
	Wall     float64 `json:"wall_seconds"`
	Expected bool    `json:"expected"`
	err      error
}

func run(o options) (bool, error) {
	root, err := overlay.ModuleRoot(".")
	if err != nil {
		return false, err
	}
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
	outcomes := make([]outcome, len(bugs))
	jobs := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for i := range jobs {
				outcomes[i] = try(binary, &bugs[i], o)
				fmt.Println(outcomes[i].line())
			}
		}()
	}
	for i := range bugs {
		jobs <- i
	}
	close(jobs)
	workers.Wait()
	return report(root, outcomes, o)
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
	wanted := map[string]bool{}
	for _, w := range strings.Fields(strings.ReplaceAll(o.only, ",", " ")) {
		wanted[w] = true
	}
	some := len(wanted) > 0 // what is found is taken out below
	none := bug{Names: []string{"none"}, Survives: true, Scenarios: []string{"default", "promises", "tombstones", "reads", "durability"}}
	var bugs []bug
	for _, b := range append([]bug{none}, all...) {
		number := strconv.Itoa(b.Number)
		if some && !wanted[number] && !wanted[b.name()] || o.fast && b.Rare {
			continue
		}
		delete(wanted, number)
		delete(wanted, b.name())
		bugs = append(bugs, b)
	}
	for w := range wanted {
		return nil, fmt.Errorf("-only: there is no bug %q", w)
	}
	return bugs, nil
}

// try runs the scenarios of a bug until one convicts it.
func try(binary string, b *bug, o options) outcome {
	r := outcome{Number: b.Number, Name: b.name()}
	began := time.Now()
	for _, scenario := range b.Scenarios {
		args := []string{"sim", "--seeds", fmt.Sprintf("1..%d", o.seeds), "--scenario", scenario, "--json", "--stop", "-j", "1"}
		if b.Number != 0 {
			args = append(args, "--bug", b.name())
		}
		out, err := exec.Command(binary, args...).Output()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		r.Seeds += len(lines)
		if err == nil {
			continue
		}
		if r.convict(lines[len(lines)-1]); r.Check == "" {
			r.err = fmt.Errorf("%s: %w", strings.Join(args, " "), err)
		}
		r.Scenario = scenario
		break
	}
	r.Wall = time.Since(began).Seconds()
	r.Expected = r.err == nil && (r.Check == "") == b.Survives
	return r
}

// convict reads the line of the seed that failed.
func (r *outcome) convict(line string) {
	var l struct {
		Seed       uint64 `json:"seed"`
		Violations []struct {
			Check  string `json:"check"`
			Detail string `json:"detail"`
		} `json:"violations"`
	}
	if json.Unmarshal([]byte(line), &l) != nil || len(l.Violations) == 0 {
		return
	}
	r.Seed, r.Check, r.Detail = l.Seed, l.Violations[0].Check, l.Violations[0].Detail
}
