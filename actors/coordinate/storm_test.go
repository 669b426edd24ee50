package coordinate_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/quoratedb/quorate/actors/causal"
	"github.com/quoratedb/quorate/actors/kv"
	"github.com/quoratedb/quorate/linearizability"
	"github.com/stretchr/testify/require"
)

var seeds = flag.Uint64("seeds", 25, "how many storms of each kind")

// storm is a world with clients and faults, and what the clients have heard.
type storm struct {
	*world
	bucket string
	rec    linearizability.Recorder
	asks   map[uint64]ask
	tokens map[string]string // the last context that was seen of a key
}

type ask struct {
	op     kv.Op
	handle int
	key    string
}

// newStorm makes a world in which messages get lost, come twice and overtake
// each other, disks lag behind, and nodes crash.
func newStorm(t *testing.T, bucket string, seed uint64) *storm {
	w := newWorld(t, 3+int(seed%3), seed)
	w.loss, w.dup = 0.05*float64(seed%3), 0.1
	w.diskNs = []int64{0, 2 * ms, 30 * ms}[seed/3%3]
	w.delayNs = []int64{ms, 20 * ms, 150 * ms}[seed/9%3]
	s := &storm{world: w, bucket: bucket, asks: map[uint64]ask{}, tokens: map[string]string{}}
	w.answered = s.heard
	w.up()
	return s
}

func (s *storm) heard(id uint64) {
	a, ok := s.asks[id]
	if !ok {
		return
	}
	res := s.got[id][0]
	out := linearizability.Result{Outcome: linearizability.OK, Found: res.Found, Saw: linearizability.SawValue, Out: string(res.Data), Applied: true}
	switch res.Status {
	case kv.OK, kv.NotFound:
	case kv.Unavailable, kv.Busy:
		out.Outcome = linearizability.Failed
	case kv.Unknown:
		out.Outcome = linearizability.Unknown
	default:
		s.tb.Fatalf("%v: %v %s", a.op, res.Status, res.Data)
	}
	if a.op.Kind != kv.OpGet {
		out.Saw = linearizability.SawNothing
	}
	s.rec.Complete(a.handle, s.nowNs, out)
	if res.Causal != nil && res.Causal.Context != "" {
		s.tokens[a.key] = res.Causal.Context
	}
}

// result is what became of an operation; its coordinator may have crashed.
func (s *storm) result(id uint64) kv.Result {
	if r := s.got[id]; r != nil {
		return r[0]
	}
	return kv.Result{Status: kv.Unknown}
}

// blow lets clients work for some steps while faults come and go.
func (s *storm) blow(steps, keys int, draw func(key string, i int) kv.Op) {
	for i := range steps {
		key := fmt.Sprint("k", s.rand.IntN(keys))
		at := s.rand.IntN(len(s.nodes))
		if n := s.nodes[at]; !n.down {
			op := draw(key, i)
			kind := map[kv.OpKind]linearizability.Kind{
				kv.OpGet: linearizability.Get, kv.OpSet: linearizability.Set, kv.OpDelete: linearizability.Delete, kv.OpIncr: linearizability.Incr,
			}[op.Kind]
			handle := s.rec.Invoke(linearizability.Op{Client: int32(i), Kind: kind, Key: key, Value: string(op.Value), Delta: op.Delta, Call: s.nowNs})
			s.nextID++
			s.asks[s.nextID] = ask{op, handle, key}
			s.nextID--
			s.ask(at+1, s.bucket, op)
		}
		s.run(s.rand.Int64N(20 * ms))
		switch n := s.nodes[s.rand.IntN(len(s.nodes))]; s.rand.IntN(40) {
		case 0:
			if !n.down {
				s.crash(n)
			}
		case 1:
			s.cut[n.id] = true
		case 2, 3, 4:
			delete(s.cut, n.id)
			if n.down {
				s.boot(n)
			}
		}
	}
}

// calm heals everything, and waits until hints are delivered and replicas that
// reads find behind are mended.
func (s *storm) calm(keys int) {
	s.loss, s.dup, s.delayNs = 0, 0, ms
	clear(s.cut)
	for _, n := range s.nodes {
		if n.down {
			s.boot(n)
		}
	}
	s.run(20_000 * ms)
	for _, n := range s.nodes {
		require.Zero(s.tb, n.coord.Pending())
	}
	all := kv.Tuning{R: kv.Ask{Level: kv.All}}
	if s.bucket == "abd" {
		return
	}
	for range 2 {
		for k := range keys {
			s.one(1+k%len(s.nodes), s.bucket, tuned(get(fmt.Sprint("k", k)), all))
			s.run(100 * ms)
		}
	}
	for k := range keys {
		key := fmt.Sprint("k", k)
		var first causal.Object
		for i, id := range s.prefs(s.bucket, key) {
			o := s.holds(id, s.bucket, key)
			if i == 0 {
				first = o
			}
			require.Equal(s.tb, causal.Equal, first.Compare(&o), "%s at n%d:\n%v\n%v", key, id, first, o)
		}
	}
}

