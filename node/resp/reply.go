package resp

import (
	"fmt"

	"github.com/tidwall/redcon"

	"github.com/quoratedb/quorate/actors/kv"
)

// reply says how a pending command's results are answered.
type reply uint8

const (
	replyValue    reply = iota + 1 // the data, or null where there is none: GET, GETDEL
	replyValues                    // an array of those: MGET
	replySet                       // OK, or null if the condition failed: SET
	replyOld                       // the value before: SET GET
	replyDone                      // OK once all are: MSET
	replyCount                     // how many keys were there: DEL, EXISTS
	replyFlag                      // 1 or 0: SETNX, CAS
	replyInt                       // the new number: INCR and its kin
	replyWritten                   // the causal context, and all values if there are others than the one written: CSET
	replySiblings                  // the context, and all values: CGET, CDEL
)

// direct is the size from which a value is written from the store's own bytes
// instead of being copied into the reply buffer.
const direct = 16 << 10

// resolve takes the results of w.ops, which stay as they are until the next.
func (c *conn) resolve(results []kv.Result) {
	if len(results) != len(c.w.ops) {
		panic(fmt.Sprintf("resp: %d results for %d operations", len(results), len(c.w.ops)))
	}
	c.results, c.answered = results, 0
}

// answer appends the replies to the planned commands; false when those so far
// have to be written first.
func (c *conn) answer() bool {
	w := c.w
	for c.answered < len(w.pending) {
		if w.full() {
			return false
		}
		p := &w.pending[c.answered]
		c.answered++
		c.reply(p.reply, c.results[p.from:p.to])
	}
	c.adapt(c.results)
	c.results = nil
	w.pending, w.ops = w.pending[:0], w.ops[:0]
	return true
}

// resultBytes is about how much of values a batch should bring at once: values
// of other nodes are held in memory until their replies are written.
const resultBytes = 16 << 20

// adapt sizes the next batch by what the values of this one weighed.
func (c *conn) adapt(results []kv.Result) {
	total := 0
	for i := range results {
		total += len(results[i].Data)
	}
	c.batchOps = c.s.limits.BatchOps
	if average := total / len(results); average > 0 {
		c.batchOps = max(1, min(c.batchOps, resultBytes/average))
	}
}

// reply appends the reply to one command.
func (c *conn) reply(how reply, results []kv.Result) {
	if bad := c.failure(results); bad != "" {
		c.error(bad)
		return
	}
	w, first := c.w, &results[0]
	switch how {
	case replyValue, replyOld:
		w.value(first)
	case replyValues:
		w.out = redcon.AppendArray(w.out, len(results))
		for i := range results {
			w.value(&results[i])
		}
	case replySet:
		if first.Status == kv.OK {
			w.out = redcon.AppendOK(w.out)
		} else {
			w.out = redcon.AppendNull(w.out)
		}
	case replyDone:
		w.out = redcon.AppendOK(w.out)
	case replyCount:
		n := int64(0)
		for i := range results {
			if results[i].Status == kv.OK {
				n++
			}
		}
		w.out = redcon.AppendInt(w.out, n)
	case replyFlag:
		n := int64(0)
		if first.Status == kv.OK {
			n = 1
		}
		w.out = redcon.AppendInt(w.out, n)
	case replyInt:
		w.out = redcon.AppendInt(w.out, first.Int)
	case replyWritten:
		w.causal(first, 1)
	case replySiblings:
		w.causal(first, 0)
	default:
		panic(fmt.Sprintf("resp: unknown reply %d", how))
	}
}

// value appends what a register held, or null.
func (w *work) value(r *kv.Result) {
	data := kv.Payload(r.Media, r.Data)
	switch {
	case !r.Found:
		w.out = redcon.AppendNull(w.out)
	case len(data) < direct:
		w.out = redcon.AppendBulk(w.out, data)
	default:
		w.out = fmt.Appendf(w.out, "$%d\r\n", len(data))
		w.attach(data)
		w.out = append(w.out, "\r\n"...)
	}
}

// failure is the error for a command of which some operation failed, "" if none
// did. Unknown outranks the rest: it is the only one after which something may
// still happen.
func (c *conn) failure(results []kv.Result) string {
	var worst *kv.Result
	for i := range results {
		switch r := &results[i]; r.Status {
		case kv.OK, kv.NotFound, kv.CondFailed:
		case kv.Unknown:
			return c.failed(r, len(results))
		default:
			worst = r
		}
	}
	if worst == nil {
		return ""
	}
	return c.failed(worst, len(results))
}

func (c *conn) failed(r *kv.Result, ops int) string {
	nothing := "nothing was done"
	if ops > 1 {
		nothing = "not all of the keys were served"
	}
	switch r.Status {
	case kv.Unknown:
		return "UNKNOWN outcome not known: the write may have taken effect or may still; read before writing again"
	case kv.Unavailable:
		return "UNAVAILABLE " + nothing + ": too few of the key's replicas answered in time"
	case kv.Busy:
		return "OVERLOADED " + nothing + ": the node has too many operations waiting"
	case kv.NotInteger:
		return errNotInteger
	case kv.Overflow:
		return errOverflow
	case kv.TooLarge:
		return fmt.Sprintf("ERR key or value too large, the limits are %d and %d bytes", c.s.limits.KeyBytes, c.s.limits.ValueBytes)
	case kv.BadRequest:
		return c.refusal(r)
	case kv.NotOwner:
		return "UNAVAILABLE " + nothing + ": the key's owner is changing"
	}
	panic(fmt.Sprintf("resp: no reply for status %v", r.Status))
}
