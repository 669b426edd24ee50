//go:build unix

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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
	for _, line := range []string{"INF serving node=1 http=" + hostPort(base) + " resp=" + hostPort(base+1) + " peer=off admin=off\n",
		"INF stopping node=1\n", "INF stopped node=1 took="} {
		assert.Contains(t, p.stderr.String(), line)
	}
	assert.NoFileExists(t, filepath.Join(data, pidFileName))

	p, conn = start()
	reply, err = conn.do(time.Second, "GET", "k")
	require.NoError(t, err)
	assert.Equal(t, "v", reply.text)
	assert.Zero(t, p.terminate())
}

// Clients that take every connection they get must not take the descriptors that
// the log needs for its next segment: the node would have to stop.
func TestNodeWithFewFiles(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	base := freeRange(t)
	args := []string{"-c", `ulimit -n 400; exec "$0" "$@"`, os.Args[0], "node", "--node.data", data, "--listen.http", hostPort(base),
		"--listen.resp", hostPort(base + 1), "--wal.segment", "64KiB", "--wal.checkpoint", "1MiB"}
	p := launchCommand(t, exec.Command("sh", args...))
	require.Eventually(t, func() bool { return probe(hostPort(base+1), time.Second) == nil }, startBound, 20*time.Millisecond)
	conn, err := dialRESP(hostPort(base+1), time.Second)
	require.NoError(t, err)
	defer conn.close()
	var idle []net.Conn
	for i := range 2 { // Redis's door, then the other one
		for range 1000 {
			c, err := net.Dial("tcp", hostPort(base+1-i))
			require.NoError(t, err)
			idle = append(idle, c)
		}
	}
	segments := func() (names []string) {
		names, err := filepath.Glob(filepath.Join(data, "wal", "*"))
		require.NoError(t, err)
		return names
	}
	before := segments()
	for i := range 600 {
		reply, err := conn.do(5*time.Second, "SET", fmt.Sprint("k", i%50), strings.Repeat("v", 4<<10))
		require.NoError(t, err)
		require.Equal(t, "OK", reply.text)
	}
	assert.NotSubset(t, before, segments(), "the log went on in new files")
	select {
	case <-p.done:
		t.Fatal("the node has ended")
	default:
	}
	p.mu.Lock()
	assert.Contains(t, p.stderr.String(), "files=400 reserved=200 configured=20000 used=100")
	p.mu.Unlock()
	for _, c := range idle {
		_ = c.Close()
	}
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
