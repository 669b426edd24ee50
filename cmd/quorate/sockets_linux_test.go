package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// hasParentDeathSignal: even a frozen node goes when its supervisor is killed.
const hasParentDeathSignal = true

// listeningSockets counts the TCP sockets on which a process listens; see proc(5).
func listeningSockets(t *testing.T, pid int) int {
	t.Helper()
	own := map[string]bool{}
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	require.NoError(t, err)
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, "socket:[") {
			own[strings.Trim(to, "socket:[]")] = true
		}
	}
	count := 0
	for _, table := range []string{"tcp", "tcp6"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			continue
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			const state, inode, listen = 3, 9, "0A"
			if c := strings.Fields(s.Text()); len(c) > inode && c[state] == listen && own[c[inode]] {
				count++
			}
		}
		_ = f.Close()
	}
	return count
}
