package shard

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/actors/msg"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// slowKin says the same as kin by looking at all operations.
type slowKin struct {
	f    ref
	s    *Shard
	flew map[ref]*peer // in whose outbox it is
}

func (k slowKin) same(i int) bool {
	return bytes.Equal(k.f.op().Key, k.f.r.ops[i].Key) && k.f.op().Partition == k.f.r.ops[i].Partition
}

func (k slowKin) overtaken() bool {
	for i := k.f.i + 1; i < len(k.f.r.ops); i++ {
		if k.same(i) && ahead(ref{k.f.r, i}) {
			return true
		}
	}
	return false
}

func (k slowKin) tied() bool {
	for i := range k.f.r.ops {
		if k.same(i) && k.f.r.progress[i] == asked && k.f.r.ops[i].IsWrite() {
			return true
		}
	}
	return false
}

func (k slowKin) setsOut(to *peer) bool {
	for i := range k.f.i {
		if !k.same(i) {
			continue
		}
		switch k.f.r.progress[i] {
		case waiting:
			return false
		case placed, left:
			if to != k.s.self {
				return false
			}
		case asked:
			if k.flew[ref{k.f.r, i}] != to {
				return false
			}
		}
	}
	return true
}

// TestKin: what is counted is what a look at all operations shows.
func TestKin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		peers := []*peer{{}, {}, {}}
		s := &Shard{self: peers[0]}
		r := &request{}
		for range rapid.IntRange(1, 12).Draw(t, "ops") {
			op := kv.Op{Kind: rapid.SampledFrom([]kv.OpKind{kv.OpGet, kv.OpSet}).Draw(t, "kind"), Key: []byte{byte(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "key"))}}
			r.ops = append(r.ops, msg.Op{Op: op, Partition: kv.Partition(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "partition"))})
		}
		r.results, r.progress = make([]kv.Result, len(r.ops)), make([]progress, len(r.ops))
		flew := map[ref]*peer{}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			f := ref{r, rapid.IntRange(0, len(r.ops)-1).Draw(t, "i")}
			slow := slowKin{f, s, flew}
			if rapid.IntRange(0, 5).Draw(t, "flush") == 0 {
				s.flushes++
				clear(flew)
			}
			switch r.progress[f.i] {
			case waiting:
				g, at := f.kin()
				require.Equal(t, slow.tied(), f.tied())
				require.Equal(t, slow.overtaken(), g.top > at)
				if g.top > at {
					continue
				}
				to := rapid.SampledFrom(peers).Draw(t, "to")
				mayLeave := !g.waitsBefore(r, at) && g.joins(s, to)
				if mayLeave {
					require.True(t, slow.setsOut(to))
				} else if to == s.self || len(flew) == 0 {
					require.False(t, slow.setsOut(to))
				}
				switch {
				case !mayLeave && rapid.Bool().Draw(t, "stay"): // one that is not routed again does not ask
				case to == s.self:
					f.set(placed)
				default:
					f.set(asked)
					g.gathered(s, to)
					flew[f] = to
				}
			case done:
			default:
				delete(flew, f)
				next := rapid.SampledFrom([]progress{waiting, done}).Draw(t, "next")
				r.results[f.i].Status = rapid.SampledFrom([]kv.Status{kv.OK, kv.Unavailable, kv.Unknown}).Draw(t, "status")
				f.set(next)
			}
		}
	})
}

// TestManyOperationsSetOutAgain: the work for each does not grow with their number.
func TestManyOperationsSetOutAgain(t *testing.T) {
	for name, keys := range map[string]int{"one key": 1, "many keys": 1 << 17} {
		t.Run(name, func(t *testing.T) {
			s := &Shard{self: &peer{}}
			r := &request{ops: make([]msg.Op, 1<<17), again: true}
			r.results, r.progress = make([]kv.Result, len(r.ops)), make([]progress, len(r.ops))
			var all []ref
			for i := range r.ops {
				r.ops[i].Kind, r.ops[i].Key = kv.OpSet, strconv.AppendInt(nil, int64(i%keys), 10)
				all = append(all, ref{r, i})
			}
			begun := time.Now()
			for _, to := range []*peer{s.self, {}} {
				unplace(all)
				for _, f := range all {
					require.True(t, s.setsOut(nil, f, to))
					if to == s.self {
						f.set(placed)
						continue
					}
					f.set(asked)
					g, _ := f.kin()
					g.gathered(s, to)
				}
			}
			slices.Reverse(all)
			unplace(all)
			require.Less(t, time.Since(begun), 20*time.Second, "looking at all others takes minutes")
		})
	}
}

// TestMajorityReadsStayInOrder: once something of a request has been routed again, a
// read ends with what a majority answered only if all before it has ended, and nothing
// after it has been carried out.
func TestMajorityReadsStayInOrder(t *testing.T) {
	reads := func(again bool) (r *request, first, second ref) {
		r = &request{ops: make([]msg.Op, 3), again: again}
		r.results, r.progress = make([]kv.Result, 3), make([]progress, 3)
		for i, key := range []string{"k", "k", "other"} {
			r.ops[i].Kind, r.ops[i].Key = kv.OpGet, []byte(key)
		}
		return r, ref{r, 0}, ref{r, 1}
	}
	end := func(f ref, st kv.Status) {
		f.r.results[f.i].Status = st
		f.set(done)
	}

	_, first, second := reads(true)
	require.True(t, first.inOrder())
	require.False(t, second.inOrder(), "the first is still to come")
	end(first, kv.NotFound)
	require.True(t, second.inOrder())

	_, first, second = reads(true)
	first.set(asked)
	require.False(t, second.inOrder(), "the first is with another shard")

	_, first, second = reads(true)
	end(second, kv.OK)
	require.False(t, first.inOrder(), "the second has overtaken it")

	_, first, second = reads(true)
	end(second, kv.Unavailable)
	require.True(t, first.inOrder(), "what was not carried out overtakes nothing")

	r, _, _ := reads(true)
	end(ref{r, 2}, kv.OK)
	require.True(t, ref{r, 0}.inOrder(), "another key")

	_, first, second = reads(false)
	end(second, kv.OK)
	require.True(t, first.inOrder(), "they asked the same replicas in the same messages")
}
