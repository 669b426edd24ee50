package sim

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// knob is one setting of a scenario: where it is kept and how it is written.
type knob struct {
	key     string // section.name
	about   string
	allowed string // what a value may be
	set     func(ast.Node) *problem
	show    func() string
}

// problem is what is wrong with a value, and where.
type problem struct {
	node    ast.Node
	message string
}

// unit is how the numbers of a span are written.
type unit struct {
	parse  func(string) (int64, error)
	format func(int64) string
}

func plain() unit {
	return unit{
		func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) },
		func(v int64) string { return strconv.FormatInt(v, 10) },
	}
}

// clockTime is written as 20ms and kept in nanoseconds, or in what perNs says.
func clockTime(perNs int64) unit {
	return unit{
		func(s string) (int64, error) {
			if s == "0" {
				return 0, nil
			}
			d, err := time.ParseDuration(s)
			return int64(d) / perNs, err
		},
		func(v int64) string {
			if v == 0 {
				return "0"
			}
			s := time.Duration(v * perNs).String()
			if strings.HasSuffix(s, "m0s") {
				s = strings.TrimSuffix(s, "0s")
			}
			if strings.HasSuffix(s, "h0m") {
				s = strings.TrimSuffix(s, "0m")
			}
			return s
		},
	}
}

// scaled is a number with decimals, kept as a whole number of 1/by, and written with a suffix.
func scaled(by float64, suffix string) unit {
	return unit{
		func(s string) (int64, error) {
			number, ok := strings.CutSuffix(s, suffix)
			v, err := strconv.ParseFloat(number, 64)
			if !ok || err != nil || math.IsNaN(v) || math.Abs(v) > 1e9 {
				return 0, fmt.Errorf("%q: write a number%s", s, suffix)
			}
			return int64(math.Round(v * by)), nil
		},
		func(v int64) string { return strconv.FormatFloat(float64(v)/by, 'g', -1, 64) + suffix },
	}
}

func percent() unit { return scaled(1e4, "%") } // parts per million
func factor() unit  { return scaled(1e3, "") }  // thousandths

// numeric is a knob that takes a number, or a range A..B that each seed draws from.
func numeric(key string, at *span64, u unit, lo, hi int64, about string) knob {
	allowed := fmt.Sprintf("%s to %s, one value or a range A..B", u.format(lo), u.format(hi))
	return knob{key, about, allowed, func(n ast.Node) *problem {
		text, ok := scalar(n)
		if !ok {
			return &problem{n, "use " + allowed}
		}
		from, to, isRange := strings.Cut(text, "..")
		if !isRange {
			to = from
		}
		a, err1 := u.parse(strings.TrimSpace(from))
		b, err2 := u.parse(strings.TrimSpace(to))
		if err1 != nil || err2 != nil || a > b || a < lo || b > hi {
			return &problem{n, fmt.Sprintf("%q: use %s", text, allowed)}
		}
		*at = span64{a, b}
		return nil
	}, func() string {
		if at.lo == at.hi {
			return u.format(at.lo)
		}
		return u.format(at.lo) + ".." + u.format(at.hi)
	}}
}

// choice is a knob that takes a name, or names with weights.
func choice(key string, at *[]weighted, known func(string) bool, names, about string) knob {
	allowed := "a name, or names with weights {NAME: 2, …}, of " + names
	parse := func(n ast.Node, name string, weight int, to *[]weighted) *problem {
		switch {
		case !known(name):
			return &problem{n, fmt.Sprintf("%q: use %s", name, names)}
		case slices.ContainsFunc(*to, func(w weighted) bool { return w.name == name }):
			return &problem{n, fmt.Sprintf("%q is there twice", name)}
		}
		*to = append(*to, weighted{name, weight})
		return nil
	}
	return knob{key, about, allowed, func(n ast.Node) *problem {
		var list []weighted
		if name, ok := scalar(n); ok {
			if p := parse(n, name, 1, &list); p != nil {
				return p
			}
			*at = list
			return nil
		}
		values, ok := mapping(n)
		if !ok || len(values) == 0 {
			return &problem{n, "use " + allowed}
		}
		for _, v := range values {
			name, _ := scalar(v.Key)
			text, _ := scalar(v.Value)
			weight, err := strconv.Atoi(text)
			if err != nil || weight < 1 || weight > 1_000_000 {
				return &problem{v.Value, fmt.Sprintf("%s: %q: use a weight of 1 to 1000000", name, text)}
			}
			if p := parse(v.Key, name, weight, &list); p != nil {
				return p
			}
		}
		*at = list
		return nil
	}, func() string {
		if len(*at) == 1 {
			return (*at)[0].name
		}
		parts := make([]string, len(*at))
		for i, w := range *at {
			parts[i] = fmt.Sprintf("%s: %d", w.name, w.weight)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}}
}

// oneOf makes the arguments of choice for a fixed list of names.
func oneOf(names ...string) (func(string) bool, string) {
	return func(s string) bool { return slices.Contains(names, s) }, strings.Join(names, ", ")
}

// numbers is a knob that takes a list, of which each seed takes one.
func numbers(key string, at *[]int, what string, lo, hi int, fits func(int) bool, about string) knob {
	allowed := fmt.Sprintf("%s from %d to %d, or a list [2, 4] to choose from", what, lo, hi)
	return knob{key, about, allowed, func(n ast.Node) *problem {
		items := []ast.Node{n}
		if seq, ok := n.(*ast.SequenceNode); ok {
			items = seq.Values
		}
		var list []int
		for _, item := range items {
			text, _ := scalar(item)
			v, err := strconv.Atoi(text)
			if err != nil || v < lo || v > hi || !fits(v) {
				return &problem{item, fmt.Sprintf("%q: use %s", text, allowed)}
			}
			list = append(list, v)
		}
		if len(list) == 0 {
			return &problem{n, "use " + allowed}
		}
		*at = list
		return nil
	}, func() string { return strings.ReplaceAll(fmt.Sprint(*at), " ", ", ") }}
}

// toggle is a knob that is on or off.
func toggle(key string, at *bool, about string) knob {
	return knob{key, about, "on or off", func(n ast.Node) *problem {
		switch text, _ := scalar(n); text {
		case "on", "true":
			*at = true
		case "off", "false":
			*at = false
		default:
			return &problem{n, fmt.Sprintf("%q: use on or off", text)}
		}
		return nil
	}, func() string {
		if *at {
			return "on"
		}
		return "off"
	}}
}

// oneWord is a knob that takes one of some names.
func oneWord(key string, at *string, names []string, about string) knob {
	allowed := strings.Join(names, ", ")
	return knob{key, about, allowed, func(n ast.Node) *problem {
		text, ok := scalar(n)
		if !ok || !slices.Contains(names, text) {
			return &problem{n, fmt.Sprintf("%q: use %s", text, allowed)}
		}
		*at = text
		return nil
	}, func() string { return *at }}
}

// words is a knob that takes a line of text.
func words(key string, at *string, about string) knob {
	return knob{key, about, "text", func(n ast.Node) *problem {
		text, ok := scalar(n)
		if !ok || text == "" {
			return &problem{n, "use a line of text"}
		}
		*at = text
		return nil
	}, func() string { return strconv.Quote(*at) }}
}

// scalar is the text of a plain value as it was written.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case nil, *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode, *ast.NullNode, *ast.AliasNode, *ast.AnchorNode, *ast.TagNode:
		return "", false
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return n.GetToken().Value, true
}

// mapping is the entries of a mapping. The parser gives one of a single entry
// another type.
func mapping(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}
