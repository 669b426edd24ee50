package overlay

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// module writes a module of one package with the given body and returns its root.
func module(t *testing.T, body string) string {
	root := t.TempDir()
	write(t, root, "go.mod", "module example.com/m\n")
	write(t, root, "p/p.go", "package p\n\nimport \"github.com/pingcap/failpoint\"\n\n"+body)
	return root
}

func write(t *testing.T, root, rel, text string) {
	path := filepath.Join(root, rel)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestGenerateRewritesEveryMarker(t *testing.T) {
	root := module(t, `func f(x int) int {
	failpoint.Inject("bug-1-one", func() { x++ })
	switch {
	case x > 1:
		for range x {
			failpoint.Inject("bug-2-two", func() { failpoint.Return(7) })
		}
	}
	g := func() { failpoint.Inject("noop-1-inside-a-literal", func() {}) }
	g()
	return x
}
`)
	write(t, root, "p/p_test.go", "package p\n\nimport \"github.com/pingcap/failpoint\"\n\nfunc t() { failpoint.Inject(\"whatever\", nil) }\n")
	write(t, root, "q/q.go", "package q\n")
	write(t, root, "testdata/x.go", "not Go")
	dir := t.TempDir()
	res, err := Generate(root, dir)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "overlay.json"), res.Path)
	require.Len(t, res.Markers, 3)
	require.FileExists(t, filepath.Join(dir, "go.mod"), "not part of the module around it")
	require.Equal(t, Marker{
		Name: "bug-1-one", Package: "example.com/m/p", Enable: "example.com/m/p/bug-1-one", File: "p/p.go", Line: 6,
	}, res.Markers[0])

	listed, err := List(root)
	require.NoError(t, err)
	require.Equal(t, res.Markers, listed)

	text, err := os.ReadFile(filepath.Join(dir, "p/p.go"))
	require.NoError(t, err)
	require.Contains(t, string(text), `failpoint.Eval("example.com/m/p/bug-1-one")`)
	require.Contains(t, string(text), "return 7")
	require.Equal(t, 3, strings.Count(string(text), "failpoint.Eval("))
	require.NotContains(t, string(text), "Inject")

	overlay, err := os.ReadFile(res.Path)
	require.NoError(t, err)
	require.JSONEq(t, `{"Replace":{"`+root+`/p/p.go":"`+dir+`/p/p.go"}}`, string(overlay))
}

func TestGenerateFailsWhereAMarkerWouldStay(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"package variable": {
			"var f = func() {\n\tfailpoint.Inject(\"bug-1-one\", func() {})\n}\n",
			"overlay: p/p.go:6: a failpoint could not be rewritten",
		},
		"one of two": {
			"func g() { failpoint.Inject(\"bug-2-two\", func() {}) }\n\nvar f = func() {\n\tfailpoint.Inject(\"bug-1-one\", func() {})\n}\n",
			"overlay: p/p.go:8: a failpoint could not be rewritten",
		},
		"name not a literal": {
			"func f(name string) { failpoint.Inject(name, func() {}) }\n",
			"overlay: p/p.go:5: failpoint.Inject: the name must be a string literal",
		},
		"name of another form": {
			"func f() { failpoint.Inject(\"Bug14\", func() {}) }\n",
			`overlay: p/p.go:5: failpoint "Bug14": allowed are bug-NUMBER-SLUG and noop-NUMBER-SLUG`,
		},
		"body not a literal": {
			"func f(b func()) { failpoint.Inject(\"bug-1-one\", b) }\n",
			"overlay: p/p.go: failpoint.Inject: second argument expect closure",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Generate(module(t, c.body), t.TempDir())
			require.ErrorContains(t, err, c.want)
		})
	}
}

// TestAPlantedBugCanBeSwitchedOn goes the whole way: with the overlay, the
// tests of package quorum pass while the bug sleeps and fail once it is woken.
func TestAPlantedBugCanBeSwitchedOn(t *testing.T) {
	root, err := ModuleRoot(".")
	require.NoError(t, err)
	res, err := Generate(root, t.TempDir())
	require.NoError(t, err)

	const enable = "github.com/quoratedb/quorate/actors/quorum/bug-14-half-is-a-majority"
	found := 0
	for _, m := range res.Markers {
		if m.Enable == enable {
			found++
		}
	}
	require.Equal(t, 1, found, "marker %s", enable)

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	test := filepath.Join(t.TempDir(), "quorum.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", res.Path, "-o", test, "./actors/quorum")
	build.Dir = root
	text, err := build.CombinedOutput()
	require.NoError(t, err, "%s", text)

	run := func(failpoints string) (string, error) {
		cmd := exec.CommandContext(ctx, test, "-test.run", "TestTwoMajoritiesIntersect")
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "GO_FAILPOINTS="+failpoints)
		text, err := cmd.CombinedOutput()
		return string(text), err
	}
	out, err := run("")
	require.NoError(t, err, out)
	out, err = run(enable + "=return(true)")
	require.Error(t, err, out)
	require.Contains(t, out, "--- FAIL: TestTwoMajoritiesIntersect")
}

func TestModuleRootNeedsAGoMod(t *testing.T) {
	_, err := ModuleRoot(t.TempDir())
	require.ErrorContains(t, err, "no go.mod")
}
