package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	lin "github.com/quoratedb/quorate/linearizability"
)

// clientTimeout is how long a client waits before it goes to the next node.
const clientTimeout = 200 * time.Millisecond

// loadClient is one client of a torture run: one operation at a time against
// one node, or some at once, and on any error the next node.
type loadClient struct {
	*draw
	addrs []string
	at    int // the node it talks to, index into addrs
	conn  *respConn
	clock func() int64 // nanoseconds, one for all clients
	rec   lin.Recorder
	gap   gap
	odd   []string // answers that no node should give

	sending []byte // memory for commands
}

// act carries a batch out.
func (c *loadClient) act() {
	ops := c.batch()
	for i, res := range c.do(ops) {
		if res.Outcome == lin.OK {
			c.gap.success(c.clock())
			c.learn(&ops[i], res)
		}
	}
}

// arrive makes sure that there is a connection, or moves on to the next node.
func (c *loadClient) arrive() bool {
	if c.conn != nil {
		return true
	}
	conn, err := dialRESP(c.addrs[c.at], clientTimeout)
	if err != nil {
		c.leave()
		return false
	}
	c.conn = conn
	return true
}

// leave gives the connection up and turns to the next node.
func (c *loadClient) leave() {
	if c.conn != nil {
		c.conn.close()
		c.conn = nil
	}
	c.at = (c.at + 1) % len(c.addrs)
}

// do carries operations out over the connection, all sent at once, and records
// them. After a failure it leaves the node.
func (c *loadClient) do(ops []lin.Op) []lin.Result {
	results, ids := make([]lin.Result, len(ops)), make([]int, len(ops)) // unknown at first
	c.sending = c.sending[:0]
	for i := range ops {
		ops[i].Call = c.clock()
		ids[i] = c.rec.Invoke(ops[i])
		c.sending = appendCommand(c.sending, command(&ops[i])...)
	}
	if err := c.conn.send(clientTimeout, c.sending); err != nil {
		c.leave()
		return results
	}
	failed := false
	for i := range ops {
		reply, err := c.conn.read()
		if err != nil {
			failed = true
			break // the record says already that the rest is unknown
		}
		results[i], err = result(&ops[i], reply)
		if err != nil && len(c.odd) < 10 {
			c.odd = append(c.odd, fmt.Sprintf("%s: %v", ops[i].String(), err))
		}
		c.rec.Complete(ids[i], c.clock(), results[i])
		failed = failed || results[i].Outcome != lin.OK
	}
	if failed {
		c.leave()
	}
	return results
}

// command is the Redis command for op.
func command(op *lin.Op) []string {
	switch op.Kind {
	case lin.Set:
		args := []string{"SET", op.Key, op.Value}
		switch op.Cond {
		case lin.IfAbsent:
			args = append(args, "NX")
		case lin.IfExists:
			args = append(args, "XX")
		}
		return args
	case lin.Delete:
		return []string{"DEL", op.Key}
	case lin.CAS:
		return []string{"CAS", op.Key, op.Expected, op.Value}
	case lin.Incr:
		return []string{"INCRBY", op.Key, strconv.FormatInt(op.Delta, 10)}
	}
	return []string{"GET", op.Key}
}

// The first words of errors that say what became of the operation.
const (
	errUnknown     = "UNKNOWN"     // it may have happened, or may still
	errUnavailable = "UNAVAILABLE" // it has not happened and never will
	errOverloaded  = "OVERLOADED"  // likewise
)

// result reads the reply to op. An answer that the operation should not get is
// an error, and its outcome unknown.
func result(op *lin.Op, reply respReply) (lin.Result, error) {
	if reply.kind == '-' {
		word, _, _ := strings.Cut(reply.text, " ")
		switch word {
		case errUnknown:
			return lin.Result{}, nil
		case errUnavailable, errOverloaded:
			return lin.Result{Outcome: lin.Failed}, nil
		}
		return lin.Result{}, fmt.Errorf("the node answered -%s", reply.text)
	}
	res := lin.Result{Outcome: lin.OK, Applied: true}
	want := byte(':')
	switch op.Kind {
	case lin.Get:
		want, res.Saw, res.Found, res.Out = '$', lin.SawValue, !reply.null, reply.text
	case lin.Set:
		want = '+'
		if op.Cond != lin.Always && reply.null {
			want, res.Applied = '$', false
		}
	case lin.Delete:
		res.Saw, res.Found = lin.SawFound, reply.num == 1
	case lin.CAS:
		res.Applied = reply.num == 1
	case lin.Incr:
		res.Saw, res.Num = lin.SawValue, reply.num
	}
	if reply.kind != want {
		return lin.Result{}, fmt.Errorf("the node answered %c%s where %c is due", reply.kind, reply.text, want)
	}
	return res, nil
}
