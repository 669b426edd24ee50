package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
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
	l := loader{source: path, origin: map[string]string{}, file: &File{}}
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
	if !l.halfRead { // which would only give follow-up errors
		l.override(env, overrides)
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

// Parse is Load for a file that is already read; name stands for it in errors.
func Parse(name string, content []byte) (*File, error) {
	l := loader{source: name, origin: map[string]string{}, file: &File{}}
	if l.read(content); !l.halfRead {
		l.validate()
	}
	if len(l.problems) > 0 {
		return nil, l.problems
	}
	return l.file, nil
}

type loader struct {
	source   string
	file     *File
	tree     *ast.File
	origin   map[string]string // key → variable or flag that set it
	problems Problems
	halfRead bool // the decoder has stopped somewhere
}

// read decodes a file strictly: unknown and repeated keys are errors.
func (l *loader) read(b []byte) {
	err := l.decode(b, yaml.Strict())
	if l.tree != nil {
		for _, d := range l.tree.Docs {
			l.unknownKeys(d.Body, reflect.TypeFor[File]())
		}
	}
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) && len(l.problems) > 0 {
		*l.file = File{} // the unknown ones are reported; the others are read nevertheless
		err = l.decode(b)
	}
	if err == nil && len(l.tree.Docs) > 1 {
		l.problems = append(l.problems, Problem{Source: l.source, Message: "the file has several documents, one is allowed"})
		l.halfRead = true
	}
	if err == nil || errors.Is(err, io.EOF) { // an empty file is the defaults
		return
	}
	l.halfRead = true
	p := Problem{Source: l.source}
	var at yaml.Error
	if !errors.As(err, &at) {
		p.Message = err.Error()
	} else { // whose Error method draws the source, and panics for some inputs
		p.Message = plain(at)
		if t := at.GetToken(); t != nil && t.Position != nil {
			p.Line, p.Column = t.Position.Line, t.Position.Column
		}
	}
	l.problems = append(l.problems, p)
}

// decode fills the tree and the file. The YAML library panics on some broken
// files; to whoever wrote the file that is one more syntax error.
func (l *loader) decode(b []byte, options ...yaml.DecodeOption) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("this is not YAML that can be read: %v", r)
		}
	}()
	if l.tree, err = parser.ParseBytes(b, 0); err != nil {
		return err
	}
	return yaml.NewDecoder(bytes.NewReader(b), options...).Decode(l.file)
}

// plain says in the terms of the file what the decoder says in those of Go.
func plain(err yaml.Error) string {
	m := err.GetMessage()
	var unknown *yaml.UnknownFieldError
	if errors.As(err, &unknown) {
		if t := err.GetToken(); t != nil {
			return unknownKey(t.Value)
		}
	}
	var mismatch *yaml.TypeError
	if errors.As(err, &mismatch) && err.GetToken() != nil {
		want := strings.NewReplacer("*int", "a whole number", "int", "a whole number", "string", "text").Replace(mismatch.DstType.String())
		return fmt.Sprintf("%q is not %s", err.GetToken().Value, want)
	}
	return m
}

// add reports a problem with a key, wherever its value came from.
func (l *loader) add(key, message string) {
	p := Problem{Source: l.source, Key: key, Message: message}
	if from, ok := l.origin[key]; ok {
		p.Source = from
	} else if n := l.locate(key); n != nil {
		pos := n.GetToken().Position
		p.Line, p.Column = pos.Line, pos.Column
	}
	l.problems = append(l.problems, p)
}

// locate finds the node of a key, or of the nearest section around it.
func (l *loader) locate(key string) ast.Node {
	if l.tree == nil {
		return nil
	}
	for key != "" {
		if path, err := yaml.PathString("$." + key); err == nil {
			if n, err := path.FilterFile(l.tree); err == nil && n != nil {
				if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
					return m.Values[0].Key
				}
				return n
			}
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return nil
}
