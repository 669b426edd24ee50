package linearizability

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// Observations is a history prepared for the checks of guarantees: for every
// read, which writes can have made what it saw. Its memory is reused from Load
// to Load; it belongs to one goroutine.
//
// The checks don't know the order in which the store has put the writes of a
// key. They rely on this alone: a write that was settled (acknowledged, or
// seen) before another was called is older than it. Nobody sees a difference
// between a store that orders such a pair the other way round (last writer
// wins, under a clock that is behind) and one that loses the later write.
//
// Several writes may have made what a read saw: equal values, deletes and the
// untouched key, all values where the answer told only that there is one, and
// increments and appends whose result nobody was told. A read is accused only
// if each of them is too old.
type Observations struct {
	h      History
	keys   keyIndex
	ids    map[valueOfKey]int32
	looks  []int32   // by operation: the class of what it saw, or noClass
	makes  []int32   // by operation: the class of what it wrote, or noClass
	class  []span    // by class: its writes, in order of calls
	writes []written // by class
	byCall []int32   // operations
	byRet  []int32   // answered operations
	all    []written // by key: all its writes, in order of calls
	ofKey  []span    // by key: its part of all
	least  []int64   // by position in all: the earliest settlement from there to the end of the key
	cursor []int32
	knows  newest  // of Sessions
	atCall []int32 // of Sessions: by operation, what its client knew at the call
}

type valueOfKey struct {
	text string
	key  int32
}

type span struct{ from, to int32 }

// written is a write that may have taken effect.
type written struct {
	call    int64
	settled int64 // it certainly had taken effect by then: never for an unknown write that nobody saw
	latest  int64 // latest settlement in its class up to here
	src     int32 // index into the history; -1 for the state of an untouched key
}

// Each key has three classes of its own before those of its values.
const (
	absentClass  = iota // deletes, and the untouched key
	presentClass        // every write of a value
	wildClass           // increments and appends of unknown result: they may have made any value
	classesOfKey
	noClass = -1
)

// Load prepares h, which is shared until the next Load. Like [Check] it panics
// if m has no such operations as h holds.
func (o *Observations) Load(h History, m Model) {
	if err := m.Validate(h); err != nil {
		panic("linearizability: " + err.Error())
	}
	o.h = h
	o.keys.build(h)
	if o.ids == nil {
		o.ids = map[valueOfKey]int32{}
	}
	clear(o.ids)
	o.class = append(o.class[:0], make([]span, classesOfKey*len(o.keys.names))...)
	o.looks, o.makes = o.looks[:0], o.makes[:0]
	for i := range h {
		o.looks = append(o.looks, o.lookOf(m, i))
		o.makes = append(o.makes, o.makeOf(m, i))
	}
	o.sortTimes()
	o.group()
	o.settle()
	o.spread()
}

// valueClass is the class of the writes of a value of a key.
func (o *Observations) valueClass(m Model, key int32, text string) int32 {
	if m == Counter && text == "0" {
		return key*classesOfKey + absentClass // where counters start
	}
	id, ok := o.ids[valueOfKey{text, key}]
	if !ok {
		id = int32(len(o.class))
		o.ids[valueOfKey{text, key}] = id
		o.class = append(o.class, span{})
	}
	return id
}

// lookOf is what operation i has learned of its key, as a class.
func (o *Observations) lookOf(m Model, i int) int32 {
	op, key := &o.h[i], o.keys.keyOf[i]
	if op.Outcome != OK {
		return noClass
	}
	found := func(yes bool) int32 {
		if yes {
			return key*classesOfKey + presentClass
		}
		return key*classesOfKey + absentClass
	}
	switch {
	case op.Kind == Incr:
		before, ok := addInt64(op.Num, -op.Delta)
		if op.Saw != SawValue || !op.Applied || !ok || op.Delta == math.MinInt64 || before == 0 && m != Counter {
			return noClass // where it was 0, the key may have been absent
		}
		return o.valueClass(m, key, strconv.FormatInt(before, 10))
	case op.Saw == SawValue && op.Found:
		return o.valueClass(m, key, op.Out)
	case op.Saw != SawNothing:
		if m == Counter && op.Found {
			return noClass // a counter always has a value
		}
		return found(op.Found)
	case op.Kind == CAS && op.Applied:
		return o.valueClass(m, key, op.Expected)
	case op.Cond == IfAbsent:
		return found(!op.Applied)
	case op.Cond == IfExists:
		return found(op.Applied)
	}
	return noClass
}

