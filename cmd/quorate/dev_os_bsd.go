//go:build unix && !linux

package main

import "syscall"

// childAttributes gives a child its own process group, so that a Ctrl-C at the
// terminal reaches the supervisor alone, which then stops its children in order.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// standsStill: it is not told here.
func (c *child) standsStill() bool { return true }
