package determinism

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// addresses looks for values of which package fmt would print an address: what
// is given to it, or to any other function that takes ...any, since that hands
// it on. What an interface holds is not known here, so it counts unless it says
// itself how it is printed.
//
// A function's own ...any was judged where the function was called.
func (c *checker) addresses() {
	handedOn := c.handedOn()
	ast.Inspect(c.file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			c.printed(call, handedOn)
		}
		return true
	})
}

func (c *checker) printed(call *ast.CallExpr, handedOn map[types.Object]bool) {
	sig, ok := core[*types.Signature](c.TypesInfo.TypeOf(call.Fun))
	if !ok || !takesAnything(sig) || c.scans(call) || c.builtin(call) != "" {
		return
	}
	first := sig.Params().Len() - 1
	if call.Ellipsis.IsValid() {
		list := ast.Unparen(call.Args[first])
		if id, ok := list.(*ast.Ident); !ok || !handedOn[c.TypesInfo.Uses[id]] {
			c.impure(list.Pos(), "what this list holds is not known here, and fmt could print an address of it")
		}
		return
	}
	var verbs []verb
	spelledOut := false                       // %p in a literal is reported there
	if first > 0 && first <= len(call.Args) { // else there is no format
		format := call.Args[first-1]
		_, spelledOut = format.(*ast.BasicLit)
		verbs = verbsOf(c.TypesInfo.Types[format].Value, len(call.Args)-first)
	}
	for i, arg := range call.Args[min(first, len(call.Args)):] {
		v, t := verb{letter: 'v'}, c.TypesInfo.TypeOf(arg)
		if i < len(verbs) {
			v = verbs[i]
		}
		if v.showsAddress(t) && !(v.letter == 'p' && spelledOut) {
			c.impure(arg.Pos(), "fmt %s, which differs between processes", whatOf(t))
		}
	}
}

// takesAnything reports whether a function's last parameter is ...any.
func takesAnything(sig *types.Signature) bool {
	if !sig.Variadic() {
		return false
	}
	list, ok := sig.Params().At(sig.Params().Len() - 1).Type().Underlying().(*types.Slice)
	return ok && types.Identical(types.Unalias(list.Elem()), types.NewInterfaceType(nil, nil))
}

// scans reports whether a call is of fmt's functions that read.
func (c *checker) scans(call *ast.CallExpr) bool {
	fn := c.callee(call)
	return fn != nil && fn.Pkg() != nil && fn.Pkg().Path() == "fmt" && strings.Contains(fn.Name(), "scan")
}

// handedOn are the parameters of type ...any that the file's functions leave as they are.
func (c *checker) handedOn() map[types.Object]bool {
	params := map[types.Object]bool{}
	ast.Inspect(c.file, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok {
			if _, variadic := field.Type.(*ast.Ellipsis); variadic {
				for _, id := range field.Names {
					params[c.TypesInfo.Defs[id]] = true
				}
			}
		}
		return true
	})
	ast.Inspect(c.file, func(n ast.Node) bool {
		if assign, ok := n.(*ast.AssignStmt); ok && assign.Tok != token.DEFINE {
			for _, left := range assign.Lhs {
				delete(params, c.base(left))
			}
		}
		return true
	})
	return params
}
