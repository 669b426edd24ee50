package shard_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/quoratedb/quorate/actors"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestLargeValuesAreSpreadOverMessages: however much there is to say about large
// values at once, no message between nodes holds more than 1 MiB of them and one more value.
func TestLargeValuesAreSpreadOverMessages(t *testing.T) {
	const (
		keys  = 16
		value = 300 << 10
		most  = 1<<20 + value + 16<<10 // some stop after the value that exceeds 1 MiB; and the framing
	)
	largest := map[string]int{} // by name of message
	w := newWorld(t, io.Discard, []string{"3", "1", "level"})
	prefs := w.ring.Preference(0)
	owner, next, third := w.nodes[prefs[0]-1], w.nodes[prefs[1]-1], w.nodes[prefs[2]-1]
	answers := map[kv.Status]int{}
	run := func() {
		for len(w.queue) > 0 {
			e := w.queue[0]
			w.queue = w.queue[1:]
			if m, ok := e.Message.(*msg.Results); ok {
				for i := range m.Results {
					answers[m.Results[i].Status]++
				}
			}
			if e.To.Kind == actors.Client || w.cut[e.To.Node] || w.cut[e.From.Node] {
				continue
			}
			b, err := msg.AppendEnvelope(nil, &e)
			require.NoError(t, err)
			name := e.Message.MessageName()
			largest[name] = max(largest[name], len(b))
			require.LessOrEqual(t, len(b), most, "%s", name)
			w.step(w.nodes[e.To.Node-1], e)
		}
	}
	wait := func(ms100 int) {
		for range ms100 {
			w.nowNs += 100 * ms
			for _, m := range w.nodes {
				w.tell(m.id, actors.Timer{ID: 1})
			}
			run()
		}
	}
	ask := func(m *member, op func(i int) string) {
		var all []string
		for i := range keys {
			all = append(all, op(i))
		}
		w.op(m, strings.Join(all, ";"))
		run()
	}

	w.cut[next.id] = true // it must fetch all of it later
	ask(third, func(i int) string { return fmt.Sprintf("set k%d %s", i, strings.Repeat("v", value)) })
	wait(10)
	require.Equal(t, keys, answers[kv.OK])

	delete(w.cut, next.id)
	w.cut[owner.id] = true
	w.status(next.id, owner.id, 0, false)
	w.status(third.id, owner.id, 0, false)
	wait(5)
	ask(third, func(i int) string { return fmt.Sprintf("get k%d", i) })
	wait(30)
	require.Equal(t, 2*keys, answers[kv.OK])

	delete(w.cut, owner.id) // and is brought level
	w.status(next.id, owner.id, 1, true)
	w.status(third.id, owner.id, 1, true)
	ask(third, func(i int) string { return fmt.Sprintf("set k%d %s", i, strings.Repeat("w", value)) })
	wait(30)
	for _, name := range []string{"forward", "forwarded", "accept", "touched"} {
		assert.Greater(t, largest[name], most/2, "%s was to be tested, too", name)
	}
}
