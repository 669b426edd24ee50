package client

import (
	"bufio"
	"context"
	"net"
	"strings"
	"sync"
	"time"
)

// fate is what became of one attempt.
type fate uint8

const (
	done    fate = iota // answered, be it with an error of the request's own
	nothing             // certainly not carried out
	lost                // sent in full, no answer or "unknown"
)

// pool keeps the idle connections to one node.
type pool struct {
	addr   string
	opt    *Options
	mu     sync.Mutex
	idle   []*conn
	closed bool
}

type conn struct {
	nc     net.Conn
	r      *bufio.Reader
	bucket string // selected; "": the default one
}

// try sends one request to a bucket and waits for its reply, within ctx and Options.Timeout.
func (p *pool) try(ctx context.Context, bucket string, request []byte) (reply, fate, error) {
	ctx, cancel := context.WithTimeout(ctx, p.opt.Timeout)
	defer cancel()
	c, err := p.get(ctx, bucket)
	if err != nil {
		return reply{}, nothing, err
	}
	deadline, _ := ctx.Deadline()
	_ = c.nc.SetDeadline(deadline)
	// A caller that gives up must not wait for the socket.
	stop := context.AfterFunc(ctx, func() { _ = c.nc.SetDeadline(time.Unix(1, 0)) })
	r, f, err := c.enter(bucket, p.opt.MaxReply)
	if err == nil && r.err == "" {
		r, f, err = c.exchange(request, p.opt.MaxReply)
	}
	if stop() && err == nil {
		p.put(c)
	} else {
		c.nc.Close()
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return r, f, context.Cause(ctx)
	case err != nil:
		return r, f, err
	case r.err == "":
		return r, done, nil
	}
	return verdict(r)
}

// enter selects a bucket. The request waits for the answer: sent along, it would
// be carried out in the wrong bucket if this one does not exist.
func (c *conn) enter(bucket string, maxReply int) (reply, fate, error) {
	if c.bucket == bucket {
		return reply{}, done, nil
	}
	name := bucket
	if name == "" {
		name = "0"
	}
	r, _, err := c.exchange(encode([]string{"SELECT", name}), maxReply)
	if err != nil {
		return r, nothing, err // whatever became of it, the request has not left
	}
	if r.err == "" {
		c.bucket = bucket
	}
	return r, done, nil
}

// exchange writes a request and reads its reply. A node carries out complete
// requests only, so one that did not leave in full never takes effect.
func (c *conn) exchange(request []byte, maxReply int) (reply, fate, error) {
	if n, err := c.nc.Write(request); err != nil {
		if n < len(request) {
			return reply{}, nothing, err
		}
		return reply{}, lost, err
	}
	r, err := readReply(c.r, maxReply)
	if err != nil {
		return reply{}, lost, err
	}
	return r, done, nil
}

// verdict sorts the errors that a node answers with.
func verdict(r reply) (reply, fate, error) {
	err := ServerError(r.err)
	switch prefix, _, _ := strings.Cut(r.err, " "); {
	case prefix == "UNKNOWN":
		return reply{}, lost, err
	case prefix == "UNAVAILABLE", prefix == "OVERLOADED", r.err == "ERR max number of clients reached":
		return reply{}, nothing, err
	}
	return reply{}, done, err
}

// get returns an idle connection that is still open, of the bucket if there is
// one, or a new one.
func (p *pool) get(ctx context.Context, bucket string) (*conn, error) {
	for {
		p.mu.Lock()
		n := len(p.idle)
		if n == 0 {
			p.mu.Unlock()
			break
		}
		i := n - 1
		for i > 0 && p.idle[i].bucket != bucket {
			i--
		}
		if p.idle[i].bucket != bucket {
			i = n - 1
		}
		c := p.idle[i]
		p.idle = append(p.idle[:i], p.idle[i+1:]...)
		p.mu.Unlock()
		if alive(c.nc) {
			return c, nil
		}
		c.nc.Close() // the node went away: finding out now keeps a write's outcome known
	}
	d := net.Dialer{Timeout: p.opt.DialTimeout}
	nc, err := d.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return nil, err
	}
	return &conn{nc: nc, r: bufio.NewReader(nc)}, nil
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= p.opt.MaxIdle || c.r.Buffered() > 0 {
		c.nc.Close()
		return
	}
	p.idle = append(p.idle, c)
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		c.nc.Close()
	}
	p.idle = nil
}
