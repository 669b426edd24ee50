// Package client is the Go client of Quorate. It speaks the Redis protocol to
// any of several nodes and goes to the next one when a node fails.
//
// What it repeats by itself. A request that was certainly not carried out (no
// connection, a request cut off on its way, an answer that says nothing was
// done) is tried on the next node. A read whose outcome is lost is repeated too.
// A write whose outcome is lost is never repeated, a plain Set or Delete
// included: the first copy may still be under way, and a second one could bring
// its value back over what another client wrote in between. The caller gets
// ErrUnknownOutcome, reads, and decides.
//
// (Clients made for Redis repeat after a lost connection; against Quorate switch
// that off, for go-redis with MaxRetries: -1.)
package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"
)

// The errors that callers tell apart, with errors.Is.
var (
	// ErrNotFound: the key has no value.
	ErrNotFound = errors.New("not found")
	// ErrConditionFailed: SetNX found a value, SetXX or CAS another one than asked for.
	ErrConditionFailed = errors.New("condition failed")
	// ErrUnknownOutcome: the write may have taken effect, or may still.
	ErrUnknownOutcome = errors.New("unknown outcome")
	// ErrUnavailable: no node served the request; nothing was done.
	ErrUnavailable = errors.New("unavailable")
	// ErrClosed: the client is closed; nothing was done.
	ErrClosed = errors.New("client closed")
)

// ServerError is an answer that says what was wrong with the request. Nothing
// was done.
type ServerError string

func (e ServerError) Error() string { return string(e) }

// Options says how a Client works. Zero fields take the defaults beside them.
type Options struct {
	Addrs       []string      // host:port of the nodes' Redis doors; one at least
	DialTimeout time.Duration // 1 s
	Timeout     time.Duration // 5 s for one attempt on one node; more than the nodes' own request timeout
	MaxAttempts int           // 4 per address, of one call
	MaxConns    int           // 256, of the client; calls wait for one
	MaxIdle     int           // 32, kept per address
	MaxReply    int           // 64 MiB, the most that one reply may hold
}

// Client is a connection to a cluster, and a bucket there: the default one, or
// that of In. It is safe for concurrent use.
type Client struct {
	*shared
	bucket string // "": the default one
}

// shared is what the clients of all buckets have together.
type shared struct {
	opt     Options
	pools   []*pool
	current atomic.Uint32 // index of the node that last worked
	slots   chan struct{} // one per connection in use
	closed  atomic.Bool
}

