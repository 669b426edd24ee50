// Package overlay turns failpoint markers on for one build, without touching a
// source file: it writes rewritten copies of the files that contain markers,
// and an overlay for `go build -overlay` that puts the copies in their place.
//
//	go run ./internal/overlay/cmd/overlay -out DIR   # prints DIR/overlay.json
//	go build -overlay DIR/overlay.json -o bin/quorate-bugs ./cmd/quorate
//	GO_FAILPOINTS='.../quorum/bug-14-half-is-a-majority=return(true)' bin/quorate-bugs sim --seed 1
//
// In a plain build a marker is a call of an empty function. An overlay needs no
// -toolexec, which go vet, gopls and the build cache don't get along with.
package overlay

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Marker is one failpoint in the source.
type Marker struct {
	Name    string `json:"name"`    // bug-14-half-is-a-majority
	Package string `json:"package"` // import path
	Enable  string `json:"enable"`  // what failpoint.Enable and GO_FAILPOINTS call it: package/name
	File    string `json:"file"`    // relative to the module's root, slashes
	Line    int    `json:"line"`
}

// nameForm is what a marker may be called: planted bugs are bug-N-slug, changes
// that must not be convicted are noop-N-slug.
var nameForm = regexp.MustCompile(`^(bug|noop)-[1-9][0-9]*(-[a-z0-9]+)+$`)

// Result is what Generate has written.
type Result struct {
	Path    string   // of the overlay file
	Markers []Marker // by file and line
}

// Generate rewrites the marked files of the module at root into dir and writes
// dir/overlay.json. It fails if a marker has a wrong name or could not be
// rewritten: a bug that can't be switched on would look like one that nothing
// convicts.
func Generate(root, dir string) (Result, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return Result{}, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return Result{}, err
	}
	files, err := markedFiles(root)
	if err != nil {
		return Result{}, err
	}
	replace := map[string]string{}
	var markers []Marker
	for _, f := range files {
		text, err := f.rewrite()
		if err != nil {
			return Result{}, err
		}
		copied := filepath.Join(dir, filepath.FromSlash(f.rel))
		if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
			return Result{}, err
		}
		if err := os.WriteFile(copied, text, 0o644); err != nil {
			return Result{}, err
		}
		replace[f.path] = copied
		markers = append(markers, f.markers...)
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "  ")
	if err != nil {
		return Result{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Result{}, err
	}
	// A module of its own: the patterns ./... of the one around it leave the copies out.
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module overlay\n"), 0o644); err != nil {
		return Result{}, err
	}
	path := filepath.Join(dir, "overlay.json")
	return Result{Path: path, Markers: markers}, os.WriteFile(path, append(text, '\n'), 0o644)
}

// List returns every marker of the module at root, by file and line.
func List(root string) ([]Marker, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	files, err := markedFiles(root)
	if err != nil {
		return nil, err
	}
	markers := []Marker{}
	for _, f := range files {
		markers = append(markers, f.markers...)
	}
	return markers, nil
}

// ModuleRoot returns the nearest directory at or above dir with a go.mod.
func ModuleRoot(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("overlay: no go.mod in %s or above", dir)
		}
	}
}

func modulePath(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("overlay: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return strings.Trim(strings.TrimSpace(rest), `"`), nil
		}
	}
	return "", fmt.Errorf("overlay: %s/go.mod has no module line", root)
}

// markedFiles finds the Go files below root that contain markers, by path.
// Tests, nested modules and what the go tool ignores are left out.
func markedFiles(root string) ([]*markedFile, error) {
	module, err := modulePath(root)
	if err != nil {
		return nil, err
	}
	var files []*markedFile
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != root && ignored(path, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := readMarked(root, module, path)
		if err != nil {
			return err
		}
		if f != nil {
			files = append(files, f)
		}
		return nil
	})
	slices.SortFunc(files, func(a, b *markedFile) int { return strings.Compare(a.rel, b.rel) })
	return files, err
}

// ignored reports whether the go tool, or the repository's layout, keeps
// sources of other kinds in a directory.
func ignored(path, name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") {
		return true
	}
	if slices.Contains([]string{"testdata", "vendor", "bin", "data", "out"}, name) {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}
