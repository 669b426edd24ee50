package shard

import (
	"fmt"
	"slices"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func listing(m map[string]uint64) []msg.KeyVersion {
	var list []msg.KeyVersion
	for k, seq := range m {
		list = append(list, msg.KeyVersion{Key: []byte(k), Version: kv.Version{Seq: seq}})
	}
	slices.SortFunc(list, func(a, b msg.KeyVersion) int { return slices.Compare(a.Key, b.Key) })
	return list
}

func TestDifferingAgainstSlowTwin(t *testing.T) {
	side := rapid.MapOf(rapid.StringMatching(`[a-c]{1,3}`), rapid.Uint64Range(1, 3))
	rapid.Check(t, func(t *rapid.T) {
		a, b := side.Draw(t, "a"), side.Draw(t, "b")
		var end []byte
		if rapid.Bool().Draw(t, "cut") {
			end = []byte(rapid.StringMatching(`[a-c]{1,3}`).Draw(t, "end"))
		}
		var want []string
		for k, seq := range a { // order: sorted below
			if b[k] != seq {
				want = append(want, k)
			}
		}
		for k := range b {
			if a[k] == 0 {
				want = append(want, k)
			}
		}
		want = slices.DeleteFunc(want, func(k string) bool { return end != nil && k > string(end) })
		slices.Sort(want)
		var got []string
		differing(listing(a), listing(b), end, func(key []byte) bool {
			got = append(got, string(key))
			return true
		})
		require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
	})
}
