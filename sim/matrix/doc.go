// Package matrix is the table of settings and faults: how often each setting of
// N, R, W, policy, repair and sloppy quorums shows which anomaly under which
// class of faults, measured in the simulator.
//
// The reading order: settings.go and faults.go (the rows and columns), cell.go
// (one crossing, and how to run it again), tally.go (what is counted), wilson.go
// (how sure that is), state.go (what a run that was broken off keeps), then
// table.go, csv.go and markdown.go (how it is shown).
//
// It runs seeds one by one; who wants several at a time calls [Cell.Run] from
// several goroutines and adds the tallies up, in any order.
package matrix
