package picture

import (
	"fmt"
	"io"
	"slices"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/sim"
)

// maxBytes bounds a page: what does not fit is left out, and the page says so.
const maxBytes = 490_000

// Options say what the run does not know about itself.
type Options struct {
	Replay string // the command line that runs it again
}

// Write draws r, which must have been run with sim.Options.Record.
func Write(w io.Writer, r *sim.Result, o Options) error {
	if r.Recording == nil {
		return fmt.Errorf("picture: the run was not recorded: run it with Options.Record")
	}
	html, err := render(r, o, maxBytes)
	if err != nil {
		return fmt.Errorf("picture: %w", err)
	}
	_, err = w.Write(html)
	return err
}

// builder gathers a page from a run.
type builder struct {
	r    *sim.Result
	rec  *sim.Recording
	page page

	texts map[string]int
	keys  map[string]int
	kinds map[string]int
}

func newBuilder(r *sim.Result, o Options) *builder {
	c := &r.Plan.Config
	b := &builder{r: r, rec: r.Recording, texts: map[string]int{}, keys: map[string]int{}, kinds: map[string]int{}}
	b.page.Meta = meta{
		Seed: fmt.Sprint(r.Plan.Seed), Scenario: r.Plan.Scenario, Verdict: r.Verdict, Replay: o.Replay,
		Hash: fmt.Sprintf("%016x", r.TraceHash), Nodes: c.Nodes, Replicas: min(c.N, c.Nodes), Clients: c.Clients, Partitions: c.Partitions,
		Events: r.Events, End: micros(r.VirtualNs), Heal: micros(r.Recording.HealNs),
		Violations: []string{}, Keys: []string{}, PartOf: []int{}, Holders: [][]int{}, Kinds: []string{}, Groups: []int{}, LeftOut: []string{},
	}
	b.page.Texts = []string{}
	for _, v := range r.Violations {
		b.page.Meta.Violations = append(b.page.Meta.Violations, v.Check+": "+v.Detail)
	}
	for _, nodes := range b.rec.Replicas {
		b.page.Meta.Holders = append(b.page.Meta.Holders, nodeInts(nodes))
	}
	for _, k := range c.Keys {
		b.key(k.Name)
	}
	return b
}

func micros(ns int64) int64 { return ns / 1000 }

// key is the number of a key.
func (b *builder) key(name string) int {
	return intern(b.keys, &b.page.Meta.Keys, name)
}

// text is the number of a text.
func (b *builder) text(s string) int { return intern(b.texts, &b.page.Texts, s) }

func intern(index map[string]int, list *[]string, s string) int {
	i, ok := index[s]
	if !ok {
		i = len(*list)
		index[s] = i
		*list = append(*list, s)
	}
	return i
}

// ops fills the table of operations.
func (b *builder) ops() {
	h, t := b.r.History, &b.page.Ops
	*t = opTable{CallD: []int64{}, Took: []int64{}, Client: []int{}, Node: []int{}, Key: []int{}, Class: []int{}, Outcome: []int{}, Text: []string{}}
	last, next := int64(0), b.nextCalls()
	for i, c := range b.rec.Calls {
		op := &h[c.Op]
		at := micros(op.Call)
		t.CallD, last = append(t.CallD, at-last), at
		end := op.Return
		if op.Outcome == linearizability.Unknown {
			end = min(next[i], op.Call+b.r.Plan.Config.ClientTimeoutNs)
		}
		t.Took = append(t.Took, max(micros(end)-at, 0))
		t.Client, t.Node = append(t.Client, c.Client), append(t.Node, int(c.Node))
		t.Key, t.Class = append(t.Key, b.key(op.Key)), append(t.Class, classOf(op))
		t.Outcome, t.Text = append(t.Outcome, int(op.Outcome)), append(t.Text, op.String())
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
		return 0
	case op.Kind == linearizability.CAS, op.Kind == linearizability.Incr, op.Cond != linearizability.Always:
		return 2
	}
	return 1
}

// offences marks what the checks object to, and returns the judgement with its stretch.
func (b *builder) offences() linearizability.Verdict {
	v := b.r.Judgement
	if v.Answer == linearizability.Illegal && len(v.Stretch) == 0 {
		v = b.stretched(v)
	}
	b.page.Offence = []offence{}
	add := func(op *linearizability.Op, prep bool, why string) {
		if i := b.callOf(op); i >= 0 {
			b.page.Offence = append(b.page.Offence, offence{Op: i, At: micros(op.Call), Key: b.key(op.Key), Text: why + op.String(), Prep: prep})
		}
	}
	if v.From != nil && v.From.By != nil {
		add(v.From.By, true, "left the key as it was before the stretch: ")
	}
	for i := range v.Stretch {
		add(&v.Stretch[i], false, "")
	}
	for _, bad := range b.r.Violations {
		if bad.Check != sim.Linearizability {
			o := offence{Op: b.answeredAt(&bad), At: micros(bad.AtNs), Key: -1, Text: bad.Check + ": " + bad.Detail}
			if o.Op >= 0 {
				op := &b.r.History[b.rec.Calls[o.Op].Op]
				o.At, o.Key = micros(op.Call), b.key(op.Key)
			}
			b.page.Offence = append(b.page.Offence, o)
		}
	}
	slices.SortStableFunc(b.page.Offence, func(x, y offence) int { return int(x.At - y.At) })
	return v
}

// stretchSteps bounds the search for the offending stretch.
const stretchSteps = 3_000_000

// stretched judges the offending key once more, to learn which of its
// operations contradict each other. Where that can't be decided, all of them are suspects.
func (b *builder) stretched(v linearizability.Verdict) linearizability.Verdict {
	var h linearizability.History
	for i := range b.r.History {
		if b.r.History[i].Key == v.Key {
			h = append(h, b.r.History[i])
		}
	}
	again := linearizability.Check(h, linearizability.KV, linearizability.Options{MaxSteps: stretchSteps})
	if again.Answer != linearizability.Illegal {
		v.Stretch = h
		return v
	}
	return again
}

// answeredAt finds the operation whose answer gave a broken guarantee away: the
// checks of sessions and of lost writes name the instant at which it came. -1 if there is none.
func (b *builder) answeredAt(v *sim.Violation) int {
	if v.Check != sim.Session && v.Check != sim.LostWrite {
		return -1
	}
	return slices.IndexFunc(b.rec.Calls, func(c sim.Call) bool {
		op := &b.r.History[c.Op]
		return op.Outcome == linearizability.OK && op.Return == v.AtNs
	})
}

// callOf finds an operation of a stretch, whose answer may have been cut off.
func (b *builder) callOf(op *linearizability.Op) int {
	for i, c := range b.rec.Calls {
		h := &b.r.History[c.Op]
		if h.Call == op.Call && h.Client == op.Client && h.Key == op.Key {
			return i
		}
	}
	return -1
}

func maskNodes(mask uint32, nodes int) []int {
	list := []int{}
	for i := range nodes {
		if mask>>i&1 != 0 {
			list = append(list, i+1)
		}
	}
	return list
}

func nodeInts(nodes []kv.NodeID) []int {
	list := make([]int, len(nodes))
	for i, n := range nodes {
		list[i] = int(n)
	}
	return list
}
