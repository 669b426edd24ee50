package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSteeredClock(t *testing.T) {
	var c steeredClock
	require.NoError(t, c.obey("clock-offset -1m30s"))
	assert.Equal(t, -90*time.Second, c.offset())
	for _, bad := range []string{"", "clock-offset", "clock-offset 5", "clock-offset 100000h", "clock-offset -100000h", "stop"} {
		assert.Error(t, c.obey(bad), bad)
		assert.Equal(t, -90*time.Second, c.offset(), bad)
	}
	// A line that is too long is the last that is obeyed, and no error.
	require.NoError(t, c.follow(strings.NewReader("what\nclock-offset 1s\n"+strings.Repeat("x", 1<<20)+"\nclock-offset 2s\n")))
	assert.Equal(t, time.Second, c.offset())
}
