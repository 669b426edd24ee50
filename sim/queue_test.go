package sim

import (
	"cmp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQueueOrdersByTimeThenByPush(t *testing.T) {
	type entry struct {
		at int64
		n  uint32
	}
	rng := source(7, 1)
	var q queue
	var want, got []entry
	n := uint32(0)
	for range 50 {
		for range rng.IntN(40) {
			e := entry{at: int64(rng.IntN(30)), n: n}
			n++
			q.push(e.at, event{arg: uint64(e.n)})
			want = append(want, e)
		}
		slices.SortStableFunc(want, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
		got = got[:0]
		take := rng.IntN(q.len() + 1)
		for range take {
			at, e := q.pop()
			got = append(got, entry{at, uint32(e.arg)})
		}
		require.Equal(t, append([]entry{}, want[:take]...), append([]entry{}, got...))
		want = want[take:]
	}
}
