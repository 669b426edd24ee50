package picture

import (
	"fmt"
	"io"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
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

	places    map[kv.Partition][]int // into Recording.Placements
	sent      map[uint64]*msg.Ops    // by clients, by id
	contexts  map[int]int            // by index into the history: what gave the context of a write
	registers map[registerKey]int    // see register
	ends      []int64                // of the operations, microseconds
}

func newBuilder(r *sim.Result, o Options) *builder {
	c := &r.Plan.Config
	b := &builder{r: r, rec: r.Recording, texts: map[string]int{}, keys: map[string]int{}, kinds: map[string]int{},
		places: map[kv.Partition][]int{}, registers: map[registerKey]int{}}
	b.page.Meta = meta{
		Seed: fmt.Sprint(r.Plan.Seed), Scenario: r.Plan.Scenario, Verdict: r.Verdict, Replay: o.Replay,
		Hash: fmt.Sprintf("%016x", r.TraceHash), Nodes: c.Nodes, Replicas: min(c.N, c.Nodes), Clients: c.Clients + r.Recording.MapClients,
		MapClients: r.Recording.MapClients, Partitions: c.Partitions,
		Events: r.Events, End: micros(r.VirtualNs), Heal: micros(r.Recording.HealNs),
		Violations: []string{}, Keys: []string{}, Same: []int{}, Rows: []int{}, Kinds: []string{}, Groups: []int{}, LeftOut: []string{},
	}
	b.page.Texts, b.page.Facts = []string{}, []string{}
	for _, v := range r.Violations {
		b.page.Meta.Violations = append(b.page.Meta.Violations, v.Check+": "+v.Detail)
	}
	for i := range b.rec.Placements {
		p := b.rec.Placements[i].Partition
		b.places[p] = append(b.places[p], i)
	}
	for i, c := range b.rec.Calls {
		b.registerCall(i, &c)
	}
	b.asks()
	b.readContexts()
	return b
}

func micros(ns int64) int64 { return ns / 1000 }

// key is the number of a key.
func (b *builder) key(name string) int {
	k := intern(b.keys, &b.page.Meta.Keys, name)
	if k == len(b.page.Meta.Same) {
		b.page.Meta.Same = append(b.page.Meta.Same, k)
	}
	return k
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
