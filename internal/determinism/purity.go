package determinism

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// forbiddenImports bring clocks, locks, goroutines, chance or the machine into
// a package. A final "/..." covers the packages below as well.
var forbiddenImports = map[string]string{
	"C":                     "what C does is not ours to replay",
	"context":               "deadlines are timers of the host",
	"crypto/rand":           "chance comes from the host's seeded source",
	"expvar":                "an actor publishes nothing; the host observes effects",
	"flag":                  "arguments belong to the program",
	"hash/maphash":          "its seed differs between processes",
	"io/ioutil":             "files belong to the production host and to wal's OS file system",
	"log/...":               "an actor has no log; the host observes effects",
	"math/rand":             "use math/rand/v2 with a seeded source",
	"net/...":               "sockets belong to the production host",
	"os/...":                "files, environment and signals belong to the production host and to wal's OS file system",
	"plugin":                "what runs must not depend on the machine",
	"reflect":               "it can observe map order and addresses",
	"runtime/...":           "what the runtime reports differs between processes",
	"sync/...":              "one goroutine runs an actor; it needs no locks",
	"syscall":               "system calls belong to the production host",
	"testing/...":           "it belongs into tests",
	"unique":                "it is a global table with addresses in it",
	"unsafe":                "addresses differ between processes",
	"weak":                  "when the collector runs differs between processes",
	"golang.org/x/sys/...":  "system calls belong to the production host",
	"golang.org/x/sync/...": "one goroutine runs an actor",
}

// forbiddenNames are functions, variables and methods of packages that are otherwise fine.
var forbiddenNames = map[string]map[string]string{
	"time": because("the host gives the time", "Now", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Since", "Until").
		and("the zone differs between machines", "Local", "LoadLocation", "Parse", "Unix", "UnixMilli", "UnixMicro").
		and("the zone differs between machines", "Time.Local", "Time.GobDecode", "Time.UnmarshalBinary", "Time.UnmarshalJSON", "Time.UnmarshalText"),
	"fmt":           because("the host takes the output", "Print", "Printf", "Println", "Scan", "Scanf", "Scanln"),
	"iter":          because("it runs a coroutine", "Pull", "Pull2"),
	"path/filepath": because("files belong to the production host", "Abs", "EvalSymlinks", "Glob", "Walk", "WalkDir"),
}

type reasons map[string]string

func because(why string, names ...string) reasons { return reasons{}.and(why, names...) }

func (r reasons) and(why string, names ...string) reasons {
	for _, n := range names {
		r[n] = why
	}
	return r
}

// seededRand is what math/rand/v2 offers besides its global, randomly seeded source.
var seededRand = []string{"New", "NewPCG", "NewChaCha8", "NewZipf"}

// forbidden returns why a package may not be used, or "".
func forbidden(path string) string {
	for pattern, why := range forbiddenImports {
		dir, all := strings.CutSuffix(pattern, "/...")
		if path == dir || all && strings.HasPrefix(path, dir+"/") {
			return why
		}
	}
	return ""
}

func (c *checker) imports() {
	for _, imp := range c.file.Imports {
		path, _ := strconv.Unquote(imp.Path.Value)
		if why := forbidden(path); why != "" {
			c.imported[path] = true
			c.impure(imp.Pos(), "import of %s: %s", path, why)
		}
	}
	for _, group := range c.file.Comments {
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, "//go:linkname") {
				c.impure(comment.Pos(), "go:linkname: it reaches into what is forbidden")
			}
		}
	}
}

// purity looks for concurrency, clocks, chance, output and addresses.
func (c *checker) purity() {
	ast.Inspect(c.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			c.impure(n.Pos(), "go statement: concurrency belongs to the hosts")
		case *ast.SelectStmt:
			c.impure(n.Pos(), "select statement: it chooses at random")
		case *ast.SendStmt, *ast.ChanType:
			c.channel(n.Pos())
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				c.channel(n.Pos())
			}
		case *ast.RangeStmt:
			if _, ok := core[*types.Chan](c.TypesInfo.TypeOf(n.X)); ok {
				c.channel(n.Pos())
			}
		case *ast.Ident:
			c.use(n)
		case *ast.BasicLit:
			if n.Kind == token.STRING && strings.Contains(n.Value, "%p") {
				c.impure(n.Pos(), "%%p prints an address, which differs between processes")
			}
		case *ast.CallExpr:
			if name := c.builtin(n); name == "print" || name == "println" {
				c.impure(n.Pos(), "%s: the host takes the output", name)
			}
		}
		return true
	})
}

