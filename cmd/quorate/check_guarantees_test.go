package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCheckGuarantees(t *testing.T) {
	const late = `{"client":1,"call":5,"return":6,"op":"get","key":"k","out":null}` + "\n"
	h := setOne + late
	for _, c := range []struct {
		name, history string
		args          []string
		code          int
		out           string
	}{
		{"kept", setOne + readOne, []string{"--checks", "linearizable,sessions,lost-writes"}, exitOK,
			"linearizable\nsessions: kept (reads: 1 judged, 0 not)\nlost-writes: kept (keys: 1 judged, 0 not)\n"},
		{"broken", h, []string{"--checks", "sessions"}, exitFailed, `sessions: broken once (reads: 1 judged, 0 not)
read your writes, key "k": the client read what its own write, called later, had replaced
  [1, 2] client 1: set "k" "one" -> ok
  [5, 6] client 1: get "k" -> absent
`},
		{"broken per key", h, []string{"--checks", "sessions-per-key"}, exitFailed, "sessions-per-key: broken once"},
		{"lost", h, []string{"--checks", "lost-writes"}, exitFailed, "lost-writes: broken once"},
		{"too early", h, []string{"--checks", "lost-writes", "--final-from", "5"}, exitOK, "lost-writes: not judged (keys: 0 judged, 1 not)\n"},
		{"stale", h, []string{"--checks", "staleness"}, exitFailed,
			"staleness: broken once (reads: 1 judged, 0 not; 1 stale, at worst by 3ns and by 1 versions)\n"},
		{"stale within the bound", h, []string{"--checks", "staleness", "--max-stale", "3ns"}, exitOK, "staleness: kept"},
		{"too stale", h, []string{"--checks", "staleness", "--max-stale", "2ns", "--max-behind", "1"}, exitFailed, "staleness: broken"},
		{"diverged", h + readOne + stale, []string{"--checks", "convergence"}, exitFailed, "convergence: broken once"},
		{"one of several", h, []string{"--checks", "convergence,linearizable"}, exitFailed, "not linearizable\n"},
	} {
		out, _, code := quorate(t, c.history, append([]string{"check", "-"}, c.args...)...)
		assert.Equal(t, c.code, code, c.name)
		assert.Contains(t, out, c.out, c.name)
	}
	for flag, want := range map[string]string{
		"--checks=atomic":   "convergence, lost-writes, sessions, sessions-per-key, staleness",
		"--max-stale=-1s":   "--max-stale: -1s is negative",
		"--max-behind=-1":   "--max-behind: -1 is negative",
		"--final-from=soon": "final-from",
	} {
		_, errs, code := quorate(t, h, "check", "-", flag)
		assert.Equal(t, exitUsage, code, flag)
		assert.Contains(t, errs, want)
	}
}
