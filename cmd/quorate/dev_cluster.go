package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// cluster is a set of node processes on this machine, each with a directory of
// its own below dir: n1, n2, and so on.
type cluster struct {
	dir     string
	members []*member
	// route is where a node dials another, by their ids; nil: at its own address.
	route func(from, to int) string
}

// member is one node of a cluster.
type member struct {
	child
	endpoints
	id     int // from 1
	dir    string
	config string        // its file
	flags  []string      // settings over the file's
	offset time.Duration // of its wall clock, in tests
}

// stopBound is how long a node may take to hand its work on and close its log
// before it is ended. A node that is killed loses nothing that it acknowledged.
const stopBound = 10 * time.Second

// newCluster lays a cluster out in dir, which it makes if need be, without
// starting it. bin is the quorate binary; output gives each node's its place.
func newCluster(bin, dir string, eps []endpoints, output func(id int) io.Writer) (*cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir}
	for i, e := range eps {
		m := &member{id: i + 1, endpoints: e, dir: filepath.Join(dir, fmt.Sprintf("n%d", i+1))}
		m.config = filepath.Join(m.dir, "quorate.yaml")
		m.bin, m.args = bin, m.nodeArgs()
		m.out = output(m.id)
		c.members = append(c.members, m)
	}
	return c, c.writeConfigs()
}

// nodeArgs are the arguments that every member is started with.
func (m *member) nodeArgs() []string {
	return append([]string{"node", "--config", m.config, "--while-stdin"}, m.flags...)
}

// start starts every node that does not run.
func (c *cluster) start() error {
	for _, m := range c.members {
		if m.running() {
			continue
		}
		if err := m.start(); err != nil {
			c.stop(0)
			return fmt.Errorf("node %d: %w", m.id, err)
		}
	}
	return nil
}

// stop stops all nodes at the same time, gracefully up to the bound.
func (c *cluster) stop(bound time.Duration) {
	var all sync.WaitGroup
	for _, m := range c.members {
		all.Add(1)
		go func() {
			defer all.Done()
			m.stop(bound)
		}()
	}
	all.Wait()
}

// startError says that a node ended by itself before the cluster was ready.
type startError struct {
	member *member
	state  *os.ProcessState
}

func (e *startError) Error() string {
	return fmt.Sprintf("node %d ended before the cluster was ready (%v); its last words are above", e.member.id, e.state)
}

// waitReady returns once a SET through every node has succeeded. It fails when
// ctx ends, and with a *startError when a node exits before. What it wrote it
// deletes again.
func (c *cluster) waitReady(ctx context.Context) error {
	for _, m := range c.members {
		if err := m.waitReady(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (m *member) waitReady(ctx context.Context) error {
	const pause, bound = 25 * time.Millisecond, time.Second
	for {
		err := probe(m.resp, bound)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("node %d is not ready: %w", m.id, errors.Join(ctx.Err(), err))
		case <-m.done():
			// A signal is somebody's wish; the node can be started again.
			if s := m.exit(); s != nil && s.Exited() {
				return &startError{m, s}
			}
		default:
		}
		time.Sleep(pause)
	}
}

// probe writes and deletes a key through one node.
func probe(addr string, bound time.Duration) error {
	conn, err := dialRESP(addr, bound)
	if err != nil {
		return err
	}
	defer conn.close()
	const key = "quorate/dev/ready"
	for _, command := range [][]string{{"SET", key, addr}, {"DEL", key}} {
		reply, err := conn.do(bound, command...)
		if err != nil {
			return fmt.Errorf("%s: %w", command[0], err)
		}
		if reply.kind == '-' {
			return fmt.Errorf("%s: %s", command[0], reply.text)
		}
	}
	return nil
}
