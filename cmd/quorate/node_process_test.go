//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNodeAlone(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	base := freeRange(t)
	args := []string{"node", "--node.data", data, "--listen.http", hostPort(base), "--listen.resp", hostPort(base + 1)}
	start := func() (*process, *respConn) {
		p := launch(t, args...)
		var conn *respConn
		require.Eventually(t, func() (ok bool) {
			if probe(hostPort(base+1), time.Second) != nil {
				return false
			}
			var err error
			conn, err = dialRESP(hostPort(base+1), time.Second)
			return err == nil
		}, startBound, 20*time.Millisecond)
		t.Cleanup(conn.close)
		return p, conn
	}
	p, conn := start()
	reply, err := conn.do(time.Second, "SET", "k", "v")
	require.NoError(t, err)
	require.Equal(t, "OK", reply.text)
	text, err := os.ReadFile(filepath.Join(data, pidFileName))
	require.NoError(t, err)
	assert.Equal(t, strconv.Itoa(p.cmd.Process.Pid)+"\n", string(text))
	if n := listeningSockets(t, p.cmd.Process.Pid); n >= 0 {
		assert.Equal(t, 2, n, "a cluster of one needs no peer port")
	}
	stdout, stderr, code := quorate(t, "", "ctl", "--addr", "http://"+hostPort(base), "--json", "health")
	require.Zero(t, code, stderr)
	assert.Contains(t, stdout, hostPort(base+1))
	assert.NotContains(t, stdout, ":9000", "nobody listens for peers")
	assert.Zero(t, p.terminate())
	assert.NoFileExists(t, filepath.Join(data, pidFileName))

	p, conn = start()
	reply, err = conn.do(time.Second, "GET", "k")
	require.NoError(t, err)
	assert.Equal(t, "v", reply.text)
	assert.Zero(t, p.terminate())
}

func TestNodeRefusesMistakes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "quorate.yaml")
	require.NoError(t, os.WriteFile(file, []byte("node:\n  id: 1\nlisten:\n  htpp: 127.0.0.1:1\n"), 0o600))
	_, stderr, code := quorate(t, "", "node", "--config", file)
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, file+":4:3", "the line and the column")
	assert.NoFileExists(t, filepath.Join(dir, "data"))

	_, stderr, code = quorate(t, "", "node", "--config", filepath.Join(dir, "none.yaml"))
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "none.yaml")

	_, stderr, code = quorate(t, "", "node", "--node.data", filepath.Join(dir, "data"), "--wal.sync", "sometimes")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "--wal.sync")

	_, stderr, code = quorate(t, "", "node", "--node.data", filepath.Join(dir, "data"), "--listen.http", "0.0.0.0:7379")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "--listen.http: listen.http: 0.0.0.0:7379 is taken by listen.resp")
	assert.NoDirExists(t, filepath.Join(dir, "data"), "nothing was made before the mistake was found")

	l, err := net.Listen("tcp", hostPort(0))
	require.NoError(t, err)
	defer l.Close()
	data := filepath.Join(dir, "data")
	_, stderr, code = quorate(t, "", "node", "--node.data", data, "--listen.http", "off", "--listen.resp", l.Addr().String())
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, l.Addr().String())
	assert.NoFileExists(t, filepath.Join(data, pidFileName))
}
