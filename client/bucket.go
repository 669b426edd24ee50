package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Bucket is a bucket of mode eventual: how many replicas an operation waits for
// is chosen with each, and concurrent writes may leave several values. It is safe
// for concurrent use.
type Bucket struct{ c *Client }

// Bucket returns the bucket of that name. Whether there is one shows at the first
// call. Buckets of other modes are used through In.
func (c *Client) Bucket(name string) *Bucket { return &Bucket{c.In(name)} }

// Values is what is known of a key.
type Values struct {
	// All are the values that were written concurrently, the newest first; one
	// mostly, and none if the key is absent.
	All [][]byte
	// Context is what a read has seen, or a write has left. A write with it (see
	// Seen) replaces exactly that, and keeps what came in between beside it. It
	// belongs to this key, and may be kept and passed on. It is worth having for an
	// absent key too, which may have been deleted.
	Context string
}

// Option says more of one call.
type Option func(*options)

type options struct {
	r, w, seen string
	ttl        time.Duration
	ttlGiven   bool
}

// The levels, for R and W, beside numbers.
const (
	One         = "one"
	Quorum      = "quorum"
	All         = "all"
	LocalQuorum = "local_quorum"
	EachQuorum  = "each_quorum"
)

// R is how many replicas a read waits for: "1" to "7", or a level; the bucket's
// own if it is not given.
func R(replicas string) Option { return func(o *options) { o.r = replicas } }

// W is how many replicas must hold a write before it is acknowledged, as R.
func W(replicas string) Option { return func(o *options) { o.w = replicas } }

// Seen gives a context back: the write replaces what that has seen. Without it a
// write replaces nothing where the bucket keeps siblings.
func Seen(context string) Option { return func(o *options) { o.seen = context } }

// TTL is the life of a value, in whole milliseconds, 1 at least.
func TTL(d time.Duration) Option { return func(o *options) { o.ttl, o.ttlGiven = d, true } }

// errOption says that an option was given to a call that does not know it.
var errOption = errors.New("client: this call does not take that option")

// collect reads options; allowed names what the call knows.
func collect(opts []Option, r, w, seen, ttl bool) (o options, err error) {
	for _, f := range opts {
		f(&o)
	}
	for _, bad := range []struct {
		given bool
		name  string
	}{{o.r != "" && !r, "R"}, {o.w != "" && !w, "W"}, {o.seen != "" && !seen, "Seen"}, {o.ttlGiven && !ttl, "TTL"}} {
		if bad.given {
			return o, fmt.Errorf("%w: %s", errOption, bad.name)
		}
	}
	if o.ttlGiven && o.ttl < time.Millisecond {
		return o, fmt.Errorf("client: a TTL of %v, allowed is 1ms and more", o.ttl)
	}
	return o, nil
}

func (o *options) appendTo(args []string) []string {
	if o.r != "" {
		args = append(args, "R", o.r)
	}
	if o.w != "" {
		args = append(args, "W", o.w)
	}
	if o.ttlGiven {
		args = append(args, "PX", strconv.FormatInt(o.ttl.Milliseconds(), 10))
	}
	return args
}

// Get reads a key; the option is R. With ErrNotFound the Values have a context all the same.
func (b *Bucket) Get(ctx context.Context, key string, opts ...Option) (Values, error) {
	o, err := collect(opts, true, false, false, false)
	if err != nil {
		return Values{}, err
	}
	v, err := b.values(ctx, read, o.appendTo([]string{"CGET", key}))
	if err == nil && len(v.All) == 0 {
		err = ErrNotFound
	}
	return v, err
}

// Put writes a value; options are W, Seen and TTL. It returns the context of what is
// there then; All holds the values only if there are others beside this one,
// which the context speaks for too.
func (b *Bucket) Put(ctx context.Context, key string, value []byte, opts ...Option) (Values, error) {
	o, err := collect(opts, false, true, true, true)
	if err != nil {
		return Values{}, err
	}
	return b.values(ctx, write, o.appendTo([]string{"CSET", key, o.seen, string(value)}))
}

// Delete removes what Seen has seen, or in a bucket of policy lww the value;
// options are W and Seen. All holds what stays.
func (b *Bucket) Delete(ctx context.Context, key string, opts ...Option) (Values, error) {
	o, err := collect(opts, false, true, true, false)
	if err != nil {
		return Values{}, err
	}
	return b.values(ctx, write, o.appendTo([]string{"CDEL", key, o.seen}))
}

// Incr adds delta to a key of a bucket of policy counters, and returns the number
// as the node that added it knows it; the option is W.
func (b *Bucket) Incr(ctx context.Context, key string, delta int64, opts ...Option) (int64, error) {
	o, err := collect(opts, false, true, false, false)
	if err != nil {
		return 0, err
	}
	r, err := b.c.call(ctx, write, o.appendTo([]string{"CINCRBY", key, strconv.FormatInt(delta, 10)})...)
	return r.n, err
}

// Count reads a counter, 0 if it is absent; the option is R.
func (b *Bucket) Count(ctx context.Context, key string, opts ...Option) (int64, error) {
	v, err := b.Get(ctx, key, opts...)
	switch {
	case errors.Is(err, ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, err
	}
	n, err := strconv.ParseInt(string(v.All[0]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("client: the value of %q is no counter: %w", key, err)
	}
	return n, nil
}

func (b *Bucket) values(ctx context.Context, k kind, args []string) (Values, error) {
	r, err := b.c.call(ctx, k, args...)
	if err != nil {
		return Values{}, err
	}
	if len(r.array) == 0 {
		return Values{}, errReply
	}
	v := Values{Context: string(r.array[0].data)}
	for i := range r.array[1:] {
		v.All = append(v.All, r.array[1+i].data)
	}
	return v, nil
}
