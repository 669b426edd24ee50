package determinism

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
)

// misuse is something that is done with a package-level variable after which
// it may not be what it was.
type misuse struct {
	writes bool // also a variable of a type that is a value can be changed so
	what   string
}

// misused finds the package-level variables that the package itself misuses:
// of each the first misuse, or the first that writes to it.
func (c *checker) misused(files []*ast.File) map[*types.Var]misuse {
	found := map[*types.Var]misuse{}
	for _, f := range files {
		c.mentions(f, func(id *ast.Ident, v *types.Var, use misuse) {
			if old, known := found[v]; v.Pkg() != c.Pkg || known && (old.writes || !use.writes) {
				return
			}
			at := c.Fset.Position(id.Pos())
			use.what = fmt.Sprintf("%s (%s:%d)", use.what, filepath.Base(at.Filename), at.Line)
			found[v] = use
		})
	}
	return found
}

// mentions visits what may change a package-level variable, its own or another package's.
func (c *checker) mentions(f *ast.File, visit func(*ast.Ident, *types.Var, misuse)) {
	ast.PreorderStack(f, nil, func(n ast.Node, outer []ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			v, ok := c.TypesInfo.Uses[id].(*types.Var)
			if ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
				if use := c.useOf(id, outer); use.what != "" {
					visit(id, v, use)
				}
			}
		}
		return true
	})
}

// useOf says what is done with a variable at a mention of it: with all of it or
// with a part, such as an element or a field.
func (c *checker) useOf(id *ast.Ident, outer []ast.Node) misuse {
	var x ast.Expr = id
	for i := len(outer) - 1; i >= 0; i-- {
		switch p := outer[i].(type) {
		case *ast.ParenExpr:
			x = p
			continue
		case *ast.StarExpr:
			x = p
			continue
		case *ast.IndexExpr:
			if p.X == x {
				x = p
				continue
			}
		case *ast.SliceExpr:
			if p.X == x {
				x = p
				continue
			}
		case *ast.SelectorExpr:
			sel := c.TypesInfo.Selections[p]
			if sel == nil || sel.Kind() == types.FieldVal { // nil: package.Variable
				x = p
				continue
			}
			return c.bound(x, sel)
		}
		return c.usedBy(x, outer[i])
	}
	return misuse{}
}

// bound judges a method of a variable, called or not.
func (c *checker) bound(x ast.Expr, sel *types.Selection) misuse {
	fn, ok := sel.Obj().(*types.Func)
	if !ok {
		return misuse{}
	}
	t := c.TypesInfo.TypeOf(x)
	_, taken := fn.Signature().Recv().Type().(*types.Pointer)
	_, already := t.Underlying().(*types.Pointer)
	switch {
	case taken && !already:
		return misuse{true, "has its address taken by the method " + fn.Name()}
	case value(t):
		return misuse{}
	}
	return misuse{false, "is handed to the method " + fn.Name() + ", which could change it"}
}

// usedBy judges what a node does with an expression in it that is a variable or
// a part of one.
func (c *checker) usedBy(x ast.Expr, n ast.Node) misuse {
	written := misuse{true, "is written to"}
	switch n := n.(type) {
	case *ast.AssignStmt:
		for _, left := range n.Lhs {
			if left == x {
				return written
			}
		}
	case *ast.IncDecStmt:
		return written
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return misuse{true, "has its address taken"}
		}
	case *ast.RangeStmt:
		if n.Key == x || n.Value == x {
			return written
		}
		if c.rangeReads(n) {
			return misuse{}
		}
	case *ast.CallExpr:
		if how := c.givenTo(x, n); how != "" {
			return misuse{how != passedOn, how}
		}
		return misuse{}
	case *ast.BinaryExpr:
		return misuse{} // compared
	}
	if value(c.TypesInfo.TypeOf(x)) {
		return misuse{}
	}
	return misuse{false, "is given another name, under which it could be changed"}
}

// rangeReads reports whether what a loop over a table takes out of it are values.
func (c *checker) rangeReads(n *ast.RangeStmt) bool {
	for _, x := range [2]ast.Expr{n.Key, n.Value} {
		if x == nil {
			continue
		}
		if t := c.TypesInfo.TypeOf(x); t != nil && !value(t) { // nil: the blank identifier
			return false
		}
	}
	return true
}

const passedOn = "is passed on, and could be changed there"

// readers are functions of the standard library that only read what they are
// given and keep nothing of it, but for the elements.
var readers = map[string][]string{
	"slices":  {"All", "BinarySearch", "Clone", "Compare", "Contains", "ContainsFunc", "Equal", "Index", "IndexFunc", "IsSorted", "Max", "Min", "Values"},
	"maps":    {"All", "Clone", "Equal", "Keys", "Values"},
	"strings": {"Join"},
}

// givenTo says what a call may do with an expression in it, "" if nothing.
func (c *checker) givenTo(x ast.Expr, call *ast.CallExpr) string {
	t := c.TypesInfo.TypeOf(x)
	switch name := c.builtin(call); name {
	case "delete", "clear", "copy":
		if call.Args[0] == x {
			return "is written to"
		}
		if name == "copy" && readsElements(t) {
			return ""
		}
	case "append":
		if call.Args[0] != x && call.Ellipsis.IsValid() && readsElements(t) {
			return ""
		}
	case "len", "cap":
		return ""
	}
	if value(t) || c.TypesInfo.Types[call.Fun].IsType() && value(c.TypesInfo.TypeOf(call)) {
		return "" // a copy, or a conversion to one
	}
	for path, names := range readers {
		if c.isFunc(call, path, names...) && readsElements(t) {
			return ""
		}
	}
	return passedOn
}

// readsElements reports whether the elements of a table are values.
func readsElements(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Slice:
		return value(u.Elem())
	case *types.Map:
		return value(u.Elem())
	}
	return value(t)
}
