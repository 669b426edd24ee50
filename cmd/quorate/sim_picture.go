package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/quoratedb/quorate/picture"
	"github.com/quoratedb/quorate/sim"
)

// picture draws what --html asks for: a single run as it is, of several the
// first that is not ok.
func (s *simReport) picture(r *sim.Result) error {
	c := s.cmd
	if c.HTML == "" || s.pictured || c.several() && r.Verdict == sim.VerdictOK {
		return nil
	}
	s.pictured = true
	return c.drawPicture(c.HTML, r.Plan)
}

// drawPicture runs a plan once more, with its trace recorded, and draws it as a web page.
func (c *simCmd) drawPicture(file string, plan *sim.Plan) error {
	opts := c.options()
	opts.Record = true
	r, err := sim.Run(plan, opts)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := picture.Write(&page, r, picture.Options{Replay: c.replayLine(plan)}); err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	return os.WriteFile(file, page.Bytes(), 0o644)
}
