package linearizability

import (
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// viaPorcupine judges the operations of one key with porcupine. An operation
// of unknown outcome returns at the end of time, where any effect, or none if
// it comes last, explains it.
func viaPorcupine(m Model, ops []Op, budget time.Duration) Answer {
	model, history := forPorcupine(m, ops)
	switch porcupine.CheckOperationsTimeout(model, history, budget) {
	case porcupine.Ok:
		return Linearizable
	case porcupine.Illegal:
		return Illegal
	}
	return Undecided
}

// forPorcupine translates the operations of one key. The values are interned
// in a table of their own: a search that ran out of time ends in its own time.
func forPorcupine(m Model, ops []Op) (porcupine.Model, []porcupine.Operation) {
	v := new(values)
	v.reset()
	history := make([]porcupine.Operation, 0, len(ops))
	for i := range ops {
		op := &ops[i]
		if op.Outcome == Failed || op.Outcome == Unknown && op.Kind == Get {
			continue
		}
		a := v.compile(m, op, i)
		history = append(history, porcupine.Operation{
			ClientId: int(op.Client), Input: &a, Output: op, Call: a.call, Return: a.ret,
		})
	}
	var mu sync.Mutex // porcupine searches several keys at once
	return porcupine.Model{
		Init: func() any { return v.initial(m) },
		Step: func(state, input, _ any) (bool, any) {
			mu.Lock()
			defer mu.Unlock()
			next, ok := v.step(state.(value), input.(*action))
			return ok, next
		},
		Hash: func(state any) uint64 { return uint64(state.(value)) * 0x9e3779b97f4a7c15 },
		DescribeOperation: func(_, output any) string {
			return output.(*Op).String()
		},
		DescribeState: func(state any) string {
			if s := state.(value); s != absent {
				return show(v.text[s])
			}
			return "absent"
		},
	}, history
}
