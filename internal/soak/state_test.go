package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARunGoesOnWhereTheLastOneEnded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out", "soak.json")
	s, err := load(file)
	require.NoError(t, err)
	require.EqualValues(t, firstSeed, s.take("default", 400))
	s.build("a").add("default", result{ok: 398, alarms: 1, undecided: 1})
	require.NoError(t, s.save(file))

	again, err := load(file)
	require.NoError(t, err)
	require.EqualValues(t, firstSeed+400, again.take("default", 400))
	require.EqualValues(t, firstSeed, again.take("reads", 400), "each scenario has its own next seed")
	require.Equal(t, 398, again.build("a").OK)
	require.Zero(t, again.build("b").OK, "another build counts from 0")
	require.Equal(t, 400, again.total())
}

func TestADamagedStateIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "soak.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"next": 3`), 0o644))
	_, err := load(file)
	require.ErrorContains(t, err, "delete it to count from the first seed again")
}

func TestSummaryOfTheSimulator(t *testing.T) {
	m := summary.FindStringSubmatch("400 seeds: 397 ok, 2 violations, 1 undecided or vacuous; 5 events, 1s virtual, in 2s\n")
	require.Equal(t, []string{"397", "2", "1"}, m[1:])
	m = summary.FindStringSubmatch("1 seed: 1 ok, 0 violations, 0 undecided or vacuous; 5 events, 1s virtual, in 2s\n")
	require.Equal(t, []string{"1", "0", "0"}, m[1:])
}

func TestBuildIDNeedsTheSources(t *testing.T) {
	root := t.TempDir()
	for _, dir := range simulated {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	empty, err := buildID(root)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "sim", "a_test.go"), []byte("x"), 0o644))
	tested, err := buildID(root)
	require.NoError(t, err)
	require.Equal(t, empty, tested, "tests change no seed")
	require.NoError(t, os.WriteFile(filepath.Join(root, "sim", "a.yaml"), []byte("x"), 0o644))
	changed, err := buildID(root)
	require.NoError(t, err)
	require.NotEqual(t, empty, changed)
}
