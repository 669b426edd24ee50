package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

// devCmd runs a cluster of real processes on this machine until it is told to
// stop. Node i listens on each base port + i - 1.
type devCmd struct {
	Nodes    int    `default:"3" help:"How many nodes, 1 to 7. Fixed once the data directory exists." placeholder:"N"`
	Data     string `default:"./data" help:"Where nodes keep their data and configuration, n1, n2 and so on." placeholder:"DIR"`
	HTTPPort int    `name:"http-port" default:"8080" help:"HTTP port of the first node."`
	RESPPort int    `name:"resp-port" default:"7379" help:"Redis port of the first node."`
	PeerPort int    `name:"peer-port" default:"9000" help:"Port of the first node for its peers."`
	Restart  bool   `help:"Start a node again when it ends. Otherwise it stays down."`
	StopHint string `hidden:"" default:"Ctrl-C stops them" help:"What the ready line says about the end; for scripts that put the command in the background."`
}

// maxNodes is the most replicas that a cluster of static membership has.
const maxNodes = 7

// Run starts the cluster, says how to talk to it, and waits.
func (d *devCmd) Run() error {
	if d.Nodes < 1 || d.Nodes > maxNodes {
		return &exitError{exitUsage, fmt.Sprintf("--nodes: %d is out of range: use 1 to %d", d.Nodes, maxNodes)}
	}
	eps, err := consecutivePorts(d.Nodes, d.HTTPPort, d.RESPPort, d.PeerPort)
	if err != nil {
		return &exitError{exitUsage, err.Error()}
	}
	if err := checkPorts(eps); err != nil {
		return err
	}
	bin, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program's own file: %w", err)
	}
	screen := &screen{to: os.Stderr}
	c, err := newCluster(bin, d.Data, eps, screen.node)
	if err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := c.start(); err != nil {
		return err
	}
	return d.attend(ctx, c, screen)
}

// attend lives as long as the cluster does.
func (d *devCmd) attend(ctx context.Context, c *cluster, s *screen) error {
	d.describe(os.Stdout, c)
	var watchers sync.WaitGroup
	watched, unwatch := context.WithCancel(ctx)
	for _, m := range c.members {
		watchers.Add(1)
		go func() {
			defer watchers.Done()
			d.watch(watched, m, s)
		}()
	}
	err := c.waitReady(ctx)
	var early *startError
	switch {
	case err == nil:
		fmt.Printf("ready: %d nodes serve, data in %s; %s\n", d.Nodes, c.dir, d.StopHint)
		<-ctx.Done()
	case errors.As(err, &early):
	default:
		err = nil // told to stop before all was ready
	}
	unwatch()
	watchers.Wait()
	s.say("stopping")
	c.stop(stopBound)
	return err
}

// describe prints where the nodes are and what to try.
func (d *devCmd) describe(w io.Writer, c *cluster) {
	for _, m := range c.members {
		fmt.Fprintf(w, "node %d   redis %s   http://%s   peers %s\n", m.id, m.resp, m.http, m.peer)
	}
	first, last := c.members[0], c.members[len(c.members)-1]
	port := last.resp[strings.LastIndexByte(last.resp, ':')+1:]
	fmt.Fprintf(w, "\ntry   curl -X PUT 'http://%s/kv?key=greeting' -d hello\n      redis-cli -p %s GET greeting\n\n", first.http, port)
}

// watch says when a node ends, and starts it again if that is wished.
func (d *devCmd) watch(ctx context.Context, m *member, s *screen) {
	const least, most, healthy = 500 * time.Millisecond, 10 * time.Second, 30 * time.Second
	for backoff := least; ; {
		started := time.Now()
		select {
		case <-ctx.Done():
			return
		case <-m.done():
		}
		if !d.Restart {
			s.say("node %d ended (%v); to start it again: %s node --config %s", m.id, m.exit(), m.bin, m.config)
			return
		}
		if time.Since(started) > healthy {
			backoff = least
		}
		s.say("node %d ended (%v); starting it again in %v", m.id, m.exit(), backoff)
		select {
		case <-ctx.Done():
			return
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, most)
		if err := m.start(); err != nil {
			s.say("node %d: %v", m.id, err)
			return
		}
	}
}

// screen writes whole lines of several processes to one place, each with the
// name of its node before it.
type screen struct {
	mu sync.Mutex
	to io.Writer
}

func (s *screen) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.to, "dev  "+format+"\n", args...)
}

// node is the writer for the output of one node.
func (s *screen) node(id int) io.Writer {
	return &nodeLines{screen: s, prefix: fmt.Sprintf("n%d   ", id)}
}

// nodeLines gathers what one process writes into lines.
type nodeLines struct {
	screen *screen
	prefix string
	rest   []byte
}

// maxScreenLine bounds what is held back of a line that does not end, in bytes.
const maxScreenLine = 64 << 10

func (n *nodeLines) Write(p []byte) (int, error) {
	n.screen.mu.Lock()
	defer n.screen.mu.Unlock()
	n.rest = append(n.rest, p...)
	for {
		end := bytes.IndexByte(n.rest, '\n')
		if end < 0 && len(n.rest) < maxScreenLine {
			return len(p), nil
		}
		if end < 0 {
			end = len(n.rest) - 1
		}
		fmt.Fprintf(n.screen.to, "%s%s\n", n.prefix, bytes.TrimSuffix(n.rest[:end+1], []byte("\n")))
		n.rest = append(n.rest[:0], n.rest[end+1:]...)
	}
}
