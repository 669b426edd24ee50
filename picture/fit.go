package picture

import (
	"fmt"
	"slices"
)

// fitting is the search for a page that is small enough.
type fitting struct {
	b       *builder
	flights []*flight
	d       detail

	heartbeats, background, upkeep int // messages left out so far
}

// mostParts is how narrow a view of the messages may get: of a storm of
// millions, those around the offence still tell more than none.
const mostParts = 4096

// steps leave out ever more, what a reader misses least first. The last one
// does nothing: it stands for giving up.
func (f *fitting) steps(illegal bool) []func() {
	var narrow []func()
	for parts := int64(2); parts <= mostParts; parts *= 2 {
		narrow = append(narrow, func() { f.narrow(parts) })
	}
	checker := func() { f.leaveOut("the checker's own picture"); f.b.page.Porcupine = "" }
	steps := []func(){func() { f.d.heartbeats = false }, func() { f.d.background = false }, func() { f.d.upkeep = false }}
	if illegal { // then the checker has something to show
		steps = append(append(steps, narrow...), checker)
	} else {
		steps = append(append(steps, checker), narrow...)
	}
	return append(steps,
		func() { f.leaveOut("what the messages carry"); f.d.notes = false },
		func() { f.leaveOut("the messages"); f.keep(nil) },
		func() {},
	)
}

func (f *fitting) leaveOut(what string) {
	f.b.page.Meta.LeftOut = append(f.b.page.Meta.LeftOut, what)
}

// narrow keeps the messages of one part in so many of the run: around what the
// checks object to, else from the beginning.
func (f *fitting) narrow(parts int64) {
	meta := &f.b.page.Meta
	span := meta.End / parts
	from := int64(0)
	if o := f.b.page.Offence; len(o) > 0 {
		from = max((o[0].At+o[len(o)-1].At)/2-span*3/4, 0) // more of what led to it than of what came of it
	}
	to := from + span
	const name = "the messages except those from"
	meta.LeftOut = slices.DeleteFunc(meta.LeftOut, func(s string) bool { return len(s) > len(name) && s[:len(name)] == name })
	f.leaveOut(fmt.Sprintf("%s %d to %d ms", name, from/1000, to/1000))
	f.keep(slices.DeleteFunc(slices.Clone(f.flights), func(x *flight) bool {
		return micros(x.endNs) < from || micros(x.sentNs) > to
	}))
}

// keep restricts the page to some of the messages, and to the votes in them.
func (f *fitting) keep(flights []*flight) {
	f.flights = flights
	for _, x := range flights {
		x.tallies = nil
	}
	f.b.tallies(flights)
}
