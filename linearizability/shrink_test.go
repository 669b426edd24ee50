package linearizability

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestShrinkingIsSound applies every cut of the shrinker to histories that are
// linearizable: what is left must be linearizable too, or the cut could make
// evidence out of nothing.
func TestShrinkingIsSound(t *testing.T) {
	var pins, answers int
	for n, x := range mixes {
		for i := range 400 {
			r := rand.New(rand.NewPCG(uint64(n), uint64(i)))
			x.clients, x.ops, x.unknown, x.lie = 1+r.IntN(4), 15, 0.1, 0
			h := slices.DeleteFunc(x.draw(r), func(op Op) bool { return op.Outcome == Unknown && op.Kind == Get })
			s := shrinker{c: new(Checker), m: x.model, ops: h, trial: 1 << 30, left: 1 << 30}
			legal := func(p part) bool {
				held := []Held{{}}
				if p.start != nil {
					held = p.start.Held
				} else if x.model == Counter {
					held[0] = Held{"0", true}
				}
				return slices.ContainsFunc(held, func(held Held) bool { return !s.illegalFrom(p.ops, &held) })
			}
			require.True(t, legal(part{h, nil}))
			s.atPins(s.known(h), func(p part) bool {
				pins++
				require.True(t, legal(p), "%s, pin:\n%s%s", x.name, p.start, dump(h))
				return true
			})
			for _, may := range []func(*Op) bool{s.unseen(), (*Op).changesNothing} {
				rest := slices.DeleteFunc(slices.Clone(h), func(op Op) bool { return may(&op) })
				require.True(t, legal(part{rest, nil}), "%s\n%s", x.name, dump(h))
			}
			// The states in the middle are known only where the search has tried
			// everything: an answer that is wrong at the very end makes it.
			wrong := get(1, 1<<40, 1<<40+1, "k", "never")
			s.ops = append(slices.Clone(h), wrong)
			s.atAnswers(s.known(s.ops), func(p part) bool {
				answers++
				p.ops = slices.DeleteFunc(p.ops, func(op Op) bool { return op == wrong })
				require.True(t, legal(p), "%s, answer:\n%s%s\n%s", x.name, p.start, dump(h), dump(p.ops))
				return true
			})
		}
	}
	assert.Greater(t, pins, 5000)
	assert.Greater(t, answers, 5000)
}

func (s *shrinker) known(h History) []action {
	s.c.keyed.load(s.m, h, everyIndex(h))
	return slices.Clone(s.c.keyed.known)
}
