package main

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/quoratedb/quorate/sim"
)

// seedOutcome is a result with the wall time it took, checks included.
type seedOutcome struct {
	result *sim.Result
	wall   time.Duration
	err    error
}

// seedsAtATime is what --jobs asks for; 0 means one per core.
func seedsAtATime(jobs int) (int, error) {
	if jobs < 0 {
		return 0, fmt.Errorf("--jobs: %d is out of range: use 1 or more, or 0 for one per core", jobs)
	}
	if jobs == 0 {
		return runtime.GOMAXPROCS(0), nil
	}
	return jobs, nil
}

// runSeeds runs plans from the source, c.Jobs at a time, and hands the outcomes
// on in the order of the source.
func runSeeds(c *simCmd, source seedSource, report func(*seedOutcome) error) error {
	type job struct {
		plan *sim.Plan
		out  chan seedOutcome
	}
	jobs := make(chan job)
	queue := make(chan chan seedOutcome, 4*c.Jobs) // bounds how far ahead seeds are run
	var workers sync.WaitGroup
	for range c.Jobs {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for j := range jobs {
				began := time.Now()
				opts := c.options()
				opts.Record = c.traces(j.plan)
				r, err := sim.Run(j.plan, opts)
				j.out <- seedOutcome{r, time.Since(began), err}
			}
		}()
	}
	stop := make(chan struct{})
	go func() {
		defer close(queue)
		defer close(jobs)
		for {
			plan, err := source()
			out := make(chan seedOutcome, 1)
			if err != nil {
				out <- seedOutcome{err: err}
			} else if plan == nil {
				return
			}
			select {
			case queue <- out:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
			jobs <- job{plan, out}
		}
	}()
	var failed error
	for out := range queue {
		if failed != nil {
			continue
		}
		o := <-out
		err := o.err
		if err == nil {
			err = report(&o)
		}
		if err == nil && c.Stop && o.result.Verdict == sim.VerdictViolation {
			err = errStopped
		}
		if err != nil {
			failed = err
			close(stop)
		}
	}
	workers.Wait()
	if failed == errStopped {
		return nil
	}
	return failed
}

var errStopped = fmt.Errorf("stopped at the first failure")

func (c *simCmd) options() sim.Options {
	return sim.Options{Invariants: c.Invariants, Where: panicOrigin}
}

// panicOrigin names the product's functions in which a panic began, innermost first.
func panicOrigin() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	var names []string
	for {
		f, more := frames.Next()
		if strings.Contains(f.Function, "quoratedb") && len(names) < 4 {
			names = append(names, fmt.Sprintf("%s:%d", f.Function[strings.LastIndex(f.Function, "/")+1:], f.Line))
		}
		if !more {
			return strings.Join(names, " < ")
		}
	}
}
