package resp

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"github.com/tidwall/redcon"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/quoratedb/quorate/node/door"
)

// The commands of this file are of no Redis. They give a client what a bucket of
// mode eventual has beside values: how many replicas to ask, all values that
// were written concurrently, and the causal context that a write gives back.
//
//	CGET key [R r]                                      → context, value ...
//	CSET key context value [W w] [EX seconds | PX ms]   → context [, value ...]
//	CDEL key context [W w]                              → context [, value ...]
//	CINCRBY key n [W w]                                 → the number
//
// An empty context says that nothing has been seen. After a write the values are
// all that are there, if any is there beside what was written: the new context
// speaks for those too, and the client may not have seen them.

// selection is the bucket that a connection works in.
type selection struct {
	name string
	slot uint16
}

// enter makes the commands that follow work in a bucket.
func (c *conn) enter(b *kv.Bucket) {
	c.bucket = b.Name
	c.selected.Store(&selection{b.Name, b.Slot})
}

// runSelect answers SELECT name and SELECT n: the n-th database of Redis is the
// bucket with that slot, so that tools which know numbers alone reach it.
func runSelect(c *conn, args [][]byte) {
	h := c.s.cfg.Host
	if n, ok := parseInt(args[1]); ok {
		all, _ := h.Buckets()
		var slots []string
		for i := range all {
			if int64(all[i].Slot) == n {
				c.enter(&all[i])
				c.ok()
				return
			}
			slots = append(slots, fmt.Sprintf("%d (%s)", all[i].Slot, all[i].Name))
		}
		const most = 20
		c.error("ERR DB index is out of range, there are " + strings.Join(slots[:min(len(slots), most)], ", "))
		return
	}
	b := h.Bucket(string(args[1]))
	if b == nil {
		c.error("ERR " + oneLine(door.NoBucket(h, string(args[1]))))
		return
	}
	c.enter(b)
	c.ok()
}

// databases is one more than the highest number that SELECT takes.
func (c *conn) databases() int {
	most := 0
	all, _ := c.s.cfg.Host.Buckets()
	for i := range all {
		most = max(most, int(all[i].Slot))
	}
	return most + 1
}

// parseTTL reads the number after EX (seconds) or PX (milliseconds).
func parseTTL(unit, number []byte, command string) (ms int64, bad string) {
	n, ok := parseInt(number)
	if !ok {
		return 0, errNotInteger
	}
	scale := int64(1)
	if isWord(unit, "EX") {
		scale = 1000
	}
	if n <= 0 || n > math.MaxInt64/4/scale { // a sum with the time of day must fit
		return 0, "ERR invalid expire time in '" + command + "' command"
	}
	return n * scale, ""
}

// planSetEX plans SETEX and PSETEX.
func planSetEX(c *conn, args [][]byte) string {
	unit := []byte("EX")
	if len(args[0]) == len("psetex") {
		unit = []byte("PX")
	}
	ttl, bad := parseTTL(unit, args[2], strings.ToLower(string(args[0])))
	if bad == "" {
		bad = c.badValue(args[3])
	}
	if bad != "" {
		return bad
	}
	op, bad := c.single(replySet, kv.OpSet, args[1])
	if bad == "" {
		op.Value, op.Tuning = args[3], &kv.Tuning{TTLMs: ttl}
	}
	return bad
}

// tuned plans a command of one operation, with options after its arguments.
func (c *conn) tuned(r reply, kind kv.OpKind, key []byte, options [][]byte, allowed string) (*msg.Op, string) {
	t := &kv.Tuning{}
	for i := 0; i < len(options); i += 2 {
		word := string(bytes.ToUpper(options[i]))
		if i+1 == len(options) || !strings.Contains(" "+allowed+" ", " "+word+" ") {
			return nil, "ERR syntax error, options here are " + allowed + ", with a value each"
		}
		var bad string
		switch value := options[i+1]; word {
		case "R":
			t.R, bad = parseAsk(value, t.R)
		case "W":
			t.W, bad = parseAsk(value, t.W)
		default: // EX, PX
			if t.TTLMs != 0 {
				return nil, errSyntax
			}
			t.TTLMs, bad = parseTTL(options[i], value, "cset")
		}
		if bad != "" {
			return nil, bad
		}
	}
	op, bad := c.single(r, kind, key)
	if bad == "" {
		op.Tuning = t
	}
	return op, bad
}

// parseAsk reads how many replicas, as a number or the name of a level.
func parseAsk(text []byte, before kv.Ask) (kv.Ask, string) {
	a, err := kv.ParseAsk(string(bytes.ToLower(text)))
	switch {
	case err != nil:
		return a, "ERR " + oneLine(err.Error())
	case !before.IsZero():
		return a, errSyntax
	}
	return a, ""
}

func planCGet(c *conn, args [][]byte) string {
	op, bad := c.tuned(replySiblings, kv.OpGet, args[1], args[2:], "R")
	if bad == "" {
		op.Tuning.WantContext = true
	}
	return bad
}

// badContext refuses what can be no context before it is passed on.
func badContext(b []byte) string {
	if len(b) > door.MaxContextBytes {
		return fmt.Sprintf("ERR a context of %d bytes is none that the store gave out, they have at most %d", len(b), door.MaxContextBytes)
	}
	return ""
}

func planCSet(c *conn, args [][]byte) string {
	bad := c.badValue(args[3])
	if bad == "" {
		bad = badContext(args[2])
	}
	if bad != "" {
		return bad
	}
	op, bad := c.tuned(replyWritten, kv.OpSet, args[1], args[4:], "W EX PX")
	if bad == "" {
		op.Value, op.Tuning.Context, op.Tuning.WantContext = args[3], string(args[2]), true
	}
	return bad
}

func planCDel(c *conn, args [][]byte) string {
	if bad := badContext(args[2]); bad != "" {
		return bad
	}
	op, bad := c.tuned(replySiblings, kv.OpDelete, args[1], args[3:], "W")
	if bad == "" {
		op.Tuning.Context, op.Tuning.WantContext = string(args[2]), true
	}
	return bad
}

func planCIncrBy(c *conn, args [][]byte) string {
	n, ok := parseInt(args[2])
	if !ok {
		return errNotInteger
	}
	op, bad := c.tuned(replyInt, kv.OpIncr, args[1], args[3:], "W")
	if bad == "" {
		op.Delta = n
	}
	return bad
}

// causal appends the context, and then all values, if there are more than own.
func (w *work) causal(r *kv.Result, own int) {
	var values []kv.Sibling
	context := ""
	switch {
	case r.Causal != nil:
		context, values = r.Causal.Context, r.Causal.Values
	case r.Found: // a counter: it has no context
		values = []kv.Sibling{{Data: r.Data, Media: r.Media}}
	}
	if len(values) <= own {
		values = nil
	}
	w.out = redcon.AppendArray(w.out, 1+len(values))
	w.out = redcon.AppendBulkString(w.out, context)
	for i := range values {
		w.value(&kv.Result{Data: values[i].Data, Media: values[i].Media, Found: true})
	}
}

// refusal is the error for what the bucket can't carry out.
func (c *conn) refusal(r *kv.Result) string {
	switch {
	case c.s.cfg.Host.Bucket(c.bucket) == nil:
		return "ERR " + oneLine(door.NoBucket(c.s.cfg.Host, c.bucket))
	case len(r.Data) == 0:
		return "ERR not a valid operation"
	}
	return "ERR " + oneLine(string(r.Data))
}

// oneLine is text fit for an error reply.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
}
