package sim

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
)

// ReadPlan reads what FormatPlan wrote, or the same as JSON. An unknown field is
// an error, which names line and column.
func ReadPlan(text []byte) (p *Plan, err error) {
	defer func() { // the library panics on some broken files
		if r := recover(); r != nil {
			// determinism: it panics with texts and errors
			p, err = nil, fmt.Errorf("not a plan: this is not YAML that can be read: %v", r)
		}
	}()
	tree, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("not a plan: %w", position(err))
	}
	if err := oneDocument(tree); err != nil {
		return nil, fmt.Errorf("not a plan: %w", err)
	}
	p = &Plan{}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(p); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("not a plan: the file is empty")
		}
		return nil, fmt.Errorf("not a plan: %w", position(err))
	}
	if err := p.Validate(); err != nil {
		return nil, located(err, tree)
	}
	return p, nil
}

// FormatPlan writes a plan as YAML, one operation or fault to a line.
func FormatPlan(p *Plan) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "seed: %d\nscenario: %q\nconfig:\n", p.Seed, p.Scenario)
	for line := range bytes.Lines(marshal(&p.Config)) {
		b.WriteString("  ")
		b.Write(line)
	}
	list(&b, "ops", p.Ops)
	list(&b, "faults", p.Faults)
	if len(p.MapOps) > 0 {
		list(&b, "map_ops", p.MapOps)
	}
	return b.Bytes()
}

func list[T any](b *bytes.Buffer, name string, items []T) {
	if len(items) == 0 {
		fmt.Fprintf(b, "%s: []\n", name)
		return
	}
	fmt.Fprintf(b, "%s:\n", name)
	for i := range items {
		fmt.Fprintf(b, "  - %s\n", bytes.TrimSpace(marshal(&items[i], yaml.Flow(true))))
	}
}

func marshal(v any, opts ...yaml.EncodeOption) []byte {
	text, err := yaml.MarshalWithOptions(v, opts...)
	if err != nil {
		panic(fmt.Sprintf("sim: a plan can't be written: %v", err)) // plain data always can
	}
	return text
}
