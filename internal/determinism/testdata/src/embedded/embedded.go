// Package embedded reaches what is forbidden through another package.
package embedded

import "locks"

func lock(g *locks.Guarded) int {
	g.Lock() // want `sync.Lock: one goroutine runs an actor`
	return g.N
}
