package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSimDrawsTheRun(t *testing.T) {
	file, seed := filepath.Join(t.TempDir(), "run.html"), uint64(1)
	c := simCmd{Seed: &seed, Scenario: "default", Invariants: "every", Jobs: 1, HTML: file}
	require.NoError(t, c.Run())
	page, err := os.ReadFile(file)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(page), "<!doctype html>"))
	require.Contains(t, string(page), "seed 1: ok")
	require.Less(t, len(page), 500_000)

	c.HTML = filepath.Join(t.TempDir(), "missing", "run.html")
	require.ErrorContains(t, c.Run(), "no such file")
}

func TestSimDrawsOnlyFailuresOfSeveralSeeds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "run.html")
	c := simCmd{Seeds: "1..2", Scenario: "default", Invariants: "every", Jobs: 1, HTML: file}
	require.NoError(t, c.Run())
	require.NoFileExists(t, file)
}
