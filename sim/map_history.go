package sim

import (
	"fmt"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// MapChange is a change of the cluster map as its client saw it. Accesses to the
// buckets that come and go are in the history, under a key for each life of a
// bucket: "m0@4/x0" is x0 of the m0 that epoch 4 created.
type MapChange struct {
	Op       MapOp
	Client   int32 // as in the history
	CallNs   int64
	ReturnNs int64 // 0: no answer
	Status   kv.Status
	Epoch    kv.Epoch // that made it, with kv.OK
	Text     string   // why it was refused
}

// mapClients is the number of the first client of MapOps in histories: above
// those of all others, whose numbers rise with operations of unknown outcome.
// They are the fewest of which each does one operation after the other.
const mapClients = 1_000_000

// String says what was asked and answered.
func (c *MapChange) String() string { return c.request() + " -> " + c.answer() }

func (c *MapChange) request() string {
	text := fmt.Sprintf("%s bucket %q", c.Op.Do, c.Op.Bucket)
	switch c.Op.Do {
	case "create":
		text += " (" + c.Op.Mode + ")"
	case "set":
		text += fmt.Sprintf(" ttl %d ms", tagTTL(c.Op.Tag))
	case "resize":
		text += fmt.Sprintf(" n=%d", c.Op.N)
	}
	return text
}

func (c *MapChange) answer() string {
	switch {
	case c.ReturnNs == 0:
		return "unknown"
	case c.Status == kv.OK:
		return fmt.Sprintf("ok, epoch %d", c.Epoch)
	case c.Text != "":
		return fmt.Sprintf("%v: %s", c.Status, c.Text)
	}
	return c.Status.String()
}

// claim finds a client for operation i: one that waits for nothing.
func (r *mapRun) claim(n *node, i int) {
	a := &r.asked[i]
	a.life = n.life
	for k, last := range r.clients {
		if last == 0 || !r.mayAnswer(&r.asked[last-1]) {
			r.clients[k], a.client = i+1, k
			return
		}
	}
	a.client = len(r.clients)
	r.clients = append(r.clients, i+1)
}

// mayAnswer reports whether the node that was asked is still the one it was.
func (r *mapRun) mayAnswer(a *mapAsked) bool {
	n := r.w.nodes[a.op.Node-1]
	return n.up && n.life == a.life
}

// change enters a change.
func (r *mapRun) change(n *node, i int) {
	r.claim(n, i)
	a := &r.asked[i]
	a.handle = len(r.changes)
	r.changes = append(r.changes, MapChange{Op: a.op, Client: int32(mapClients + a.client), CallNs: r.w.nowNs, Status: kv.Unknown})
}

// take is what an answer is for. Its client may ask for something else.
func (r *mapRun) take(id uint64) *mapAsked {
	i := int(uint32(id))
	a := &r.asked[i]
	if r.clients[a.client] == i+1 {
		r.clients[a.client] = 0
	}
	return a
}

// completed enters the answer to a change.
func (r *mapRun) completed(i int, m *msg.MapChanged) {
	c := &r.changes[i]
	c.ReturnNs, c.Status, c.Epoch, c.Text = r.w.nowNs, m.Status, m.Epoch, m.Text
}

// writerOf is the put of a value, as a handle of the history; -1: nobody's.
func (r *mapRun) writerOf(value string) int {
	h := r.w.history.History()
	for i := range h {
		if h[i].Value == value {
			return i
		}
	}
	return -1
}
