package causalhist

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
)

// set is an acknowledged write by client 1 from call to call+1, stamped with ms.
func set(call int64, value string, ms int64, context int) Op {
	return Op{Client: 1, Call: call, Return: call + 1, Kind: Set, Outcome: OK, Value: value, Stamp: Stamp{Ms: ms}, Context: context}
}

func get(client int, call int64, saw ...string) Op {
	return Op{Client: client, Call: call, Return: call + 1, Kind: Get, Outcome: OK, Saw: saw}
}

func final(call int64, saw ...string) Op {
	op := get(-1, call, saw...)
	op.Final = true
	return op
}

func TestInspect(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy kv.Policy
		h      []Op
		want   Counts
		checks []string
	}{
		{"nothing wrong", kv.LWW, []Op{set(10, "a", 1, 0), get(2, 20, "a"), set(30, "b", 2, 2), get(2, 40, "b"), final(90, "b")},
			Counts{Reads: 3, Writes: 2, Updates: 1}, nil},
		{"a read misses a write and then goes back", kv.LWW,
			[]Op{set(10, "a", 1, 0), set(20, "b", 2, 0), get(2, 30, "b"), get(2, 40, "a"), final(90, "b")},
			Counts{Reads: 3, Writes: 2, Stale: 1, NonMonotonic: 1}, []string{StaleRead, MonotonicReads}},
		{"a slow clock loses the later write", kv.LWW, []Op{set(10, "a", 9, 0), set(20, "b", 2, 0), final(90, "a")},
			Counts{Reads: 1, Writes: 2, Lost: 1}, []string{LostWrite}},
		{"overwriting is no loss", kv.LWW, []Op{set(10, "a", 1, 0), set(20, "b", 2, 0), final(90, "b")},
			Counts{Reads: 1, Writes: 2}, nil},
		{"two updates of one state", kv.LWW,
			[]Op{set(10, "a", 1, 0), get(1, 20, "a"), set(30, "b", 2, 2), set(40, "c", 3, 2), final(90, "c")},
			Counts{Reads: 2, Writes: 3, Updates: 2, LostUpdates: 1}, []string{LostUpdate}},
		{"siblings keep both", kv.Siblings, []Op{set(10, "a", 0, 0), set(20, "b", 0, 0), final(90, "a", "b")},
			Counts{Reads: 1, Writes: 2}, nil},
		{"a blind write takes the place of no sibling", kv.Siblings, []Op{set(10, "a", 0, 0), set(20, "b", 0, 0), final(90, "b")},
			Counts{Reads: 1, Stale: 1, Writes: 2, Lost: 1}, []string{StaleRead, LostWrite}},
	} {
		counts, findings := Inspect(c.h, Rules{Policy: c.policy, N: 3})
		require.Equal(t, c.want, counts, c.name)
		require.Equal(t, counts, Count(c.h, Rules{Policy: c.policy, N: 3}))
		var checks []string
		for _, f := range findings {
			checks = append(checks, f.Check)
		}
		require.Equal(t, c.checks, checks, c.name)
	}
}
