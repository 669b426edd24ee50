package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/quoratedb/quorate/sim/lab"
)

// labCmd measures the store in the simulator, as the literature does.
type labCmd struct {
	Staleness stalenessCmd `cmd:"" help:"How stale are reads of N/R/W quorums under given message delays (Bailis et al., VLDB 2012)."`
	Matrix    matrixCmd    `cmd:"" help:"Which setting of N, R, W, policy, repair and sloppy quorums shows which anomaly under which faults."`
}

// stalenessCmd is the experiment of "Probabilistically Bounded Staleness".
type stalenessCmd struct {
	N               int     `name:"n" default:"3" help:"Replicas of the key (${default})." placeholder:"N"`
	R               int     `name:"r" default:"1" help:"Responses that a read waits for (${default})." placeholder:"R"`
	W               int     `name:"w" default:"1" help:"Acknowledgements that a write waits for (${default})." placeholder:"W"`
	Fit             string  `help:"Take the delays from a published fit: lnkd-ssd, lnkd-disk, ymmr or wan." placeholder:"NAME"`
	WriteLatency    string  `help:"From the coordinator to a replica, of writes; milliseconds: const(1), uniform(a,b), pareto(least,alpha), exp(rate), mix(share*...+share*...), file:NAME." placeholder:"DIST"`
	AckLatency      string  `help:"Back to the coordinator, of writes." placeholder:"DIST"`
	ReadLatency     string  `help:"From the coordinator to a replica, of reads." placeholder:"DIST"`
	ResponseLatency string  `help:"Back to the coordinator, of reads." placeholder:"DIST"`
	RemoteMs        float64 `help:"A replica in each of N data centres, so far apart, one way; the coordinator in any of them." placeholder:"MS"`
	Reads           int     `default:"1000000" help:"Reads to measure, each after a write of its own (${default})." placeholder:"NUMBER"`
	Seed            uint64  `default:"1" help:"Of all chance (${default})." placeholder:"S"`
	JSON            bool    `name:"json" help:"Print a JSON object."`
	CSV             string  `name:"csv" help:"Write the t-visibility curve to this file." placeholder:"FILE"`
	Plot            string  `help:"Draw the t-visibility curve in this file, NAME.svg." placeholder:"FILE"`
}

// Run measures and prints.
func (c *stalenessCmd) Run() error {
	legs, err := c.legs()
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	if c.Plot != "" && !strings.EqualFold(filepath.Ext(c.Plot), ".svg") {
		return &exitError{exitUsage, fmt.Sprintf("--plot %s: the plot is drawn as SVG, give a name that ends in .svg", c.Plot)}
	}
	s := lab.Staleness{N: c.N, R: c.R, W: c.W, Legs: *legs, Reads: c.Reads, Seed: c.Seed}
	if isatty.IsTerminal(os.Stderr.Fd()) {
		s.Progress = func(n int) { fmt.Fprintf(os.Stderr, "\r\x1b[K%d of %d reads", n, c.Reads) }
	}
	began := time.Now()
	rep, err := s.Run()
	if s.Progress != nil {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	if c.CSV != "" {
		if err := writeFile(c.CSV, rep.WriteCSV); err != nil {
			return err
		}
	}
	if c.Plot != "" {
		title := fmt.Sprintf("t-visibility, N=%d R=%d W=%d", c.N, c.R, c.W)
		if c.Fit != "" {
			title += ", " + c.Fit
		}
		if err := writeFile(c.Plot, func(w io.Writer) error { return rep.WriteSVG(w, title) }); err != nil {
			return err
		}
	}
	if c.JSON {
		text, err := json.Marshal(rep)
		fmt.Println(string(text))
		return err
	}
	printStaleness(os.Stdout, rep, time.Since(began))
	return nil
}

// legs reads the delays. The error names the flag.
func (c *stalenessCmd) legs() (*lab.Legs, error) {
	l := &lab.Legs{RemoteMs: c.RemoteMs}
	texts := [4]string{c.WriteLatency, c.AckLatency, c.ReadLatency, c.ResponseLatency}
	if c.Fit != "" {
		fit, ok := lab.FindFit(c.Fit)
		if !ok {
			return nil, fmt.Errorf("--fit: %q: use one of %s", c.Fit, strings.Join(lab.FitNames(), ", "))
		}
		for i, text := range [4]string{fit.Write, fit.Others, fit.Others, fit.Others} {
			if texts[i] == "" {
				texts[i] = text
			}
		}
		if l.RemoteMs == 0 {
			l.RemoteMs = fit.RemoteMs
		}
	}
	names := [4]string{"--write-latency", "--ack-latency", "--read-latency", "--response-latency"}
	for i, into := range [4]*lab.Distribution{&l.Write, &l.Ack, &l.Read, &l.Response} {
		if texts[i] == "" {
			return nil, fmt.Errorf("%s is missing: give all four delays, or --fit with one of %s", names[i], strings.Join(lab.FitNames(), ", "))
		}
		d, err := lab.ParseDistribution(texts[i], os.ReadFile)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names[i], err)
		}
		*into = d
	}
	return l, nil
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = write(f)
	if closing := f.Close(); err == nil {
		err = closing
	}
	return err
}

func printStaleness(w io.Writer, r *lab.Report, took time.Duration) {
	fmt.Fprintf(w, "N=%d R=%d W=%d, %d reads, each after a write of its own, in %.1f s\n\n", r.N, r.R, r.W, r.Reads, took.Seconds())
	fmt.Fprintf(w, "consistent at commit  %.4f%%\n\n", 100*r.ConsistentAtCommit)
	fmt.Fprintf(w, "%-12s %16s %16s %16s\n", "percentile", "t-visibility", "read latency", "write latency")
	for _, p := range lab.PercentileNames() {
		fmt.Fprintf(w, "%-12s %13.3f ms %13.3f ms %13.3f ms\n", p, r.VisibilityMs[p], r.ReadMs[p], r.WriteMs[p])
	}
	fmt.Fprintf(w, "\nversions behind, of reads issued at a commit\n")
	last := len(r.Behind) - 1
	for k, share := range r.Behind {
		if share == 0 && k > 0 && !slices.ContainsFunc(r.Behind[k:], func(s float64) bool { return s > 0 }) {
			break
		}
		more := ""
		if k == last {
			more = " or more"
		}
		fmt.Fprintf(w, "%d%-11s %10.5f%%\n", k, more, 100*share)
	}
}