// makeOf is the class of what operation i wrote, or may have written.
func (o *Observations) makeOf(m Model, i int) int32 {
	op, key := &o.h[i], o.keys.keyOf[i]
	answered := op.Outcome == OK
	conditional := op.Kind == CAS || op.Kind == Incr || op.Cond != Always
	if op.Kind == Get || op.Outcome == Failed || answered && conditional && !op.Applied {
		return noClass
	}
	switch op.Kind {
	case Delete:
		if answered && op.Saw != SawNothing && !op.Found {
			return noClass // nothing was there to delete
		}
		return key*classesOfKey + absentClass
	case Incr:
		if answered && op.Saw == SawValue {
			return o.valueClass(m, key, strconv.FormatInt(op.Num, 10))
		}
		return key*classesOfKey + wildClass
	case Append:
		if answered && op.Saw == SawValue {
			return o.valueClass(m, key, op.Out+op.Value)
		}
		return key*classesOfKey + wildClass
	}
	return o.valueClass(m, key, op.Value)
}

// sortTimes lists the operations by call and by return. Recorded histories are
// in order of calls already.
func (o *Observations) sortTimes() {
	o.byCall, o.byRet = o.byCall[:0], o.byRet[:0]
	for i := range o.h {
		o.byCall = append(o.byCall, int32(i))
		if o.h[i].Outcome == OK {
			o.byRet = append(o.byRet, int32(i))
		}
	}
	calls := func(a, b int32) int { return cmp.Or(cmp.Compare(o.h[a].Call, o.h[b].Call), cmp.Compare(a, b)) }
	if !slices.IsSortedFunc(o.byCall, calls) {
		slices.SortFunc(o.byCall, calls)
	}
	slices.SortFunc(o.byRet, func(a, b int32) int {
		return cmp.Or(cmp.Compare(o.h[a].Return, o.h[b].Return), cmp.Compare(a, b))
	})
}

// group lists the writes of every class. Values are in the class of their key's
// values as well; the untouched key is the first member of absent.
func (o *Observations) group() {
	count := func(class int32) { o.class[class].to++ }
	for key := range o.keys.names {
		count(int32(key)*classesOfKey + absentClass)
	}
	for i, class := range o.makes {
		o.eachClass(i, class, count)
	}
	at := int32(0)
	for i := range o.class {
		n := o.class[i].to
		o.class[i] = span{at, at} // to grows as it is filled
		at += n
	}
	o.writes = append(o.writes[:0], make([]written, at)...)
	for key := range o.keys.names {
		o.put(int32(key)*classesOfKey+absentClass, written{call: math.MinInt64, settled: math.MinInt64, src: -1})
	}
	for _, i := range o.byCall {
		op := &o.h[i]
		w := written{call: op.Call, settled: op.end(), src: i}
		o.eachClass(int(i), o.makes[i], func(class int32) { o.put(class, w) })
	}
}

func (o *Observations) put(class int32, w written) {
	o.writes[o.class[class].to] = w
	o.class[class].to++
}

// eachClass calls do for the classes that operation i, a write of class, is in.
func (o *Observations) eachClass(i int, class int32, do func(int32)) {
	if class == noClass {
		return
	}
	do(class)
	key := o.keys.keyOf[i] * classesOfKey
	if class != key+absentClass && class != key+wildClass {
		do(key + presentClass)
	}
}

