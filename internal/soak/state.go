package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// state is what the next run goes on from.
type state struct {
	Next   map[string]uint64 `json:"next"`   // seed, by scenario
	Builds map[string]*count `json:"builds"` // by what buildID says
}

// count is what one build has run.
type count struct {
	OK        int            `json:"ok"`
	Alarms    int            `json:"alarms"`
	Undecided int            `json:"undecided"`
	Seeds     map[string]int `json:"seeds"` // by scenario
}

// firstSeed keeps away from the seeds that tests and planted bugs use.
const firstSeed = 1_000_000_001

// load reads the state; none is an empty one.
func load(file string) (*state, error) {
	s := &state{}
	text, err := os.ReadFile(file)
	if err == nil {
		if err := json.Unmarshal(text, s); err != nil {
			return nil, fmt.Errorf("%s: %w: repair it, or delete it to count from the first seed again", file, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if s.Next == nil {
		s.Next = map[string]uint64{}
	}
	if s.Builds == nil {
		s.Builds = map[string]*count{}
	}
	return s, nil
}

// save replaces the state as a whole, so that an interrupted run leaves the old one.
func (s *state) save(file string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// take reserves n seeds of a scenario and returns the first.
func (s *state) take(scenario string, n uint64) uint64 {
	first := max(s.Next[scenario], firstSeed)
	s.Next[scenario] = first + n
	return first
}

func (s *state) build(id string) *count {
	c := s.Builds[id]
	if c == nil {
		c = &count{}
		s.Builds[id] = c
	}
	if c.Seeds == nil {
		c.Seeds = map[string]int{}
	}
	return c
}

func (s *state) total() int {
	n := 0
	for _, c := range s.Builds {
		n += c.OK + c.Alarms + c.Undecided
	}
	return n
}

func (c *count) add(scenario string, r result) {
	c.OK += r.ok
	c.Alarms += r.alarms
	c.Undecided += r.undecided
	c.Seeds[scenario] += r.ok + r.alarms + r.undecided
}

func (c *count) names() iter.Seq[string] { return maps.Keys(c.Seeds) }

// simulated are the folders whose contents make a seed what it is.
var simulated = []string{"actors", "ring", "wal", "sim", "linearizability"}

// buildID digests the sources of what is simulated and of the simulator. The
// program's own version would change with every commit.
func buildID(root string) (string, error) {
	h := sha256.New()
	for _, dir := range simulated {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			fmt.Fprintf(h, "%s %d\n%s", filepath.ToSlash(rel), len(text), text)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:12], nil
}
