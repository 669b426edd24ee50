package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"

	"github.com/quoratedb/quorate/sim"
)

// several reports whether more than one plan may run.
func (c *simCmd) several() bool { return c.Seed == nil && c.Plan == "" }

// traces reports whether it is known beforehand that the trace of a plan is
// wanted. Then it is recorded in the run itself: a run after it, in the same
// process, might differ if some state were carried from one to the next.
func (c *simCmd) traces(plan *sim.Plan) bool {
	return c.Trace != "" && (!c.several() || c.TraceOf != nil && *c.TraceOf == plan.Seed)
}

// checkOrder refuses what only makes sense with --seeds, and a seed to trace
// that is none of them.
func (c *simCmd) checkOrder(first, last uint64) error {
	switch {
	case c.Seeds == "" && (c.Reverse || c.TraceOf != nil):
		return errors.New("--reverse and --trace-of: they are about several seeds, use --seeds A..B")
	case c.TraceOf == nil:
		return nil
	case c.Trace == "":
		return errors.New("--trace-of: --trace FILE must say where to")
	case *c.TraceOf < first || *c.TraceOf > last:
		return fmt.Errorf("--trace-of: seed %d is not among the seeds %d..%d", *c.TraceOf, first, last)
	}
	return nil
}

// writeTrace writes what --trace asks for: a single run, or the one of several
// that --trace-of names, or the first that is not ok. That one has to be run
// once more.
func (s *simReport) writeTrace(r *sim.Result) error {
	c := s.cmd
	switch {
	case c.Trace == "" || s.traced:
		return nil
	case c.traces(r.Plan):
	case c.TraceOf != nil || r.Verdict == sim.VerdictOK:
		return nil
	default:
		opts := c.options()
		opts.Record, opts.NoCheck = true, true
		again, err := sim.Run(r.Plan, opts)
		if err != nil {
			return err
		}
		if again.TraceHash != r.TraceHash {
			fmt.Fprintf(os.Stderr, "seed %d: run once more, it took another course: hash %016x, then %016x. Its trace is of the second run; "+
				"with --trace-of %d it is of the first\n", r.Plan.Seed, r.TraceHash, again.TraceHash, r.Plan.Seed)
		}
		r = again
	}
	s.traced = true
	if err := writeTrace(c.Trace, r.Trace); err != nil {
		return fmt.Errorf("--trace: %w", err)
	}
	return nil
}

// writeTrace writes a recorded trace as JSON Lines.
func writeTrace(file string, trace []sim.TraceEntry) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(f)
	err = sim.WriteTrace(out, trace)
	if err == nil {
		err = out.Flush()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
