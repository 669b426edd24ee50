package linearizability

import (
	"cmp"
	"math"
	"slices"
)

// keyed is the history of one key, ready for the checkers.
type keyed struct {
	values  values
	known   []action // answered operations, by return
	unknown []action // operations of unknown outcome that may matter, by call
	initial value
	scratch []action
	wanted  []bool // by value: somebody saw it, or expected it
	writes  []int32
}

// load compiles the operations of one key: those of h that idx lists. What
// cannot matter is left out: operations without effect, reads without an
// answer, and what prune drops.
func (k *keyed) load(m Model, h History, idx []int32) {
	k.values.reset()
	k.initial = k.values.initial(m)
	k.known, k.unknown, k.scratch = k.known[:0], k.unknown[:0], k.scratch[:0]
	for _, i := range idx {
		op := &h[i]
		switch {
		case op.Outcome == OK:
			k.scratch = append(k.scratch, k.values.compile(m, op, int(i)))
		case op.Outcome == Unknown && op.Kind != Get:
			k.unknown = append(k.unknown, k.values.compile(m, op, int(i)))
		}
	}
	k.sortKnown()
	k.survey()
	k.prune()
	byCall := func(a, b action) int { return cmp.Or(cmp.Compare(a.call, b.call), cmp.Compare(a.src, b.src)) }
	if !slices.IsSortedFunc(k.unknown, byCall) {
		slices.SortFunc(k.unknown, byCall)
	}
}

// sortKnown sorts by return. Actions are large, so positions are sorted first.
func (k *keyed) sortKnown() {
	k.writes = k.writes[:0]
	for i := range k.scratch {
		k.writes = append(k.writes, int32(i))
	}
	slices.SortFunc(k.writes, func(a, b int32) int {
		return cmp.Or(cmp.Compare(k.scratch[a].ret, k.scratch[b].ret), cmp.Compare(a, b))
	})
	for _, i := range k.writes {
		k.known = append(k.known, k.scratch[i])
	}
}

// survey notes which values were seen or expected by anybody.
func (k *keyed) survey() {
	k.wanted = append(k.wanted[:0], make([]bool, len(k.values.text))...)
	for _, list := range [2][]action{k.known, k.unknown} {
		for i := range list {
			a := &list[i]
			if a.kind == CAS {
				k.wanted[a.exp] = true
			}
			if a.saw == SawValue && a.kind != Incr {
				k.wanted[a.out] = true
			}
		}
	}
}

// prune drops unknown writes of values that nobody wants, where every look at
// the key is exact. If the rest is legal with such a write executed, it is
// legal without: what follows the write can only be a blind write. An inexact
// look ("it is not 5", "it exists", a sum) could need it.
func (k *keyed) prune() {
	if k.looksInexactly() {
		return
	}
	kept := k.unknown[:0]
	for i := range k.unknown {
		if a := &k.unknown[i]; k.wanted[a.val] || a.kind == Delete {
			kept = append(kept, *a)
		}
	}
	k.unknown = kept
}

// looksInexactly reports whether some operation learns of, or depends on, the
// state without naming one value: then unread writes may still matter.
func (k *keyed) looksInexactly() bool {
	for _, list := range [2][]action{k.known, k.unknown} {
		for i := range list {
			if list[i].inexact() {
				return true
			}
		}
	}
	return false
}

func (a *action) inexact() bool {
	switch {
	case a.kind == Incr || a.kind == Append || a.cond != Always || a.saw == SawFound:
		return true
	case a.kind == CAS:
		return !a.unknown && !a.applied && a.saw != SawValue
	}
	return false
}

// uniqueRegister reports whether the key is a register that only exact reads
// and unconditional writes of distinct values touched: the zones can judge it.
// It fills k.writes with the position of each value's write, or -1; positions
// count k.known first and k.unknown after it.
func (k *keyed) uniqueRegister() bool {
	k.writes = k.writes[:0]
	for range k.values.text {
		k.writes = append(k.writes, -1)
	}
	for i := range len(k.known) + len(k.unknown) {
		a := k.at(i)
		switch {
		case a.kind == Get:
			if a.saw != SawValue {
				return false
			}
		case a.kind == Set && a.blind() && k.writes[a.val] < 0 && a.val != k.initial:
			k.writes[a.val] = int32(i)
		default:
			return false
		}
	}
	return true
}

// piped reports whether some operations were sent in one message.
func (k *keyed) piped() bool {
	return slices.ContainsFunc(k.known, func(a action) bool { return a.pipe != 0 })
}

func (k *keyed) at(i int) *action {
	if i < len(k.known) {
		return &k.known[i]
	}
	return &k.unknown[i-len(k.known)]
}

const never = math.MaxInt64
