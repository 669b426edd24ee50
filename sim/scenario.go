package sim

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Scenario shapes what seeds draw. It is a YAML file: sections with settings,
// see knobs.go; what a file leaves out is as in scenarios/default.yaml.
type Scenario struct {
	Name  string
	About string
	p     profile
	// changes are the settings that Set overrode, as the flags that repeat them.
	changes []string
}

//go:embed scenarios/*.yaml
var shipped embed.FS // immutable: files of the binary

// base is the scenario that the others start from.
const base = "default"

// ScenarioNames lists the scenarios that come with the program, the default first.
func ScenarioNames() []string {
	files, err := shipped.ReadDir("scenarios")
	if err != nil {
		panic(fmt.Sprintf("sim: the shipped scenarios can't be read: %v", err)) // they are in the binary
	}
	names := []string{base}
	for _, f := range files { // in order of name
		if name := strings.TrimSuffix(f.Name(), ".yaml"); name != base {
			names = append(names, name)
		}
	}
	return names
}

// Scenarios lists the scenarios that come with the program, the default first.
func Scenarios() []Scenario {
	var list []Scenario
	for _, name := range ScenarioNames() {
		s, err := FindScenario(name)
		if err != nil {
			panic(fmt.Sprintf("sim: a shipped scenario is wrong: %v", err)) // a test reads them all
		}
		list = append(list, *s)
	}
	return list
}

// FindScenario returns a scenario by name. The error lists the names.
func FindScenario(name string) (*Scenario, error) {
	names := ScenarioNames()
	if !slices.Contains(names, name) {
		return nil, fmt.Errorf("unknown scenario %q: use %s", name, strings.Join(names, ", "))
	}
	text, err := shipped.ReadFile(path.Join("scenarios", name+".yaml"))
	if err != nil {
		return nil, err
	}
	return readOver(name, name+".yaml", text)
}

// ReadScenario reads the text of a scenario file. The error names file, line and
// column and says what is allowed there.
func ReadScenario(file string, text []byte) (*Scenario, error) {
	return readOver(file, file, text)
}

func readOver(name, file string, text []byte) (*Scenario, error) {
	s := &Scenario{}
	if name != base {
		var err error
		if s, err = FindScenario(base); err != nil {
			return nil, err
		}
	}
	s.Name, s.p.about = name, ""
	if err := s.read(file, text); err != nil {
		return nil, err
	}
	s.About = s.p.about
	return s, nil
}

// Set overrides one setting, written as section.name=value.
func (s *Scenario) Set(assignment string) error {
	key, value, ok := strings.Cut(assignment, "=")
	key = strings.TrimSpace(key)
	if !ok {
		return fmt.Errorf("%q: use KEY=VALUE, such as workload.clients=4", assignment)
	}
	for _, k := range s.p.knobs() {
		if k.key != key {
			continue
		}
		tree, err := parse([]byte(value))
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		p := &problem{message: "the value is missing: use " + k.allowed}
		if len(tree.Docs) == 1 && tree.Docs[0].Body != nil {
			p = k.set(tree.Docs[0].Body)
		}
		if p != nil {
			return fmt.Errorf("%s: %s", key, p.message)
		}
		s.changes = append(s.changes, assignment)
		return nil
	}
	return errors.New(s.unknown(key))
}

// Check reports settings that are right one by one and not together. Reading a
// file does it too: call it after the last Set.
func (s *Scenario) Check() error {
	if message := s.p.idleScripts(); message != "" {
		return errors.New(message)
	}
	return nil
}

// Changes are the assignments that Set has made, in order.
func (s *Scenario) Changes() []string { return slices.Clone(s.changes) }

// Setting is one line of what can be set.
type Setting struct{ Key, Value, Allowed, About string }

// Settings lists every setting with its value in this scenario.
func (s *Scenario) Settings() []Setting {
	var list []Setting
	for _, k := range s.p.knobs() {
		list = append(list, Setting{k.key, k.show(), k.allowed, k.about})
	}
	return list
}

