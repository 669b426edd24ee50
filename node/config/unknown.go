package config

import (
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml/ast"
)

// unknownKeys reports every key below n that type t has no field for; the
// decoder would stop at the first. What an alias stands for is left to the decoder.
func (l *loader) unknownKeys(n ast.Node, t reflect.Type) {
	switch n := n.(type) {
	case *ast.MappingNode:
		if t.Kind() != reflect.Struct {
			return
		}
		for _, v := range n.Values {
			l.unknownKey(v, t)
		}
	case *ast.MappingValueNode:
		if t.Kind() == reflect.Struct {
			l.unknownKey(n, t)
		}
	case *ast.SequenceNode:
		if t.Kind() != reflect.Slice {
			return
		}
		for _, v := range n.Values {
			l.unknownKeys(v, t.Elem())
		}
	}
}

func (l *loader) unknownKey(v *ast.MappingValueNode, t reflect.Type) {
	at := v.Key.GetToken()
	if at == nil || at.Position == nil || v.Key.IsMergeKey() {
		return
	}
	for i := range t.NumField() {
		if f := t.Field(i); yamlName(f) == at.Value {
			l.unknownKeys(v.Value, f.Type)
			return
		}
	}
	l.problems = append(l.problems, Problem{Source: l.source, Line: at.Position.Line, Column: at.Position.Column, Message: unknownKey(at.Value)})
}

func unknownKey(name string) string {
	return fmt.Sprintf("unknown key %q, the keys are listed in docs/configuration.md", name)
}
