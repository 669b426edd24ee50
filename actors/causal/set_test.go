package causal

import (
	"maps"
	"testing"

	"github.com/quoratedb/quorate/actors/kv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The obvious twin of a Set is the set of all writes that a replica has heard
// of, each with its whole causal history (Almeida et al., section 2). What is
// live follows: the writes that are in no other one's past.
type events map[Dot]bool

type history struct {
	past map[Dot]events // of every write ever made: what its writer had seen
}

func (h *history) live(known events) events {
	live := maps.Clone(known)
	for d := range known {
		for past := range h.past[d] {
			delete(live, past)
		}
	}
	return live
}

func union(a, b events) events {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// party is a replica or a client's context: a state and its twin.
type party struct {
	set   Set
	known events
	src   Source
	inc   kv.Incarnation
}

// causalWorld runs random writes, merges, reads and losses of whole stores.
type causalWorld struct {
	history
	t        *rapid.T
	replicas []*party
	contexts []party // what clients hold
	seen     []Set   // some states of the run
	events   uint64
}

func newCausalWorld(t *rapid.T) *causalWorld {
	w := &causalWorld{t: t, history: history{map[Dot]events{}}, contexts: []party{{known: events{}}}}
	for i := range 3 {
		p := &party{known: events{}, inc: 1}
		p.src = NewSource(NewID(kv.NodeID(i+1), 1))
		w.replicas = append(w.replicas, p)
	}
	return w
}

func (w *causalWorld) step() {
	p := rapid.SampledFrom(w.replicas).Draw(w.t, "replica")
	switch rapid.SampledFrom([]string{"write", "write", "merge", "merge", "read", "other key", "lose", "forget", "discard", "collect"}).Draw(w.t, "step") {
	case "write":
		w.write(p, rapid.SampledFrom(w.contexts).Draw(w.t, "context"))
	case "merge":
		q := rapid.SampledFrom(w.replicas).Draw(w.t, "from")
		p.set, p.known = p.set.Merge(q.set), union(p.known, q.known)
	case "read":
		w.contexts = append(w.contexts, party{set: p.set, known: p.known})
	case "other key":
		_, _, err := Set{}.Update(nil, &p.src, Value{})
		require.NoError(w.t, err)
	case "lose":
		p.inc++
		*p = party{known: events{}, inc: p.inc, src: NewSource(NewID(p.src.ID().Node, p.inc))}
	case "forget": // drops its copy and runs on
		p.set, p.known = Set{}, events{}
		p.src.Renew()
	case "discard": // to the twin a write that leaves no value
		c := rapid.SampledFrom(w.contexts).Draw(w.t, "context")
		w.events++
		mark := Dot{Seq: w.events}
		w.past[mark] = c.known
		p.set, p.known = p.set.Discard(c.set.Vector), union(union(p.known, c.known), events{mark: true})
	case "collect":
		w.collect()
	}
	w.seen = append(w.seen, p.set)
}

func (w *causalWorld) write(p *party, c party) {
	w.events++
	v := Value{Kind: kv.Value, Stamp: Stamp{Ms: int64(w.events)}}
	set, dot, err := p.set.Update(c.set.Vector, &p.src, v)
	require.NoError(w.t, err)
	require.NotContains(w.t, w.past, dot, "a dot was used twice")
	w.past[dot] = c.known
	p.set, p.known = set, union(union(p.known, c.known), events{dot: true})
}

// collect forgets the key where all replicas agree.
func (w *causalWorld) collect() {
	for _, p := range w.replicas {
		if p.set.Compare(w.replicas[0].set) != Equal {
			return
		}
	}
	for _, p := range w.replicas {
		p.set, p.known = Set{}, events{}
	}
}

func (w *causalWorld) check(p *party) {
	want := w.live(p.known)
	maps.DeleteFunc(want, func(d Dot, _ bool) bool { return d.ID == ID{} }) // discards
	got := events{}
	for i, s := range p.set.Siblings {
		got[s.Dot] = true
		require.True(w.t, i == 0 || p.set.Siblings[i-1].Dot.Compare(s.Dot) < 0, "siblings do not ascend")
		require.True(w.t, p.set.Vector.Has(s.Dot), "the vector lacks %v", s.Dot)
	}
	require.Equal(w.t, want, got, "of %v", p.set)
	for d := range p.known {
		require.True(w.t, d.ID == ID{} || p.set.Vector.Has(d), "%v was heard of", d)
	}
}

func TestSetIsTheMaximaOfItsCausalHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newCausalWorld(t)
		for range rapid.IntRange(40, 80).Draw(t, "steps") {
			w.step()
			for _, p := range w.replicas {
				w.check(p)
			}
		}
	})
}

