package repair

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// Against an obvious twin: every key that differs moves in the right way; no
// other one moves.
func TestDifferingMovesOnlyWhatDiffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.MapOfN(rapid.Uint32Range(0, 9), rapid.Uint32Range(0, 2), 0, 10)
		a, b := draw.Draw(t, "mine"), draw.Draw(t, "theirs")
		names := rapid.Uint32Range(4, 10).Draw(t, "names") // below 10: some collide
		careful := rapid.Bool().Draw(t, "careful")
		var mine, theirs []marked
		want := map[uint32]way{}
		for k := range uint32(10) {
			x, here := a[k]
			y, there := b[k]
			if here {
				mine = append(mine, marked{msg.KeyMark{Name: k % names, Weight: x}, k<<8 | x, []byte(fmt.Sprint(k))})
			}
			if there {
				theirs = append(theirs, marked{msg.KeyMark{Name: k % names, Weight: y}, k<<8 | y, nil})
			}
			switch {
			case here && !there, here && there && x > y && !careful:
				want[k%names] |= toPeer
			case there && !here, here && there && x < y && !careful:
				want[k%names] |= fromPeer
			case here && there && x != y:
				want[k%names] |= toPeer | fromPeer
			}
		}
		at := rapid.IntRange(0, 9).Draw(t, "at")
		var states []uint32
		for i := range mine {
			states = append(states, mine[i].state)
		}
		bits, unknown := lacks(make([]byte, (at+7)/8), at, states, theirs)
		var lacked []marked
		for i := range mine {
			if bits[(at+i)/8]>>((at+i)%8)&1 != 0 {
				lacked = append(lacked, mine[i])
			}
		}
		last := -1
		differing(lacked, unknown, careful, func(name uint32, mine []marked, _ int, w way) {
			require.Greater(t, int(name), last)
			last = int(name)
			switch unique := name+names > 9; {
			case unique:
				require.Equal(t, want[name], w)
			case careful:
				require.Equal(t, want[name], w&want[name])
			default: // a guess; what it leaves out the next pass finds
				require.NotZero(t, w&want[name])
			}
			delete(want, name)
		})
		require.Empty(t, want)
	})
}

// What knows more weighs more, or as much; also across the end of the range.
func TestWeights(t *testing.T) {
	at := func(ms int64) *causal.Object {
		return &causal.Object{Register: causal.Value{Kind: kv.Value, Stamp: causal.Stamp{Ms: ms, Node: 1}}}
	}
	const day = 24 * 3600 * 1000
	for _, from := range []int64{1_700_000_000_000, (1<<30 - 1) << weightTick} {
		older, newer := msg.KeyMark{Weight: weightOf(at(from))}, msg.KeyMark{Weight: weightOf(at(from + 6*day))}
		require.Equal(t, fromPeer, wayOf([]marked{{KeyMark: older}}, []msg.KeyMark{newer}, false))
		require.Equal(t, toPeer, wayOf([]marked{{KeyMark: newer}}, []msg.KeyMark{older}, false))
	}
	count, err := (&causal.Object{}).Add(causal.NewID(1, 1), 5)
	require.NoError(t, err)
	more, err := count.Add(causal.NewID(2, 1), -2)
	require.NoError(t, err)
	require.Greater(t, weightOf(&more), weightOf(&count))
}
