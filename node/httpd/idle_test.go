//go:build unix

package httpd

import (
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/node/door/doortest"
)

// TestIdleConnections: what a kept-alive connection costs while it is silent.
func TestIdleConnections(t *testing.T) {
	if testing.Short() {
		t.Skip("opens thousands of connections")
	}
	var lim syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim))
	count := min(10_000, int(lim.Cur)/2-200)
	w := serve(t, doortest.New(), nil)
	before := inUse()
	for range count {
		c, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
		require.NoError(t, err)
		defer c.Close()
		_, err = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		_, err = c.Read(make([]byte, 1024))
		require.NoError(t, err)
	}
	each := (inUse() - before) / int64(count)
	t.Logf("%d idle connections, %d bytes each (both ends)", count, each)
	assert.Less(t, each, int64(40<<10))
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