// settle marks a write as settled by the first operation that saw it, where
// nothing else can have made what was seen.
func (o *Observations) settle() {
	for _, i := range o.byRet {
		class := o.looks[i]
		if class < int32(classesOfKey*len(o.keys.names)) {
			continue // nothing seen, or any of several
		}
		s, ret := o.class[class], o.h[i].Return
		wild := o.class[o.keys.keyOf[i]*classesOfKey+wildClass]
		if s.to-s.from != 1 || wild.to > wild.from && o.writes[wild.from].call <= ret {
			continue
		}
		if w := &o.writes[s.from]; w.call <= ret {
			w.settled = min(w.settled, ret)
		}
	}
}

// spread copies the settlements to the other lists and computes what is looked
// up in them.
func (o *Observations) spread() {
	o.cursor = append(o.cursor[:0], make([]int32, len(o.h))...) // by operation: its place in writes
	for i := range o.class {
		if special := i < classesOfKey*len(o.keys.names); special && i%classesOfKey == presentClass {
			continue
		}
		for at := o.class[i].from; at < o.class[i].to; at++ {
			if src := o.writes[at].src; src >= 0 {
				o.cursor[src] = at
			}
		}
	}
	for i := range o.class {
		latest := int64(math.MinInt64)
		for at := o.class[i].from; at < o.class[i].to; at++ {
			w := &o.writes[at]
			if w.src >= 0 {
				w.settled = o.writes[o.cursor[w.src]].settled
			}
			latest = max(latest, w.settled)
			w.latest = latest
		}
	}
	o.spreadKeys()
}

// spreadKeys lists all writes of every key by call.
func (o *Observations) spreadKeys() {
	o.all, o.ofKey, o.least = o.all[:0], o.ofKey[:0], o.least[:0]
	for key := range o.keys.names {
		from := len(o.all)
		for _, i := range o.keys.of(key) {
			if o.makes[i] != noClass {
				o.all = append(o.all, o.writes[o.cursor[i]])
			}
		}
		part := o.all[from:]
		calls := func(a, b written) int { return cmp.Or(cmp.Compare(a.call, b.call), cmp.Compare(a.src, b.src)) }
		if !slices.IsSortedFunc(part, calls) {
			slices.SortFunc(part, calls)
		}
		o.ofKey = append(o.ofKey, span{int32(from), int32(len(o.all))})
	}
	o.least = append(o.least, make([]int64, len(o.all))...)
	for _, s := range o.ofKey {
		least := int64(never)
		for at := s.to - 1; at >= s.from; at-- {
			least = min(least, o.all[at].settled)
			o.least[at] = least
		}
	}
}

// candidates are the writes of a class that were called by the time byNs.
func (o *Observations) candidates(class int32, byNs int64) []written {
	list := o.writes[o.class[class].from:o.class[class].to]
	if n := len(list); n == 0 || list[n-1].call <= byNs {
		return list
	}
	n, _ := slices.BinarySearchFunc(list, byNs, func(w written, t int64) int {
		if w.call <= t {
			return -1
		}
		return 1
	})
	return list[:n]
}

// origin is what can have made what an operation saw.
type origin struct {
	exact, wild []written
	latest      int64 // the latest settlement among them
}

// originOf tells where what operation i saw can have come from. It needs an
// operation that saw something.
func (o *Observations) originOf(i int32) origin {
	ret := o.h[i].Return
	g := origin{latest: math.MinInt64}
	g.exact = o.candidates(o.looks[i], ret)
	g.wild = o.candidates(o.keys.keyOf[i]*classesOfKey+wildClass, ret)
	for _, list := range [2][]written{g.exact, g.wild} {
		if n := len(list); n > 0 {
			g.latest = max(g.latest, list[n-1].latest)
		}
	}
	return g
}

// nowhere reports that nobody had asked to write what was seen.
func (g *origin) nowhere() bool { return len(g.exact) == 0 && len(g.wild) == 0 }

// newest is the origin that was settled last, -1 for the untouched key.
func (g *origin) newest() int32 {
	for _, list := range [2][]written{g.exact, g.wild} {
		for i := range list {
			if list[i].settled == g.latest {
				return list[i].src
			}
		}
	}
	return -1
}
