package planted

import (
	"cmp"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/sim"
)

// TestListHasEveryMarker compares the list with the markers in the sources.
func TestListHasEveryMarker(t *testing.T) {
	marker := regexp.MustCompile(`failpoint\.Inject\("([a-z0-9-]+)"`)
	inSource := map[string]bool{}
	// The markers of actors/causal count from the day on which an actor imports
	// it: before, no simulation can reach them (its own tests convict each).
	const unused = "actors/causal/"
	used := false
	out, err := exec.Command("git", "-C", "../..", "ls-files", "*.go").Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	for _, name := range strings.Fields(string(out)) {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/") {
			continue
		}
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			continue // deleted, not yet committed
		}
		used = used || strings.Contains(string(text), module+strings.TrimSuffix(unused, "/")+`"`)
		for _, m := range marker.FindAllStringSubmatch(string(text), -1) {
			inSource[name[:strings.LastIndex(name, "/")+1]+m[1]] = true
		}
	}
	maps.DeleteFunc(inSource, func(name string, _ bool) bool { return !used && strings.HasPrefix(name, unused) })
	listed := map[string]bool{strings.TrimPrefix(Probe, module): true}
	for _, b := range Bugs() {
		for _, n := range b.Names {
			listed[n] = true
		}
	}
	require.Equal(t, inSource, listed)
}

func TestListIsInOrderAndItsScenariosExist(t *testing.T) {
	require.True(t, slices.IsSortedFunc(Bugs(), func(a, b Bug) int { return cmp.Compare(a.Number, b.Number) }))
	for _, b := range Bugs() {
		require.NotEmpty(t, b.Scenarios)
		for _, s := range b.Scenarios {
			_, err := sim.FindScenario(s)
			require.NoError(t, err, b.Name())
		}
		byName, err := Find(b.Name())
		require.NoError(t, err)
		require.Equal(t, b.Number, byName.Number)
	}
	_, err := Find("bug-0-nothing")
	require.ErrorContains(t, err, `unknown bug "bug-0-nothing": use a number or one of bug-1-`)
}
