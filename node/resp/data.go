package resp

import (
	"bytes"
	"fmt"
	"math"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// Redis's own words.
const (
	errSyntax     = "ERR syntax error"
	errNotInteger = "ERR value is not an integer or out of range"
	errOverflow   = "ERR increment or decrement would overflow"
)

// begin opens a pending command whose operations follow.
func (c *conn) begin(r reply) *pending {
	n := len(c.w.ops)
	c.w.pending = append(c.w.pending, pending{from: n, to: n, reply: r})
	return &c.w.pending[len(c.w.pending)-1]
}

// add appends a blank operation on key to the batch and returns it, to fill in.
func (c *conn) add(p *pending, kind kv.OpKind, key []byte) *msg.Op {
	c.w.ops = append(c.w.ops, msg.Op{Op: kv.Op{Kind: kind, Key: key}}) // the session finds the partition
	p.to++
	return &c.w.ops[len(c.w.ops)-1]
}

func (c *conn) badKey(key []byte) string {
	if len(key) == 0 {
		return "ERR the key is empty, keys have 1 to " + fmt.Sprint(c.s.limits.KeyBytes) + " bytes"
	}
	if len(key) > c.s.limits.KeyBytes {
		return fmt.Sprintf("ERR key of %d bytes is too large, the limit is %d bytes", len(key), c.s.limits.KeyBytes)
	}
	return ""
}

func (c *conn) badValue(value []byte) string {
	if len(value) > c.s.limits.ValueBytes {
		return fmt.Sprintf("ERR value of %d bytes is too large, the limit is %d bytes", len(value), c.s.limits.ValueBytes)
	}
	return ""
}

// single plans a command of one operation on args[1].
func (c *conn) single(r reply, kind kv.OpKind, key []byte) (*msg.Op, string) {
	if bad := c.badKey(key); bad != "" {
		return nil, bad
	}
	return c.add(c.begin(r), kind, key), ""
}

// each plans one operation per key.
func (c *conn) each(r reply, kind kv.OpKind, keys [][]byte, headOnly bool) string {
	for _, key := range keys {
		if bad := c.badKey(key); bad != "" {
			return bad
		}
	}
	p := c.begin(r)
	for _, key := range keys {
		c.add(p, kind, key).HeadOnly = headOnly
	}
	return ""
}

func planGet(c *conn, args [][]byte) string {
	_, bad := c.single(replyValue, kv.OpGet, args[1])
	return bad
}

func planGetDel(c *conn, args [][]byte) string {
	op, bad := c.single(replyValue, kv.OpDelete, args[1])
	if bad == "" {
		op.WantOld = true
	}
	return bad
}

func planDel(c *conn, args [][]byte) string {
	return c.each(replyCount, kv.OpDelete, args[1:], false)
}

func planExists(c *conn, args [][]byte) string {
	return c.each(replyCount, kv.OpGet, args[1:], true)
}

func planMGet(c *conn, args [][]byte) string {
	return c.each(replyValues, kv.OpGet, args[1:], false)
}

func planMSet(c *conn, args [][]byte) string {
	if len(args)%2 == 0 {
		return wrongArity("mset")
	}
	for i := 1; i < len(args); i += 2 {
		if bad := c.badKey(args[i]); bad != "" {
			return bad
		}
		if bad := c.badValue(args[i+1]); bad != "" {
			return bad
		}
	}
	p := c.begin(replyDone)
	for i := 1; i < len(args); i += 2 {
		c.add(p, kv.OpSet, args[i]).Value = args[i+1]
	}
	return ""
}

func planSet(c *conn, args [][]byte) string {
	var o setOptions
	bad := o.parse(args[3:])
	if bad == "" {
		bad = c.badValue(args[2])
	}
	if bad != "" {
		return bad
	}
	r := replySet
	if o.old {
		r = replyOld
	}
	op, bad := c.single(r, kv.OpSet, args[1])
	if bad == "" {
		op.Value, op.Cond, op.WantOld = args[2], o.cond, o.old
		if o.ttlMs != 0 {
			op.Tuning = &kv.Tuning{TTLMs: o.ttlMs}
		}
	}
	return bad
}

// setOptions is what follows SET's value.
type setOptions struct {
	cond  kv.Cond
	old   bool
	ttlMs int64 // 0: not given
}

// parse reads the options. What Redis knows and this store does not is refused
// by name: an expiry that is dropped silently keeps data.
func (o *setOptions) parse(args [][]byte) (bad string) {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case isWord(a, "NX") && o.cond != kv.IfExists:
			o.cond = kv.IfAbsent
		case isWord(a, "XX") && o.cond != kv.IfAbsent:
			o.cond = kv.IfExists
		case isWord(a, "GET"):
			o.old = true
		case (isWord(a, "EX") || isWord(a, "PX")) && o.ttlMs == 0 && i+1 < len(args):
			if o.ttlMs, bad = parseTTL(a, args[i+1], "set"); bad != "" {
				return bad
			}
			i++
		case isWord(a, "EXAT"), isWord(a, "PXAT"), isWord(a, "KEEPTTL"),
			isWord(a, "IFEQ"), isWord(a, "IFNE"), isWord(a, "IFDEQ"), isWord(a, "IFDNE"):
			return "ERR SET option " + shown(bytes.ToUpper(a), 16) + " is not supported, allowed are NX, XX, GET, EX and PX"
		default:
			return errSyntax
		}
	}
	return ""
}

func isWord(a []byte, upper string) bool {
	return len(a) == len(upper) && bytes.EqualFold(a, []byte(upper))
}

func planSetNX(c *conn, args [][]byte) string {
	if bad := c.badValue(args[2]); bad != "" {
		return bad
	}
	op, bad := c.single(replyFlag, kv.OpSet, args[1])
	if bad == "" {
		op.Value, op.Cond = args[2], kv.IfAbsent
	}
	return bad
}

func planCAS(c *conn, args [][]byte) string {
	if bad := c.badValue(args[3]); bad != "" {
		return bad
	}
	op, bad := c.single(replyFlag, kv.OpCAS, args[1])
	if bad == "" {
		op.Expected, op.Value = args[2], args[3]
	}
	return bad
}

func planIncr(c *conn, args [][]byte) string { return planDelta(c, args[1], 1) }
func planDecr(c *conn, args [][]byte) string { return planDelta(c, args[1], -1) }

func planIncrBy(c *conn, args [][]byte) string {
	n, ok := parseInt(args[2])
	if !ok {
		return errNotInteger
	}
	return planDelta(c, args[1], n)
}

func planDecrBy(c *conn, args [][]byte) string {
	n, ok := parseInt(args[2])
	switch {
	case !ok:
		return errNotInteger
	case n == math.MinInt64:
		return "ERR decrement would overflow"
	}
	return planDelta(c, args[1], -n)
}

func planDelta(c *conn, key []byte, n int64) string {
	op, bad := c.single(replyInt, kv.OpIncr, key)
	if bad == "" {
		op.Delta = n
	}
	return bad
}
