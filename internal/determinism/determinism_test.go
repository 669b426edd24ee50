package determinism_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	"github.com/quoratedb/quorate/internal/determinism"
)

// TestRules holds the pass against testdata: each line is accused as its comment
// `want` says, and no other.
func TestRules(t *testing.T) {
	for _, pkg := range []string{"purity", "addresses", "clocks", "own", "locks", "embedded", "order", "sorts", "globals", "reasons", "wal"} {
		t.Run(pkg, func(t *testing.T) { analysistest.Run(t, analysistest.TestData(), determinism.Analyzer, pkg) })
	}
}

// TestPureCodeOfThisRepository is what `make lint` runs.
func TestPureCodeOfThisRepository(t *testing.T) {
	loaded, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax | packages.NeedModule, Dir: "../.."}, determinism.Pure...)
	require.NoError(t, err)
	for _, pattern := range determinism.Pure {
		dir := strings.TrimPrefix(strings.TrimSuffix(pattern, "/..."), "./")
		found := false
		for _, p := range loaded {
			require.Empty(t, p.Errors)
			found = found || strings.HasPrefix(p.PkgPath+"/", p.Module.Path+"/"+dir+"/")
		}
		require.True(t, found, "no package in %s", pattern)
	}
	graph, err := checker.Analyze([]*analysis.Analyzer{determinism.Analyzer}, loaded, nil)
	require.NoError(t, err)
	for _, action := range graph.Roots {
		require.NoError(t, action.Err)
		for _, d := range action.Diagnostics {
			t.Errorf("%s: %s", action.Package.Fset.Position(d.Pos), d.Message)
		}
	}
}
