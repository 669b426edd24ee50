package arch

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	testFset     = token.NewFileSet()
	testImporter = importer.ForCompiler(testFset, "source", nil) // caches the standard library's packages
)

// snippet type-checks one file. Imports outside the standard library stay
// unresolved, which is enough for rules about import paths.
func snippet(t *testing.T, rel, src string) *Package {
	t.Helper()
	f, err := parser.ParseFile(testFset, "/m/"+rel+"/x.go", src, parser.ParseComments)
	require.NoError(t, err)
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{},
		Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	conf := types.Config{Importer: testImporter, Error: func(error) {}}
	pkg, _ := conf.Check("m/"+rel, testFset, []*ast.File{f}, info)
	return &Package{Rel: rel, Root: "/m", Files: []*ast.File{f}, Fset: testFset, Info: info, Types: pkg}
}

func texts(bad []Violation) string {
	var lines []string
	for _, v := range bad {
		lines = append(lines, v.String())
	}
	return strings.Join(lines, "\n")
}

// Each body goes into a file of its own; want is part of the one violation, ""
// for none.
func TestPurity(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"go", `func f() { go f() }`, "go statement"},
		{"channel type", `func f(c chan int) {}`, "channel"},
		{"send", `type c = interface{ ~chan<- int }`, "channel"},
		{"range-less receive", `func f() { <-g() }; func g() int`, "channel"},
		{"select", `func f() { select {} }`, "select statement"},
		{"sync", `import "sync"; func f(m *sync.Mutex) { m.Lock() }`, "import of sync: "},
		{"atomic", `import _ "sync/atomic"`, "import of sync/atomic: "},
		{"context", `import _ "context"`, "import of context: "},
		{"os", `import _ "os"`, "import of os: "},
		{"os/exec", `import _ "os/exec"`, "import of os/exec: "},
		{"net/http", `import _ "net/http"`, "import of net/http: "},
		{"runtime", `import "runtime"; var _ = runtime.NumCPU()`, "import of runtime: "},
		{"slog", `import _ "log/slog"`, "import of log/slog: "},
		{"maphash", `import _ "hash/maphash"`, "import of hash/maphash: "},
		{"crypto/rand", `import _ "crypto/rand"`, "import of crypto/rand: "},
		{"math/rand", `import _ "math/rand"`, "import of math/rand: "},
		{"math/rand/v2 global", `import "math/rand/v2"; func f() int { return rand.IntN(7) }`, "rand/v2.IntN draws from a global source"},
		{"math/rand/v2 as a value", `import "math/rand/v2"; func f() func() uint64 { return rand.Uint64 }`, "rand/v2.Uint64 draws"},
		{"math/rand/v2 seeded", `import "math/rand/v2"; func f() int { return rand.New(rand.NewPCG(1, 2)).IntN(7) }`, ""},
		{"time.Now", `import "time"; func f() time.Time { return time.Now() }`, "time.Now: "},
		{"time.Now renamed", `import clock "time"; func f() clock.Time { return clock.Now() }`, "time.Now: "},
		{"time.Sleep, dot import", `import . "time"; func f() { Sleep(1) }`, "time.Sleep: "},
		{"time.After as a value", `import "time"; func f() any { return time.AfterFunc }`, "time.AfterFunc: "},
		{"durations", `import "time"; const d = 3 * time.Second; func f(t time.Time) bool { return t.After(t) }`, ""},
		{"own Now", `func f() int { return Now() }; func Now() int { return 1 }`, ""},
		{"stdout", `import "fmt"; func f() { fmt.Println() }`, "fmt.Println: "},
		{"address", `import "fmt"; func f(x *int) string { return fmt.Sprintf("%p", x) }`, "%p prints an address"},
		{"Sprintf", `import "fmt"; func f(x int) string { return fmt.Sprintf("%d", x) }`, ""},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, c.body, c.want) })
	}
}

