package main

import "syscall"

// childAttributes gives a child its own process group, so that a Ctrl-C at the
// terminal reaches the supervisor alone, which then stops its children in
// order. SIGCONT at the supervisor's death wakes a paused child, which then
// finds its standard input closed and ends; for any other child it is harmless.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGCONT}
}
