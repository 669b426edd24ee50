package linearizability

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// porcupineData is the test data of the porcupine module in the module cache.
func porcupineData(t testing.TB) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/anishathalye/porcupine").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(out)), "test_data")
}

func readFile(t testing.TB, format, path string) Input {
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	in, err := Formats[format](f)
	require.NoError(t, err, path)
	return in
}

// TestPublishedEtcd judges Jepsen's logs of etcd. The verdicts are those that
// porcupine's own tests state; etcd did not start in run 95, whose log is empty.
func TestPublishedEtcd(t *testing.T) {
	linearizable := []int{2, 5, 7, 18, 25, 31, 38, 45, 48, 49, 51, 53, 56, 67, 75, 76, 80, 87, 92, 95, 98, 100, 101, 102}
	dir := porcupineData(t)
	var c Checker
	for n := range 103 {
		in := readFile(t, "jepsen", filepath.Join(dir, "jepsen", fmt.Sprintf("etcd_%03d.log", n)))
		assert.Equal(t, n == 95, len(in.History) == 0, "log %d", n)
		want := Illegal
		if slices.Contains(linearizable, n) {
			want = Linearizable
		}
		v := c.Check(in.History, CASRegister, Options{})
		assert.Equal(t, want, v.Answer, "log %d", n)
		if want == Illegal {
			checkStretch(t, in.History, CASRegister, v)
		}
	}
}

// TestPublishedKV judges the histories of a key-value store with appends.
func TestPublishedKV(t *testing.T) {
	dir := porcupineData(t)
	var c Checker
	for _, clients := range []string{"c01", "c10", "c50"} {
		in := readFile(t, "edn", filepath.Join(dir, "kv", clients+"-ok.txt"))
		assert.Equal(t, Linearizable, c.Check(in.History, KV, Options{}).Answer, clients)
		in = readFile(t, "edn", filepath.Join(dir, "kv", clients+"-bad.txt"))
		v := c.Check(in.History, KV, Options{})
		assert.Equal(t, Illegal, v.Answer, clients)
		checkStretch(t, in.History, KV, v)
	}
}

// checkStretch checks that the evidence is part of the history and is illegal
// by itself, given what the key held before it.
func checkStretch(t testing.TB, h History, m Model, v Verdict) {
	require.NotEmpty(t, v.Stretch)
	earliest := v.Stretch[0].Call
	for i := range v.Stretch {
		own := v.Stretch[i]
		require.True(t, slices.ContainsFunc(h, func(op Op) bool {
			if own.atEdge() {
				op = op.edge()
			}
			return op == own
		}), "%v is not in the history", &own)
		earliest = min(earliest, own.Call)
	}
	if v.From == nil {
		require.Equal(t, Illegal, Check(v.Stretch, m, Options{NoStretch: true}).Answer, dump(v.Stretch))
		return
	}
	for _, held := range v.From.Held {
		start := Op{Key: v.Key, Kind: Delete, Call: earliest - 2, Return: earliest - 1, Result: Result{Outcome: OK}}
		if held.Found {
			start.Kind, start.Value = Set, held.Value
		}
		own := append(slices.Clone(v.Stretch), start)
		require.Equal(t, Illegal, Check(own, KV, Options{NoStretch: true}).Answer, dump(v.Stretch))
	}
}

// TestStretchesAreIllegal checks the evidence for random illegal histories,
// and that it is small where a single answer was falsified.
func TestStretchesAreIllegal(t *testing.T) {
	var c Checker
	var whole, part int
	for n, x := range mixes {
		for i := range 300 {
			r := rand.New(rand.NewPCG(uint64(n), uint64(i)))
			x.clients, x.ops, x.unknown, x.lie = 1+r.IntN(5), 60, 0.05, 0.02
			h := x.draw(r)
			v := c.Check(h, x.model, Options{})
			if v.Answer == Illegal {
				checkStretch(t, h, x.model, v)
				whole, part = whole+len(h), part+len(v.Stretch)
			}
		}
	}
	t.Logf("stretches are %.1f%% of their histories", 100*float64(part)/float64(whole))
	assert.Less(t, 5*part, whole)
}
