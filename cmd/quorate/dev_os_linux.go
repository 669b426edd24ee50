package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// childAttributes gives a child its own process group, so that a Ctrl-C at the
// terminal reaches the supervisor alone, which then stops its children in
// order. SIGCONT at the supervisor's death wakes a paused child, which then
// finds its standard input closed and ends; for any other child it is harmless.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGCONT}
}

// standsStill reports whether all of the process is stopped, or it has ended.
func (c *child) standsStill() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.alive() {
		return true
	}
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, c.cmd.Process.Pid, &info, unix.WSTOPPED|unix.WNOWAIT|unix.WNOHANG, nil)
	return err != nil || info.Signo != 0
}
