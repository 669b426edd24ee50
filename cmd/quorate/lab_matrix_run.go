package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"golang.org/x/sync/errgroup"

	"github.com/quoratedb/quorate/sim"
	"github.com/quoratedb/quorate/sim/matrix"
)

// matrixRun runs the cells chunk by chunk and keeps each chunk in the state file.
type matrixRun struct {
	cmd   *matrixCmd
	cells []matrix.Cell
	done  map[matrix.ChunkKey]*matrix.Tally
	state *os.File
}

// chunkSeeds is how many seeds at most are lost when a run is broken off.
const chunkSeeds = 25

// open reads the state file, cuts off a line that was not finished, and leaves
// the file open to go on.
func (r *matrixRun) open(header matrix.Header) error {
	name := r.cmd.State
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if r.cmd.Fresh {
		text = nil
	}
	kept := 0
	if r.done, kept, err = matrix.ReadState(text, header); err != nil {
		return err
	}
	if r.state, err = os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		return err
	}
	if err := r.state.Truncate(int64(kept)); err != nil {
		return err
	}
	if _, err := r.state.Seek(int64(kept), 0); err != nil {
		return err
	}
	if kept == 0 {
		return r.write(header)
	}
	return nil
}

func (r *matrixRun) write(line any) error {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(line); err != nil {
		return err
	}
	_, err := r.state.Write(b.Bytes())
	return err
}

// chunks lists the chunks of a cell.
func (r *matrixRun) chunks(cell *matrix.Cell) []matrix.ChunkKey {
	var list []matrix.ChunkKey
	for at := 0; at < r.cmd.Seeds; at += chunkSeeds {
		list = append(list, matrix.ChunkKey{Cell: cell.ID(), From: r.cmd.First + uint64(at), N: min(chunkSeeds, r.cmd.Seeds-at)})
	}
	return list
}

// run runs what is not done yet, and adds everything up in the order of cells
// and seeds.
func (r *matrixRun) run(header matrix.Header) (*matrix.Table, error) {
	defer r.state.Close()
	results := make(chan matrix.Chunk)
	var workers errgroup.Group
	workers.SetLimit(r.cmd.Jobs)
	total := 0
	for i := range r.cells {
		total += len(r.chunks(&r.cells[i]))
	}
	failed := make(chan error, 1)
	go func() {
		for i := range r.cells {
			for _, key := range r.chunks(&r.cells[i]) {
				if r.done[key] != nil {
					continue
				}
				workers.Go(func() error {
					t, err := r.cells[i].Run(key.From, key.N, sim.Options{Where: panicOrigin})
					if err == nil {
						results <- matrix.Chunk{Cell: key.Cell, From: key.From, N: key.N, Tally: t}
					}
					return err
				})
			}
		}
		failed <- workers.Wait()
		close(results)
	}()
	fresh := map[matrix.ChunkKey]*matrix.Tally{}
	p := newMatrixProgress(total, r.count())
	var broken error
	for c := range results {
		if broken == nil {
			broken = r.write(&c)
		}
		fresh[c.Key()] = c.Tally
		p.step(c.Cell)
	}
	p.end()
	if err := errors.Join(<-failed, broken); err != nil {
		return nil, err
	}
	for k, t := range fresh {
		r.done[k] = t
	}
	table := &matrix.Table{Build: header.Build, First: r.cmd.First, Seeds: r.cmd.Seeds}
	for i := range r.cells {
		res := matrix.Result{Cell: r.cells[i]}
		for _, key := range r.chunks(&r.cells[i]) {
			res.Tally.Add(r.done[key])
		}
		table.Cells = append(table.Cells, res)
	}
	return table, nil
}

// count is how many of the chunks are done.
func (r *matrixRun) count() int {
	n := 0
	for i := range r.cells {
		for _, key := range r.chunks(&r.cells[i]) {
			if r.done[key] != nil {
				n++
			}
		}
	}
	return n
}

// matrixProgress says how far the run is: a bar on a terminal, a line per
// twentieth elsewhere.
type matrixProgress struct {
	terminal           bool
	total, done, begin int
	began, shown       time.Time
	said               int
}

func newMatrixProgress(total, done int) *matrixProgress {
	p := &matrixProgress{terminal: isatty.IsTerminal(os.Stderr.Fd()), total: total, done: done, begin: done, began: time.Now(), said: -1}
	if done > 0 && done < total {
		fmt.Fprintf(os.Stderr, "going on: %d of %d seeds are done\n", done*chunkSeeds, total*chunkSeeds)
	}
	return p
}

const barWidth = 40

func (p *matrixProgress) step(cell string) {
	p.done++
	now := time.Now()
	left := time.Duration(float64(now.Sub(p.began)) / float64(p.done-p.begin) * float64(p.total-p.done)).Round(time.Second)
	switch {
	case p.terminal && now.Sub(p.shown) > 200*time.Millisecond:
		p.shown = now
		full := barWidth * p.done / p.total
		fmt.Fprintf(os.Stderr, "\r\x1b[K[%s%s] %d%%  %v left  %s", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), 100*p.done/p.total, left, cell)
	case !p.terminal && 20*p.done/p.total > p.said:
		p.said = 20 * p.done / p.total
		fmt.Fprintf(os.Stderr, "%3d%%  %v left  %s\n", 100*p.done/p.total, left, cell)
	}
}

func (p *matrixProgress) end() {
	if p.terminal {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
