//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTorture(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	stdout, stderr, code := quorate(t, "", "torture", "--for", "5s", "--seed", "4", "--json", "--out", out)
	require.Zero(t, code, "%s\n%s", stdout, stderr)
	var rep tortureReport
	require.NoError(t, json.Unmarshal([]byte(stdout), &rep))
	assert.Equal(t, verdictOK, rep.Verdict)
	assert.Zero(t, rep.AckedLost)
	assert.NotEmpty(t, rep.Faults)
	assert.Greater(t, rep.OpsOK, 300)
	assert.Positive(t, rep.LongestGapNs)

	// The history that it kept means the same to the checker.
	stdout, _, code = quorate(t, "", "check", "--model", "kv", filepath.Join(out, "history.jsonl"))
	assert.Zero(t, code)
	assert.Contains(t, stdout, "linearizable")
}

func TestTortureUsage(t *testing.T) {
	for _, args := range [][]string{{"--nodes", "8"}, {"--for", "1ms"}, {"--faults", "flood"}, {"--clients", "0"}, {"--out", "."}} {
		_, stderr, code := quorate(t, "", append([]string{"torture"}, args...)...)
		assert.Equal(t, exitUsage, code, "%v", args)
		assert.Contains(t, stderr, args[0], "%v", args)
	}
	_, err := os.Stat("n1.log")
	assert.Error(t, err, "nothing was written")
}
