package arch

import (
	"go/ast"
	"go/types"
	"regexp"
	"slices"
)

// orderReason is the comment that a map iteration needs, on its line or
// directly above: why the order reaches no effect, record or trace.
var orderReason = regexp.MustCompile(`^//\s*order: \S`)

// unexplainedMapOrder finds iterations over maps, by range or through the
// iterators of package maps, without a reason. slices.Sorted(maps.Keys(m))
// needs none.
func (p *Package) unexplainedMapOrder(f *ast.File) (bad []Violation) {
	explained := p.explainedLines(f)
	sorted := map[ast.Expr]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		var what string
		switch n := n.(type) {
		case *ast.RangeStmt:
			if p.isMap(n.X) {
				what = "range over a map"
			}
		case *ast.CallExpr:
			if p.isFunc(n, "slices", "Sorted", "SortedFunc", "SortedStableFunc") {
				sorted[n.Args[0]] = true
			}
			if p.isFunc(n, "maps", "Keys", "Values", "All") && !sorted[n] {
				what = "unsorted iterator over a map"
			}
		}
		if what == "" {
			return true
		}
		if line := p.Fset.Position(n.Pos()).Line; !explained[line] && !explained[line-1] {
			bad = append(bad, p.violation(n.Pos(), "%s without a comment `// order: why the order does not matter`", what))
		}
		return true
	})
	return bad
}

// explainedLines are the lines on which a comment with a reason ends.
func (p *Package) explainedLines(f *ast.File) map[int]bool {
	lines := map[int]bool{}
	for _, group := range f.Comments {
		if slices.ContainsFunc(group.List, func(c *ast.Comment) bool { return orderReason.MatchString(c.Text) }) {
			lines[p.Fset.Position(group.End()).Line] = true
		}
	}
	return lines
}

func (p *Package) isMap(x ast.Expr) bool {
	t := p.Info.TypeOf(x)
	if t == nil {
		return false
	}
	if param, ok := types.Unalias(t).(*types.TypeParam); ok {
		return mayBeMap(param)
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// mayBeMap reports whether a type parameter's constraint admits a map.
func mayBeMap(param *types.TypeParam) bool {
	constraint, ok := param.Constraint().Underlying().(*types.Interface)
	if !ok {
		return false
	}
	for i := range constraint.NumEmbeddeds() {
		union, ok := constraint.EmbeddedType(i).(*types.Union)
		if !ok {
			union = types.NewUnion([]*types.Term{types.NewTerm(true, constraint.EmbeddedType(i))})
		}
		for j := range union.Len() {
			if _, ok := union.Term(j).Type().Underlying().(*types.Map); ok {
				return true
			}
		}
	}
	return false
}

// isFunc reports whether a call is of one of the named functions of a package.
func (p *Package) isFunc(c *ast.CallExpr, path string, names ...string) bool {
	fun := ast.Unparen(c.Fun)
	switch generic := fun.(type) {
	case *ast.IndexExpr:
		fun = generic.X
	case *ast.IndexListExpr:
		fun = generic.X
	}
	var id *ast.Ident
	switch fun := fun.(type) {
	case *ast.Ident:
		id = fun
	case *ast.SelectorExpr:
		id = fun.Sel
	default:
		return false
	}
	fn, ok := p.Info.Uses[id].(*types.Func)
	return ok && fn.Pkg() != nil && fn.Pkg().Path() == path && slices.Contains(names, fn.Name())
}
