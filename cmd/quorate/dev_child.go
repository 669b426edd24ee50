package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// child is one process that this one supervises. It is told to live only as
// long as its standard input stays open, so closing that is the graceful stop,
// and a supervisor that dies without a word (kill -9) takes its children along.
// All methods may be called from several goroutines.
type child struct {
	bin  string
	args []string
	out  io.Writer // standard output and error

	mu    sync.Mutex
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ended chan struct{} // closed when the process is gone and reaped
	boots uint64        // processes started so far
	state *os.ProcessState
}

// start runs the process. It is an error to start one that runs.
func (c *child) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.alive() {
		return errors.New("the process is running already")
	}
	cmd := exec.Command(c.bin, c.args...)
	cmd.Stdout, cmd.Stderr = c.out, c.out
	cmd.Env = childEnvironment()
	cmd.SysProcAttr = childAttributes()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.bin, err)
	}
	ended := make(chan struct{})
	c.cmd, c.stdin, c.ended = cmd, stdin, ended
	c.boots++
	go func() {
		_ = cmd.Wait() // the state says more than the error does
		c.mu.Lock()
		c.state = cmd.ProcessState
		c.mu.Unlock()
		close(ended)
	}()
	return nil
}

// childEnvironment leaves out the settings that would make nodes of one cluster
// the same node. Others, such as QUORATE_LOG_LEVEL, hold for all of them.
func childEnvironment() []string {
	own := []string{"QUORATE_NODE_", "QUORATE_LISTEN_", "QUORATE_CLUSTER_"}
	return slices.DeleteFunc(os.Environ(), func(pair string) bool {
		return slices.ContainsFunc(own, func(prefix string) bool { return strings.HasPrefix(pair, prefix) })
	})
}

// alive reports whether the process runs. The caller holds mu.
func (c *child) alive() bool {
	if c.ended == nil {
		return false
	}
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// running reports whether the process was started and has not ended.
func (c *child) running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.alive()
}

// boot is the number of the last process started, 0 before the first.
func (c *child) boot() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.boots
}

// pid is that of the last process started, 0 before the first.
func (c *child) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil {
		return 0
	}
	return c.cmd.Process.Pid
}

// done is closed once the process last started has ended; nil before the first.
func (c *child) done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// exit is how the last process ended; nil if none has.
func (c *child) exit() *os.ProcessState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// tell writes a line to the process's standard input.
func (c *child) tell(line string) error {
	c.mu.Lock()
	stdin := c.stdin
	c.mu.Unlock()
	if stdin == nil {
		return errors.New("the process was never started")
	}
	_, err := io.WriteString(stdin, line+"\n")
	return err
}

// kill ends the process at once, as a crash would, and waits until it is gone.
func (c *child) kill() {
	c.signal(os.Kill)
	if done := c.done(); done != nil {
		<-done
	}
}

// signal sends s if the process runs. The handle of os/exec makes sure that it
// never reaches another process which got the same pid.
func (c *child) signal(s os.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.alive() {
		_ = c.cmd.Process.Signal(s) // it may have ended just now
	}
}

// stop asks the process to end, and after the bound ends it. It reports
// whether the process went by itself.
func (c *child) stop(bound time.Duration) bool {
	c.mu.Lock()
	if !c.alive() {
		c.mu.Unlock()
		return true
	}
	_ = c.stdin.Close()
	done := c.ended
	c.mu.Unlock()
	c.resume() // a paused process would not notice
	select {
	case <-done:
		return true
	case <-time.After(bound):
		c.kill()
		return false
	}
}
