package picture_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/sim"
)

// of runs a seed of a scenario.
func of(t testing.TB, scenario string, seed uint64, set ...string) *sim.Result {
	t.Helper()
	s, err := sim.FindScenario(scenario)
	require.NoError(t, err)
	for _, assignment := range set {
		require.NoError(t, s.Set(assignment))
	}
	return runPlan(t, sim.Draw(seed, s))
}

// TestOperationsHaveRoundsOfTheirOwn: an answered operation on an eventual or abd
// bucket is tied to what its coordinator asked of the replicas, and that was enough.
func TestOperationsHaveRoundsOfTheirOwn(t *testing.T) {
	for _, scenario := range []string{"eventual", "sloppy", "siblings", "counters", "abd"} {
		answered, tied, met := 0, 0, 0
		for seed := uint64(1); seed <= 4; seed++ {
			r := of(t, scenario, seed)
			d := unpack(t, page(t, r))
			rounds := runsOf(d.Ops.Rounds)
			for i, call := range r.Recording.Calls {
				op := &r.History[call.Op]
				if op.Outcome != linearizability.OK || strong(r, op.Key) {
					continue
				}
				answered++
				if len(rounds[i]) == 0 {
					continue
				}
				tied++
				for _, k := range rounds[i] {
					require.Less(t, k, len(d.Tallies))
					require.NotEmpty(t, d.Texts[d.Tallies[k].G], "what is needed, in words")
					if d.Tallies[k].M >= 0 {
						met++
						break
					}
				}
			}
		}
		require.Positive(t, answered, scenario)
		require.Greater(t, float64(tied), .9*float64(answered), "%s: %d of %d operations are tied to rounds", scenario, tied, answered)
		require.Greater(t, float64(met), .9*float64(tied), "%s: %d of %d of these were enough", scenario, met, tied)
	}
}

func strong(r *sim.Result, key string) bool {
	return slices.ContainsFunc(r.Plan.Config.Keys, func(k sim.Key) bool { return k.Name == key && k.Bucket == "" })
}

// runsOf reads runs of (number, how many, ...), as the page does.
func runsOf(flat []int) map[int][]int {
	lists := map[int][]int{}
	for i := 0; i < len(flat); i += 2 + flat[i+1] {
		lists[flat[i]] = flat[i+2 : i+2+flat[i+1]]
	}
	return lists
}

func TestSiblingsHintsAndRepairAreShown(t *testing.T) {
	r := of(t, "siblings", 1)
	require.NotEmpty(t, r.Siblings)
	d := unpack(t, page(t, r))
	several := 0
	for _, text := range d.Ops.Text {
		if strings.Contains(text, `" and "`) {
			several++
		}
	}
	require.Equal(t, len(r.Siblings), several)
	require.True(t, slices.ContainsFunc(d.Facts, func(s string) bool { return strings.Contains(s, "it replaces what its client had seen") }))

	d = unpack(t, page(t, of(t, "sloppy", 2)))
	for _, kind := range []string{"hint", "hinted", "put", "put (hint)", "stored (hint)", "fetch", "compare"} {
		require.Contains(t, d.Meta.Kinds, kind)
	}
	require.True(t, slices.ContainsFunc(d.Tallies, func(v votes) bool { return len(v.H) > 0 }), "who stands in")
}

func TestBucketsThatComeAndGoAreInThePicture(t *testing.T) {
	r := of(t, "slots", 6)
	d := unpack(t, page(t, r))
	require.Positive(t, d.Meta.MapClients)
	require.Equal(t, r.Plan.Config.Clients+d.Meta.MapClients, d.Meta.Clients)
	require.Len(t, d.Ops.Text, len(r.History)+len(r.Changes))
	require.True(t, slices.ContainsFunc(d.Ops.Text, func(s string) bool { return strings.HasPrefix(s, `drop bucket "m0"`) }))
	for _, group := range []string{"map-change", "map-told"} {
		require.Contains(t, d.Meta.Kinds, group)
	}
}

func TestALargeEventualRunFits(t *testing.T) {
	s, err := sim.FindScenario("sloppy")
	require.NoError(t, err)
	plan := sim.Draw(2, s)
	c := &plan.Config
	first := plan.Ops
	plan.Ops = nil
	for i := range 2000 {
		op := first[i%len(first)]
		op.AtNs, op.Client, op.Node, op.Value = int64(i)*900_000, i%c.Clients, kv.NodeID(i%c.Nodes+1), int64(1000+i)
		plan.Ops = append(plan.Ops, op)
	}
	c.SafetyNs = 20_000_000_000
	r := runPlan(t, plan)
	require.GreaterOrEqual(t, len(r.History), 2000)
	html := page(t, r)
	d := unpack(t, html)
	t.Logf("%d operations, %d messages: %d bytes, left out: %v", len(r.History), len(d.Msgs.SentD), len(html), d.Meta.LeftOut)
	require.Less(t, len(html), 500_000)
}

// staleRead is a run of siblings in which a check objects to a write and a later read.
func staleRead(t testing.TB) *sim.Result {
	r := of(t, "siblings", 1)
	for k := range r.Eventual {
		h := &r.Eventual[k]
		for i, write := range h.Handles {
			for _, read := range h.Handles[i:] {
				if write < 0 || read < 0 {
					continue
				}
				w, g := &r.History[write], &r.History[read]
				if w.Kind == linearizability.Set && w.Outcome == linearizability.OK && g.Kind == linearizability.Get && len(r.Siblings[read]) > 1 && g.Call > w.Return {
					r.Verdict = sim.VerdictViolation
					r.Violations = []sim.Violation{{Check: sim.Session, AtNs: g.Return, Detail: fmt.Sprintf("key %q: stale-read", h.Key.Name), Ops: []int{write, read}}}
					return r
				}
			}
		}
	}
	t.Fatal("no write with a later read of several values")
	return nil
}

func TestReadingAFailureOfAnEventualBucket(t *testing.T) {
	r := staleRead(t)
	d := unpack(t, page(t, r))
	require.Len(t, d.Offences, 2, "the write and the read")
	b := openBrowser(t, file(t, r), 1500, 900, "light")
	require.Equal(t, 2, ask[int](b, `M.ops.mark.filter(m => m === 1).length`))
	require.True(t, ask[bool](b, `M.offences.every(o => M.ops.at[o.op] >= view.from && M.ops.end[o.op] <= view.to)`))
	require.Positive(t, ask[int](b, `drawn.arrows`))
	b.shot("eventual")

	point := func(offence int) string {
		at := ask[[]float64](b, fmt.Sprintf(`(() => { goOffence(%d); const i = M.offences[view.offence].op, r = $("picture").getBoundingClientRect();
			return [r.left + (x(M.ops.at[i]) + x(M.ops.end[i])) / 2, r.top + anchor(-1 - M.ops.client[i]) - view.top]; })()`, offence))
		b.drawn()
		b.do(chromedp.MouseEvent(input.MouseMoved, at[0], at[1]))
		b.drawn()
		require.False(t, ask[bool](b, `$("tip").hidden`))
		return text(b, "tip")
	}
	write := point(0)
	require.Contains(t, write, "put")
	require.Contains(t, write, "W=", "what is needed")
	require.Contains(t, write, "✓", "who stored it")
	require.Contains(t, write, "reached at")
	b.shot("eventual-write")
	read := point(1)
	require.Contains(t, read, "R=")
	require.Contains(t, read, `" and "`, "all values of the answer")
	require.Positive(t, ask[int](b, `view.focus.size`), "its messages stand out")
	b.shot("eventual-read")
	b.clean()
}
