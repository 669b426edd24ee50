package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/quoratedb/quorate/sim"
)

// writeTrace runs a plan once more, with its trace recorded, and writes it as
// JSON Lines.
func (c *simCmd) writeTrace(file string, plan *sim.Plan) error {
	opts := c.options()
	opts.Record, opts.NoCheck = true, true
	r, err := sim.Run(plan, opts)
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("--trace: %w", err)
	}
	out := bufio.NewWriter(f)
	err = sim.WriteTrace(out, r.Trace)
	if err == nil {
		err = out.Flush()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("--trace: %w", err)
	}
	return nil
}
