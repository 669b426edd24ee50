package causalhist

// view indexes a history.
type view struct {
	h      []Op
	writes map[string]int   // of a value: the Set
	over   map[string][]int // of a value: the writes that had seen it, and may have been done
	memo   map[memoKey]bool
}

type memoKey struct {
	value string
	read  int
}

func newView(h []Op) *view {
	v := &view{h: h, writes: map[string]int{}, over: map[string][]int{}, memo: map[memoKey]bool{}}
	for i := range h {
		op := &h[i]
		if op.Kind == Set {
			v.writes[op.Value] = i
		}
		if op.Context == 0 || !op.did() {
			continue
		}
		for _, value := range h[op.Context-1].Saw {
			v.over[value] = append(v.over[value], i)
		}
	}
	return v
}

// covers reports whether the state that a read showed knows a value: the value
// is in it, or may have been overwritten in it by a write that had seen the
// value. The first writer to overwrite a value has read a state in which it was
// live, so the answers alone tell all overwriting that can have happened. A
// delete leaves no trace in an answer, and is taken to have happened if it may.
func (v *view) covers(read int, value string) bool {
	return v.knows(read, value, func(op *Op) bool { return op.Call <= v.h[read].Return })
}

func (v *view) knows(read int, value string, began func(*Op) bool) bool {
	for _, s := range v.h[read].Saw {
		if s == value {
			return true
		}
	}
	k := memoKey{value, read}
	if known, ok := v.memo[k]; ok {
		return known
	}
	v.memo[k] = false // contexts do not run in circles: a write comes after what it saw
	for _, w := range v.over[value] {
		op := &v.h[w]
		if began(op) && (op.Kind == Delete || v.knows(read, op.Value, began)) {
			v.memo[k] = true
			return true
		}
	}
	return false
}
