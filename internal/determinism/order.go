package determinism

import (
	"go/ast"
	"go/types"
)

// order finds iterations over maps whose order may reach something, and sorts
// that leave the order of equal elements to the algorithm. (It is the same in
// every process, but not after an upgrade of Go, and a recorded seed must replay.)
func (c *checker) order() {
	settled := map[ast.Expr]bool{} // iterators whose consumer does not care for the order
	called := map[*ast.Ident]bool{}
	ast.Inspect(c.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if _, isMap := core[*types.Map](c.TypesInfo.TypeOf(n.X)); isMap && !c.orderless(n) {
				c.unordered(n, "range over a map without a comment `// order: why the order does not matter`")
			}
		case *ast.CallExpr:
			called[calleeName(n)] = true
			c.iterator(n, settled)
			c.sorts(n)
		case *ast.Ident:
			if !called[n] {
				c.uncalled(n)
			}
		}
		return true
	})
}

// judged are the functions whose calls are judged here.
var judged = map[string][]string{
	"maps":   {"All", "DeleteFunc", "EqualFunc", "Keys", "Values"},
	"slices": {"SortFunc", "SortedFunc", "SortedStableFunc"},
	"sort":   {"Slice", "Sort"},
}

// uncalled finds such a function that is used as a value: whoever calls it in
// the end can't be judged.
func (c *checker) uncalled(id *ast.Ident) {
	fn, _ := c.TypesInfo.Uses[id].(*types.Func)
	for path, names := range judged {
		if isFunc(fn, path, names) {
			c.unordered(id, path+"."+fn.Name()+" as a value hides where an order is chosen: call it, or say in a comment `// order: why the order does not matter`")
		}
	}
}

func (c *checker) unordered(n ast.Node, what string) {
	if !c.explained(n.Pos(), forOrder) {
		c.Reportf(n.Pos(), "%s", what)
	}
}

// iterator judges the iterators of package maps. Calls are met from the outside in.
func (c *checker) iterator(call *ast.CallExpr, settled map[ast.Expr]bool) {
	switch {
	case c.isFunc(call, "slices", "Sorted", "SortedFunc", "SortedStableFunc"), c.isFunc(call, "maps", "Collect"):
		settled[ast.Unparen(call.Args[0])] = true
	case c.isFunc(call, "maps", "Insert"):
		settled[ast.Unparen(call.Args[1])] = true
	case c.isFunc(call, "maps", "Keys", "Values", "All") && !settled[call]:
		c.unordered(call, "unsorted iterator over a map without a comment `// order: why the order does not matter`")
	case c.isFunc(call, "maps", "DeleteFunc", "EqualFunc") && !c.pureFunc(call.Args[len(call.Args)-1]):
		c.unordered(call, "a function called in the order of a map without a comment `// order: why the order does not matter`")
	}
}

// pureFunc reports whether an expression is a function literal that only
// computes its result.
func (c *checker) pureFunc(x ast.Expr) bool {
	lit, ok := ast.Unparen(x).(*ast.FuncLit)
	if !ok || len(lit.Body.List) != 1 {
		return false
	}
	ret, ok := lit.Body.List[0].(*ast.ReturnStmt)
	return ok && len(ret.Results) == 1 && c.pureExpr(ret.Results[0])
}

// sorts judges calls of sorting functions.
func (c *checker) sorts(call *ast.CallExpr) {
	switch {
	case c.isFunc(call, "sort", "Slice", "Sort"):
		c.unordered(call, "unstable sort: use slices.SortStableFunc, or say in a comment `// order: why no elements are equal`")
	case c.isFunc(call, "slices", "SortFunc") && !c.comparesAll(call.Args[1]):
		c.unordered(call, "unstable sort: use slices.SortStableFunc, or say in a comment `// order: why no elements are equal`")
	case c.isFunc(call, "slices", "SortedFunc", "SortedStableFunc") && c.overMap(call.Args[0]) && !c.comparesAll(call.Args[1]):
		c.unordered(call, "equal elements stay in the order of the map: say in a comment `// order: why none are equal`")
	}
}

// comparesAll reports whether a comparison is one of the standard library that
// calls only identical elements equal.
func (c *checker) comparesAll(x ast.Expr) bool {
	call := &ast.CallExpr{Fun: x}
	return c.isFunc(call, "cmp", "Compare") || c.isFunc(call, "strings", "Compare") || c.isFunc(call, "bytes", "Compare")
}

// overMap reports whether an iterator is one of package maps.
func (c *checker) overMap(x ast.Expr) bool {
	call, ok := ast.Unparen(x).(*ast.CallExpr)
	return ok && c.isFunc(call, "maps", "Keys", "Values", "All")
}
