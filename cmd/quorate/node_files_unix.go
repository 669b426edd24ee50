//go:build unix

package main

import "golang.org/x/sys/unix"

// openFileLimit is how many files and connections this process may have open, 0
// if that is not known. Go has raised the soft limit to the hard one.
func openFileLimit() uint64 {
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &now); err != nil {
		return 0
	}
	return uint64(now.Cur)
}
