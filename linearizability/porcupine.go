package linearizability

import (
	"cmp"
	"slices"
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
// The order in a message is part of the state: how many of each have executed.
func forPorcupine(m Model, ops []Op) (porcupine.Model, []porcupine.Operation) {
	v := new(values)
	v.reset()
	turns, messages := turnsOf(ops)
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
		Init: func() any { return porcupineState{v.initial(m), string(make([]byte, messages))} },
		Step: func(state, input, _ any) (bool, any) {
			mu.Lock()
			defer mu.Unlock()
			at, a := state.(porcupineState), input.(*action)
			next, ok := v.step(at.value, a)
			if t, piped := turns[int(a.src)]; ok && piped {
				ok = at.executed[t.message] == t.place
				b := []byte(at.executed)
				b[t.message]++
				at.executed = string(b)
			}
			at.value = next
			return ok, at
		},
		Hash: func(state any) uint64 {
			at := state.(porcupineState)
			h := uint64(at.value) * 0x9e3779b97f4a7c15
			for i := range len(at.executed) {
				h = (h ^ uint64(at.executed[i])) * 0x100000001b3
			}
			return h
		},
		DescribeOperation: func(_, output any) string {
			return output.(*Op).String()
		},
		DescribeState: func(state any) string {
			if s := state.(porcupineState).value; s != absent {
				return show(v.text[s])
			}
			return "absent"
		},
	}, history
}

// porcupineState is the value of the key, and by message how many of its
// operations have executed.
type porcupineState struct {
	value    value
	executed string
}

// turn is an operation's place among those of its message that were answered.
type turn struct {
	message int
	place   byte
}

// turnsOf gives the answered operations of messages their turns, by index, and
// counts the messages.
func turnsOf(ops []Op) (map[int]turn, int) {
	var piped []int
	for i := range ops {
		if ops[i].Pipe != 0 && ops[i].Outcome == OK {
			piped = append(piped, i)
		}
	}
	slices.SortStableFunc(piped, func(a, b int) int {
		return cmp.Or(cmp.Compare(ops[a].Pipe, ops[b].Pipe), cmp.Compare(ops[a].Place, ops[b].Place))
	})
	turns, messages := map[int]turn{}, 0
	for n, i := range piped {
		t := turn{message: messages}
		if n > 0 {
			before := piped[n-1]
			if t = turns[before]; ops[before].Pipe == ops[i].Pipe {
				t.place++
			} else {
				t = turn{message: messages}
			}
		}
		turns[i], messages = t, t.message+1
	}
	return turns, messages
}