// parse reads YAML. The library panics on some broken files.
func parse(text []byte) (tree *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			// determinism: it panics with texts and errors
			err = fmt.Errorf("this is not YAML that can be read: %v", r)
		}
	}()
	return parser.ParseBytes(text, 0)
}

// read sets what a file sets.
func (s *Scenario) read(file string, text []byte) error {
	tree, err := parse(text)
	if err != nil {
		return fmt.Errorf("%s:%w", file, position(err))
	}
	if len(tree.Docs) == 0 || tree.Docs[0].Body == nil {
		return fmt.Errorf("%s:1:1: the file is empty: write at least about: and what the scenario is for", file)
	}
	if err := oneDocument(tree); err != nil {
		return fmt.Errorf("%s:%w", file, err)
	}
	r := reader{scenario: s, knobs: map[string]knob{}, seen: map[string]ast.Node{}}
	for _, k := range s.p.knobs() {
		r.knobs[k.key] = k
	}
	if p := r.section("", tree.Docs[0].Body); p != nil {
		at := p.node.GetToken().Position
		return fmt.Errorf("%s:%d:%d: %s", file, at.Line, at.Column, p.message)
	}
	if message := s.p.idleScripts(); message != "" {
		at := r.at("scripts.kinds", "scripts.number", "scripts")
		return fmt.Errorf("%s:%d:%d: %s", file, at.Line, at.Column, message)
	}
	if s.p.about == "" {
		return fmt.Errorf("%s:1:1: about is missing: say in a line what the scenario is for", file)
	}
	return nil
}

// reader walks through a file.
type reader struct {
	scenario *Scenario
	knobs    map[string]knob
	seen     map[string]ast.Node
}

// at is where the first of some settings is that the file has.
func (r *reader) at(keys ...string) token.Position {
	for _, key := range keys {
		if n := r.seen[key]; n != nil {
			return *n.GetToken().Position
		}
	}
	return token.Position{Line: 1, Column: 1}
}

func (r *reader) section(prefix string, n ast.Node) *problem {
	values, ok := mapping(n)
	if !ok {
		return &problem{n, "use settings here, each a name, a colon and a value"}
	}
	for _, v := range values {
		name, _ := scalar(v.Key)
		key := prefix + name
		if r.seen[key] != nil {
			return &problem{v.Key, key + " is there twice"}
		}
		r.seen[key] = v.Key
		k, ok := r.knobs[key]
		switch {
		case ok:
			if p := k.set(v.Value); p != nil {
				if p.node == nil || p.node.GetToken() == nil {
					p.node = v.Key
				}
				return &problem{p.node, key + ": " + p.message}
			}
		case prefix == "" && len(r.scenario.below(name)) > 0:
			if p := r.section(name+".", v.Value); p != nil {
				return p
			}
		default:
			return &problem{v.Key, r.scenario.unknown(key)}
		}
	}
	return nil
}

// below lists the names of a section's settings.
func (s *Scenario) below(section string) []string {
	var names []string
	for _, k := range s.p.knobs() {
		if rest, ok := strings.CutPrefix(k.key, section+"."); ok {
			names = append(names, rest)
		}
	}
	return names
}

// unknown says what is allowed instead of a key.
func (s *Scenario) unknown(key string) string {
	section, _, _ := strings.Cut(key, ".")
	if names := s.below(section); len(names) > 0 {
		return fmt.Sprintf("unknown setting %s: %s has %s", key, section, strings.Join(names, ", "))
	}
	var sections []string
	for _, k := range s.p.knobs() {
		if name, _, _ := strings.Cut(k.key, "."); !slices.Contains(sections, name) {
			sections = append(sections, name)
		}
	}
	return fmt.Sprintf("unknown setting %s: use %s", key, strings.Join(sections, ", "))
}
