package sim

import (
	"errors"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/linearizability"
)

// TestSettleChangesNoVerdict compares the checker's verdict with and without on
// small random histories of a counter, many of them illegal.
func TestSettleChangesNoVerdict(t *testing.T) {
	keys := []Key{{Name: "c", Counter: true}}
	legal, illegal, settled, merged := 0, 0, 0, 0
	for seed := range uint64(3000) {
		rng := source(seed, 99)
		var h linearizability.History
		value, now := int64(0), int64(0)
		for k := range 3 + rng.IntN(6) {
			now += 10
			op := linearizability.Op{Key: "c", Client: int32(k), Call: now - rng.Int64N(25), Return: now + rng.Int64N(25)}
			op.Outcome, op.Applied = linearizability.OK, true
			if rng.IntN(3) > 0 {
				op.Kind, op.Delta = linearizability.Incr, firstDelta<<k
				if rng.IntN(3) > 0 {
					value += op.Delta
				}
				op.Saw, op.Num = linearizability.SawValue, value
				if rng.IntN(2) == 0 {
					op.Result, op.Return = linearizability.Result{}, 0
				}
			} else {
				op.Kind, op.Saw, op.Found = linearizability.Get, linearizability.SawValue, value != 0
				if value != 0 {
					op.Out = strconv.FormatInt(value, 10)
				}
			}
			h = append(h, op)
		}
		s := settle(h, keys)
		for i := range s {
			if s[i].Outcome != h[i].Outcome {
				settled++
			}
		}
		want := linearizability.Check(h, linearizability.KV, linearizability.Options{}).Answer
		require.Equal(t, want, linearizability.Check(s, linearizability.KV, linearizability.Options{}).Answer, "seed %d: %v", seed, h)
		m := mergeSettled(h, s)
		if len(m) > 0 && len(s) > 0 && &m[0] != &s[0] {
			merged++
		}
		require.Equal(t, want, linearizability.Check(m, linearizability.KV, linearizability.Options{}).Answer, "seed %d, merged: %v", seed, h)
		if want == linearizability.Linearizable {
			legal++
		} else {
			illegal++
		}
	}
	require.Greater(t, legal, 300)
	require.Greater(t, illegal, 300)
	require.Greater(t, settled, 300)
	require.Greater(t, merged, 30)
}

// TestHardHistoriesAreDecided judges histories that were once undecided: a
// counter with 117 increments of unknown outcome, and eight operations to a
// message on one key.
func TestHardHistoriesAreDecided(t *testing.T) {
	for file, keys := range map[string][]Key{
		"counter-in-doubt.jsonl": {{Name: "k0", Counter: true}},
		"pipelines.jsonl":        {{Name: "k1"}},
	} {
		f, err := os.Open("testdata/histories/" + file)
		require.NoError(t, err)
		in, err := linearizability.ReadJSONL(f)
		require.NoError(t, errors.Join(err, f.Close()))
		require.Equal(t, linearizability.Linearizable, verdictOf(in.History, keys).Answer, file)
	}
}
