package sim

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
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