func TestMapOrder(t *testing.T) {
	const head = "import (\"maps\"; \"slices\")\nvar _, _ = maps.Keys[map[int]int], slices.Sorted[int]\ntype set map[int]bool\n"
	for _, c := range []struct{ name, body, want string }{
		{"range", "func f(m map[int]int) { for range m {} }", "range over a map"},
		{"named type", "func f(m set) { for range m {} }", "range over a map"},
		{"type parameter", "func f[M ~map[K]int, K comparable](m M) { for range m {} }", "range over a map"},
		{"slice", "func f(m []int) { for range m {} }", ""},
		{"reason above", "func f(m set) {\n\t// order: adds up\n\tfor range m {}\n}", ""},
		{"reason on the line", "func f(m set) {\n\tfor range m { // order: adds up\n\t}\n}", ""},
		{"reason of two lines above", "func f(m set) {\n\t// order: adds up,\n\t// which commutes\n\tfor range m {}\n}", ""},
		{"empty reason", "func f(m set) {\n\t// order:\n\tfor range m {}\n}", "range over a map"},
		{"reason too far away", "func f(m set) {\n\t// order: adds up\n\n\tfor range m {}\n}", "range over a map"},
		{"keys", "func f(m set) { for range maps.Keys(m) {} }", "unsorted iterator"},
		{"values collected", "func f(m set) []bool { return slices.Collect(maps.Values(m)) }", "unsorted iterator"},
		{"sorted keys", "func f(m set) []int { return slices.Sorted(maps.Keys(m)) }", ""},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, head+c.body, c.want) })
	}
}

func TestGlobals(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"error", `import "errors"; var ErrGone = errors.New("gone")`, ""},
		{"blank", `var _ error = (*e)(nil); type e struct{ error }`, ""},
		{"table", `var table = [...]string{"a", "b"}; func f(i int) string { return table[i] }`, ""},
		{"map table", `var table = map[int]string{1: "a"}; func f(i int) string { return table[i] }`, ""},
		{"counter", `var n int; func f() { n++ }`, "variable n is written to"},
		{"assigned error", `var err error; func f() { err = nil }`, "variable err is written to"},
		{"cache", `var cache = map[int]int{}; func f() { cache[1] = 2 }`, "variable cache is written to"},
		{"delete", `var cache = map[int]int{}; func f() { delete(cache, 1) }`, "variable cache is written to"},
		{"address", `var x = 1; func f() *int { return &x }`, "variable x is written to"},
		{"field", `var x = struct{ a [2]int }{}; func f() { (x.a)[1] += 2 }`, "variable x is written to"},
		{"slice of array", `var x = [2]int{}; func f() { copy(x[:], x[1:]) }`, "variable x is written to"},
		{"range target", `var x = 1; func f(s []int) { for x = range s {} }`, "variable x is written to"},
		{"pointer method", `type t struct{ n int }; func (t *t) inc() {}; var x = t{1}; func f() { x.inc() }`, "variable x is written to"},
		{"pointer", `var x = new(int)`, "variable x has the type *int"},
		{"function", `var now = func() int { return 1 }`, "variable now has the type func() int"},
		{"zero", `var x int`, "variable x has no initial value"},
		{"exported table", `var Table = []int{1}`, "variable Table is exported"},
		{"allowed by name", `var x = new(int); var allowed = new(int)`, "variable x has the type *int"},
		{"shadowed", `var x = 1; func f() { x := 2; x++; _ = x }`, ""},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, c.body, c.want) })
	}
}

func expect(t *testing.T, body, want string) {
	t.Helper()
	p := snippet(t, "x", "package x\n\n"+body+"\n")
	bad := CheckPurity(p, nil, map[string]string{"x.allowed": "a test"})
	if want == "" {
		require.Empty(t, bad, texts(bad))
		return
	}
	require.Len(t, bad, 1, texts(bad))
	require.Contains(t, bad[0].What, want)
	require.Equal(t, "x/x.go", bad[0].File)
	require.Empty(t, CheckPurity(p, func(file string) bool { return file == "x/x.go" }, nil), "the file was excepted")
}

