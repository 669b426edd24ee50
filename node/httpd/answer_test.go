package httpd

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/node/door/doortest"
)

// stalledReaders ask for a value that they do not read.
func stalledReaders(t *testing.T, w *web, n int) (hangUp func()) {
	var conns []net.Conn
	hangUp = func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}
	t.Cleanup(hangUp)
	for range n {
		c, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
		require.NoError(t, err)
		conns = append(conns, c)
		require.NoError(t, c.(*net.TCPConn).SetReadBuffer(4096))
		_, err = io.WriteString(c, "GET /kv?key=big HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
	}
	return hangUp
}

const bigSize = 4 << 20

func serveBig(t *testing.T, edit func(*Config)) *web {
	w := serve(t, doortest.New(), edit)
	status, _, body := w.do("PUT", "/kv?key=big", strings.Repeat("<", bigSize))
	require.Equal(t, http.StatusOK, status, body)
	return w
}

// Clients that ask for large values and do not read them hold no more memory
// than the bound.
func TestStalledReadersAreBounded(t *testing.T) {
	const room = 3
	w := serveBig(t, func(c *Config) { c.BufferBytes, c.WriteTimeout = room*(bigSize+1<<10), time.Hour })
	hangUp := stalledReaders(t, w, room)
	require.Eventually(t, func() bool { return w.s.big.Load() > (room-1)*(bigSize+1<<10) }, 10*time.Second, time.Millisecond)
	status, header, body := w.do("GET", "/kv?key=big", "")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, body, "giving out too many large values")
	assert.Empty(t, header.Get("ETag"))
	status, _, _ = w.do("GET", "/kv?key=none", "")
	assert.Equal(t, http.StatusNotFound, status, "small answers have room")
	hangUp()
	require.Eventually(t, func() bool { return w.s.big.Load() == 0 }, 10*time.Second, time.Millisecond)
	status, _, body = w.do("GET", "/kv?key=big", "")
	assert.Equal(t, http.StatusOK, status)
	assert.Greater(t, len(body), bigSize)
}

// Nor do they hold it for long.
func TestStalledReadersAreCutOff(t *testing.T) {
	w := serveBig(t, func(c *Config) { c.WriteTimeout = 100 * time.Millisecond })
	stalledReaders(t, w, 2)
	require.Eventually(t, func() bool { return w.s.big.Load() > 0 }, 10*time.Second, 100*time.Microsecond)
	require.Eventually(t, func() bool { return w.s.big.Load() == 0 }, 10*time.Second, time.Millisecond)
}

// A client that takes a large value slowly, but does, gets all of it.
func TestSlowReader(t *testing.T) {
	const size = 2 << 20
	w := serve(t, doortest.New(), func(c *Config) { c.WriteTimeout = 400 * time.Millisecond })
	status, _, body := w.do("PUT", "/kv?key=big", strings.Repeat("x", size))
	require.Equal(t, http.StatusOK, status, body)
	req, err := http.NewRequest(http.MethodGet, w.base+"/kv?key=big", nil)
	require.NoError(t, err)
	req.Header.Set("Accept", "text/plain")
	resp, err := w.http.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	began, n := time.Now(), 0
	for buf := make([]byte, size/20); ; {
		got, err := io.ReadFull(resp.Body, buf)
		n += got
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		require.NoError(t, err, fmt.Sprint(n, " bytes after ", time.Since(began)))
		time.Sleep(50 * time.Millisecond)
	}
	assert.Equal(t, size, n)
	assert.Greater(t, time.Since(began), 2*w.s.cfg.WriteTimeout)
}
