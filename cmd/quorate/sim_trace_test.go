package main

import (
	"os"
	"path/filepath"
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
