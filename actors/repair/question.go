package repair

import (
	"math"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/causal"
)

const never = int64(math.MaxInt64)

// question is a message that waits for its answer. All questions may be asked
// twice: they change nothing, or merge.
type question struct {
	to         actors.Address
	m          actors.Message
	id         uint64 // 0: none waits
	sentMs     int64  // when it was asked first
	deadlineNs int64
	asked      uint
}

// maxAsked is how often a question is asked before its asker gives up.
const maxAsked = 4

func (r *Repair) newID() uint64 {
	r.lastID++
	return r.lastID
}

func (r *Repair) ask(c *actors.Context, q *question, to actors.Address, id uint64, m actors.Message) {
	*q = question{to: to, m: m, id: id, sentMs: c.WallMs}
	r.again(c, q)
}

// again asks once more, and gives up by returning false. A Put keeps its SentMs:
// what it carries is as old as that.
func (r *Repair) again(c *actors.Context, q *question) bool {
	if q.asked == maxAsked {
		q.id = 0
		return false
	}
	q.deadlineNs = c.NowNs + r.cfg.AnswerNs<<q.asked
	q.asked++
	c.Send(q.to, q.m)
	return true
}

// answers reports whether a message is the answer that q waits for, and ends the wait.
func (q *question) answers(c *actors.Context, id uint64) bool {
	if q.id == 0 || q.id != id || c.Sender.Node != q.to.Node || c.Sender.Kind != q.to.Kind {
		return false
	}
	q.id = 0
	return true
}

// budget is a token bucket: it lets sessions move rate bytes a second, and at
// once as much as a tenth of a second saves up.
type budget struct {
	rate   int64
	bytes  int64 // may be below 0: a message is paid for when it has gone
	lastNs int64
}

func (b *budget) start(c *actors.Context, rate int64) {
	*b = budget{rate: max(rate, 1), lastNs: c.NowNs}
}

func (b *budget) spend(bytes int) { b.bytes -= int64(bytes) }

// readyNs fills the bucket and returns when it is above 0 again, NowNs if it is.
func (b *budget) readyNs(c *actors.Context) int64 {
	elapsedNs := c.NowNs - b.lastNs
	b.lastNs = c.NowNs
	b.bytes = min(b.bytes+int64(float64(elapsedNs)*float64(b.rate)/1e9), b.rate/10)
	if b.bytes >= 0 {
		return c.NowNs
	}
	return c.NowNs + int64(float64(-b.bytes)*1e9/float64(b.rate)) + 1
}

// weigh estimates the bytes of an object on the wire.
func weigh(key []byte, o *causal.Object) int {
	n := 24 + len(key) + len(o.Register.Data) + 8*len(o.Set.Vector) + 12*len(o.Count)
	for i := range o.Set.Siblings {
		n += 24 + len(o.Set.Siblings[i].Value.Data)
	}
	return n
}
