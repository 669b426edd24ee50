// Command soak runs fresh seeds of all scenarios, remembers how far it got, and
// reports how many have run without an alarm. `make soak` runs it.
//
//	go run ./internal/soak [-for 10m] [-state out/soak.json] [-j N]
//
// Seeds count per build: a change of what is simulated, or of the simulator,
// begins a new count; the next seed goes on. It exits 1 if a seed alarmed: the
// line that replays it is on stderr, what it left is below out/soak.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quoratedb/quorate/internal/overlay"
)

func main() {
	period := flag.Duration("for", 10*time.Minute, "how long")
	file := flag.String("state", "out/soak.json", "where the count is kept")
	binary := flag.String("binary", "bin/quorate", "the program, built from this tree")
	failures := flag.String("failures", "out/soak", "where the folders of failures go")
	jobs := flag.Int("j", runtime.GOMAXPROCS(0), "seeds to run at a time")
	flag.Parse()
	alarms, err := soak(*binary, *file, *failures, *jobs, time.Now().Add(*period))
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(2)
	}
	if alarms > 0 {
		os.Exit(1)
	}
}

// chunk is how many seeds run between two looks at the clock.
const chunk = 400

func soak(binary, file, failures string, jobs int, until time.Time) (alarms int, err error) {
	root, err := overlay.ModuleRoot(".")
	if err != nil {
		return 0, err
	}
	id, err := buildID(root)
	if err != nil {
		return 0, err
	}
	names, err := scenarios(binary)
	if err != nil {
		return 0, err
	}
	s, err := load(file)
	if err != nil {
		return 0, err
	}
	count := s.build(id)
	for turn := 0; time.Now().Before(until); turn++ {
		name := "default" // every other chunk
		if turn%2 == 1 {
			name = names[turn/2%len(names)]
		}
		first := s.take(name, chunk)
		r, err := run(binary, name, first, failures, jobs)
		if err != nil {
			return alarms, err
		}
		count.add(name, r)
		alarms += r.alarms
		if err := s.save(file); err != nil {
			return alarms, err
		}
	}
	fmt.Printf("build %s: %d seeds ran without an alarm, %d alarmed, %d undecided or vacuous; %d seeds of all builds so far\n",
		id, count.OK, count.Alarms, count.Undecided, s.total())
	for _, name := range slices.Sorted(count.names()) {
		fmt.Printf("  %-12s %d\n", name, count.Seeds[name])
	}
	return alarms, nil
}

// scenarios asks the program for their names.
func scenarios(binary string) ([]string, error) {
	out, err := exec.Command(binary, "sim", "--scenario", "help").Output()
	if err != nil {
		return nil, fmt.Errorf("%s sim --scenario help: %w", binary, err)
	}
	var names []string
	list, _, _ := strings.Cut(string(out), "\n\n") // a hint follows
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) > 1 && !strings.HasPrefix(line, " ") {
			names = append(names, fields[0])
		}
	}
	if !slices.Contains(names, "default") {
		return nil, fmt.Errorf("%s sim --scenario help: no scenario called default", binary)
	}
	return names, nil
}

// result is what became of a chunk.
type result struct{ ok, alarms, undecided int }

// summary is the last line of quorate sim.
var summary = regexp.MustCompile(`(?m)^\d+ seeds?: (\d+) ok, (\d+) violations, (\d+) undecided or vacuous`)

func run(binary, scenario string, first uint64, failures string, jobs int) (result, error) {
	args := []string{"sim", "--seeds", fmt.Sprintf("%d..%d", first, first+chunk-1), "--scenario", scenario,
		"--out", failures, "-j", strconv.Itoa(jobs)}
	cmd := exec.Command(binary, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	m := summary.FindStringSubmatch(string(out))
	if m == nil {
		return result{}, fmt.Errorf("%s %s: ended with %v, without its summary: %s", binary, strings.Join(args, " "), err, out)
	}
	var n [3]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // digits, says the pattern
	}
	return result{n[0], n[1], n[2]}, nil
}
