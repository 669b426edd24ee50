package determinism

import (
	"go/ast"
	"go/token"
	"go/types"
)

// loop is what is known of the body of a loop over a map while it is examined.
type loop struct {
	*checker
	ranged   types.Type                   // the map
	key      types.Object                 // the loop's key variable, nil if it has none
	changes  map[types.Object]token.Token // the variables and fields that the body changes, and how
	maps     []changedMap
	returned string // the constants it returns, "" if it does not return
}

// changedMap is a type of maps and how one of them is changed. Maps of one type
// may be the same map under two names, also the one that is ranged over.
type changedMap struct {
	t   types.Type
	how token.Token
}

// How maps are changed, beside the assignments to their integers.
const (
	ownEntry  = token.DEFINE // the entry of the loop's own key
	putSame   = token.ASSIGN // always the same constant, under any key
	deleteAny = token.SUB
)

// orderless reports whether a loop over a map certainly does the same in every
// order. Its body may delete from maps; put a value under the loop's own key, or
// true or struct{}{} under any, into a map; add to integers, or combine them by
// one of | & ^, min and max; declare variables; choose with if; and return, if
// nothing is changed, always the same constants. Nothing that it changes may be
// read in it, and nothing but builtin functions be called.
func (c *checker) orderless(n *ast.RangeStmt) bool {
	l := &loop{checker: c, ranged: c.TypesInfo.TypeOf(n.X), changes: map[types.Object]token.Token{}}
	if n.Tok == token.ASSIGN {
		return false // what the last round leaves depends on the order
	}
	if id, ok := n.Key.(*ast.Ident); ok {
		l.key = c.TypesInfo.Defs[id]
	}
	if !l.block(n.Body) || l.returned != "" && len(l.changes) > 0 {
		return false
	}
	return !l.readsChanges(n.Body)
}

func (l *loop) block(b *ast.BlockStmt) bool {
	for _, s := range b.List {
		if !l.stmt(s) {
			return false
		}
	}
	return true
}

func (l *loop) stmt(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt:
		return l.deletes(s.X)
	case *ast.AssignStmt:
		return l.assign(s)
	case *ast.IncDecStmt:
		return l.change(s.X, token.ADD_ASSIGN)
	case *ast.BlockStmt:
		return l.block(s)
	case *ast.BranchStmt:
		return s.Tok == token.CONTINUE && s.Label == nil
	case *ast.ReturnStmt:
		return l.returns(s)
	case *ast.IfStmt:
		return (s.Init == nil || l.declares(s.Init)) && l.pureExpr(s.Cond) && l.block(s.Body) && (s.Else == nil || l.stmt(s.Else))
	case *ast.EmptyStmt:
		return true
	}
	return false
}

func (l *loop) deletes(x ast.Expr) bool {
	call, ok := ast.Unparen(x).(*ast.CallExpr)
	if !ok || l.builtin(call) != "delete" {
		return false
	}
	how := deleteAny
	if l.own(call.Args[1]) {
		how = ownEntry
	}
	return l.pureExpr(call.Args[1]) && l.changedMap(call.Args[0], how)
}

// own reports whether an expression is the loop's key.
func (l *loop) own(x ast.Expr) bool {
	id, ok := ast.Unparen(x).(*ast.Ident)
	return ok && l.key != nil && l.TypesInfo.Uses[id] == l.key
}

func (l *loop) declares(s ast.Stmt) bool {
	a, ok := s.(*ast.AssignStmt)
	if !ok || a.Tok != token.DEFINE {
		return false
	}
	for _, left := range a.Lhs {
		if id, ok := left.(*ast.Ident); !ok || id.Name != "_" && l.TypesInfo.Defs[id] == nil {
			return false // assigned again
		}
	}
	for _, right := range a.Rhs {
		if !l.pureExpr(right) {
			return false
		}
	}
	return true
}

func (l *loop) assign(s *ast.AssignStmt) bool {
	switch s.Tok {
	case token.DEFINE:
		return l.declares(s)
	case token.ADD_ASSIGN, token.SUB_ASSIGN:
		return l.pureExpr(s.Rhs[0]) && l.change(s.Lhs[0], token.ADD_ASSIGN)
	case token.OR_ASSIGN, token.AND_ASSIGN, token.XOR_ASSIGN:
		return l.pureExpr(s.Rhs[0]) && l.change(s.Lhs[0], s.Tok)
	case token.ASSIGN:
		return len(s.Lhs) == 1 && (l.puts(s.Lhs[0], s.Rhs[0]) || l.extreme(s.Lhs[0], s.Rhs[0]))
	}
	return false
}

// puts accepts m[k] = x for the loop's own key, and m[any] = true or struct{}{}.
func (l *loop) puts(left, right ast.Expr) bool {
	at, ok := ast.Unparen(left).(*ast.IndexExpr)
	if !ok || !l.pureExpr(at.Index) || !l.pureExpr(right) {
		return false
	}
	if l.own(at.Index) {
		return l.changedMap(at.X, ownEntry)
	}
	value := l.TypesInfo.Types[right]
	empty, isStruct := value.Type.Underlying().(*types.Struct)
	same := isStruct && empty.NumFields() == 0 || value.Value != nil && value.Value.ExactString() == "true"
	return same && l.changedMap(at.X, putSame)
}

// extreme accepts x = max(x, …) and x = min(x, …) of integers.
func (l *loop) extreme(left, right ast.Expr) bool {
	call, ok := ast.Unparen(right).(*ast.CallExpr)
	if !ok || len(call.Args) < 2 || types.ExprString(call.Args[0]) != types.ExprString(left) {
		return false
	}
	how := map[string]token.Token{"max": token.GTR, "min": token.LSS}[l.builtin(call)]
	if how == 0 {
		return false
	}
	for _, arg := range call.Args[1:] {
		if !l.pureExpr(arg) {
			return false
		}
	}
	return l.change(left, how)
}