func TestImports(t *testing.T) {
	layers := []Layer{
		{Packages: "kv"},
		{Packages: "actors/system", Ours: []string{"kv", "actors/..."}},
		{Packages: "actors/...", Ours: []string{"kv"}, Outside: []string{"example.com/pure"}},
	}
	exclusive := map[string]string{"example.com/pure/checker": "kv/..."}
	for _, c := range []struct{ rel, path, want string }{
		{"actors/a", "m.org/m/kv", ""},
		{"actors/a", "m.org/m/actors/a/sub", ""},
		{"actors/a", "m.org/m/actors/b", "actors/a imports actors/b, allowed of ours: kv"},
		{"actors/a", "m.org/m/kvothe", "actors/a imports kvothe"},
		{"actors/system", "m.org/m/actors/b", ""},
		{"kv", "m.org/m/actors", "kv imports actors, allowed of ours: nothing"},
		{"kv", "strings", ""},
		{"kv", "example.com/pure", "kv imports example.com/pure, allowed from outside: nothing"},
		{"actors/a", "example.com/pure/sub", ""},
		{"actors/a", "example.com/purely", "allowed from outside: example.com/pure"},
		{"actors/a", "example.com/pure/checker", "actors/a imports example.com/pure/checker, which only kv/... may"},
		{"other", "strings", "package other is on no layer"},
	} {
		m := &Module{Path: "m.org/m", Packages: []*Package{snippet(t, c.rel, "package x\n\nimport _ \""+c.path+"\"\n")}}
		bad := CheckImports(m, layers, exclusive)
		if c.want == "" {
			require.Empty(t, bad, texts(bad))
			continue
		}
		require.Len(t, bad, 1, "%v: %s", c, texts(bad))
		require.Contains(t, bad[0].What, c.want)
	}
}

func TestDocs(t *testing.T) {
	for src, want := range map[string]string{
		"// Package x does.\npackage x":       "",
		"// Command x does.\npackage main":    "",
		"package x":                           `begins with "Package x "`,
		"// Package xy does.\npackage x":      `begins with "Package x "`,
		"// Package x does.\n\npackage x":     `begins with "Package x "`,
		"// Package main does.\npackage main": `begins with "Command "`,
	} {
		bad := CheckDocs(&Module{Packages: []*Package{snippet(t, "x", src)}})
		if want == "" {
			require.Empty(t, bad, texts(bad))
			continue
		}
		require.Len(t, bad, 1, src)
		require.Contains(t, bad[0].What, want)
	}
}

func TestLength(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"a/long.go":          "package a\n\n\n\n",
		"a/short.go":         "package a\n\n\n",
		"a/long_test.go":     "package a\n\n\n\n",
		"a/gen.go":           "// Code generated by x. DO NOT EDIT.\npackage a\n\n\n\n",
		"testdata/long.go":   "package a\n\n\n\n",
		"a/windows_only.go":  "//go:build windows\n\npackage a\n\n",
		"a/not-go-at-all.md": "\n\n\n\n\n\n",
	} {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	bad, err := CheckLength(root, 3)
	require.NoError(t, err)
	require.Equal(t, "a/long.go:4: file has grown past one idea; split it\n"+
		"a/windows_only.go:4: file has grown past one idea; split it", texts(bad))
}

func TestLoad(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	write("go.mod", "module m.org/m\n\ngo 1.26\n")
	write("b/b.go", "// Package b does.\npackage b\n\nfunc f(m map[int]int) {\n\tfor range m {\n\t}\n}\n")
	write("b/b_test.go", "package b\n\nimport _ \"os\"\n")
	write("a/tests_only_test.go", "package a\n")
	m, err := Load(root)
	require.NoError(t, err)
	require.Equal(t, "m.org/m", m.Path)
	require.Len(t, m.Packages, 1)
	require.Equal(t, "b", m.Packages[0].Rel)
	require.Equal(t, "b/b.go:5: range over a map without a comment `// order: why the order does not matter`",
		texts(CheckPurity(m.Packages[0], nil, nil)))

	write("c/c.go", "package c\n\nvar x = y\n")
	_, err = Load(root)
	require.ErrorContains(t, err, "the module does not compile")
}
