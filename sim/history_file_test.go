package sim

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/linearizability"
	"github.com/quoratedb/quorate/linearizability/causalhist"
)

// TestHistoryHoldsAllThatWasJudged: clients of buckets that come and go included.
func TestHistoryHoldsAllThatWasJudged(t *testing.T) {
	for _, name := range []string{"buckets", "slots", "siblings", "abd", "counters"} {
		r := mustRun(t, Draw(3, scenario(t, name)), Options{Record: true})
		var file bytes.Buffer
		require.NoError(t, WriteHistory(&file, r))
		in, err := linearizability.ReadJSONL(bytes.NewReader(file.Bytes()))
		require.NoError(t, err, name)
		require.Len(t, in.History, len(r.History), name)
		for i := range r.History {
			require.Equal(t, r.History[i].String(), in.History[i].String())
		}
		calls := len(r.History) + len(r.Changes)
		require.Len(t, r.Recording.Calls, calls, "every operation and change is tied to a client")
		for i := range r.Changes {
			require.Contains(t, file.String(), oneLine(r.Changes[i].String()))
		}

		file.Reset()
		require.NoError(t, WriteEventual(&file, r))
		keys, err := causalhist.ReadJSONL(&file)
		require.NoError(t, err, name)
		require.Len(t, keys, len(r.Eventual))
		for i := range keys {
			require.Equal(t, r.Eventual[i].Ops, keys[i].Ops)
			require.Equal(t, r.Eventual[i].Rules, keys[i].Rules)
		}
	}
}

func TestClientsOfTheMapDoOneThingAfterTheOther(t *testing.T) {
	r := mustRun(t, Draw(6, scenario(t, "slots")), Options{Record: true})
	require.NotEmpty(t, r.Changes)
	require.Positive(t, r.Recording.MapClients)
	free, puts := map[int32]int64{}, 0
	begins := func(client int32, call int64) {
		require.GreaterOrEqual(t, call, free[client], "client %d", client)
		free[client] = call
	}
	next := 0
	for i := range r.History {
		op := &r.History[i]
		if op.Client < mapClients {
			continue
		}
		for ; next < len(r.Changes) && r.Changes[next].CallNs <= op.Call; next++ {
			begins(r.Changes[next].Client, r.Changes[next].CallNs)
			free[r.Changes[next].Client] = r.Changes[next].ReturnNs
		}
		begins(op.Client, op.Call)
		require.Less(t, int(op.Client-mapClients), r.Recording.MapClients)
		if op.Outcome != linearizability.Unknown {
			free[op.Client] = op.Return
		}
		if op.Kind == linearizability.Set {
			puts++
		}
	}
	require.Positive(t, puts)
}

// TestBlame: what an oracle objects to while an answer leaves is about the operations
// that are answered, and a value of another life about its writer and its reader.
func TestBlame(t *testing.T) {
	w, err := newWorld(Draw(6, scenario(t, "slots")), Options{})
	require.NoError(t, err)
	w.run()
	require.Empty(t, w.verdict)
	h := w.history.History()
	var a *mapAsked
	for i := range w.maps.asked {
		if x := &w.maps.asked[i]; x.sent && x.op.Do == "get" {
			a = x
		}
	}
	require.NotNil(t, a)
	for writer := range h {
		var life, tag int
		if n, _ := fmt.Sscanf(h[writer].Value, "%d#%d", &life, &tag); n != 2 || life == int(a.bucket.Created) {
			continue
		}
		w.maps.stamped(w.nodes[0], a, h[writer].Value)
		require.Len(t, w.verdict, 1)
		require.Equal(t, []int{writer, a.handle}, w.verdict[0].Ops)
		return
	}
	t.Fatal("no value of another life")
}
