package arch

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
	"context":               "deadlines are timers of the host",
	"crypto/rand":           "chance comes from the host's seeded source",
	"hash/maphash":          "its seed differs between processes",
	"log/...":               "an actor has no log; the host observes effects",
	"math/rand":             "use math/rand/v2 with a seeded source",
	"net/...":               "sockets belong to the production host",
	"os/...":                "files, environment and signals belong to the production host and to wal's OS file system",
	"reflect":               "it can observe map order and addresses",
	"runtime/...":           "what the runtime reports differs between processes",
	"sync/...":              "one goroutine runs an actor; it needs no locks",
	"syscall":               "system calls belong to the production host",
	"testing/...":           "it belongs into tests",
	"unsafe":                "addresses differ between processes",
	"golang.org/x/sys/...":  "system calls belong to the production host",
	"golang.org/x/sync/...": "one goroutine runs an actor",
}

// forbiddenFuncs are functions of packages that are otherwise fine.
var forbiddenFuncs = map[string][]string{
	"time": {"Now", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Since", "Until", "LoadLocation"},
	"fmt":  {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
}

// seededRand is what math/rand/v2 offers besides its global, randomly seeded source.
var seededRand = []string{"New", "NewPCG", "NewChaCha8", "NewZipf"}

// CheckPurity looks for sources of chance and concurrency in a package:
// goroutines, channels, locks, clocks, global randomness, the operating system,
// mutable package-level variables, and map iteration that does not say why its
// order is harmless. except reports files to skip; globals names the variables
// ("wal.table") that are allowed although they look mutable, with the reason.
func CheckPurity(p *Package, except func(file string) bool, globals map[string]string) (bad []Violation) {
	for _, f := range p.Files {
		if except != nil && except(p.file(f)) {
			continue
		}
		bad = append(bad, p.impureImports(f)...)
		ast.Inspect(f, func(n ast.Node) bool {
			if what := p.impureNode(n); what != "" {
				bad = append(bad, p.violation(n.Pos(), "%s", what))
			}
			return true
		})
		bad = append(bad, p.unexplainedMapOrder(f)...)
		bad = append(bad, p.mutableGlobals(f, globals)...)
	}
	return bad
}

func (p *Package) impureImports(f *ast.File) (bad []Violation) {
	for _, imp := range f.Imports {
		path, _ := strconv.Unquote(imp.Path.Value)
		for pattern, why := range forbiddenImports {
			if matches(path, pattern) {
				bad = append(bad, p.violation(imp.Pos(), "import of %s: %s", path, why))
			}
		}
	}
	return bad
}

// impureNode returns what is wrong with a piece of syntax, or "".
func (p *Package) impureNode(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "go statement: concurrency belongs to the hosts"
	case *ast.SelectStmt:
		return "select statement: it chooses at random"
	case *ast.SendStmt, *ast.ChanType:
		return "channel: actors exchange messages through effects"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "channel: actors exchange messages through effects"
		}
	case *ast.Ident:
		return p.impureUse(n)
	case *ast.BasicLit:
		if n.Kind == token.STRING && strings.Contains(n.Value, "%p") {
			return "%p prints an address, which differs between processes"
		}
	}
	return ""
}

// impureUse judges a name by what it stands for, so that renamed and dot
// imports are seen through.
func (p *Package) impureUse(id *ast.Ident) string {
	fn, ok := p.Info.Uses[id].(*types.Func)
	if !ok || fn.Pkg() == nil || fn.Signature().Recv() != nil {
		return ""
	}
	path, name := fn.Pkg().Path(), fn.Name()
	switch {
	case slices.Contains(forbiddenFuncs[path], name):
		return path + "." + name + ": the host gives the time and takes the output"
	case path == "math/rand/v2" && !slices.Contains(seededRand, name):
		return path + "." + name + " draws from a global source, use a seeded *rand.Rand"
	}
	return ""
}
