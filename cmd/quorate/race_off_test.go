//go:build !race

package main

// raceDetector says that the tests run under the race detector, where nothing
// that is measured in time means anything.
const raceDetector = false