func (c *checker) channel(at token.Pos) {
	c.impure(at, "channel: actors exchange messages through effects")
}

// use judges a name by what it stands for, so that renamed and dot imports,
// methods of embedded fields and values of functions are seen through.
func (c *checker) use(id *ast.Ident) {
	obj := c.TypesInfo.Uses[id]
	if obj == nil || obj.Pkg() == nil || obj.Pkg() == c.Pkg {
		return
	}
	if _, name := obj.(*types.PkgName); name {
		return
	}
	path, name := obj.Pkg().Path(), obj.Name()
	if why := forbidden(path); why != "" {
		if !c.imported[path] {
			c.impure(id.Pos(), "%s.%s: %s", path, name, why)
		}
		return
	}
	if obj.Parent() != obj.Pkg().Scope() { // a method or a field
		fn, ok := obj.(*types.Func)
		if !ok || fn.Signature().Recv() == nil {
			return
		}
		name = receiver(fn) + "." + name
	}
	if why := forbiddenNames[path][name]; why != "" {
		c.impure(id.Pos(), "%s.%s: %s", path, name, why)
	}
	if fn, ok := obj.(*types.Func); ok && fn.Signature().Recv() == nil && path == "math/rand/v2" && !slices.Contains(seededRand, name) {
		c.impure(id.Pos(), "%s.%s draws from a global source, use a seeded *rand.Rand", path, name)
	}
}

// receiver is the name of the type that a method is of, "" if it has none.
func receiver(method *types.Func) string {
	t := method.Signature().Recv().Type()
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if named, ok := t.(*types.Named); ok {
		return named.Obj().Name()
	}
	return ""
}

// callee is the function that a call names, nil if it is another expression.
func (c *checker) callee(call *ast.CallExpr) *types.Func {
	if id := calleeName(call); id != nil {
		fn, _ := c.TypesInfo.Uses[id].(*types.Func)
		return fn
	}
	return nil
}

func calleeName(call *ast.CallExpr) *ast.Ident {
	fun := ast.Unparen(call.Fun)
	switch generic := fun.(type) {
	case *ast.IndexExpr:
		fun = generic.X
	case *ast.IndexListExpr:
		fun = generic.X
	}
	switch fun := fun.(type) {
	case *ast.Ident:
		return fun
	case *ast.SelectorExpr:
		return fun.Sel
	}
	return nil
}

// isFunc reports whether a call is of one of the named functions of a package.
func (c *checker) isFunc(call *ast.CallExpr, path string, names ...string) bool {
	return isFunc(c.callee(call), path, names)
}

func isFunc(fn *types.Func, path string, names []string) bool {
	return fn != nil && fn.Pkg() != nil && fn.Pkg().Path() == path && slices.Contains(names, fn.Name()) && fn.Signature().Recv() == nil
}

// core finds the type T under t: its own, or one that the constraint of a type
// parameter admits.
func core[T types.Type](t types.Type) (T, bool) {
	var none T
	if t == nil {
		return none, false
	}
	if param, ok := types.Unalias(t).(*types.TypeParam); ok {
		constraint, ok := param.Constraint().Underlying().(*types.Interface)
		if !ok {
			return none, false
		}
		for i := range constraint.NumEmbeddeds() {
			union, ok := constraint.EmbeddedType(i).(*types.Union)
			if !ok {
				union = types.NewUnion([]*types.Term{types.NewTerm(true, constraint.EmbeddedType(i))})
			}
			for j := range union.Len() {
				if found, ok := union.Term(j).Type().Underlying().(T); ok {
					return found, true
				}
			}
		}
		return none, false
	}
	found, ok := t.Underlying().(T)
	return found, ok
}
