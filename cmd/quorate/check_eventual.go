package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/quoratedb/quorate/linearizability/causalhist"
)

// eventualModel is what --model calls histories of eventual buckets. They hold
// more than others (contexts, quorums, stamps, several values to an answer), so
// they are files of their own.
const eventualModel = "eventual"

// checkEventual judges such a file by what its buckets promise.
func (c *checkCmd) checkEventual(w io.Writer) error {
	if c.Format != "jsonl" || c.HTML != "" || !slices.Equal(c.Checks, []string{checkLinearizable}) {
		return &exitError{exitUsage, "--model eventual: --format, --html and --checks do not go with it"}
	}
	keys, err := c.readEventual()
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	ops, broken := 0, 0
	for i := range keys {
		ops += len(keys[i].Ops)
		findings := causalhist.Judge(keys[i].Ops, keys[i].Rules)
		broken += len(findings)
		for _, f := range findings {
			fmt.Fprintf(w, "key %q: %s: %s\n", keys[i].Name, f.Check, f.Detail)
			for _, op := range f.Ops {
				fmt.Fprintf(w, "  %s\n", keys[i].Ops[op].Line())
			}
		}
	}
	switch {
	case ops == 0:
		fmt.Fprintln(w, "undecided: the history holds no operation")
		return &exitError{code: exitUndecided}
	case broken > 0:
		return &exitError{code: exitFailed}
	}
	fmt.Fprintf(w, "kept: %d operations, %d keys\n", ops, len(keys))
	return nil
}

// readEventual reads the keys that are to be judged.
func (c *checkCmd) readEventual() ([]causalhist.Key, error) {
	name, file, err := c.open()
	if err != nil {
		return nil, err // names the file
	}
	defer file.Close()
	keys, err := causalhist.ReadJSONL(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(c.Key) == 0 {
		return keys, nil
	}
	for _, key := range c.Key {
		if !slices.ContainsFunc(keys, func(k causalhist.Key) bool { return k.Name == key }) {
			return nil, fmt.Errorf("--key: the history has no key %q", key)
		}
	}
	return slices.DeleteFunc(keys, func(k causalhist.Key) bool { return !slices.Contains(c.Key, k.Name) }), nil
}
