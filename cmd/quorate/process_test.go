//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/internal/freeport"
)

// The tests in files named *_process_test.go run real processes: this test
// binary, which is quorate itself when the environment says so (check_test.go).

// startBound is how long a process may take to be ready on a busy machine.
const startBound = 30 * time.Second

// process is a running quorate command.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}

	mu     sync.Mutex
	stdout []string
	stderr strings.Builder
	more   chan struct{} // 1-buffered: a line came
}

// launch starts quorate with the arguments. It is killed at the test's end.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	return launchCommand(t, exec.Command(os.Args[0], args...))
}

// launchCommand is launch for a command that becomes quorate in the end.
func launchCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, done: make(chan struct{}), more: make(chan struct{}, 1)}
	p.cmd.Env = append(os.Environ(), asQuorate+"=1")
	p.cmd.Stderr = lockedWriter{p}
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			p.mu.Lock()
			p.stdout = append(p.stdout, s.Text())
			p.mu.Unlock()
			p.nudge()
		}
		_ = p.cmd.Wait()
		close(p.done)
		p.nudge()
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("%v\n%s\n%s", cmd.Args, strings.Join(p.stdout, "\n"), p.stderr.String())
		}
	})
	return p
}

type lockedWriter struct{ p *process }

func (w lockedWriter) Write(b []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	return w.p.stderr.Write(b)
}

func (p *process) nudge() {
	select {
	case p.more <- struct{}{}:
	default:
	}
}

// waitLine waits for a line on standard output that begins with prefix.
func (p *process) waitLine(prefix string) {
	p.t.Helper()
	deadline := time.After(startBound)
	for {
		p.mu.Lock()
		for _, line := range p.stdout {
			if strings.HasPrefix(line, prefix) {
				p.mu.Unlock()
				return
			}
		}
		p.mu.Unlock()
		select {
		case <-p.done:
			p.t.Fatalf("the process ended without a line %q", prefix)
		case <-p.more:
		case <-deadline:
			p.t.Fatalf("no line %q within %v", prefix, startBound)
		}
	}
}

// kill ends the process as a crash would. What it started is not touched.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// terminate asks the process to end and returns its exit code.
func (p *process) terminate() int {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	return p.wait()
}

func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(startBound):
		p.t.Fatalf("the process did not end within %v", startBound)
		return -1
	}
}

// testCluster is a running `quorate dev`.
type testCluster struct {
	*process
	dir              string
	args             []string
	http, resp, peer int // base ports
	clients          []*redis.Client
}

const testNodes = 3

// startDev starts a cluster on ports that are free, and waits until it is ready.
func startDev(t *testing.T, flags ...string) *testCluster {
	t.Helper()
	c := &testCluster{dir: t.TempDir(), http: freeRange(t), resp: freeRange(t), peer: freeRange(t)}
	c.args = append([]string{"dev", "--data", c.dir, "--http-port", strconv.Itoa(c.http), "--resp-port", strconv.Itoa(c.resp),
		"--peer-port", strconv.Itoa(c.peer)}, flags...)
	for i := range testNodes {
		client := redis.NewClient(&redis.Options{Addr: c.respAddr(i + 1), MaxRetries: -1, DialTimeout: time.Second})
		t.Cleanup(func() { _ = client.Close() })
		c.clients = append(c.clients, client)
	}
	c.again(t)
	return c
}

// again starts the cluster on the data that it has.
func (c *testCluster) again(t *testing.T) {
	t.Helper()
	c.process = launch(t, c.args...)
	c.waitLine("ready")
}

func (c *testCluster) respAddr(id int) string { return hostPort(c.resp + id - 1) }
func (c *testCluster) url(id int) string      { return "http://" + hostPort(c.http+id-1) }
func (c *testCluster) config(id int) string   { return filepath.Join(c.nodeDir(id), "quorate.yaml") }
func (c *testCluster) nodeDir(id int) string  { return filepath.Join(c.dir, fmt.Sprintf("n%d", id)) }

// pid is what the node wrote into its pid file.
func (c *testCluster) pid(id int) int {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.nodeDir(id), pidFileName))
	require.NoError(c.t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(c.t, err)
	return pid
}

// crash kills a node of the cluster and waits until its port is free again.
func (c *testCluster) crash(id int) {
	c.t.Helper()
	require.NoError(c.t, syscall.Kill(c.pid(id), syscall.SIGKILL))
	c.waitDown(id)
}

// waitDown waits until nothing listens on the node's ports.
func (c *testCluster) waitDown(id int) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		for _, base := range []int{c.http, c.resp, c.peer} {
			if conn, err := net.Dial("tcp", hostPort(base+id-1)); err == nil {
				_ = conn.Close()
				return false
			}
		}
		return true
	}, startBound, 10*time.Millisecond, "node %d still listens", id)
}

// revive starts a node by hand, as a user would.
func (c *testCluster) revive(id int) *process {
	c.t.Helper()
	p := launch(c.t, "node", "--config", c.config(id))
	c.waitServing(id)
	return p
}

func (c *testCluster) waitServing(id int) {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return probe(c.respAddr(id), time.Second) == nil }, startBound, 20*time.Millisecond,
		"node %d does not serve", id)
}

// set writes through a node, again and again until it is acknowledged: the key
// gets no other value, so repeating does no harm.
func (c *testCluster) set(id int, key, value string) {
	c.t.Helper()
	c.eventually(func(ctx context.Context) error { return c.clients[id-1].Set(ctx, key, value, 0).Err() })
}

func (c *testCluster) get(id int, key string) (value string) {
	c.t.Helper()
	c.eventually(func(ctx context.Context) (err error) {
		value, err = c.clients[id-1].Get(ctx, key).Result()
		return err
	})
	return value
}

// eventually repeats f until it succeeds; an absent key is a failure at once.
func (c *testCluster) eventually(f func(context.Context) error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startBound)
	defer cancel()
	for {
		err := f(ctx)
		if err == nil {
			return
		}
		require.NotErrorIs(c.t, err, redis.Nil)
		require.NoError(c.t, ctx.Err(), "last error: %v", err)
		time.Sleep(5 * time.Millisecond)
	}
}

// freeRange finds a port at which, and at the next few, nothing listens: as many
// as a test asks nodes for, and one more that must stay unused.
func freeRange(t *testing.T) int {
	t.Helper()
	const mostNodes = 5
	base, err := freeport.Take(mostNodes + 1)
	require.NoError(t, err)
	return base
}
