package determinism

import (
	"go/ast"
	"go/token"
	"go/types"
)

// globals finds package-level variables that could carry state from one run to
// the next. A variable is fine without more ado if nothing in the package writes
// to it or takes its address, if it is not exported (errors may be), and if it is
//
//   - a value: nothing of it is reached through a pointer, map, slice, channel,
//     function or interface, so that a copy of it is no second way to it; or an
//     error that the standard library made of a text;
//   - a table: maps and slices of such values, of which the package only reads
//     elements (see uses.go). A table that is given a second name, by being
//     assigned, passed on, returned or bound to a method, could be changed under
//     that name, and nobody follows it there.
//
// Any other needs a comment that says why it can't change. To write to a variable
// of another package is no better.
func (c *checker) globals(misused map[*types.Var]misuse) {
	c.mentions(c.file, func(id *ast.Ident, v *types.Var, use misuse) {
		if v.Pkg() != c.Pkg && use.writes {
			c.impure(id.Pos(), "variable %s of package %s %s", v.Name(), v.Pkg().Path(), use.what)
		}
	})
	for _, decl := range c.file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, spec := range gen.Specs {
			vs := spec.(*ast.ValueSpec)
			for i, id := range vs.Names {
				v, ok := c.TypesInfo.Defs[id].(*types.Var)
				if !ok || id.Name == "_" {
					continue
				}
				if why := c.whyMutable(v, initialOf(vs, i), misused); why != "" && !c.explained(id.Pos(), forImmutable) {
					c.Reportf(id.Pos(), "package-level variable %s %s", id.Name, why)
				}
			}
		}
	}
}

// initialOf is the expression that a variable of a declaration begins with, or nil.
func initialOf(vs *ast.ValueSpec, i int) ast.Expr {
	switch {
	case len(vs.Values) == 0:
		return nil
	case len(vs.Values) < len(vs.Names): // one call that gives several
		return vs.Values[0]
	}
	return vs.Values[i]
}

const sayWhy = "; say in a comment `// immutable: why` if it can't change"

func (c *checker) whyMutable(v *types.Var, initial ast.Expr, misused map[*types.Var]misuse) string {
	if misused[v].writes {
		return misused[v].what
	}
	tabular, errors := table(v.Type())
	switch {
	case initial == nil:
		return "has no initial value, so it can only be of use by being written to"
	case !tabular:
		return "has the type " + v.Type().String() + ", through which state can change" + sayWhy
	case errors && !c.plain(initial):
		return "holds an error that may have state" + sayWhy
	case v.Exported() && !types.Identical(v.Type(), errorType):
		return "is exported, so other packages could write to it"
	}
	if use, ok := misused[v]; ok {
		return use.what + sayWhy
	}
	return ""
}

// plain reports whether the errors in an initial value are texts: made by the
// standard library, or values themselves.
func (c *checker) plain(initial ast.Expr) bool {
	plain := true
	ast.Inspect(initial, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.UnaryExpr:
			plain = plain && n.Op != token.AND
		case *ast.CallExpr:
			t := c.TypesInfo.TypeOf(n)
			plain = plain && (value(t) && !types.Identical(t, errorType) ||
				c.isFunc(n, "errors", "New", "Join") || c.isFunc(n, "fmt", "Errorf"))
		case *ast.CompositeLit:
			t := c.TypesInfo.TypeOf(n)
			plain = plain && (value(t) || !types.Implements(t, errorType.Underlying().(*types.Interface)))
		case *ast.FuncLit:
			plain = false
		}
		return plain
	})
	return plain
}
