package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/quoratedb/quorate/linearizability"
)

// checkCmd judges a history file. It exits 0 if every check that was asked for
// is passed, 1 if one is failed, 3 for undecided or nothing to judge, and 2 for
// input that it cannot read.
type checkCmd struct {
	Model   string        `default:"kv" help:"What the history is of: register, cas-register, counter or kv; eventual for an eventual.jsonl of the simulator or of torture." placeholder:"MODEL"`
	Key     []string      `sep:"none" help:"Judge this key alone; may be repeated." placeholder:"KEY"`
	Format  string        `default:"jsonl" help:"How it is written: jsonl, jepsen or edn." placeholder:"FORMAT"`
	HTML    string        `name:"html" help:"Draw the history (of the offending key, if there is one) to this file." placeholder:"FILE"`
	Timeout time.Duration `default:"60s" help:"Give up after this long and say undecided; 0 for never."`
	guaranteeFlags
	History string `arg:"" help:"The history file; - reads standard input."`
}

// Run judges the history and prints the verdict.
func (c *checkCmd) Run() error {
	if c.Model == eventualModel {
		return c.checkEventual(os.Stdout)
	}
	model, err := linearizability.ParseModel(c.Model)
	if err != nil {
		return &exitError{exitUsage, "--model: " + err.Error() + ", " + eventualModel}
	}
	if c.Timeout < 0 {
		return &exitError{exitUsage, fmt.Sprintf("--timeout: %v is negative: use a duration such as 10s, or 0 for no limit", c.Timeout)}
	}
	if err := c.validate(); err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	h, err := c.read(model)
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	if len(h) == 0 { // whatever should have recorded it did not
		fmt.Println("undecided: the history holds no operation")
		return &exitError{code: exitUndecided}
	}
	v := linearizability.Verdict{Answer: linearizability.Linearizable}
	if slices.Contains(c.Checks, checkLinearizable) {
		v = linearizability.Check(h, model, linearizability.Options{Timeout: c.Timeout})
		report(os.Stdout, len(h), v)
	}
	kept := c.judge(os.Stdout, h, model)
	if c.HTML != "" {
		if err := c.draw(h, model, v); err != nil {
			return err
		}
	}
	switch {
	case v.Answer == linearizability.Illegal || !kept:
		return &exitError{code: exitFailed}
	case v.Answer == linearizability.Undecided:
		return &exitError{code: exitUndecided}
	}
	return nil
}

// open opens the history, and says what to call it.
func (c *checkCmd) open() (name string, f *os.File, err error) {
	if c.History == "-" {
		return "standard input", os.Stdin, nil
	}
	f, err = os.Open(c.History)
	return c.History, f, err
}

// read reads and validates the history. Its errors name the file and the line.
func (c *checkCmd) read(model linearizability.Model) (linearizability.History, error) {
	reader, ok := linearizability.Formats[c.Format]
	if !ok {
		return nil, fmt.Errorf("--format: unknown format %q: use %s", c.Format, strings.Join(formatNames(), ", "))
	}
	name, file, err := c.open()
	if err != nil {
		return nil, err // names the file
	}
	defer file.Close()
	in, err := reader(file)
	if err != nil {
		var bad *linearizability.InputError
		if errors.As(err, &bad) {
			return nil, fmt.Errorf("%s:%d: %s", name, bad.Line, bad.Msg)
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := model.Validate(in.History); err != nil {
		var bad *linearizability.OpError
		if errors.As(err, &bad) {
			return nil, fmt.Errorf("%s:%d: %s", name, in.Lines[bad.Index], bad.Msg)
		}
		return nil, err
	}
	return c.only(in.History)
}

// only leaves the keys that --key names.
func (c *checkCmd) only(h linearizability.History) (linearizability.History, error) {
	if len(c.Key) == 0 {
		return h, nil
	}
	for _, key := range c.Key {
		if !slices.ContainsFunc(h, func(op linearizability.Op) bool { return op.Key == key }) {
			return nil, fmt.Errorf("--key: the history has no operation on %q", key)
		}
	}
	return slices.DeleteFunc(h, func(op linearizability.Op) bool { return !slices.Contains(c.Key, op.Key) }), nil
}

func (c *checkCmd) draw(h linearizability.History, model linearizability.Model, v linearizability.Verdict) error {
	f, err := os.Create(c.HTML)
	if err != nil {
		return &exitError{exitUsage, "--html: " + err.Error()}
	}
	err = linearizability.WriteHTML(f, h, model, v)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	return nil
}

// report prints the verdict and, for an illegal history, its evidence.
func report(w io.Writer, ops int, v linearizability.Verdict) {
	fmt.Fprintln(w, v.Answer)
	switch v.Answer {
	case linearizability.Undecided:
		fmt.Fprintf(w, "the budget ran out at key %q; %d operations in all\n", v.Key, ops)
	case linearizability.Illegal:
		fmt.Fprintf(w, "key %q: no order of these operations explains every answer\n", v.Key)
		_ = v.Explain(w) // a closed standard output is the reader's choice
	}
}

func formatNames() []string {
	var names []string
	for name := range linearizability.Formats {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
