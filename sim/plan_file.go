package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// ReadPlan reads what FormatPlan wrote. An unknown field is an error.
func ReadPlan(text []byte) (*Plan, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	p := &Plan{}
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("not a plan: %w", err)
	}
	return p, p.Validate()
}

// FormatPlan writes a plan as JSON, one operation or fault to a line.
func FormatPlan(p *Plan) []byte {
	var b bytes.Buffer
	config, err := json.MarshalIndent(p.Config, "  ", "  ")
	if err != nil {
		panic(fmt.Sprintf("sim: a plan can't be written: %v", err)) // plain data always can
	}
	fmt.Fprintf(&b, "{\n  \"seed\": %d,\n  \"scenario\": %q,\n  \"config\": %s,\n", p.Seed, p.Scenario, config)
	list(&b, "ops", p.Ops)
	b.WriteString(",\n")
	list(&b, "faults", p.Faults)
	b.WriteString("\n}\n")
	return b.Bytes()
}

func list[T any](b *bytes.Buffer, name string, items []T) {
	fmt.Fprintf(b, "  %q: [", name)
	for i := range items {
		text, err := json.Marshal(&items[i])
		if err != nil {
			panic(fmt.Sprintf("sim: a plan can't be written: %v", err))
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		b.Write(text)
	}
	if len(items) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteByte(']')
}
