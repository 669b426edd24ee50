// Package quorate_test holds the rules about the shape of this repository: the
// map of who imports whom, and what every package owes its reader. The engine is
// internal/arch; docs/ARCHITECTURE.md says why. What must be deterministic is
// checked by internal/determinism.
package quorate_test

import (
	"sync"
	"testing"

	"github.com/quoratedb/quorate/internal/arch"
	"github.com/stretchr/testify/require"
)

// Modules that compute and nothing else: no clock, no goroutine, no file. A
// failpoint is an empty call in a plain build.
const (
	failpoint = "github.com/pingcap/failpoint"
	xxh3      = "github.com/zeebo/xxh3"
	btree     = "github.com/tidwall/btree"
)

// layers is the map of the repository: direct imports point one way. "dir" is
// one package, "dir/..." also those below it.
var layers = []arch.Layer{
	{Packages: "actors/kv", Outside: []string{failpoint}},
	{Packages: "actors", Ours: []string{"actors/kv"}, Outside: []string{failpoint}},
	{Packages: "actors/wire"},
	{Packages: "actors/msg", Ours: []string{"actors", "actors/causal", "actors/kv", "actors/wire"}, Outside: []string{failpoint}},
	{Packages: "actors/quorum", Ours: []string{"actors/kv"}, Outside: []string{failpoint}},
	{Packages: "actors/once", Ours: []string{"actors/kv"}},
	{Packages: "actors/table", Outside: []string{xxh3}},
	{Packages: "actors/causal", Ours: []string{"actors/kv", "actors/wire"}, Outside: []string{failpoint, xxh3}},
	{Packages: "actors/system", Ours: []string{"actors/...", "ring"}, Outside: []string{failpoint}},
	// Every other actor: never a sibling.
	{
		Packages: "actors/...",
		Ours:     []string{"actors", "actors/causal", "actors/kv", "actors/msg", "actors/once", "actors/quorum", "actors/table", "ring"},
		Outside:  []string{failpoint, xxh3, btree},
	},
	{Packages: "ring", Ours: []string{"actors/kv"}, Outside: []string{failpoint, xxh3}},
	{
		Packages: "wal/...",
		Ours:     []string{"actors", "actors/kv", "wal"},
		Outside:  []string{failpoint, xxh3, "github.com/klauspost/compress", "github.com/pierrec/lz4/v4", "golang.org/x/sys"},
	},
	{
		Packages: "linearizability/...",
		Ours:     []string{"actors", "actors/kv", "linearizability"},
		Outside:  []string{"github.com/anishathalye/porcupine", "olympos.io/encoding/edn"},
	},
	{Packages: "client/...", Ours: []string{"actors", "actors/kv", "client"}},
	{ // a host of its own, of two actors alone
		Packages: "sim/lab",
		Ours:     []string{"actors", "actors/causal", "actors/coordinate", "actors/kv", "actors/msg", "actors/store", "ring"},
	},
	{
		Packages: "sim/...",
		Ours: []string{
			"actors", "actors/causal", "actors/kv", "actors/msg", "actors/quorum", "actors/system", "ring",
			"wal/...", "linearizability/...", "sim/...",
		},
		Outside: []string{failpoint, xxh3, "github.com/goccy/go-yaml"}, // parses bytes: scenarios and plans
	},
	{Packages: "picture/...", Ours: []string{"actors", "actors/kv", "actors/causal", "actors/msg", "ring", "sim", "linearizability/..."}},
	{
		Packages: "node/...",
		Ours:     []string{"actors", "actors/kv", "actors/msg", "actors/quorum", "actors/system", "ring", "wal/...", "node/...", "internal/freeport"},
		Outside: []string{
			failpoint, xxh3, "github.com/anthdm/hollywood", "github.com/danielgtaylor/huma/v2", "github.com/go-playground/validator/v10",
			"github.com/goccy/go-yaml", "github.com/lmittmann/tint", "github.com/mattn/go-isatty",
			"github.com/prometheus/client_golang", "github.com/prometheus/client_model", "github.com/tidwall/redcon", "golang.org/x/sync", "golang.org/x/sys",
		},
	},
	{
		Packages: "cmd/...",
		Ours:     []string{"actors/kv", "ring", "wal", "client/...", "linearizability/...", "node/...", "picture", "sim/...", "cmd/quorate/...", "internal/freeport"},
		Outside: []string{
			failpoint, "github.com/alecthomas/kong", "github.com/goccy/go-yaml", "github.com/lmittmann/tint",
			"github.com/mattn/go-isatty", "github.com/redis/go-redis/v9", "golang.org/x/sync", "golang.org/x/sys",
		},
	},
	// Tools for working on the repository; of these the harness imports freeport alone.
	{
		Packages: "internal/...",
		Ours:     []string{"internal/..."},
		Outside:  []string{failpoint, "golang.org/x/tools", "golang.org/x/sync", "golang.org/x/sys"},
	},
}

// exclusive names the modules that one place hides from all others.
var exclusive = map[string]string{
	"github.com/anishathalye/porcupine": "linearizability/...",
	"olympos.io/encoding/edn":           "linearizability/...",
	"github.com/anthdm/hollywood":       "node/...",
	"github.com/tidwall/redcon":         "node/...",
	"github.com/danielgtaylor/huma/v2":  "node/...",
	"github.com/alecthomas/kong":        "cmd/...",
}

// maxLines is how long a file may be before it surely holds more than one idea.
const maxLines = 450

var load = sync.OnceValues(func() (*arch.Module, error) { return arch.Load(".") })

func module(t *testing.T) *arch.Module {
	t.Helper()
	m, err := load()
	require.NoError(t, err)
	require.NotEmpty(t, m.Packages)
	return m
}

func report(t *testing.T, bad []arch.Violation) {
	t.Helper()
	for _, v := range bad {
		t.Error(v)
	}
}

func TestImportsPointOneWay(t *testing.T) {
	report(t, arch.CheckImports(module(t), layers, exclusive))
}

func TestEveryPackageIsDocumented(t *testing.T) { report(t, arch.CheckDocs(module(t))) }

func TestFilesHoldOneIdea(t *testing.T) {
	bad, err := arch.CheckLength(".", maxLines)
	require.NoError(t, err)
	report(t, bad)
}
