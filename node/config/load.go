package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Problem is one thing wrong with a configuration.
type Problem struct {
	Source       string // the file, or QUORATE_LISTEN_HTTP, or --listen.http
	Line, Column int    // 1-based; 0 outside a file, or where a key is missing
	Key          string // members[1].id
	Message      string // what is wrong and what is allowed
}

func (p Problem) String() string {
	s := p.Source
	if p.Line > 0 {
		s = fmt.Sprintf("%s:%d:%d", s, p.Line, p.Column)
	}
	if p.Key != "" {
		s += ": " + p.Key
	}
	return s + ": " + p.Message
}

// Problems is everything wrong with a configuration, in the order of the file.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].String()
	}
	return strings.Join(lines, "\n")
}

// Load reads the file at path, or the defaults of a single node if path is "".
// env holds "NAME=value" pairs, of which QUORATE_LISTEN_HTTP and its kin count;
// overrides holds flags by key ("listen.http"). Relative paths in the file
// become relative to its directory. The error is Problems, or that of reading the file.
func Load(path string, env []string, overrides map[string]string) (*File, error) {
	l := newLoader(path)
	if path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("the configuration cannot be read: %w", err)
		}
		l.read(b)
		if data := l.file.Node.Data; data != "" && !filepath.IsAbs(data) {
			l.file.Node.Data = filepath.Join(filepath.Dir(path), data)
		}
		if l.file.Node.Data == "" {
			l.file.Node.Data = filepath.Join(filepath.Dir(path), "data")
		}
	} else {
		l.source = "configuration"
	}
	if !l.unreadable {
		l.override(env, overrides)
	}
	return l.finish()
}

// Parse is Load for a file that is already read; name stands for it in errors.
func Parse(name string, content []byte) (*File, error) {
	l := newLoader(name)
	l.read(content)
	return l.finish()
}

type loader struct {
	source     string
	file       *File
	unreadable bool // what is not YAML says nothing about its keys
	problems   Problems

	at      map[string]*token.Position // key → where the file has it
	origin  map[string]string          // key → variable or flag that set it
	empties map[string]empty           // keys that were given "" or 0
	broken  map[string]bool            // keys that have a problem already
	anchors map[string][]*ast.AnchorNode
	values  int // read so far
}

func newLoader(source string) *loader {
	return &loader{
		source: source, file: &File{}, at: map[string]*token.Position{}, origin: map[string]string{},
		empties: map[string]empty{}, broken: map[string]bool{}, anchors: map[string][]*ast.AnchorNode{},
	}
}

// finish checks what was read and returns it, or everything that is wrong with it.
func (l *loader) finish() (*File, error) {
	if !l.unreadable {
		l.validate()
	}
	if len(l.problems) > 0 {
		slices.SortStableFunc(l.problems, func(a, b Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, l.problems
	}
	return l.file, nil
}

// add reports a problem with a key, wherever its value came from. The first
// problem of a key is the one that counts: the others follow from it.
func (l *loader) add(key, message string) {
	if l.reported(key) {
		return
	}
	p := Problem{Source: l.source, Key: key, Message: message}
	if from, ok := l.origin[key]; ok {
		p.Source = from
	} else if pos := l.locate(key); pos != nil {
		p.Line, p.Column = pos.Line, pos.Column
	}
	l.report(p)
	l.broken[key] = true
}

// report adds a problem, but none twice: an alias repeats those of its anchor.
func (l *loader) report(p Problem) {
	same := func(q Problem) bool {
		return q.Source == p.Source && q.Line == p.Line && q.Column == p.Column && q.Message == p.Message
	}
	if p.Line == 0 || !slices.ContainsFunc(l.problems, same) {
		l.problems = append(l.problems, p)
	}
}

// reported tells whether a key, or a section around it, has a problem.
func (l *loader) reported(key string) bool {
	for ; key != ""; key = around(key) {
		if l.broken[key] {
			return true
		}
	}
	return false
}

// sound tells whether nothing is wrong with the keys, nor with anything below
// them: what follows from them can be judged.
func (l *loader) sound(keys ...string) bool {
	for _, key := range keys {
		if l.reported(key) {
			return false
		}
		for bad := range l.broken {
			if strings.HasPrefix(bad, key+".") || strings.HasPrefix(bad, key+"[") {
				return false
			}
		}
	}
	return true
}

// locate is where the file has a key, or the nearest section around it.
func (l *loader) locate(key string) *token.Position {
	for ; key != "" && l.at[key] == nil; key = around(key) {
	}
	return l.at[key]
}

// around names the section that a key is in, "" for the file.
func around(key string) string { return key[:max(strings.LastIndexAny(key, ".["), 0)] }
