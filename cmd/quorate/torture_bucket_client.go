package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability/causalhist"
	"github.com/quoratedb/quorate/sim"
)

// contextHeader carries the causal context of a key.
const contextHeader = "X-Quorate-Context"

// Boots of which it is not known which they were. A read's never is a write's.
const (
	noReadsBoot  = 0
	noWritesBoot = math.MaxUint64
)

// maxContexts is how many contexts of a key a client keeps.
const maxContexts = 6

// bucketClient is one client of buckets that are not strong: one operation at a time
// against one node, and on any error the next node.
type bucketClient struct {
	*bucketTraffic
	id     int
	at     int  // the node it talks to, index into the members
	met    bool // that node took a connection
	r      *rand.Rand
	door   http.Client
	writes int // so far, which makes values unique
	held   map[heldKey][]heldContext
	gap    gap
	odd    []string // answers that no node should give
}

type heldKey struct{ bucket, key string }

// heldContext is a token that the client was given, with the operation that gave it.
type heldContext struct {
	token string
	from  int // 1 + its number in the key's log
}

func (t *bucketTraffic) newClient(id int) *bucketClient {
	return &bucketClient{bucketTraffic: t, id: id, at: id % len(t.cluster.members), r: rand.New(rand.NewPCG(t.seed, uint64(id)+1)),
		door: http.Client{Transport: &http.Transport{}, Timeout: clientTimeout}, held: map[heldKey][]heldContext{}}
}

// act carries an operation out.
func (c *bucketClient) act() {
	b := c.buckets[c.r.IntN(len(c.buckets))]
	if c.do(c.draw(b)).Outcome == causalhist.OK {
		c.gap.success(c.clock())
	} else {
		c.leave()
	}
}

// arrive makes sure that the node takes connections, or moves on to the next one: a
// key's operations are not for nodes that are down.
func (c *bucketClient) arrive() bool {
	if c.met {
		return true
	}
	conn, err := net.DialTimeout("tcp", c.cluster.members[c.at].http, clientTimeout)
	if err != nil {
		c.leave()
		return false
	}
	_ = conn.Close()
	c.met = true
	return true
}

// leave turns to the next node.
func (c *bucketClient) leave() { c.at, c.met = (c.at+1)%len(c.cluster.members), false }

// bucketOp is an operation, before it is sent.
type bucketOp struct {
	bucket *tortureBucket
	key    string
	ask    string // R or W, empty: as the bucket says
	token  string
	op     causalhist.Op
}

// draw draws an operation of the kind that seeds of the scenario have.
func (c *bucketClient) draw(b *tortureBucket) bucketOp {
	habit := &b.Habits[c.r.IntN(len(b.Habits))]
	n := c.r.IntN(bucketKeys)
	if c.r.IntN(100) < c.scenario.hotPercent {
		n = 0
	}
	o := bucketOp{bucket: b, op: causalhist.Op{Kind: causalhist.Get}}
	o.key, o.op.Delta = b.place(n, habit.Do == "incr")
	switch {
	case habit.Do == "set":
		c.writes++
		o.op.Kind, o.op.Value = causalhist.Set, fmt.Sprintf("c%d-%d", c.id, c.writes)
	case habit.Do == "delete":
		o.op.Kind = causalhist.Delete
	case o.op.Delta > 0:
		o.op.Kind = causalhist.Incr
	}
	o.ask = habit.W
	if o.op.Kind == causalhist.Get {
		o.ask = habit.R
	} else if held := c.held[heldKey{b.Name, o.key}]; habit.Context > 0 && len(held) > 0 {
		use := held[max(len(held)-habit.Context, 0)]
		o.token, o.op.Context = use.token, use.from
	}
	return o
}

// do carries an operation out at the client's node and records it.
func (c *bucketClient) do(o bucketOp) causalhist.Op {
	b, m, op := o.bucket, c.cluster.members[c.at], o.op
	op.Client, op.Node = c.id, kv.NodeID(m.id)
	op.LimitMs = sim.StampLimitMs(time.Now().UnixMilli())
	op.Quorum = sim.Quorum(&b.is, op.Kind == causalhist.Get, o.ask)
	boots := c.boots()
	op.Call = c.clock()
	number := b.invoke(o.key, op)
	token, err := c.send(m, &o, &op)
	op.Return = c.clock()
	if err != nil && len(c.odd) < 10 {
		c.odd = append(c.odd, fmt.Sprintf("bucket %s, key %s, at node %d: %v", b.about(), o.key, m.id, err))
	}
	if op.Stamp != (causalhist.Stamp{}) && op.Kind != causalhist.Get {
		op.Node = op.Stamp.Node
	}
	op.Boot = c.bootOf(&op, boots)
	b.complete(o.key, number, op)
	if token != "" {
		at := heldKey{b.Name, o.key}
		held := append(c.held[at], heldContext{token, number + 1})
		c.held[at] = held[max(0, len(held)-maxContexts):]
	}
	return op
}