// New makes a client. It connects at the first call.
func New(opt Options) (*Client, error) {
	if len(opt.Addrs) == 0 {
		return nil, errors.New("client: no addresses, one at least is needed")
	}
	def(&opt.DialTimeout, time.Second)
	def(&opt.Timeout, 5*time.Second)
	def(&opt.MaxAttempts, 4*len(opt.Addrs))
	def(&opt.MaxConns, 256)
	def(&opt.MaxIdle, 32)
	def(&opt.MaxReply, 64<<20)
	c := &Client{shared: &shared{opt: opt, slots: make(chan struct{}, opt.MaxConns)}}
	for _, a := range opt.Addrs {
		c.pools = append(c.pools, &pool{addr: a, opt: &c.opt})
	}
	return c, nil
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// In returns a client of another bucket over the same connections. Its methods do
// there what the bucket allows: all of them in mode strong, Get, MGet, Exists, Set
// and Delete in mode abd. For mode eventual see Bucket.
func (c *Client) In(bucket string) *Client { return &Client{shared: c.shared, bucket: bucket} }

// Close closes the idle connections, of all buckets; calls under way end and close theirs.
func (c *Client) Close() error {
	c.closed.Store(true)
	for _, p := range c.pools {
		p.close()
	}
	return nil
}

// Get returns the value of key, or ErrNotFound.
func (c *Client) Get(ctx context.Context, key string) ([]byte, error) {
	r, err := c.call(ctx, read, "GET", key)
	if err != nil {
		return nil, err
	}
	if r.null {
		return nil, ErrNotFound
	}
	return r.data, nil
}

// MGet returns the values of keys, nil where there is none. Each is read on its
// own: together they are no snapshot.
func (c *Client) MGet(ctx context.Context, keys ...string) ([][]byte, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	r, err := c.call(ctx, read, append([]string{"MGET"}, keys...)...)
	if err != nil {
		return nil, err
	}
	if len(r.array) != len(keys) {
		return nil, fmt.Errorf("client: %d values for %d keys", len(r.array), len(keys))
	}
	values := make([][]byte, len(keys))
	for i := range r.array {
		values[i] = r.array[i].data
	}
	return values, nil
}

// Exists reports whether key has a value.
func (c *Client) Exists(ctx context.Context, key string) (bool, error) {
	r, err := c.call(ctx, read, "EXISTS", key)
	return r.n == 1, err
}

// Set writes a value.
func (c *Client) Set(ctx context.Context, key string, value []byte) error {
	_, err := c.call(ctx, write, "SET", key, string(value))
	return err
}

// SetNX writes a value if there is none, else returns ErrConditionFailed.
func (c *Client) SetNX(ctx context.Context, key string, value []byte) error {
	return c.conditional(ctx, "SET", key, string(value), "NX")
}

// SetXX writes a value if there is one already, else returns ErrConditionFailed.
func (c *Client) SetXX(ctx context.Context, key string, value []byte) error {
	return c.conditional(ctx, "SET", key, string(value), "XX")
}

// CAS writes value if the present one equals expected; otherwise, and if there
// is none, it returns ErrConditionFailed.
func (c *Client) CAS(ctx context.Context, key string, expected, value []byte) error {
	r, err := c.call(ctx, write, "CAS", key, string(expected), string(value))
	if err == nil && r.n != 1 {
		err = ErrConditionFailed
	}
	return err
}

func (c *Client) conditional(ctx context.Context, args ...string) error {
	r, err := c.call(ctx, write, args...)
	if err == nil && r.null {
		err = ErrConditionFailed
	}
	return err
}

// Delete removes key and reports whether it had a value.
func (c *Client) Delete(ctx context.Context, key string) (bool, error) {
	r, err := c.call(ctx, write, "DEL", key)
	return r.n == 1, err
}

// Incr adds delta to the decimal integer at key, 0 if absent, and returns the sum.
func (c *Client) Incr(ctx context.Context, key string, delta int64) (int64, error) {
	r, err := c.call(ctx, write, "INCRBY", key, strconv.FormatInt(delta, 10))
	return r.n, err
}

// Ping reports whether some node answers.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.call(ctx, read, "PING")
	return err
}

// kind says what may be done after a lost outcome.
type kind uint8

const (
	read  kind = iota // try again
	write             // tell the caller
)

// call carries a request out on the first node that serves it.
func (c *Client) call(ctx context.Context, k kind, args ...string) (reply, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return reply{}, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	request := encode(args)
	var last error
	for attempt := range c.opt.MaxAttempts {
		if c.closed.Load() {
			return reply{}, ErrClosed
		}
		if err := c.pause(ctx, attempt); err != nil {
			return reply{}, fmt.Errorf("%w: %w (last: %v)", ErrUnavailable, err, last)
		}
		at := c.current.Load()
		p := c.pools[int(at)%len(c.pools)]
		r, fate, err := p.try(ctx, c.bucket, request)
		if fate == done {
			return r, err
		}
		// Whoever fails first moves all callers on, once.
		c.current.CompareAndSwap(at, at+1)
		last = fmt.Errorf("%s: %w", p.addr, err)
		if fate == lost && k == write {
			return reply{}, fmt.Errorf("%w: %s: %w", ErrUnknownOutcome, args[0], last)
		}
	}
	return reply{}, fmt.Errorf("%w: %s: %d attempts, last: %w", ErrUnavailable, args[0], c.opt.MaxAttempts, last)
}

// pause waits before an attempt: not at all for the first on each address, then
// longer and longer with jitter, to 200 ms.
func (c *Client) pause(ctx context.Context, attempt int) error {
	rounds := attempt / len(c.pools)
	if rounds == 0 {
		return ctx.Err()
	}
	most := min(10*time.Millisecond<<min(rounds, 5), 200*time.Millisecond)
	t := time.NewTimer(most/2 + rand.N(most/2))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
