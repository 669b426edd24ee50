package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSimTrace(t *testing.T) {
	var traces []string
	for _, name := range []string{"one", "two"} {
		file := filepath.Join(t.TempDir(), name)
		_, errs, code := quorate(t, "", "sim", "--seed", "7", "--trace", file)
		require.Equal(t, exitOK, code, errs)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		traces = append(traces, string(text))
	}
	assert.Equal(t, traces[0], traces[1], "two processes, one trace")
	lines := strings.Split(strings.TrimSpace(traces[0]), "\n")
	require.Greater(t, len(lines), 100)
	for _, line := range lines {
		assert.Regexp(t, `^{"t":\d+,"hash":"[0-9a-f]{16}","what":`, line)
	}
	_, errs, code := quorate(t, "", "sim", "--seed", "7", "--trace", filepath.Join(t.TempDir(), "no", "where"))
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, errs, "--trace")
}

// TestSimTraceOf: a seed's trace is the same among others, in either order, and
// ends with the hash that is reported.
func TestSimTraceOf(t *testing.T) {
	trace := func(args ...string) string {
		file := filepath.Join(t.TempDir(), "trace")
		_, errs, code := quorate(t, "", append([]string{"sim", "--trace", file}, args...)...)
		require.Equal(t, exitOK, code, errs)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(text)
	}
	alone := trace("--seed", "7")
	assert.Equal(t, alone, trace("--seeds", "5..8", "--trace-of", "7", "-j", "1"))
	assert.Equal(t, alone, trace("--seeds", "5..8", "--trace-of", "7", "-j", "3", "--reverse"))
	out, _, code := simulate(t, "--seed 7 --json")
	require.Equal(t, exitOK, code)
	var got struct {
		Hash string `json:"trace_hash"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &got))
	lines := strings.Split(strings.TrimSpace(alone), "\n")
	assert.Contains(t, lines[len(lines)-1], `"hash":"`+got.Hash+`","what":"end"`)
}

func TestSimReverse(t *testing.T) {
	seeds := func(args string) (order []int, lines []string) {
		out, _, code := simulate(t, "--seeds 0..4 --json "+args)
		require.Equal(t, exitOK, code)
		for line := range strings.Lines(out) {
			var got struct {
				Seed int
				Hash string `json:"trace_hash"`
			}
			require.NoError(t, json.Unmarshal([]byte(line), &got))
			order, lines = append(order, got.Seed), append(lines, got.Hash)
		}
		return order, lines
	}
	_, up := seeds("")
	order, down := seeds("--reverse -j 2")
	assert.Equal(t, []int{4, 3, 2, 1, 0}, order)
	slices.Reverse(down)
	assert.Equal(t, up, down)
}