// boots are the numbers of the nodes' present processes.
func (c *bucketClient) boots() []uint64 {
	list := make([]uint64, len(c.cluster.members))
	for i, m := range c.cluster.members {
		list[i] = m.boot()
	}
	return list
}

// bootOf is the process that carried an operation out, if there was but one.
func (c *bucketClient) bootOf(op *causalhist.Op, before []uint64) uint64 {
	if n := int(op.Node) - 1; n < len(before) && c.cluster.members[n].boot() == before[n] {
		return before[n]
	}
	if op.Kind == causalhist.Get {
		return noReadsBoot
	}
	return noWritesBoot
}

// send sends the request and reads the answer into op. The error is of an answer
// that a node should not give, and leaves the outcome unknown.
func (c *bucketClient) send(m *member, o *bucketOp, op *causalhist.Op) (token string, err error) {
	op.Outcome = causalhist.Unknown
	req, err := o.request(m)
	if err != nil {
		return "", err
	}
	resp, err := c.door.Do(req)
	if err != nil {
		if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
			op.Outcome = causalhist.Failed
		}
		return "", nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", nil // cut off: the answer may have been any
	}
	return o.read(resp.StatusCode, text, op)
}

func (o *bucketOp) request(m *member) (*http.Request, error) {
	path, query := "http://"+m.http+bucketPath(o.bucket.Name)+"/kv/"+url.PathEscape(o.key), url.Values{}
	method, body, ask := http.MethodGet, "", "r"
	switch o.op.Kind {
	case causalhist.Set:
		method, body, ask = http.MethodPut, o.op.Value, "w"
	case causalhist.Delete:
		method, ask = http.MethodDelete, "w"
	case causalhist.Incr:
		method, ask = http.MethodPost, "w"
		path += "/incr"
		query.Set("by", strconv.FormatInt(o.op.Delta, 10))
	}
	if o.ask != "" {
		query.Set(ask, o.ask)
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	req, err := http.NewRequest(method, path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if o.op.Kind == causalhist.Set {
		req.Header.Set("Content-Type", "text/plain")
	}
	if o.token != "" {
		req.Header.Set(contextHeader, o.token)
	}
	return req, nil
}

// bucketAnswer is what of an answer counts.
type bucketAnswer struct {
	Error    string
	Message  string
	Found    *bool
	Value    json.RawMessage
	Siblings []struct{ Value string }
	Context  string
}

// The errors that say what became of an operation, as errUnknown and its like of the
// other door. refused, of siblings alone: too many have not been replaced.
const (
	codeUnknownOutcome = "unknown_outcome"
	codeUnavailable    = "unavailable"
	codeBusy           = "busy"
	codeRefused        = "refused"
)

// read reads an answer into op.
func (o *bucketOp) read(status int, text []byte, op *causalhist.Op) (token string, err error) {
	var a bucketAnswer
	if err := json.Unmarshal(text, &a); err != nil {
		return "", fmt.Errorf("status %d with %q: %w", status, text, err)
	}
	switch {
	case a.Error == codeUnknownOutcome:
		return "", nil
	case a.Error == codeUnavailable, a.Error == codeBusy, a.Error == codeRefused && op.Kind == causalhist.Set && o.bucket.is.Policy == kv.Siblings:
		op.Outcome = causalhist.Failed
		return "", nil
	case a.Error != "" || status == http.StatusNotFound && a.Found == nil:
		return "", fmt.Errorf("status %d: %s: %s", status, a.Error, a.Message)
	}
	op.Outcome = causalhist.OK
	counter := o.bucket.is.Mode == kv.Eventual && o.bucket.is.Policy == kv.Counters
	switch {
	case counter && len(a.Value) > 0:
		if op.Sum, err = strconv.ParseInt(strings.Trim(string(a.Value), `"`), 10, 64); err != nil {
			op.Outcome = causalhist.Unknown
			return "", fmt.Errorf("a counter has the value %s", a.Value)
		}
	case len(a.Siblings) > 0:
		for _, s := range a.Siblings {
			op.Saw = append(op.Saw, s.Value)
		}
	case len(a.Value) > 0:
		var value string
		if err := json.Unmarshal(a.Value, &value); err != nil {
			op.Outcome = causalhist.Unknown
			return "", fmt.Errorf("the value %s, and only text was written", a.Value)
		}
		op.Saw = []string{value}
	case op.Kind == causalhist.Set && o.bucket.is.Mode == kv.Eventual:
		op.Saw = []string{op.Value} // its context speaks for it
	}
	if o.bucket.is.Mode == kv.Eventual && o.bucket.is.Policy == kv.LWW {
		if op.Stamp, err = sim.StampIn(a.Context, &o.bucket.is, o.key); err != nil {
			return "", err
		}
	}
	return a.Context, nil
}
