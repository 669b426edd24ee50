package main

import "fmt"

// lastNumber of the bugs that real systems shipped; those above it are for calibration.
const lastNumber = 64

// absence says why some numbers have no marker.
type absence struct {
	from, to int
	what     string
	why      string
}

var absent = []absence{
	{23, 23, "session results dropped with the tombstone", "not built: sessions"},
	{43, 47, "membership: joint quorums, copying, fences, floors", "not built: buckets come, change and go with the epochs of the map, its members stay as they were at the start"},
	{52, 52, "seq restarts per key after a tombstone is dropped", "can't exist here: seq counts the writes of a partition under a ballot, it belongs to no key, and nothing resets it but a new ballot"},
	{56, 57, "a failed CAS or a retry answered from the session's record", "not built: sessions"},
	{59, 59, "a re-send's ack counted as a confirm", "can't exist here: no accept round counts as a confirm, only answers to Confirm do, and each covers the reads that came before it left"},
	{60, 61, "membership: data of a member that comes back, copies without the promise check", "not built: buckets come, change and go with the epochs of the map, its members stay as they were at the start"},
}

// complete checks that every number is either planted or explained.
func complete(planted []bug) error {
	known := map[int]int{}
	for _, b := range planted {
		known[b.Number]++
	}
	for _, a := range absent {
		for n := a.from; n <= a.to; n++ {
			known[n]++
		}
	}
	for n := 1; n <= lastNumber; n++ {
		switch known[n] {
		case 0:
			return fmt.Errorf("bug %d is neither in sim/planted nor explained in internal/mutants/absent.go", n)
		case 1:
		default:
			return fmt.Errorf("bug %d is in sim/planted: take it out of internal/mutants/absent.go", n)
		}
	}
	return nil
}
