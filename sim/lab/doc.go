// Package lab measures the store as the literature does: it runs the real
// actors under chosen message delays and nothing else, and reports numbers that
// can be held against published ones.
//
// The reading order: distribution.go and parse.go (how long a message takes),
// wars.go (the fits of Bailis et al.), staleness.go (the experiment), host.go
// (the actors' host, a virtual clock and an event queue), curve.go (what comes
// of the measurements), csv.go and plot.go (how it is shown).
package lab