func eachSeed(t *testing.T, f func(t *testing.T, seed uint64)) {
	for seed := range *seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { f(t, seed) })
	}
}

func TestABDIsLinearizable(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		s := newStorm(t, "abd", seed)
		s.blow(150, 2, func(key string, i int) kv.Op {
			switch s.rand.IntN(5) {
			case 0, 1:
				return set(key, fmt.Sprint("v", i))
			case 2:
				return del(key)
			}
			return get(key)
		})
		s.calm(2)
		s.blow(6, 2, func(key string, _ int) kv.Op { return get(key) })
		s.calm(2)
		v := linearizability.Check(s.rec.History(), linearizability.KV, linearizability.Options{MaxSteps: 5e6})
		require.Equal(t, linearizability.Linearizable, v.Answer, "%v", v)
	})
}

func TestAcknowledgedWritesSurviveUnderLWW(t *testing.T) {
	for _, bucket := range []string{"lww", "blocking", "sloppy"} {
		eachSeed(t, func(t *testing.T, seed uint64) {
			s := newStorm(t, bucket, seed)
			s.blow(200, 3, func(key string, i int) kv.Op {
				switch s.rand.IntN(5) {
				case 0, 1, 2:
					return set(key, fmt.Sprint("v", i))
				case 3:
					return del(key)
				}
				return get(key)
			})
			s.calm(3)
			for id, a := range s.asks {
				res := s.result(id)
				if a.op.Kind == kv.OpGet || res.Status != kv.OK {
					continue
				}
				o := s.holds(s.prefs(bucket, a.key)[0], bucket, a.key)
				require.LessOrEqual(t, res.TimeMs, o.Register.Stamp.Ms, "%v was acknowledged and is gone", a.op)
			}
		})
	}
}

func TestCountersCountAcknowledgedIncrements(t *testing.T) {
	eachSeed(t, func(t *testing.T, seed uint64) {
		s := newStorm(t, "counters", seed)
		s.blow(200, 3, func(key string, i int) kv.Op {
			if s.rand.IntN(3) == 0 {
				return get(key)
			}
			return incr(key, 1+s.rand.Int64N(9))
		})
		s.calm(3)
		for k := range 3 {
			key := fmt.Sprint("k", k)
			low, high := int64(0), int64(0)
			for id, a := range s.asks {
				switch res := s.result(id); {
				case a.key != key || a.op.Kind != kv.OpIncr:
				case res.Status == kv.OK:
					low, high = low+a.op.Delta, high+a.op.Delta
				case res.Status == kv.Unknown:
					high += a.op.Delta
				}
			}
			o := s.holds(s.prefs("counters", key)[0], "counters", key)
			n, exact := o.Count.Value()
			require.True(t, exact)
			require.GreaterOrEqual(t, n, low, "%s: acknowledged increments are gone", key)
			require.LessOrEqual(t, n, high, "%s: something was counted twice", key)
		}
	})
}

// What was acknowledged is there, or was seen by a write that came after it.
func TestSiblingsAreNeverDropped(t *testing.T) {
	for _, bucket := range []string{"siblings", "sloppy-siblings"} {
		eachSeed(t, func(t *testing.T, seed uint64) {
			s := newStorm(t, bucket, seed)
			seenBy := map[string]map[string]bool{} // by value of the write: values that its writer had seen
			seen := map[string]map[string]bool{}   // by token
			heard := s.answered
			s.answered = func(id uint64) {
				heard(id)
				if a, ok := s.asks[id]; ok && a.op.Kind == kv.OpGet {
					if c := s.got[id][0].Causal; c != nil {
						seen[c.Context] = map[string]bool{}
						for _, v := range c.Values {
							seen[c.Context][string(v.Data)] = true
						}
					}
				}
			}
			s.blow(150, 2, func(key string, i int) kv.Op {
				if s.rand.IntN(2) == 0 {
					return tuned(get(key), kv.Tuning{WantContext: true})
				}
				op := set(key, fmt.Sprint("v", i))
				token := s.tokens[key]
				if s.rand.IntN(3) == 0 {
					token = ""
				}
				seenBy[string(op.Value)] = seen[token]
				return tuned(op, kv.Tuning{Context: token})
			})
			s.calm(2)
			for k := range 2 {
				key := fmt.Sprint("k", k)
				there := map[string]bool{}
				o := s.holds(s.prefs(bucket, key)[0], bucket, key)
				for _, v := range o.Set.Siblings {
					there[string(v.Value.Data)] = true
				}
				for id, a := range s.asks {
					if a.key != key || a.op.Kind == kv.OpGet || s.result(id).Status != kv.OK || there[string(a.op.Value)] {
						continue
					}
					overwritten := false
					for _, b := range s.asks {
						if b.key == key && b.op.Kind != kv.OpGet {
							overwritten = overwritten || seenBy[string(b.op.Value)][string(a.op.Value)]
						}
					}
					require.True(t, overwritten, "%s was acknowledged, nobody has overwritten it, and it is gone from %s: %v", a.op.Value, key, there)
				}
			}
		})
	}
}