// Sets of one key, as a run brings them forth.
func drawSets(t *rapid.T, n int) []Set {
	w := newCausalWorld(t)
	w.seen = append(w.seen, Set{})
	for range rapid.IntRange(0, 60).Draw(t, "steps") {
		w.step()
	}
	sets := make([]Set, n)
	for i := range sets {
		sets[i] = rapid.SampledFrom(w.seen).Draw(t, "set")
	}
	return sets
}

func TestSetMergeIsAJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSets(t, 3)
		a, b, c := s[0], s[1], s[2]
		require.Equal(t, a.Merge(b), b.Merge(a), "commutative")
		require.Equal(t, a.Merge(b).Merge(c), a.Merge(b.Merge(c)), "associative")
		require.Equal(t, a, a.Merge(a), "idempotent")
		require.Equal(t, a.Merge(b), a.Merge(b).Merge(b), "absorbs")
		_, conflict := a.Conflict(b)
		require.False(t, conflict)
	})
}

func TestSetCompareSaysWhatMergeChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSets(t, 2)
		a, b := s[0], s[1]
		require.Equal(t, slowOrder(a, b, Set.Merge), a.Compare(b), "%v against %v", a, b)
	})
}

// slowOrder compares by merging.
func slowOrder[T any](a, b T, merge func(T, T) T) (order Order) {
	both := merge(a, b)
	if !equal(both, a) {
		order |= Before
	}
	if !equal(both, b) {
		order |= After
	}
	return order
}

func equal[T any](a, b T) bool { return assert.ObjectsAreEqual(a, b) }

func TestUpdateKeepsWhatTheWriterHasNotSeen(t *testing.T) {
	// The anomaly of section 2 of the DVV papers: two clients read the same
	// value and write through the same node. Plain version vectors let the
	// second win.
	src := NewSource(NewID(1, 1))
	one, _, err := Set{}.Update(nil, &src, Value{Kind: kv.Value, Data: []byte("v1")})
	require.NoError(t, err)
	two, _, err := one.Update(one.Vector, &src, Value{Kind: kv.Value, Data: []byte("v2")})
	require.NoError(t, err)
	three, _, err := two.Update(one.Vector, &src, Value{Kind: kv.Value, Data: []byte("v3")})
	require.NoError(t, err)
	require.Len(t, three.Siblings, 2)
	require.Equal(t, "v2", string(three.Siblings[0].Value.Data))
	require.Equal(t, "v3", string(three.Siblings[1].Value.Data))
}

func TestUpdateRefusesAContextFromTheFuture(t *testing.T) {
	src := NewSource(NewID(1, 1))
	_, _, err := Set{}.Update(Vector{{ID: src.ID(), Seq: 7}}, &src, Value{})
	require.ErrorIs(t, err, ErrContext)
	// Brought in through another node it can't be told, but harms one key only.
	forged := Set{Vector: Vector{{ID: src.ID(), Seq: MaxSeq}}}
	_, dot, err := forged.Update(nil, &src, Value{})
	require.NoError(t, err)
	require.Equal(t, uint64(MaxSeq+1), dot.Seq)
	_, dot, err = Set{}.Update(nil, &src, Value{})
	require.NoError(t, err)
	require.Equal(t, uint64(2), dot.Seq)
}
