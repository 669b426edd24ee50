package sim

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// position says line, column and what is wrong of an error of the YAML library,
// whose own text draws the source and panics for some inputs.
func position(err error) error {
	var at yaml.Error
	if !errors.As(err, &at) {
		return fmt.Errorf(" %w", err)
	}
	if t := at.GetToken(); t != nil && t.Position != nil {
		return fmt.Errorf("%d:%d: %s", t.Position.Line, t.Position.Column, at.GetMessage())
	}
	return errors.New(" " + at.GetMessage())
}

// oneDocument refuses a file with several: which of them would be meant?
func oneDocument(tree *ast.File) error {
	if len(tree.Docs) < 2 {
		return nil
	}
	for _, d := range tree.Docs[1:] {
		if d.Start != nil {
			p := d.Start.Position
			return fmt.Errorf("%d:%d: a second document begins here, one is allowed", p.Line, p.Column)
		}
	}
	return errors.New("1:1: the file has several documents, one is allowed")
}
