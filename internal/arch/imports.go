package arch

import (
	"slices"
	"strconv"
	"strings"
)

// Layer says what some packages may import directly. A pattern is a directory
// ("actors" is that package alone) or a directory and all below ("node/...").
type Layer struct {
	Packages string   // pattern; the first Layer that matches a package is its own
	Ours     []string // patterns of packages of this module; packages below the importer itself need not be named
	Outside  []string // prefixes of other modules' packages; the standard library is always allowed
}

// CheckImports holds every direct import of every package, tests left out,
// against layers, and against exclusive: outside modules that only packages of
// the given pattern may import. A package that no layer matches is a violation.
func CheckImports(m *Module, layers []Layer, exclusive map[string]string) (bad []Violation) {
	for _, p := range m.Packages {
		i := slices.IndexFunc(layers, func(l Layer) bool { return matches(p.Rel, l.Packages) })
		if i < 0 {
			bad = append(bad, p.violation(p.Files[0].Package, "package %s is on no layer; say what it may import", p.Rel))
			continue
		}
		for _, f := range p.Files {
			for _, imp := range f.Imports {
				path, _ := strconv.Unquote(imp.Path.Value)
				if why := layers[i].refuses(m.Path, p.Rel, path); why != "" {
					bad = append(bad, p.violation(imp.Pos(), "%s", why))
				}
				for prefix, pattern := range exclusive {
					if under(path, prefix) && !matches(p.Rel, pattern) {
						bad = append(bad, p.violation(imp.Pos(), "%s imports %s, which only %s may", p.Rel, path, pattern))
					}
				}
			}
		}
	}
	return bad
}

// refuses returns why package rel of this layer may not import path, or "".
func (l Layer) refuses(module, rel, path string) string {
	if under(path, module) {
		ours := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
		below := under(ours, rel) && rel != ""
		if below || slices.ContainsFunc(l.Ours, func(pattern string) bool { return matches(ours, pattern) }) {
			return ""
		}
		return rel + " imports " + ours + ", allowed of ours: " + orNothing(l.Ours)
	}
	first, _, _ := strings.Cut(path, "/")
	standard := !strings.Contains(first, ".")
	if standard || slices.ContainsFunc(l.Outside, func(prefix string) bool { return under(path, prefix) }) {
		return ""
	}
	return rel + " imports " + path + ", allowed from outside: " + orNothing(l.Outside)
}

func matches(rel, pattern string) bool {
	if dir, all := strings.CutSuffix(pattern, "/..."); all {
		return under(rel, dir)
	}
	return rel == pattern
}

func orNothing(list []string) string {
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}
