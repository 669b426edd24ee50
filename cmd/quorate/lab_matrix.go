package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/quoratedb/quorate/sim/matrix"
)

// matrixCmd measures the table of settings and faults. It exits 0 if nothing is
// violated and the table is what theory says, 1 otherwise, 2 on bad usage.
type matrixCmd struct {
	Cells []string `help:"Run these cells only: SETTING/FAULTS, with * and ?; --list names them." placeholder:"CELL,…"`
	Seeds int      `default:"500" help:"Seeds of each cell." placeholder:"NUMBER"`
	First uint64   `default:"1" help:"The first of them." placeholder:"S"`
	Jobs  int      `short:"j" default:"0" help:"Seeds to run at a time; 0 means one per core."`
	Dir   string   `help:"Write consistency.md and consistency.csv here; docs by default, out/matrix if only some cells are run." placeholder:"DIR"`
	State string   `default:"out/matrix.state" help:"Keep what is done in this file, and go on from it." placeholder:"FILE"`
	Fresh bool     `help:"Start anew: forget what the state file has."`
	JSON  bool     `name:"json" help:"Print the table as one JSON object."`
	List  bool     `help:"List the cells, each with the command that runs seeds of it."`
}

// Run runs what the state does not have yet and writes the table.
func (c *matrixCmd) Run() error {
	cells, err := c.choose()
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	if c.List {
		for i := range cells {
			fmt.Printf("%-36s %s\n", cells[i].ID(), cells[i].Command())
		}
		return nil
	}
	if c.Seeds < 1 || c.Seeds > 1_000_000 {
		return &exitError{exitUsage, fmt.Sprintf("--seeds is %d: use 1 to 1000000", c.Seeds)}
	}
	if c.Jobs, err = seedsAtATime(c.Jobs); err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	if c.Dir == "" {
		c.Dir = "docs"
		if len(c.Cells) > 0 {
			c.Dir = filepath.Join("out", "matrix")
		}
	}
	header, err := programHeader()
	if err != nil {
		return err
	}
	r := &matrixRun{cmd: c, cells: cells}
	if err := r.open(header); err != nil {
		return &exitError{exitUsage, fmt.Sprintf("--state %s: %v: use --fresh to start anew, or another --state", c.State, err)}
	}
	table, err := r.run(header)
	if err != nil {
		return err
	}
	return c.publish(table)
}

// choose returns the cells that --cells names, in the table's order.
func (c *matrixCmd) choose() ([]matrix.Cell, error) {
	all := matrix.Cells()
	if len(c.Cells) == 0 {
		return all, nil
	}
	var list []matrix.Cell
	found := make([]bool, len(c.Cells))
	for i := range all {
		wanted := false
		for k, pattern := range c.Cells {
			match, err := path.Match(pattern, all[i].ID())
			if err != nil {
				return nil, fmt.Errorf("--cells: %q: %w", pattern, err)
			}
			found[k] = found[k] || match
			wanted = wanted || match
		}
		if wanted {
			list = append(list, all[i])
		}
	}
	for k, pattern := range c.Cells {
		if !found[k] {
			return nil, fmt.Errorf("--cells: no cell is %q: --list names them, such as %s", pattern, all[0].ID())
		}
	}
	return list, nil
}

// programHeader binds the state to this very program.
func programHeader() (matrix.Header, error) {
	name, err := os.Executable()
	if err != nil {
		return matrix.Header{}, err
	}
	f, err := os.Open(name)
	if err != nil {
		return matrix.Header{}, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return matrix.Header{}, err
	}
	return matrix.Header{Build: buildID(), Executable: hex.EncodeToString(h.Sum(nil)[:8])}, nil
}

// publish writes the page and the CSV, and says what is wrong.
func (c *matrixCmd) publish(t *matrix.Table) error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	const csvName = "consistency.csv"
	page := filepath.Join(c.Dir, "consistency.md")
	if err := writeFile(page, func(w io.Writer) error { return t.WriteMarkdown(w, csvName) }); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(c.Dir, csvName), t.WriteCSV); err != nil {
		return err
	}
	if c.JSON {
		if err := t.WriteJSON(os.Stdout); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "%d cells, %d seeds each: %s\n", len(t.Cells), t.Seeds, page)
	wrong := t.Contradicted()
	if t.Seeds < enoughSeeds {
		wrong = nil // what is rare need not show
	}
	if n := t.Bugs(); n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d seeds violate what their setting promises: see the end of %s", n, page))
	}
	if len(wrong) > 0 {
		return &exitError{exitFailed, "contradicted: " + strings.Join(wrong, "\ncontradicted: ")}
	}
	return nil
}

// enoughSeeds is from where the table is held against theory.
const enoughSeeds = 500
