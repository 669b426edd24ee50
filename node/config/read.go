package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxValues bounds the values of a file once its aliases are followed, which
// may go in circles. 1,024 members have 6,000 of their own.
const maxValues = 20_000

// empty is a key that was given "" or 0, which is the zero value of its field
// and so could be taken for one that was left out.
type empty struct {
	value any
	rules string // as emptyRules
}

// emptyRules are what a field demands of a value that is given as "" or 0: to
// leave a key out is to take its default, and to write 0 is not.
func emptyRules(f reflect.StructField) string {
	rules, optional := strings.CutPrefix(f.Tag.Get("validate"), "omitempty,")
	if !optional || f.Tag.Get("empty") == "allowed" || f.Type.Kind() == reflect.Pointer { // which tells 0 from nothing
		return ""
	}
	return rules
}

// read fills the file from YAML, value by value: the library's own decoder stops
// at the first mistake. Only a file that is not YAML is reported by that alone.
func (l *loader) read(b []byte) {
	tree, err := parse(b)
	if err == nil && len(tree.Docs) > 1 {
		err = errors.New("the file has several documents, one is allowed")
	}
	if err != nil {
		l.unreadable = true
		p := Problem{Source: l.source}
		var at yaml.Error
		if !errors.As(err, &at) {
			p.Message = err.Error()
		} else { // whose Error method draws the source, and panics for some inputs
			p.Message = at.GetMessage()
			if t := at.GetToken(); t != nil && t.Position != nil {
				p.Line, p.Column = t.Position.Line, t.Position.Column
			}
		}
		l.report(p)
		return
	}
	for _, d := range tree.Docs {
		if d.Body != nil { // an empty file is the defaults
			ast.Walk(l, d.Body)
			l.take(d.Body, reflect.ValueOf(l.file).Elem(), "", "")
		}
	}
}

// parse reads the tree. The YAML library panics on some broken files; to
// whoever wrote the file that is one more syntax error.
func parse(b []byte) (tree *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("this is not YAML that can be read: %v", r)
		}
	}()
	return parser.ParseBytes(b, 0)
}

// Visit implements ast.Visitor: it gathers the anchors, for their aliases.
func (l *loader) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok {
		name := a.Name.GetToken().Value
		l.anchors[name] = append(l.anchors[name], a)
	}
	return l
}

// take reads a node into the field of a key. rules is its emptyRules.
func (l *loader) take(n ast.Node, field reflect.Value, key, rules string) {
	if l.values++; l.values > maxValues {
		l.report(Problem{Source: l.source, Line: 1, Column: 1,
			Message: fmt.Sprintf("the file has more than %d values with its aliases, or they go in circles", maxValues)})
		return
	}
	n, at, why := l.resolve(n)
	if _, ok := n.(*ast.NullNode); why == "" && (n == nil || ok) { // "listen:" with nothing after it is left out
		return
	}
	if at != nil {
		l.at[key] = at.Position
	}
	if why != "" {
		l.add(key, why)
		return
	}
	switch field.Kind() {
	case reflect.Struct:
		if m, ok := n.(ast.MapNode); ok {
			l.section(m, field, key)
		} else {
			l.misshapen(n, key, "a section with keys of its own is expected")
		}
	case reflect.Slice:
		if s, ok := n.(*ast.SequenceNode); ok {
			l.list(s, field, key)
		} else {
			l.misshapen(n, key, "a list is expected")
		}
	default:
		text, ok := scalar(n)
		if !ok {
			l.misshapen(n, key, "one value is expected")
			return
		}
		l.assign(field, text, key, rules)
	}
}

// section reads the keys of a mapping. Those that it merges in ("<<: *other")
// come first: its own go over them.
func (l *loader) section(m ast.MapNode, section reflect.Value, key string) {
	var first *token.Token
	for _, merges := range []bool{true, false} {
		for i := m.MapRange(); i.Next(); {
			at := i.Key().GetToken()
			switch {
			case at == nil || at.Position == nil || i.Key().IsMergeKey() != merges:
			case merges:
				l.merge(i.Value(), section, key)
			default:
				l.key(at, i.Value(), section, key)
			}
			if first == nil {
				first = at
			}
		}
	}
	if first != nil && first.Position != nil {
		l.at[key] = first.Position
	}
}

