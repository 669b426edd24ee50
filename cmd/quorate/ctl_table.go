package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// object is a JSON object with its order kept.
type object []field

type field struct {
	name  string
	value any // object, []any, string, json.Number, bool or nil
}

// decodeOrdered reads one JSON value.
func decodeOrdered(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := decodeOrdered(d)
			if err != nil {
				return nil, err
			}
			text, ok := name.(string)
			if !ok {
				return nil, errors.New("a field name is not a string")
			}
			o = append(o, field{text, v})
		}
		_, err = d.Token() // the closing brace
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeOrdered(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

// table prints JSON for people: fields below each other, a list of objects as
// a table with a column per field, an object in an object under its name.
type table struct {
	w   io.Writer
	err error
}

func (t *table) printf(w io.Writer, format string, args ...any) {
	if _, err := fmt.Fprintf(w, format, args...); err != nil && t.err == nil {
		t.err = err
	}
}

func (t *table) value(name string, v any) {
	switch v := v.(type) {
	case object:
		t.object(name, v)
	case []any:
		t.list(name, v)
	default:
		t.printf(t.w, "%s\n", cell(v))
	}
}

func (t *table) object(name string, o object) {
	if name != "" {
		t.printf(t.w, "\n%s\n", name)
	}
	tab := tabwriter.NewWriter(t.w, 0, 0, 2, ' ', 0)
	for _, f := range o {
		if !nested(f.value) {
			t.printf(tab, "%s\t%s\n", f.name, labelled(f.name, f.value))
		}
	}
	t.flush(tab)
	for _, f := range o {
		if nested(f.value) {
			t.value(f.name, f.value)
		}
	}
}

func (t *table) list(name string, list []any) {
	t.printf(t.w, "\n%s\n", name)
	tab := tabwriter.NewWriter(t.w, 0, 0, 2, ' ', 0)
	columns := columnsOf(list)
	t.printf(tab, "%s\n", strings.Join(columns, "\t"))
	for _, row := range list {
		byName := map[string]any{}
		if o, ok := row.(object); ok {
			for _, f := range o {
				byName[f.name] = f.value
			}
		}
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = labelled(c, byName[c])
		}
		t.printf(tab, "%s\n", strings.Join(cells, "\t"))
	}
	t.flush(tab)
}

func (t *table) flush(tab *tabwriter.Writer) {
	if err := tab.Flush(); err != nil && t.err == nil {
		t.err = err
	}
}

// columnsOf is every field name of the rows, in order of appearance.
func columnsOf(list []any) []string {
	var columns []string
	seen := map[string]bool{}
	for _, row := range list {
		o, _ := row.(object)
		for _, f := range o {
			if !seen[f.name] {
				seen[f.name] = true
				columns = append(columns, f.name)
			}
		}
	}
	return columns
}

// nested reports whether v gets lines of its own.
func nested(v any) bool {
	switch v := v.(type) {
	case object:
		return true
	case []any:
		for _, e := range v {
			if _, ok := e.(object); ok {
				return true
			}
		}
	}
	return false
}

// labelled is a cell whose column says what it is.
func labelled(name string, v any) string {
	if name == "owner" && v == json.Number("0") {
		return "none known" // node ids begin at 1
	}
	if n, ok := v.(json.Number); ok && strings.Contains(strings.ToLower(name), "bytes") {
		if bytes, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
			return humanBytes(bytes)
		}
	}
	return cell(v)
}

func cell(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		if v == "" {
			return "-"
		}
		return strings.Map(printable, v)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = cell(e)
		}
		return strings.Join(parts, " ")
	case object:
		parts := make([]string, len(v))
		for i, f := range v {
			parts[i] = f.name + "=" + cell(f.value)
		}
		return strings.Join(parts, " ")
	}
	return fmt.Sprint(v)
}

// printable keeps control characters of keys away from the terminal.
func printable(r rune) rune {
	if strconv.IsPrint(r) {
		return r
	}
	return '\uFFFD'
}

func humanBytes(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	f, name := float64(n), ""
	for _, name = range []string{"KiB", "MiB", "GiB", "TiB"} {
		if f /= unit; f < unit {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", f, name)
}
