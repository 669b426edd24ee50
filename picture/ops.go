package picture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/sim"
)

// shown is an operation of a client or a change of the map, as the page has it.
type shown struct {
	call, end int64 // nanoseconds; the end of one without an answer: when its client did something else
	key       int
	class     int
	outcome   linearizability.Outcome
	text      string
}

// The classes of operations, as the page knows them.
const (
	classRead = iota
	classWrite
	classConditional // or of a counter
	classChange      // of the map
)

// ops fills the table of operations.
func (b *builder) ops() {
	t := &b.page.Ops
	*t = opTable{CallD: []int64{}, Took: []int64{}, Client: []int{}, Node: []int{}, Key: []int{}, Part: []int{}, Class: []int{}, Outcome: []int{}, Text: []string{}, Facts: []int{}, Rounds: []int{}}
	facts := map[string]int{}
	last, next := int64(0), b.nextCalls()
	for i, c := range b.rec.Calls {
		var o shown
		if c.Op < 0 {
			o = b.change(&b.r.Changes[c.Change], next[i])
		} else {
			o = b.operation(c.Op, next[i])
		}
		at := micros(o.call)
		t.CallD, last = append(t.CallD, at-last), at
		t.Took = append(t.Took, max(micros(o.end)-at, 0))
		b.ends = append(b.ends, micros(o.end))
		t.Client, t.Node = append(t.Client, c.Client), append(t.Node, int(c.Node))
		t.Key, t.Part, t.Class = append(t.Key, o.key), append(t.Part, int(c.Partition)), append(t.Class, o.class)
		t.Outcome, t.Text = append(t.Outcome, int(o.outcome)), append(t.Text, o.text)
		if about := b.facts(i); len(about) > 0 {
			t.Facts = append(t.Facts, i, len(about))
			for _, fact := range about {
				t.Facts = append(t.Facts, intern(facts, &b.page.Facts, fact))
			}
		}
	}
}

// operation is one of the history. next is when its client does something else.
func (b *builder) operation(i int, next int64) shown {
	op := &b.r.History[i]
	o := shown{call: op.Call, end: op.Return, key: b.key(op.Key), class: classOf(op), outcome: op.Outcome, text: b.textOf(i)}
	if op.Outcome == linearizability.Unknown {
		o.end = min(next, op.Call+b.r.Plan.Config.ClientTimeoutNs)
	}
	return o
}

// textOf says what an operation asked and was told, all values of an answer included.
func (b *builder) textOf(i int) string {
	text := b.r.History[i].String()
	if several := b.r.Siblings[i]; len(several) > 0 {
		request, _, _ := strings.Cut(text, " -> ")
		values := make([]string, len(several))
		for k, v := range several {
			values[k] = strconv.Quote(v)
		}
		told := strings.Join(values, " and ")
		if b.r.History[i].Kind != linearizability.Get {
			told = "ok, beside others: " + told
		}
		text = request + " -> " + told
	}
	return text
}

func (b *builder) change(c *sim.MapChange, next int64) shown {
	o := shown{call: c.CallNs, end: c.ReturnNs, key: b.key(mapName), class: classChange, text: c.String()}
	switch {
	case c.ReturnNs == 0:
		o.end = min(next, c.CallNs+b.r.Plan.Config.ClientTimeoutNs)
	case c.Status == kv.OK:
		o.outcome = linearizability.OK
	case c.Status != kv.Unknown:
		o.outcome = linearizability.Failed
	}
	return o
}

// mapName is what the page calls the key of the cluster map.
const mapName = "the cluster map"

// facts are what else is to be said of an operation.
func (b *builder) facts(call int) []string {
	c := &b.rec.Calls[call]
	var about []string
	if pl := b.placeOf(c.Partition, c.AtNs); pl != nil {
		about = append(about, where(pl))
	}
	if c.Op < 0 || b.modeOf(c.Partition, c.AtNs) != kv.Eventual {
		return about
	}
	if seen, ok := b.contexts[c.Op]; ok {
		about = append(about, fmt.Sprintf("it replaces what its client had seen: %s", b.textOf(seen)))
	} else if op := &b.r.History[c.Op]; op.Kind != linearizability.Get && b.placeOf(c.Partition, c.AtNs).Bucket.Policy == kv.Siblings {
		about = append(about, "blind: its client says of nothing that it has seen it")
	}
	return about
}

// readContexts finds out which operation gave the context that a write carried.
func (b *builder) readContexts() {
	b.contexts = map[int]int{}
	for k := range b.r.Eventual {
		h := &b.r.Eventual[k]
		for i := range h.Ops {
			if from := h.Ops[i].Context; from > 0 && h.Handles[i] >= 0 && h.Handles[from-1] >= 0 {
				b.contexts[h.Handles[i]] = h.Handles[from-1]
			}
		}
	}
}

// nextCalls is when the client of each call makes its next one.
func (b *builder) nextCalls() []int64 {
	next := make([]int64, len(b.rec.Calls))
	latest := map[int]int64{}
	for i, c := range slices.Backward(b.rec.Calls) {
		at, ok := latest[c.Client]
		if !ok {
			at = b.r.VirtualNs
		}
		next[i], latest[c.Client] = at, c.AtNs
	}
	return next
}

func classOf(op *linearizability.Op) int {
	switch {
	case op.Kind == linearizability.Get:
		return classRead
	case op.Kind == linearizability.CAS, op.Kind == linearizability.Incr, op.Cond != linearizability.Always:
		return classConditional
	}
	return classWrite
}