// change notes a change of an integer by an operation that commutes with itself:
// a variable, a field, or an entry of a map. (Elements of slices and what
// pointers point to may have other names.)
func (l *loop) change(left ast.Expr, how token.Token) bool {
	basic, ok := l.TypesInfo.TypeOf(left).Underlying().(*types.Basic)
	if !ok || basic.Info()&types.IsInteger == 0 || !l.pureExpr(left) {
		return false
	}
	switch x := ast.Unparen(left).(type) {
	case *ast.Ident:
		return l.changed(l.TypesInfo.Uses[x], how)
	case *ast.SelectorExpr:
		return l.changed(l.base(x), how) && l.changed(l.TypesInfo.Uses[x.Sel], how)
	case *ast.IndexExpr:
		return l.changedMap(x.X, how)
	}
	return false
}

// changedMap notes a change of a map: in one way only among all maps of its
// type, and only of the own entry where it may be the map that is ranged over.
func (l *loop) changedMap(x ast.Expr, how token.Token) bool {
	t := l.TypesInfo.TypeOf(x)
	_, isMap := t.Underlying().(*types.Map)
	_, known := l.ranged.Underlying().(*types.Map) // else a type parameter
	if !isMap || how != ownEntry && (!known || types.Identical(t.Underlying(), l.ranged.Underlying())) {
		return false
	}
	for _, m := range l.maps {
		if types.Identical(m.t.Underlying(), t.Underlying()) && m.how != how {
			return false
		}
	}
	l.maps = append(l.maps, changedMap{t, how})
	return l.changed(l.base(x), how)
}

// changed notes how a variable or field is changed: in one way only.
func (l *loop) changed(v types.Object, how token.Token) bool {
	if v == nil {
		return false
	}
	if old, ok := l.changes[v]; ok && old != how {
		return false
	}
	l.changes[v] = how
	return true
}

func (l *loop) returns(s *ast.ReturnStmt) bool {
	text := "return"
	for _, x := range s.Results {
		value := l.TypesInfo.Types[x]
		if value.Value == nil && !value.IsNil() {
			return false
		}
		text += " " + types.ExprString(x)
	}
	if l.returned != "" && l.returned != text {
		return false
	}
	l.returned = text
	return true
}

// readsChanges reports whether the body reads something that it changes.
func (l *loop) readsChanges(body *ast.BlockStmt) bool {
	targets := map[*ast.Ident]bool{} // mentions as what is changed
	target := func(x ast.Expr) {
		mention(x, func(id *ast.Ident) { targets[id] = true })
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				return true
			}
			target(n.Lhs[0])
			if call, ok := ast.Unparen(n.Rhs[0]).(*ast.CallExpr); ok {
				if name := l.builtin(call); name == "max" || name == "min" {
					target(call.Args[0]) // x = max(x, …)
				}
			}
		case *ast.IncDecStmt:
			target(n.X)
		case *ast.CallExpr:
			if l.builtin(n) == "delete" {
				target(n.Args[0])
			}
		}
		return true
	})
	read := false
	ast.Inspect(body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && !targets[id] {
			read = read || l.isChanged(l.TypesInfo.Uses[id])
		}
		return !read
	})
	return read
}

// isChanged reports whether an object is, or may be another name of, something
// that the body changes.
func (l *loop) isChanged(v types.Object) bool {
	if v == nil {
		return false
	}
	if _, changed := l.changes[v]; changed {
		return true
	}
	for _, m := range l.maps {
		if types.Identical(m.t.Underlying(), v.Type().Underlying()) {
			return true
		}
	}
	return false
}

// mention notes the names by which an expression that is changed says what it
// is: the variable at its left end, and the field or map at its right end.
func mention(x ast.Expr, note func(*ast.Ident)) {
	x = ast.Unparen(x)
	if at, ok := x.(*ast.IndexExpr); ok {
		x = ast.Unparen(at.X)
	}
	if sel, ok := x.(*ast.SelectorExpr); ok {
		note(sel.Sel)
	}
	if id := root(x); id != nil {
		note(id)
	}
}

// root is the name at the left end of an expression.
func root(x ast.Expr) *ast.Ident {
	for {
		switch e := ast.Unparen(x).(type) {
		case *ast.Ident:
			return e
		case *ast.IndexExpr:
			x = e.X
		case *ast.SelectorExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		case *ast.SliceExpr:
			x = e.X
		default:
			return nil
		}
	}
}

// pureExpr reports whether an expression only computes: it calls nothing but
// conversions and the builtins len, cap, min and max.
func (c *checker) pureExpr(x ast.Expr) bool {
	pure := true
	ast.Inspect(x, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			switch c.builtin(n) {
			case "len", "cap", "min", "max":
			default:
				pure = pure && c.TypesInfo.Types[n.Fun].IsType()
			}
		case *ast.FuncLit:
			pure = false
		case *ast.UnaryExpr:
			pure = pure && n.Op != token.ARROW && n.Op != token.AND
		}
		return pure
	})
	return pure
}

// builtin is the name of the builtin function that a call is of, or "".
func (c *checker) builtin(call *ast.CallExpr) string {
	if id, ok := ast.Unparen(call.Fun).(*ast.Ident); ok {
		if _, builtin := c.TypesInfo.Uses[id].(*types.Builtin); builtin {
			return id.Name
		}
	}
	return ""
}

// base is the variable at the left end of an expression.
func (c *checker) base(x ast.Expr) types.Object {
	if id := root(x); id != nil {
		return c.TypesInfo.ObjectOf(id)
	}
	return nil
}