// merge takes the keys of one mapping, or of several, into a section.
func (l *loader) merge(n ast.Node, section reflect.Value, key string) {
	if list, ok := n.(*ast.SequenceNode); ok {
		for i := len(list.Values) - 1; i >= 0; i-- { // the first of them counts most
			l.take(list.Values[i], section, key, "")
		}
		return
	}
	l.take(n, section, key, "")
}

func (l *loader) key(at *token.Token, n ast.Node, section reflect.Value, key string) {
	name := at.Value
	if key != "" {
		name = key + "." + at.Value
	}
	for i := range section.NumField() {
		if f := section.Type().Field(i); yamlName(f) == at.Value {
			delete(l.empties, name) // of a mapping merged in
			l.take(n, section.Field(i), name, emptyRules(f))
			return
		}
	}
	l.report(Problem{Source: l.source, Line: at.Position.Line, Column: at.Position.Column,
		Message: fmt.Sprintf("unknown key %q, the keys are listed in docs/configuration.md", at.Value)})
	l.broken[name] = true
}

func (l *loader) list(s *ast.SequenceNode, list reflect.Value, key string) {
	list.Set(reflect.MakeSlice(list.Type(), len(s.Values), len(s.Values)))
	for i, n := range s.Values {
		l.take(n, list.Index(i), fmt.Sprintf("%s[%d]", key, i), "")
	}
}

// resolve finds the value that a node stands for, and where it is in the file:
// at the alias, if it is one.
func (l *loader) resolve(n ast.Node) (value ast.Node, at *token.Token, why string) {
	const mostSteps = 16 // an alias may be of an alias, and so on
	for range mostSteps {
		switch a := n.(type) {
		case nil:
			return nil, nil, ""
		case *ast.AnchorNode:
			n = a.Value
		case *ast.TagNode:
			switch kind := token.ReservedTagKeyword(a.Start.Value); kind {
			case token.StringTag, token.IntegerTag, token.MappingTag, token.SequenceTag:
				n = a.Value
			default:
				return nil, a.Start, fmt.Sprintf("has the tag %s, leave it out", a.Start.Value)
			}
		case *ast.AliasNode:
			if at == nil {
				at = a.Start
			}
			name := a.Value.GetToken().Value
			n = l.anchor(name, a.Start)
			if n == nil {
				return nil, at, fmt.Sprintf("there is no anchor &%s before this alias", name)
			}
		default:
			if at == nil {
				at = n.GetToken()
			}
			return n, at, ""
		}
	}
	return n, n.GetToken(), "this alias stands for itself"
}

// anchor is the last one of that name before an alias.
func (l *loader) anchor(name string, alias *token.Token) ast.Node {
	var found ast.Node
	for _, a := range l.anchors[name] {
		if a.Start.Position.Offset < alias.Position.Offset {
			found = a
		}
	}
	return found
}

// scalar is a value as it is written, without its quotes.
func scalar(n ast.Node) (text string, ok bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// misshapen reports a value where there should be a section, or the like.
func (l *loader) misshapen(n ast.Node, key, expected string) {
	is := "this is a section"
	if _, ok := n.(*ast.SequenceNode); ok {
		is = "this is a list"
	} else if text, ok := scalar(n); ok {
		is = fmt.Sprintf("%q is one value", text)
	}
	l.add(key, is+", "+expected)
}

// assign sets a field from its text.
func (l *loader) assign(field reflect.Value, text, key, rules string) {
	if field.Kind() == reflect.Pointer {
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	switch field.Kind() {
	case reflect.String:
		field.SetString(text)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			l.add(key, fmt.Sprintf("%q is not a whole number", text))
			return
		}
		field.SetInt(int64(n))
	default:
		panic("config: no way to set " + key)
	}
	if field.IsZero() && rules != "" {
		l.empties[key] = empty{field.Interface(), rules}
	}
}
