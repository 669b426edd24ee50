package shard

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
)

// A late answer to reads that were tried elsewhere, too, ends all of a key or none,
// be it that the owner sent one back, that one has ended, or that one went in another message.
func TestALateAnswerEndsAllReadsOfAKeyOrNone(t *testing.T) {
	get := func(key string) msg.Op { return msg.Op{Op: kv.Op{Kind: kv.OpGet, Key: []byte(key)}} }
	ok, sentBack := kv.Result{Status: kv.OK}, kv.Result{Status: kv.NotOwner}
	for name, c := range map[string]struct {
		refs    []int
		results []kv.Result
		ended   int // -1: none
		parted  bool
	}{
		"all":                {[]int{0, 1, 2}, []kv.Result{ok, sentBack, ok}, -1, false},
		"the owner lost it":  {[]int{0, 1, 2}, []kv.Result{sentBack, ok, ok}, -1, true},
		"one has ended":      {[]int{0, 1, 2}, []kv.Result{ok, ok, ok}, 0, true},
		"in another message": {[]int{1, 2}, []kv.Result{ok, ok}, -1, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := &request{ops: []msg.Op{get("k"), get("x"), get("k")}}
			r.progress = r.few[:3]
			if c.ended >= 0 {
				r.progress[c.ended] = done
				r.results = make([]kv.Result, 3)
			}
			fw := &forward{}
			for _, i := range c.refs {
				fw.refs = append(fw.refs, ref{r, i})
				fw.tried = append(fw.tried, true)
			}
			k, _ := ref{r, 2}.kin()
			x, _ := ref{r, 1}.kin()
			parted := fw.parted(&msg.Forwarded{Results: c.results})
			require.Equal(t, c.parted, parted[k])
			require.False(t, parted[x], "of a key of its own")
		})
	}
}
