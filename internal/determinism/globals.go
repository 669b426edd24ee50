package determinism

import (
	"go/ast"
	"go/token"
	"go/types"
)

// globals finds package-level variables that could carry state between runs.
// Fine without more ado are: the blank variable, errors, and tables (initialised
// values without pointers, functions, channels or interfaces in their own type,
// not exported, never written to or aliased by address).
func (c *checker) globals() {
	for _, decl := range c.file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, spec := range gen.Specs {
			vs := spec.(*ast.ValueSpec)
			for _, id := range vs.Names {
				if id.Name == "_" {
					continue
				}
				if why := c.whyMutable(id, len(vs.Values) > 0); why != "" && !c.explained(id.Pos(), forImmutable) {
					c.Reportf(id.Pos(), "package-level variable %s %s", id.Name, why)
				}
			}
		}
	}
}

func (c *checker) whyMutable(id *ast.Ident, initialised bool) string {
	v := c.TypesInfo.Defs[id]
	if c.written(v) {
		return "is written to or has its address taken"
	}
	if types.Identical(v.Type(), types.Universe.Lookup("error").Type()) {
		return ""
	}
	switch v.Type().Underlying().(type) {
	case *types.Pointer, *types.Signature, *types.Chan, *types.Interface:
		return "has the type " + v.Type().String() + ", through which state can change; say in a comment `// immutable: why` if it can't"
	}
	switch {
	case !initialised:
		return "has no initial value, so it can only be of use by being written to"
	case v.Exported():
		return "is exported, so other packages could write to it"
	}
	return ""
}

// written reports whether any file of the package assigns to a variable or to
// part of it, takes its address (also through a pointer method), or hands it
// to a builtin that changes it.
func (c *checker) written(v types.Object) bool {
	found := false
	is := func(x ast.Expr) {
		if c.base(x) == v {
			found = true
		}
	}
	for _, f := range c.Files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					is(left)
				}
			case *ast.IncDecStmt:
				is(n.X)
			case *ast.RangeStmt:
				is(n.Key)
				is(n.Value)
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					is(n.X)
				}
			case *ast.CallExpr:
				c.changedByCall(n, is)
			}
			return !found
		})
	}
	return found
}

func (c *checker) changedByCall(call *ast.CallExpr, is func(ast.Expr)) {
	switch fun := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		_, builtin := c.TypesInfo.Uses[fun].(*types.Builtin)
		if builtin && (fun.Name == "delete" || fun.Name == "clear" || fun.Name == "copy") {
			is(call.Args[0])
		}
	case *ast.SelectorExpr:
		sel := c.TypesInfo.Selections[fun]
		if sel == nil || sel.Kind() != types.MethodVal {
			return
		}
		fn, ok := sel.Obj().(*types.Func)
		if !ok {
			return
		}
		if _, pointer := fn.Signature().Recv().Type().(*types.Pointer); pointer {
			is(fun.X)
		}
	}
}

// base is the variable that an expression reads or writes a part of.
func (c *checker) base(x ast.Expr) types.Object {
	for x != nil {
		switch e := x.(type) {
		case *ast.Ident:
			if def := c.TypesInfo.Defs[e]; def != nil {
				return def
			}
			return c.TypesInfo.Uses[e]
		case *ast.ParenExpr:
			x = e.X
		case *ast.IndexExpr:
			x = e.X
		case *ast.SliceExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		case *ast.SelectorExpr:
			if _, field := c.TypesInfo.Selections[e]; !field {
				return c.TypesInfo.Uses[e.Sel]
			}
			x = e.X
		default:
			return nil
		}
	}
	return nil
}
